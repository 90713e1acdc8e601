"""Ask one address over many keep-alive connections, each again as soon as it is answered.

Run in a process of its own: ``python -m benchmarks.load URL SECONDS CONNECTIONS SECRET EVENTS``,
so many events in each body. Prints one line of JSON. Why raw sockets: on two cores a comfortable
client would be what is measured.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import selectors
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

BODIES = 500
TEXT = "Oi! Qual o preço do vestido azul, por favor?"


@dataclass
class Load:
    """What came back. ``latencies`` are seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def summary(self) -> dict[str, object]:
        """Rate of answers, percentiles in milliseconds, answers by status."""
        ordered = sorted(self.latencies)
        return {
            "rate": len(ordered) / self.seconds,
            "p50": 1000 * ordered[len(ordered) // 2],
            "p99": 1000 * ordered[int(len(ordered) * 0.99)],
            "statuses": {str(status): n for status, n in self.statuses.items()},
        }


class Connection:
    """One request at a time over one socket."""

    def __init__(self, host: str, port: int, selector: selectors.BaseSelector) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self.got = b""
        selector.register(self.socket, selectors.EVENT_READ, self)

    def ask(self, request: bytes) -> None:
        """Send ``request``."""
        self.got = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def answer(self) -> int:
        """Read on. Give the status once the answer is whole, else 0."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self.got += piece
        head, gap, body = self.got.partition(b"\r\n\r\n")
        if not gap:
            return 0
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return int(head[9:12]) if len(body) >= length else 0


def envelopes(secret: bytes, path: str, host: str, events: int = 1) -> list[bytes]:
    """Give whole signed requests of so many events, each with other message ids."""
    requests = []
    for n in range(0, BODIES * events, events):
        messages = [_message(number) for number in range(n, n + events)]
        entry = {"id": "17841400000000101", "time": 1_790_000_000_000, "messaging": messages}
        body = json.dumps({"object": "instagram", "entry": [entry]}).encode()
        signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nX-Hub-Signature-256: sha256={signature}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


def _message(n: int) -> dict[str, object]:
    return {
        "sender": {"id": f"10{n:06}"},
        "recipient": {"id": "17841400000000101"},
        "timestamp": 1_790_000_000_000 + n,
        "message": {"mid": f"m_{n:08}", "text": TEXT},
    }


def run(url: str, seconds: float, connections: int, secret: bytes, events: int = 1) -> Load:
    """Ask ``url`` for ``seconds`` over ``connections`` sockets at once."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    requests = envelopes(secret, parts.path, f"{host}:{port}", events)
    load, next_request = Load(), 0
    with selectors.DefaultSelector() as selector:
        open_connections = [Connection(host, port, selector) for _ in range(connections)]
        started = time.perf_counter()
        for connection in open_connections:
            connection.ask(requests[next_request % BODIES])
            next_request += 1
        until = started + seconds
        while (now := time.perf_counter()) < until:
            for key, _ in selector.select(until - now):
                connection = key.data
                status = connection.answer()
                if status:
                    load.statuses[status] += 1
                    load.latencies.append(time.perf_counter() - connection.sent_at)
                    connection.ask(requests[next_request % BODIES])
                    next_request += 1
        load.seconds = time.perf_counter() - started
    for connection in open_connections:
        connection.socket.close()
    return load


if __name__ == "__main__":
    address, duration, count, key, each = sys.argv[1:6]
    load = run(address, float(duration), int(count), key.encode(), int(each))
    print(json.dumps(load.summary()))
