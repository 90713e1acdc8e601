"""The server a command talks to: another machine's over HTTP, or the local database in-process.

Why one way for both: what a command may do, what it checks and what the audit log says of it is
then decided in one place, the HTTP API.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from igrules.errors import Conflict, Denied, IgrulesError, NotFound, UsageError
from igrules.model import EMPTY

_TRIES = 4
_LONGEST_WAIT = 30.0
"""Seconds a read waits at most when the server asks for patience, each time."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of success. ``media`` is its JSON, ``None`` when it has none; ``content`` its bytes
    as they came. Names of headers are in lower case."""

    status: int
    media: Any = None
    headers: Mapping[str, str] = EMPTY
    content: bytes = field(default=b"", repr=False)


class Line(Protocol):
    """How a request reaches the API."""

    name: str
    """Whom error messages name: the server's address, or the local database's."""

    def exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Give status, headers with names in lower case, and contents."""


class Server:
    """The API, as commands use it. ``path`` is complete, see `address`; query values that are
    ``None`` are left out.

    Raises `Denied` (401, 403), `NotFound` (404), `Conflict` (409, 412), `RulesetError` (400 with
    problems), `UsageError` (other 400s) and `IgrulesError` for everything else.
    """

    def __init__(self, line: Line, pause: Callable[[float], None] = time.sleep) -> None:
        self._line = line
        self._pause = pause

    @property
    def name(self) -> str:
        """The server's address, or the local database's."""
        return self._line.name

    def get(self, path: str, **query: Any) -> Reply:
        """Read. Waits and asks again when the server says that it is asked too often."""
        return self._send("GET", path, None, EMPTY, query)

    def post(
        self, path: str, body: Any = None, *, headers: Mapping[str, str] = EMPTY, **query: Any
    ) -> Reply:
        """Send ``body`` as JSON."""
        return self._send("POST", path, body, headers, query)

    def put(
        self, path: str, body: Any = None, *, headers: Mapping[str, str] = EMPTY, **query: Any
    ) -> Reply:
        """Send ``body`` as JSON."""
        return self._send("PUT", path, body, headers, query)

    def patch(
        self, path: str, body: Any = None, *, headers: Mapping[str, str] = EMPTY, **query: Any
    ) -> Reply:
        """Send ``body`` as JSON."""
        return self._send("PATCH", path, body, headers, query)

    def delete(
        self, path: str, body: Any = None, *, headers: Mapping[str, str] = EMPTY, **query: Any
    ) -> Reply:
        """Remove what stands there."""
        return self._send("DELETE", path, body, headers, query)

    def pages(self, path: str, *, most: int | None = None, **query: Any) -> Iterator[Any]:
        """Every item of a list, page by page; ``most`` of them at most."""
        cursor: str | None = None
        left = most
        while left is None or left > 0:
            asked = {**query, "limit": min(left or 200, 200), "cursor": cursor}
            found = self.get(path, **asked).media
            yield from found["items"]
            left = None if left is None else left - len(found["items"])
            cursor = found["next"]
            if cursor is None:
                return

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str],
        query: Mapping[str, Any],
    ) -> Reply:
        asked = {name: _word(value) for name, value in query.items() if value is not None}
        whole = path + ("?" + urlencode(asked) if asked else "")
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        sent = {"Accept": "application/json", **headers}
        if data is not None:
            sent["Content-Type"] = "application/json"
        for left in range(_TRIES - 1, -1, -1):
            status, received, content = self._line.exchange(method, whole, data, sent)
            if status != 429 or method != "GET" or not left:
                break
            self._pause(_patience(received))
        return self._reply(status, received, content)

    def _reply(self, status: int, headers: Mapping[str, str], content: bytes) -> Reply:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if 300 <= status < 400:
            target = headers.get("location", "another address").partition("?")[0]
            raise IgrulesError(
                f"{self.name} sends on to {target}", "give the address at which igrules answers"
            )
        media = _json(content) if kind == "application/json" else None
        if status < 300 and (kind == "text/html" or (kind == "application/json" and media is _NO)):
            raise self._no_api()
        if status < 300:
            return Reply(status, media, headers, content)
        raise self._refusal(status, headers, media)

    def _refusal(self, status: int, headers: Mapping[str, str], media: Any) -> IgrulesError:
        """The error a refusal stands for."""
        if not isinstance(media, dict) or "title" not in media:
            if status == 429:
                return self._busy(headers)
            if status < 500:
                return self._no_api(status)
            return IgrulesError(
                f"{self.name} answered with status {status}",
                "look whether igrules runs behind that address",
            )
        message, _, help = str(media.get("description") or media["title"]).partition("; ")
        if status == 400 and isinstance(media.get("problems"), list):
            from igrules.cli.problems import ruleset_error

            return ruleset_error(media["problems"])
        if status == 401:
            return Denied(message, help or "set IGRULES_TOKEN to a key that is valid here")
        if status == 429:
            return self._busy(headers)
        known: dict[int, type[IgrulesError]] = {
            403: Denied, 404: NotFound, 409: Conflict, 412: Conflict,
        }  # fmt: skip
        if status < 500:
            return known.get(status, UsageError)(message, help)
        return IgrulesError(message, help)

    def _busy(self, headers: Mapping[str, str]) -> IgrulesError:
        seconds = max(1, round(_patience(headers)))
        return IgrulesError(f"{self.name} is asked too often", f"try again in {seconds} s")

    def _no_api(self, status: int = 200) -> IgrulesError:
        return IgrulesError(
            f"{self.name} answered with status {status} and no JSON, so it is not igrules",
            "check the address; behind a path prefix give it whole, https://host/prefix",
        )


_NO = object()


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return _NO


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _patience(headers: Mapping[str, str]) -> float:
    """Seconds the server asks to wait."""
    try:
        return min(max(float(headers.get("retry-after", "1")), 0.1), _LONGEST_WAIT)
    except ValueError:
        return 1.0


def address(*words: object) -> str:
    """The path of these words below ``/api/v1``, each written so that it stays one word."""
    return "/api/v1/" + "/".join(quote(str(word), safe="@") for word in words)


def of_tenant(slug: str, *words: object) -> str:
    """The path of these words below a tenant."""
    return address("tenants", slug, *words)


@contextmanager
def connected(
    server: str | None, database_url: str | None = None, state_dir: str | None = None
) -> Iterator[Server]:
    """The server to work on: ``server`` over HTTP with the key of ``IGRULES_TOKEN``, else the
    local database, with all rights.

    Raises `UsageError` for both at once and for an address that would give the key away, `Denied`
    without a key.
    """
    if server is None:
        from igrules.cli.inside import open_inside

        with open_inside(database_url, state_dir) as inside:
            yield Server(inside)
        return
    if database_url is not None or state_dir is not None:
        given = "--database-url" if database_url is not None else "--state-dir"
        raise UsageError(f"--server and {given} exclude each other", f"leave out {given}")
    from igrules.cli.wire import open_wire

    with open_wire(server) as wire:
        yield Server(wire)
