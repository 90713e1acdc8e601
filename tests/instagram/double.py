"""A small HTTP server that answers as it is told, well or badly, over real sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Script = Callable[[socket.socket], None]
"""Writes the answer to one request. An `OSError` ends the connection."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived. Header names are in small letters; connections count from 1."""

    line: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def answer(body: Any, status: int = 200, **headers: str) -> Script:
    """An ordinary answer. Underscores of header names stand for hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return lambda line: line.sendall(head + content)


def bytes_then_close(content: bytes) -> Script:
    def script(line: socket.socket) -> None:
        line.sendall(content)
        raise OSError("enough")

    return script


def bytes_then_reset(content: bytes = b"") -> Script:
    def script(line: socket.socket) -> None:
        if content:
            line.sendall(content)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise OSError("enough")

    return script


def drip(start: bytes, repeated: bytes, pause: threading.Event) -> Script:
    """Write ``start``, then ``repeated`` every 20 ms until ``pause`` is set."""

    def script(line: socket.socket) -> None:
        line.sendall(start)
        while not pause.wait(0.02):
            line.sendall(repeated)

    return script


def flood(start: bytes, repeated: bytes) -> Script:
    """Write ``start``, then ``repeated`` as fast as it is taken, until the other side goes."""

    def script(line: socket.socket) -> None:
        line.sendall(start)
        while True:
            line.sendall(repeated)

    return script


class Double:
    """The server. ``script`` answers every request; ``requests`` holds what arrived."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.script: Script = answer({"message_id": "m_1", "recipient_id": "7"})
        self.requests: list[Request] = []
        self.stopped = threading.Event()
        self.connections = 0
        self.closed = threading.Semaphore(0)
        """Released once for every connection this side has closed."""
        self._tls = tls
        self._lines: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self._lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _accept(self) -> None:
        while not self.stopped.is_set():
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self._lines.append(line)
            self.connections += 1
            threading.Thread(target=self._serve, args=(line, self.connections), daemon=True).start()

    def _serve(self, line: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._tls:
                line = self._tls.wrap_socket(line, server_side=True)
                self._lines.append(line)
            with line.makefile("rb") as incoming:
                while request := _read(incoming, number):
                    self.requests.append(request)
                    self.script(line)
        line.close()
        self.closed.release()


def _read(incoming: Any, number: int) -> Request | None:
    first = incoming.readline().decode().strip()
    if not first:
        return None
    headers: dict[str, str] = {}
    while line := incoming.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = incoming.read(int(headers.get("content-length", "0")))
    return Request(first, headers, body, number)
