"""Connections that end at one deadline, however slowly the other side drips.

Why no read timeout: it starts again with every byte. Here each single read and write is given what
is left of the whole call.
"""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

Resolve = Callable[[str, int], Sequence[Any]]
"""Gives addresses in the form of `socket.getaddrinfo`."""
Dial = Callable[[Any, float], socket.socket]
"""Connects to one entry of what `Resolve` gave, within these seconds."""

_LOOK_UPS = 64
_PIECE = 16_384


class TooMuch(Exception):
    """The other side sends more than any answer may have."""


def system_addresses(host: str, port: int) -> Sequence[Any]:
    """The addresses the operating system knows for a name."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def dial_address(entry: Any, seconds: float) -> socket.socket:
    """Connect to exactly this address; nothing is looked up any more."""
    family, kind, protocol, _, address = entry
    line = socket.socket(family, kind, protocol)
    try:
        line.settimeout(seconds)
        line.connect(address)
    except OSError:
        line.close()
        raise
    return line


class LookUps:
    """Names looked up in threads, because the system's look-up knows no time limit."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._places = threading.BoundedSemaphore(_LOOK_UPS)

    def addresses(self, host: str, port: int, seconds: float) -> Sequence[Any]:
        """Raises `OSError`; `TimeoutError` when it takes longer or too many hang already."""
        if not self._places.acquire(timeout=max(0.0, seconds)):
            raise TimeoutError
        found: Future[Sequence[Any]] = Future()
        threading.Thread(
            target=self._look_up, args=(host, port, found), name="igrules-names", daemon=True
        ).start()
        return found.result(timeout=max(0.001, seconds))

    def _look_up(self, host: str, port: int, found: Future[Sequence[Any]]) -> None:
        try:
            found.set_result(self._resolve(host, port))
        except (OSError, UnicodeError):
            found.set_exception(socket.gaierror("no address"))
        finally:
            self._places.release()


class Line:
    """A TLS connection with a deadline and a most of bytes, as `http.client` wants a socket."""

    def __init__(self, wrapped: ssl.SSLSocket, deadline: float, most: int) -> None:
        self._wrapped = wrapped
        self._deadline = deadline
        self._most = most

    def sendall(self, content: bytes) -> None:
        """Write everything, in time."""
        view = memoryview(content)
        while view:
            self._wrapped.settimeout(left(self._deadline))
            view = view[self._wrapped.send(view[:_PIECE]) :]

    def read_into(self, buffer: Any) -> int:
        """Read some bytes, in time. Raises `TooMuch`."""
        self._wrapped.settimeout(left(self._deadline))
        count = self._wrapped.recv_into(buffer)
        self._most -= count
        if self._most < 0:
            raise TooMuch
        return count

    def makefile(self, mode: str) -> io.BufferedReader:
        """What answers are read from."""
        return io.BufferedReader(_Incoming(self))

    def close(self) -> None:
        """Close it without a farewell, which could wait."""
        with contextlib.suppress(OSError):
            self._wrapped.close()


class _Incoming(io.RawIOBase):
    def __init__(self, line: Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._line.read_into(buffer)


def left(deadline: float) -> float:
    """Seconds until ``deadline``. Raises `TimeoutError` when there are none."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
