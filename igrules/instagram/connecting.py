"""Open a TCP connection within a time that covers the look-up of the name and all its addresses.

Why not `socket.create_connection`: its timeout counts for each address anew and not at all for the
look-up, so a dead name server would hold a worker past its lease.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

Resolve = Callable[[str, int], list[Any]]
"""Gives addresses in the form of `socket.getaddrinfo`."""


def system_addresses(host: str, port: int) -> list[Any]:
    """The addresses the operating system knows for a name."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Resolver:
    """Looks names up with a time limit. One look-up of a name serves all who wait for it."""

    def __init__(self, resolve: Resolve = system_addresses) -> None:
        self._resolve = resolve
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], Future[list[Any]]] = {}

    def addresses(self, host: str, port: int, seconds: float) -> list[Any]:
        """Raises `OSError` when there are none, `TimeoutError` when it takes longer."""
        with self._lock:
            found = self._running.get((host, port))
            if found is None:
                found = self._running[host, port] = Future()
                threading.Thread(
                    target=self._look_up,
                    args=(host, port, found),
                    name="igrules-names",
                    daemon=True,
                ).start()
        return found.result(timeout=seconds)

    def _look_up(self, host: str, port: int, found: Future[list[Any]]) -> None:
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            self._forget(host, port)
            found.set_exception(socket.gaierror(str(error)))
        else:
            self._forget(host, port)
            found.set_result(addresses)

    def _forget(self, host: str, port: int) -> None:
        with self._lock:
            del self._running[host, port]


def open_line(addresses: list[Any], deadline: float) -> socket.socket:
    """Connect to the first address that answers before ``deadline`` (monotonic seconds).

    The line's own timeout is then what is left. Raises `OSError`; `TimeoutError` when time is up.
    """
    failure: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in addresses:
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("connecting took too long")
        line = socket.socket(family, kind, protocol)
        try:
            line.settimeout(seconds)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.connect(address)
        except OSError as error:
            failure = error
            with contextlib.suppress(OSError):
                line.close()
        else:
            line.settimeout(max(0.001, deadline - time.monotonic()))
            return line
    raise failure
