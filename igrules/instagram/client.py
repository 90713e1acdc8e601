"""Call the Graph API: one call, one answer, ended by its deadline, never repeated.

Nothing that fails leaves as an exception: the receipt says whether it was done. Reasons are built
from method, host, path without query, and a class; a token is in none of them.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from urllib3.exceptions import HTTPError

from igrules.errors import UsageError
from igrules.instagram.codes import Expects, Reply
from igrules.instagram.connecting import Resolve, Resolver, system_addresses
from igrules.instagram.limits import ANSWER_BYTES, CALL_MS
from igrules.instagram.parsing import compose
from igrules.instagram.receipts import receipt_of, unusable_token
from igrules.instagram.transport import Abandoned, Call, Host
from igrules.instagram.watchdog import Watchdog
from igrules.model import Account, NotDone, Receipt, Sent, Unknown, Usage

_CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class GraphUrls:
    """Where the two flavours of the API live: scheme and host each, and the version for both."""

    igl: str = "https://graph.instagram.com"
    fbl: str = "https://graph.facebook.com"
    version: str = "v26.0"

    def __post_init__(self) -> None:
        for url in (self.igl, self.fbl):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
                raise UsageError(
                    f"'{url}' is no address of a Graph API",
                    "write it like https://graph.instagram.com",
                )

    def of(self, account: Account, path: str, *, versioned: bool = True) -> str:
        """The full URL of a path such as ``17841400000000101/messages`` for this account; calls
        about tokens have no version."""
        version = self.version.strip("/") if versioned else ""
        return "/".join(part for part in (self.host_of(account).rstrip("/"), version, path) if part)

    def host_of(self, account: Account) -> str:
        """Scheme and host of this account's flavour."""
        return self.fbl if account.api == "facebook_login" else self.igl


class GraphClient:
    """One pool of connections per host for all accounts; safe to use from many threads.

    ``ca_file`` names a file of certificates to trust instead of the usual ones; ``resolve`` looks
    names up. ``heard`` is told what an answer says about budgets.
    """

    def __init__(
        self,
        urls: GraphUrls,
        *,
        ca_file: str | None = None,
        connections: int = _CONNECTIONS,
        resolve: Resolve = system_addresses,
        heard: Callable[[Account, Usage], None] | None = None,
    ) -> None:
        self.urls = urls
        self._heard = heard
        self._ca_file = ca_file
        self._connections = connections
        self._resolver, self._watchdog = Resolver(resolve), Watchdog()
        self._version = quote(urls.version.strip("/"), safe="/%")
        self._lock = threading.Lock()
        self._hosts: dict[str, Host] = {}

    def close(self) -> None:
        """Close the connections that rest."""
        for host in list(self._hosts.values()):
            host.close()

    def call(
        self,
        account: Account,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        *,
        expects: Expects = "id",
        deadline_ms: int = CALL_MS,
        start_by: float = 0.0,
        versioned: bool = True,
    ) -> Receipt:
        """Make one call and say what became of it.

        ``path`` is what follows the version. ``deadline_ms`` ends the call whatever happens;
        ``start_by`` (monotonic seconds, 0 for none) is when the first byte must have left, the time
        of connecting not counted.
        """
        if not _fits_a_header(account.token):
            return unusable_token()
        call = Call(time.monotonic() + deadline_ms / 1000, start_by)
        try:
            host = self._host(account)
            content = self._content(host, account, method, path, body, query, versioned)
            reply = host.exchange(call, method, content)
        except (HTTPError, HTTPException, OSError, ValueError, Abandoned) as error:
            return _failure(self._place(account, method, path, versioned), call, error)
        receipt = receipt_of(_unpacked(reply), expects, account.token)
        if self._heard is not None and receipt.answer.usage is not None:
            self._heard(account, receipt.answer.usage)
        if not isinstance(receipt, Sent) and time.monotonic() >= call.deadline:
            # A connection that was cut ends like one that was closed: the answer may be a part.
            return Unknown(f"timeout: {self._place(account, method, path, versioned)}")
        return receipt

    def _host(self, account: Account) -> Host:
        url = self.urls.host_of(account)
        host = self._hosts.get(url)
        if host is None:
            with self._lock:
                host = self._hosts.get(url)
                if host is None:
                    host = Host(
                        url, self._resolver, self._watchdog, self._ca_file, self._connections
                    )
                    self._hosts[url] = host
        return host

    def _content(
        self,
        host: Host,
        account: Account,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
        versioned: bool,
    ) -> bytes:
        """The request in bytes. Head and body leave together: one packet, one system call.

        No value can end its line: quoting leaves no control character in a path or a query, and
        the token was looked at. Raises `ValueError` for what is not ASCII.
        """
        version = self._version if versioned else ""
        target = "/".join(part for part in (host.path, version, quote(path, safe="/")) if part)
        if query or account.proof:
            proof = {"appsecret_proof": account.proof} if account.proof else {}
            target += "?" + urlencode({**(query or {}), **proof})
        head = (
            f"{method} /{target} HTTP/1.1\r\nHost: {host.name}\r\nAccept: application/json\r\n"
            "Accept-Encoding: identity\r\nUser-Agent: igrules\r\n"
            f"Authorization: Bearer {account.token}\r\n"
        )
        content = b"" if body is None else compose(body)
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        elif method != "GET":
            head += "Content-Length: 0\r\n"
        return (head + "\r\n").encode("ascii") + content

    def _place(self, account: Account, method: str, path: str, versioned: bool) -> str:
        """Method, host and path. The query may hold a proof and stays out."""
        parts = urlsplit(self.urls.of(account, quote(path, safe="/"), versioned=versioned))
        return f"{method} {parts.hostname}{parts.path}"


def _failure(place: str, call: Call, error: Exception) -> NotDone | Unknown:
    if call.stage != "sent":
        return NotDone(reason=f"{call.stage}: {place}")
    late = time.monotonic() >= call.deadline or isinstance(error, TimeoutError)
    return Unknown(f"{'timeout' if late else 'broken'}: {place}")


def _fits_a_header(token: str) -> bool:
    return token.isascii() and token.isprintable() and token.strip() == token != ""


def _unpacked(reply: Reply) -> Reply:
    """With the body as it was before it was packed, at most one byte more than is ever read.

    Nothing packed is asked for; who packs anyway cannot make us unpack without end.
    """
    if reply.headers.get("content-encoding", "").strip().lower() in ("", "identity"):
        return reply
    try:
        body = zlib.decompressobj(wbits=47).decompress(reply.body, ANSWER_BYTES + 1)
    except zlib.error:
        body = b""
    return Reply(reply.status, reply.headers, body)
