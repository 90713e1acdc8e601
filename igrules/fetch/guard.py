"""The guarded client: https to hosts on a list, to addresses that are outside, and nothing else.

Why one step: a name that is checked and then looked up again can point elsewhere the second time.
Here it is looked up once, every address is checked, and the connection goes to a checked one.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from igrules.errors import FetchError
from igrules.fetch.addresses import is_outside, networks
from igrules.fetch.carried import HEADERS, LARGEST, METHODS
from igrules.fetch.lines import (
    Dial,
    Line,
    LookUps,
    Resolve,
    TooMuch,
    dial_address,
    left,
    system_addresses,
)
from igrules.fetch.targets import Target, is_allowed, read_target
from igrules.model import EMPTY

DEADLINE_MS = 5_000
LONGEST_MS = 10_000

_ON_THE_WIRE = 3 * LARGEST
"""An answer with its headers and the lengths of its pieces; beyond, the line is cut."""
_HELP = MappingProxyType(
    {
        "url": "write https://host/path, without user, port or spaces",
        "host": "add the host to http.hosts in tenant.yaml",
        "request": "use a common method, the headers that are allowed and at most 64 KiB",
        "address": "use a host with public addresses only",
        "large": "ask for less: an answer has at most 64 KiB",
        "encoding": "let the host answer without compression, as it is asked to",
    }
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, whatever its status; redirects are not followed. Header names are in small
    letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Guard:
    """Makes calls for tenants; safe to use from many threads, each call on a connection of its own.

    ``deny`` are further ranges that are inside, such as ``198.51.100.0/24``. The other arguments
    are for tests: ``resolve`` looks names up, ``dial`` connects, ``tls`` says whom to trust.
    """

    def __init__(
        self,
        deny: Iterable[str] = (),
        *,
        resolve: Resolve = system_addresses,
        dial: Dial = dial_address,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._deny = networks(deny)
        self._look_ups = LookUps(resolve)
        self._dial = dial
        self._tls = tls

    def fetch(
        self,
        method: str,
        url: str,
        *,
        hosts: Sequence[str],
        headers: Mapping[str, str] = EMPTY,
        body: bytes = b"",
        deadline_ms: int = DEADLINE_MS,
    ) -> Fetched:
        """Make one call and give its answer.

        ``hosts`` are the names that may be called, exact or ``*.name``. The call ends after
        ``deadline_ms``, 10 s at most, whatever the other side does. Raises `FetchError`.
        """
        target = read_target(url)
        if target is None:
            raise _error("url", method, "")
        if not is_allowed(target.host, hosts):
            raise _error("host", method, target.place)
        if not _is_sound(method, headers, body):
            raise _error("request", method, target.place)
        deadline = time.monotonic() + min(deadline_ms, LONGEST_MS) / 1000
        call = _Call(self._look_ups, self._dial, self._trust(), self._deny)
        answer = call.make(target, method, headers, body, deadline)
        if isinstance(answer, str):
            raise _error(answer, method, target.place, sent=call.sent)
        return answer

    def _trust(self) -> ssl.SSLContext:
        """The certificates everybody trusts; the environment has no say."""
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
        return self._tls


class _Call:
    """One call. ``sent`` is true from just before the first byte leaves."""

    def __init__(
        self, look_ups: LookUps, dial: Dial, tls: ssl.SSLContext, deny: Sequence[Any]
    ) -> None:
        self._look_ups = look_ups
        self._dial = dial
        self._tls = tls
        self._deny = deny
        self.sent = False

    def make(
        self,
        target: Target,
        method: str,
        headers: Mapping[str, str],
        body: bytes,
        deadline: float,
    ) -> Fetched | str:
        """Give the answer, or in a word what failed: exceptions of libraries go no further."""
        stage = "dns"
        line: Line | None = None
        try:
            found = self._look_ups.addresses(target.host, 443, left(deadline))
            if not found or not all(is_outside(str(one[4][0]), self._deny) for one in found):
                return "address" if found else "dns"
            stage = "connect"
            plain = self._connect(found, deadline)
            stage = "tls"
            line = self._wrap(plain, target, deadline)
            stage = "broken"
            return self._exchange(line, target, method, headers, body)
        except TimeoutError:
            return "timeout"
        except TooMuch:
            return "large"
        except (OSError, ValueError, http.client.HTTPException):
            return stage
        finally:
            if line is not None:
                line.close()

    def _connect(self, found: Sequence[Any], deadline: float) -> Any:
        failure: OSError = OSError("no address answered")
        for entry in found:
            try:
                return self._dial(entry, left(deadline))
            except OSError as error:
                failure = error
        raise failure

    def _wrap(self, plain: Any, target: Target, deadline: float) -> Line:
        try:
            plain.settimeout(left(deadline))
            wrapped = self._tls.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise
        return Line(wrapped, deadline, _ON_THE_WIRE)

    def _exchange(
        self, line: Line, target: Target, method: str, headers: Mapping[str, str], body: bytes
    ) -> Fetched | str:
        connection = http.client.HTTPConnection(target.host)
        connection.sock = line
        connection.putrequest(method, target.path, skip_host=True, skip_accept_encoding=True)
        usual = {"accept": "*/*", "user-agent": "igrules", **_small(headers)}
        for name, value in usual.items():
            connection.putheader(name.title(), value)
        connection.putheader("Host", target.header)
        connection.putheader("Accept-Encoding", "identity")
        connection.putheader("Connection", "close")
        if body or method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(body)))
        self.sent = True
        connection.endheaders(body or None)
        return _read(connection.getresponse())


def _read(response: http.client.HTTPResponse) -> Fetched | str:
    headers = _small(dict(response.getheaders()))
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return "encoding"
    content = response.read(LARGEST + 1)
    if len(content) > LARGEST:
        return "large"
    if response.length:
        return "broken"
    return Fetched(response.status, MappingProxyType(headers), content)


def _is_sound(method: str, headers: Mapping[str, str], body: bytes) -> bool:
    return (
        method in METHODS
        and _small(headers).keys() <= HEADERS
        and all(_fits_a_header(value) for value in headers.values())
        and len(body) <= LARGEST
    )


def _fits_a_header(value: str) -> bool:
    return len(value) <= 4096 and value.isascii() and value.isprintable()


def _small(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _error(kind: str, method: str, place: str, *, sent: bool = False) -> FetchError:
    method = method if method in METHODS else "call"
    return FetchError(kind, f"{kind}: {method} {place}".rstrip(), _HELP.get(kind, ""), sent=sent)
