"""Requests to a server over HTTP, with the key of ``IGRULES_TOKEN``.

Why plain HTTP reaches loopback only, without a way around it: the key would travel readable. For a
server that a proxy does not put behind TLS, a tunnel (``ssh -L``) ends at loopback.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests
import urllib3

from igrules import __version__
from igrules.errors import Denied, IgrulesError, UsageError
from igrules.fetch.addresses import is_this_machine

_CONNECT, _READ = 10.0, 120.0
"""Seconds."""
_READING = frozenset({"GET", "HEAD"})


class Wire:
    """One session with one server."""

    def __init__(self, name: str, session: requests.Session) -> None:
        self.name = name
        self._session = session

    def exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Make the call; redirects are not followed."""
        try:
            answer = self._session.request(
                method,
                self.name + path,
                data=body,
                headers=dict(headers),
                timeout=(_CONNECT, _READ),
                allow_redirects=False,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._broken(error, method) from error
        received = {name.lower(): value for name, value in answer.headers.items()}
        return answer.status_code, received, answer.content

    def _broken(self, error: Exception, method: str) -> IgrulesError:
        reason = _reason(error)
        if isinstance(error, requests.exceptions.SSLError):
            return IgrulesError(
                f"{self.name} cannot be trusted: {reason}",
                "mend its certificate; IGRULES_CA_FILE names the authority of your own network",
            )
        if isinstance(error, requests.exceptions.ConnectTimeout) or not _has_left(error):
            return IgrulesError(
                f"{self.name} cannot be reached: {reason}",
                "check the address and that the server runs",
            )
        if method in _READING:
            return IgrulesError(f"{self.name} did not answer: {reason}", "try again")
        return IgrulesError(
            f"{self.name} did not answer, so it is not known whether it was done: {reason}",
            "look before trying again",
        )


@contextmanager
def open_wire(server: str) -> Iterator[Wire]:
    """A session with the server at this address. Raises `UsageError` and `Denied`."""
    name = checked(server)
    token = os.environ.get("IGRULES_TOKEN", "").strip()
    if not token:
        raise Denied(
            f"there is no key for {name}",
            "set IGRULES_TOKEN to one; `igrules tenant key` on the server makes it",
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Denied("IGRULES_TOKEN is no key", "a key begins with igk_ and has no blanks")
    with requests.Session() as session:
        session.trust_env = False
        session.verify = os.environ.get("IGRULES_CA_FILE") or True
        if isinstance(session.verify, str) and not os.path.isfile(session.verify):
            raise UsageError(
                f"IGRULES_CA_FILE names '{session.verify}', which is no file", "name a PEM file"
            )
        session.headers.update(
            {"Authorization": f"Bearer {token}", "User-Agent": f"igrules/{__version__}"}
        )
        yield Wire(name, session)


def checked(server: str) -> str:
    """The address without a stroke at its end. Raises `UsageError` for one that would not do."""
    help = "give it as https://host, or http://127.0.0.1:8080 on this machine"
    try:
        parts = urlsplit(server.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError("--server is no address", help) from error
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError("--server is no address", help)
    if parts.username is not None or parts.password is not None:
        raise UsageError("--server holds a name or password", "the key goes in IGRULES_TOKEN")
    if parts.query or parts.fragment:
        raise UsageError("--server holds more than an address", help)
    if parts.scheme == "http" and not is_this_machine(host):
        raise UsageError(
            "--server is not encrypted, and the key would travel readable",
            "give https://…; without TLS only this machine is reached, also through `ssh -L`",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _has_left(error: Exception) -> bool:
    """Whether the request may have reached the server."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, urllib3.exceptions.NewConnectionError):
            return False
        inner = cause.args[0] if cause.args else None
        reason = getattr(inner, "reason", None)
        cause = reason if isinstance(reason, BaseException) else cause.__cause__
    return not isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema)


def _reason(error: BaseException) -> str:
    """What the operating system or TLS said, without names of classes."""
    seen: BaseException | None = error
    last = ""
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            last = seen.strerror
        elif getattr(seen, "verify_message", ""):
            last = str(getattr(seen, "verify_message", ""))
        inner = next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        reason = getattr(seen, "reason", None)
        following = reason if isinstance(reason, BaseException) else inner
        seen = following or seen.__cause__ or seen.__context__
    if "timed out" in str(error):
        return "it took too long"
    return last.lower() or "the connection broke"
