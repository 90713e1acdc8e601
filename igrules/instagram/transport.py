"""Connections that know when they may send, and that end at a deadline; one pool of them per host.

Why below the libraries' pools: whether the other side can have seen anything is decided by one
fact, whether the first byte has left, and only the connection knows it. Everything that fails
before is proved not done; everything after is unclear. It is cheaper, too: nothing is prepared,
retried, redirected or unpacked here. `urllib3` connects and checks certificates, `http.client`
reads the answer.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable
from http.client import HTTPResponse, IncompleteRead
from typing import Literal

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import parse_url
from urllib3.util.ssl_ import create_urllib3_context

from igrules.instagram.codes import Reply
from igrules.instagram.connecting import Resolver, open_line
from igrules.instagram.limits import ANSWER_BYTES, CONNECT_MS
from igrules.instagram.watchdog import Watch, Watchdog

Stage = Literal["waiting", "dns", "connect", "tls", "ready", "abandoned", "sent"]
_IDLE_SECONDS = 20.0
"""A connection that rested longer is opened anew: the other side may be closing it right now, and a
request lost that way could not be told from one that was carried out."""


class Abandoned(Exception):
    """The call may not begin any more; nothing was sent."""


class Call:
    """How far one call has come. ``stage`` is ``sent`` from the moment before the first byte."""

    __slots__ = ("connecting", "deadline", "stage", "start_by")

    def __init__(self, deadline: float, start_by: float) -> None:
        self.deadline = deadline
        self.start_by = start_by
        self.connecting = 0.0
        """Seconds spent on connecting, which do not count against ``start_by``."""
        self.stage: Stage = "waiting"

    def begin(self) -> None:
        """Note that the first byte leaves now. Raises `Abandoned` when that is too late."""
        now = time.monotonic()
        spent = min(self.connecting, CONNECT_MS / 1000)
        if now >= self.deadline or (self.start_by and now - spent > self.start_by):
            self.stage = "abandoned"
            raise Abandoned
        self.stage = "sent"


class _Guarded(HTTPConnection):
    """A connection that counts connecting, obeys ``start_by``, and is cut at the deadline.

    ``_twin`` is a second handle of the socket: it survives the wrapping by TLS, and closing the
    first one cannot make the watchdog hit whoever got its number next.
    """

    call: Call
    resolver: Resolver
    watchdog: Watchdog
    passing: Callable[[], float]
    _twin: socket.socket | None = None
    _watch: Watch | None = None
    _used_at: float = 0.0

    @property
    def is_stale(self) -> bool:
        """Whether it rested for too long to be used again."""
        return self.passing() - self._used_at > _IDLE_SECONDS

    def _new_conn(self) -> socket.socket:
        call = self.call
        started = time.monotonic()
        deadline = min(started + CONNECT_MS / 1000, call.deadline)
        call.stage = "dns"
        host = self._dns_host.strip("[]")
        found = self.resolver.addresses(host, self.port, deadline - started)
        call.stage = "connect"
        line = open_line(found, deadline)
        call.stage = "tls"
        self._twin = line.dup()
        # What is left of the time now bounds the handshake, which Python counts as one operation.
        return line

    def connect(self) -> None:
        started = time.monotonic()
        super().connect()
        # From here on the watchdog keeps the time. A time limit of the socket's own would cost a
        # second system call for every read and write.
        self.sock.settimeout(None)
        self.call.connecting += time.monotonic() - started
        self.call.stage = "ready"

    def exchange(self, call: Call, method: str, content: bytes) -> Reply:
        """Send the bytes of one request and read its answer. Whatever it raises, close it then."""
        self.call = call
        if self.sock is not None and (self.is_stale or not self.is_connected):
            self.close()
        if self.sock is None:
            self.connect()
        call.begin()
        assert self._twin is not None
        self._watch = self.watchdog.watch(self._twin, call.deadline)
        # Who closes may have answered before.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.sock.sendall(content)
        reply, again = _answer(self.sock, method)
        if self._released() or not again:
            self.close()
        self._used_at = self.passing()
        return reply

    def _released(self) -> bool:
        """End the watch. Gives whether it had cut the socket."""
        watch, self._watch = self._watch, None
        return watch is not None and self.watchdog.release(watch)

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._released()
            twin, self._twin = self._twin, None
            if twin is not None:
                with contextlib.suppress(OSError):
                    twin.close()


class _GuardedTls(_Guarded, HTTPSConnection):
    """The same over TLS."""


class Host:
    """One host of the API and its connections that rest.

    ``name`` is what the header ``Host`` says, ``path`` what comes before every path. ``ca_file``
    names a file, or a folder, of certificates to trust instead of the usual ones; they are read
    once. Raises `OSError` when they cannot be, `urllib3.exceptions.HTTPError` for an odd address.
    """

    def __init__(
        self,
        url: str,
        resolver: Resolver,
        watchdog: Watchdog,
        ca_file: str | None,
        connections: int,
        passing: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = parse_url(url)
        secure = parts.scheme == "https"
        usual = 443 if secure else 80
        host = parts.host or ""
        self._host, self._port = host.strip("[]"), parts.port or usual
        self.name = host.rstrip(".") + ("" if self._port == usual else f":{self._port}")
        self.path = (parts.path or "").strip("/")
        self._trust = _trusting(ca_file) if secure else None
        self._resolver, self._watchdog = resolver, watchdog
        self._connections = connections
        self._passing = passing
        self._gate = threading.Lock()
        self._resting: list[_Guarded] = []
        # A client that nobody closes takes its connections with it.
        weakref.finalize(self, _close_all, self._resting)

    def exchange(self, call: Call, method: str, content: bytes) -> Reply:
        """Send one request over a connection that rests, or a new one, and give its answer."""
        with self._gate:
            connection = self._resting.pop() if self._resting else self._opened()
        try:
            reply = connection.exchange(call, method, content)
        except BaseException:
            connection.close()
            raise
        self._put_back(connection)
        return reply

    def _put_back(self, connection: _Guarded) -> None:
        with self._gate:
            # The one that rested last is used first, so those at the bottom may rest for good.
            while self._resting and self._resting[0].is_stale:
                self._resting.pop(0).close()
            if len(self._resting) < self._connections:
                self._resting.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close the connections that rest."""
        with self._gate:
            _close_all(self._resting)

    def _opened(self) -> _Guarded:
        connection = (
            _Guarded(self._host, self._port)
            if self._trust is None
            else _GuardedTls(self._host, self._port, ssl_context=self._trust)
        )
        connection.resolver, connection.watchdog = self._resolver, self._watchdog
        connection.passing = self._passing
        return connection


def _close_all(resting: list[_Guarded]) -> None:
    while resting:
        resting.pop().close()


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    found = ca_file or DEFAULT_CA_BUNDLE_PATH
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    if os.path.isdir(found):
        context.load_verify_locations(capath=found)
    else:
        context.load_verify_locations(found)
    return context


def _answer(line: socket.socket, method: str) -> tuple[Reply, bool]:
    """Read one answer, and say whether the connection can be used again.

    At most one byte more than an answer may have is read. A body that ends too early raises.
    """
    response = HTTPResponse(line, method=method)
    try:
        response.begin()
        headers = _headers(response)
        if len(set(headers.get("content-length", "").replace(" ", "").split(","))) > 1:
            raise ValueError("two lengths")
        body = response.read(ANSWER_BYTES + 1)
        if response.length and len(body) <= ANSWER_BYTES:
            raise IncompleteRead(body, response.length)
        again = response.isclosed() and not response.will_close
        return Reply(response.status, headers, body), again
    finally:
        response.close()


def _headers(response: HTTPResponse) -> dict[str, str]:
    """With names in small letters. One that comes twice is one with both values."""
    found: dict[str, str] = {}
    for name, value in response.headers.items():
        name = name.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
