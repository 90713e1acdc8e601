"""Break answers on the wire: resets, silence, dripping bytes, things that are no HTTP.

Why outside the framework: a broken answer must leave the socket exactly as scripted, so it is
written by the outermost layer, around Falcon, directly to waitress's channel.
"""

from __future__ import annotations

import gzip
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from waitress.channel import ClientDisconnected

from igrules.sandbox.scripts import Script

FAULT = "igrules.sandbox.fault"
"""Where the Graph door leaves a `Fault` in the WSGI environment."""
_MIB = 1 << 20
_BOMB_MIB = 64
_HTML = (
    b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Sorry, something went wrong."
    b"</h1></body></html>"
)

Wsgi = Callable[..., Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Fault:
    """How to answer instead: the script, and the body that a well-behaved server would send."""

    script: Script
    body: bytes


class FaultLayer:
    """A WSGI application around another one that carries out faults. ``over`` ends all waiting."""

    def __init__(self, application: Wsgi, over: threading.Event) -> None:
        self._application = application
        self._over = over

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        held: list[Any] = []
        body = self._application(environ, lambda *arguments: held.append(arguments))
        fault = environ.pop(FAULT, None)
        if fault is None:
            start_response(*held[-1])
            return body
        return self._answer(fault, environ, start_response)

    def _answer(
        self, fault: Fault, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        channel = environ["waitress.client_disconnected"].__self__
        script = fault.script
        if script.answer == "garbage":
            channel.write_soon(b"\x15\x03\x01\x00\x02\x02\x16 this is no HTTP\r\n\r\n")
            raise ClientDisconnected
        if script.answer in ("reset", "stall"):
            if script.answer == "stall":
                self._over.wait(script.hold_ms / 1000)
            _reset(channel)
        if script.answer == "drip":
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Pad: " + b"x" * 4096
            for byte in self._slowly(head, script.hold_ms):
                channel.write_soon(byte)
            raise ClientDisconnected
        status, headers, chunks = self._broken(fault)
        start_response(status, headers)
        return chunks

    def _broken(self, fault: Fault) -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
        script = fault.script
        status = script.status or {"html": 502, "redirect": 302}.get(script.answer, 200)
        line = f"{status} Scripted"
        length = ("Content-Length", str(len(fault.body)))
        json = ("Content-Type", "application/json")
        if script.answer == "slow":
            return line, [json, length], self._slowly(fault.body, script.hold_ms)
        if script.answer == "bomb":
            body = _bomb()
            size = ("Content-Length", str(len(body)))
            return line, [json, size, ("Content-Encoding", "gzip")], [body]
        if script.answer == "redirect":
            return line, [("Location", "http://127.0.0.1:9/elsewhere"), ("Content-Length", "0")], []
        if script.answer == "html":
            size = ("Content-Length", str(len(_HTML)))
            return line, [("Content-Type", "text/html; charset=utf-8"), size], [_HTML]
        return line, [("Content-Length", "0")], []

    def _slowly(self, data: bytes, hold_ms: int) -> Iterator[bytes]:
        for place in range(len(data)):
            yield data[place : place + 1]
            if self._over.wait(hold_ms / 1000):
                return


def _reset(channel: Any) -> None:
    """Break the connection so that the client sees a reset, not an orderly end."""
    channel.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ClientDisconnected


def _bomb() -> bytes:
    zeros = bytes(_MIB)
    return gzip.compress(b"".join(zeros for _ in range(_BOMB_MIB)), compresslevel=6)
