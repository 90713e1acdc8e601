"""`requests` over connections that know when they may send, and that end at a deadline.

Why a hook below `requests`: whether the other side can have seen anything is decided by one fact,
whether the first byte has left, and only the connection knows it. Everything that fails before is
proved not done; everything after is unclear.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Any, Literal

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from igrules.instagram.connecting import Resolver, open_line
from igrules.instagram.limits import CONNECT_MS
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


class Calls(threading.local):
    """What the connections of one client share: the call of each thread, names, deadlines."""

    def __init__(self, resolver: Resolver, watchdog: Watchdog) -> None:
        self.resolver = resolver
        self.watchdog = watchdog
        self.now: Call = Call(0.0, 0.0)


class _Guarded(HTTPConnection):
    """A connection that counts connecting, obeys ``start_by``, and is cut at the deadline.

    ``_twin`` is a second handle of the socket: it survives the wrapping by TLS, and closing the
    first one cannot make the watchdog hit whoever got its number next.
    """

    calls: Calls
    _twin: socket.socket | None = None
    _watch: Watch | None = None
    _used_at: float = 0.0

    def _new_conn(self) -> socket.socket:
        call = self.calls.now
        started = time.monotonic()
        deadline = min(started + CONNECT_MS / 1000, call.deadline)
        call.stage = "dns"
        host = self._dns_host.strip("[]")
        found = self.calls.resolver.addresses(host, self.port, deadline - started)
        call.stage = "connect"
        line = open_line(found, deadline)
        call.stage = "tls"
        self._twin = line.dup()
        # What is left of the time now bounds the handshake, which Python counts as one operation.
        return line

    def connect(self) -> None:
        started = time.monotonic()
        super().connect()
        call = self.calls.now
        call.connecting += time.monotonic() - started
        call.stage = "ready"
        self._used_at = time.monotonic()

    def request(self, *arguments: Any, **options: Any) -> None:
        rested = time.monotonic() - self._used_at > _IDLE_SECONDS
        if self.sock is not None and (self._released() or rested):
            self.close()
        if self.sock is None:
            self.connect()
        self.calls.now.begin()
        if self._twin is not None:
            self._watch = self.calls.watchdog.watch(self._twin, self.calls.now.deadline)
        super().request(*arguments, **options)
        self._used_at = time.monotonic()

    def _released(self) -> bool:
        """End the last watch. Gives whether it had cut the socket."""
        watch, self._watch = self._watch, None
        return watch is not None and self.calls.watchdog.release(watch)

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


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Guarded
    calls: Calls

    def _new_conn(self) -> Any:
        connection = super()._new_conn()
        connection.calls = self.calls  # type: ignore[attr-defined]  # the class above
        return connection


class _TlsPool(_Pool, HTTPSConnectionPool):
    ConnectionCls = _GuardedTls


class _Pools(PoolManager):
    def __init__(self, calls: Calls, **options: Any) -> None:
        super().__init__(**options)
        self._calls = calls
        self.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def _new_pool(self, *arguments: Any, **options: Any) -> Any:
        pool = super()._new_pool(*arguments, **options)
        pool.calls = self._calls  # type: ignore[attr-defined]  # one of the two above
        return pool


class GuardedAdapter(HTTPAdapter):
    """Sends prepared requests over guarded connections, one pool per host, without retries."""

    def __init__(self, calls: Calls, connections: int) -> None:
        self._calls = calls
        super().__init__(pool_connections=8, pool_maxsize=connections)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: Any
    ) -> None:
        """Called by `HTTPAdapter` while it is made."""
        self.poolmanager = _Pools(
            self._calls, num_pools=connections, maxsize=maxsize, block=block, **options
        )
