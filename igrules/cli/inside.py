"""Requests to the local database, through the same app as over HTTP but without a socket."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from igrules.cli.store import configuration, open_ledger, user
from igrules.plugins import build_registry
from igrules.web.app import build_local_app
from igrules.web.operations import ADMIN, OPERATOR, READ, RULES, SEND, Caller

_RIGHTS = frozenset({OPERATOR, ADMIN, READ, RULES, SEND})
"""Who can open the database file can do everything anyway."""


class Inside:
    """The API of the local database."""

    def __init__(self, name: str, app: Callable[..., Any], caller: Caller) -> None:
        self.name = name
        self._app = app
        self._caller = caller

    def exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Make the call, as PEP 3333 has it."""
        answered: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, received: list[tuple[str, str]], error: object = None
        ) -> Callable[[bytes], object]:
            answered.append((status, received))
            return lambda _: None

        chunks = self._app(self._environ(method, path, body, headers), start_response)
        try:
            content = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        status, received = answered[-1]
        return int(status[:3]), {name.lower(): value for name, value in received}, content

    def _environ(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        raw, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": _unquoted(raw),
            "REQUEST_URI": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "0",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "",
            "CONTENT_LENGTH": str(len(body or b"")),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body or b""),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "igrules.caller": self._caller,
        }
        for name, value in headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        return environ


def _unquoted(path: str) -> str:
    """What WSGI wants: bytes, shown as Latin-1."""
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(path).decode("latin-1")


@contextmanager
def open_inside(database_url: str | None, state_dir: str | None) -> Iterator[Inside]:
    """The API of the local database, which is made on first use."""
    settings = configuration(database_url, state_dir)
    ledger = open_ledger(settings)
    try:
        app = build_local_app(ledger, build_registry(), settings)
        yield Inside(settings.database_url, app, Caller(actor(), _RIGHTS))
    finally:
        ledger.close()


def actor() -> str:
    """How the audit log names who runs the command: ``os:<user>``."""
    return f"os:{user()}"
