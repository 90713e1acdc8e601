"""Everything a process does to the outside, counted, so that it can die at any of it.

A commit is counted by the driver the ledger is opened with, a call over HTTP by the line it goes
over, a ring by the bell. Nothing of igrules is changed for it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from igrules.ledger import drivers
from igrules.work.bell import Bell

DIED = 9
_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
_HOST = re.compile(rb"\r\nhost: *[^\r]*", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Points:
    """Counts points and ends the process at one, ``before`` or ``after`` it; number 0: at none.

    ``note`` is told what happens at each.
    """

    def __init__(
        self, number: int = 0, side: str = "", note: Callable[[str], None] | None = None
    ) -> None:
        self._number, self._side, self._note = number, side, note
        self._lock = threading.Lock()
        self._count = 0

    @contextlib.contextmanager
    def at(self, what: str) -> Iterator[None]:
        """A point, around what happens there."""
        with self._lock:
            self._count += 1
            is_last = self._count == self._number
            if self._note is not None:
                self._note(what)
        if is_last and self._side == "before":
            os._exit(DIED)
        yield
        if is_last:
            os._exit(DIED)


def driver(url: str, points: Points) -> drivers.Driver:
    """The driver of an address, with every commit as a point, also that of a lone statement."""
    chosen = drivers.choose(url)
    commit, execute = chosen.peewee.commit, chosen.execute
    wrote = threading.local()

    def commit_counted() -> Any:
        with points.at(f"commit {getattr(wrote, 'last', '')}"):
            return commit()

    def execute_counted(connection: Any, sql: str, parameters: Sequence[Any]) -> Any:
        if not _WRITES.match(sql):
            return execute(connection, sql, parameters)
        wrote.last = " ".join(sql.split()[:3])
        if chosen.peewee.in_transaction():
            return execute(connection, sql, parameters)
        with points.at(f"commit {wrote.last}"):
            return execute(connection, sql, parameters)

    chosen.peewee.commit = commit_counted
    return dataclasses.replace(chosen, execute=execute_counted)


class CountedBell:
    """A bell each ring of which is a point."""

    def __init__(self, bell: Bell, points: Points) -> None:
        self._bell, self._points = bell, points

    def ring(self, n: int = 1) -> None:
        with self._points.at("ring"):
            self._bell.ring(n)

    def run(self, workers: int, turn: Callable[[], bool]) -> None:
        self._bell.run(workers, turn)

    def depth(self) -> int:
        return self._bell.depth()

    def close(self, seconds: float = 2.0) -> bool:
        return self._bell.close(seconds)


class Line:
    """A way to an HTTP server on which every call is a point: dying before it, nothing has left;
    dying after it, the server has answered and nobody has read it."""

    def __init__(self, url: str, points: Points) -> None:
        parts = urlsplit(url)
        self._far = (str(parts.hostname), int(parts.port or 80))
        self._points = points
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._take, name="line", daemon=True).start()

    def _take(self) -> None:
        while True:
            near, _ = self._listening.accept()
            threading.Thread(target=self._carry, args=(near,), name="line", daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError):
            request = _whole(near)
            if not request:
                return
            with self._points.at(request.split(b" HTTP", 1)[0].split(b"?")[0].decode()):
                answer, torn = self._ask(request)
            near.sendall(answer)
            if torn:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _ask(self, request: bytes) -> tuple[bytes, bool]:
        """What came back, and whether the connection broke."""
        head, _, body = request.partition(b"\r\n\r\n")
        head = _HOST.sub(b"\r\nHost: %s:%d" % (self._far[0].encode(), self._far[1]), head)
        answer = b""
        with socket.create_connection(self._far, timeout=60) as far:
            far.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)
            try:
                while piece := far.recv(65_536):
                    answer += piece
            except OSError:
                return answer, True
        return answer, False


def _whole(near: socket.socket) -> bytes:
    """One request; nothing when the other side has gone."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = near.recv(65_536)
        if not piece:
            return b""
        got += piece
    head = got.partition(b"\r\n\r\n")[0]
    found = _LENGTH.search(head)
    size = len(head) + 4 + (int(found[1]) if found else 0)
    while len(got) < size:
        piece = near.recv(65_536)
        if not piece:
            return b""
        got += piece
    return got
