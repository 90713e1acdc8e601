"""Call the Graph API: one call, one answer, ended by its deadline, never repeated.

Nothing that fails leaves as an exception: the receipt says whether it was done. Reasons are built
from method, host, path without query, and a class; a token is in none of them.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from igrules.errors import UsageError
from igrules.instagram.codes import Expects, Reply
from igrules.instagram.connecting import Resolve, Resolver, system_addresses
from igrules.instagram.limits import ANSWER_BYTES, CALL_MS, CONNECT_MS
from igrules.instagram.parsing import compose
from igrules.instagram.receipts import receipt_of, unusable_token
from igrules.instagram.transport import Abandoned, Call, Calls, GuardedAdapter
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
        host = self.fbl if account.api == "facebook_login" else self.igl
        version = self.version.strip("/") if versioned else ""
        return "/".join(part for part in (host.rstrip("/"), version, path) if part)


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
        self._verify: bool | str = ca_file or True
        self._calls = Calls(Resolver(resolve), Watchdog())
        self._adapter = GuardedAdapter(self._calls, connections)

    def close(self) -> None:
        """Close the connections that rest."""
        self._adapter.close()

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
        prepared = self._prepare(account, method, path, body, query, versioned)
        call = Call(time.monotonic() + deadline_ms / 1000, start_by)
        reply = self._exchange(prepared, call)
        if not isinstance(reply, Reply):
            return reply
        receipt = receipt_of(reply, expects, account.token)
        if self._heard is not None and receipt.answer.usage is not None:
            self._heard(account, receipt.answer.usage)
        if not isinstance(receipt, Sent) and time.monotonic() >= call.deadline:
            # A connection that was cut ends like one that was closed: the answer may be a part.
            return Unknown(f"timeout: {_place(prepared)}")
        return receipt

    def _prepare(
        self,
        account: Account,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
        versioned: bool,
    ) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.method = method
        prepared.url = self.urls.of(account, quote(path, safe="/"), versioned=versioned)
        proof = {"appsecret_proof": account.proof} if account.proof else {}
        if query or proof:
            prepared.url += "?" + urlencode({**(query or {}), **proof})
        prepared.headers = CaseInsensitiveDict(
            {
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Authorization": f"Bearer {account.token}",
                "User-Agent": "igrules",
            }
        )
        if body is not None:
            prepared.body = compose(body)
            prepared.headers["Content-Type"] = "application/json"
            prepared.headers["Content-Length"] = str(len(prepared.body))
        elif method != "GET":
            prepared.headers["Content-Length"] = "0"
        return prepared

    def _exchange(
        self, prepared: requests.PreparedRequest, call: Call
    ) -> Reply | NotDone | Unknown:
        self._calls.now = call
        seconds = max(0.001, call.deadline - time.monotonic())
        try:
            response = self._adapter.send(
                prepared, stream=True, timeout=(CONNECT_MS / 1000, seconds), verify=self._verify
            )
            try:
                body = _read(response.raw)
            finally:
                if not response.raw.isclosed():
                    response.raw.close()
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            ValueError,
            Abandoned,
        ) as error:
            return _failure(prepared, call, error)
        encoding = response.headers.get("Content-Encoding", "")
        return Reply(response.status_code, response.headers, _decoded(body, encoding))


def _failure(prepared: requests.PreparedRequest, call: Call, error: Exception) -> NotDone | Unknown:
    if call.stage != "sent":
        return NotDone(reason=f"{call.stage}: {_place(prepared)}")
    late = time.monotonic() >= call.deadline or isinstance(error, requests.Timeout | TimeoutError)
    return Unknown(f"{'timeout' if late else 'broken'}: {_place(prepared)}")


def _place(prepared: requests.PreparedRequest) -> str:
    """Method, host and path. The query may hold a proof and stays out."""
    parts = urlsplit(prepared.url or "")
    return f"{prepared.method} {parts.hostname}{parts.path}"


def _read(raw: Any) -> bytes:
    """At most one byte more than an answer may have. A body that ends too early raises."""
    body = bytearray()
    while len(body) <= ANSWER_BYTES:
        part = raw.read(ANSWER_BYTES + 1 - len(body), decode_content=False)
        if not part:
            break
        body += part
    return bytes(body)


def _fits_a_header(token: str) -> bool:
    return token.isascii() and token.isprintable() and token.strip() == token != ""


def _decoded(body: bytes, encoding: str) -> bytes:
    """The body as it was before it was packed, at most one byte more than is ever read.

    Nothing packed is asked for; who packs anyway cannot make us unpack without end.
    """
    if encoding.strip().lower() in ("", "identity"):
        return body
    try:
        return zlib.decompressobj(wbits=47).decompress(body, ANSWER_BYTES + 1)
    except zlib.error:
        return b""
