"""A bad network: a small TCP proxy that cuts connections off, refuses new ones or says nothing."""

from __future__ import annotations

import random
import select
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

_AT_ONCE = struct.pack("ii", 1, 0)
"""Lingering for no time: closing is a reset."""
Upstream = Callable[[], socket.socket]


def tcp(port: int) -> Upstream:
    """A server of this machine."""
    return lambda: socket.create_connection(("127.0.0.1", port), timeout=5)


def unix(path: str) -> Upstream:
    """A server behind a socket in the file system."""

    def connect() -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.connect(path)
        return made

    return connect


class Network:
    """What lies between a client and ``upstream``; it listens on ``port`` of this machine."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self._refuses = False
        self._door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._door.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Reset every connection, whatever is under way."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                _reset(end)

    def refuse(self, yes: bool) -> None:
        """Reset new connections at once, or no more."""
        self._refuses = yes

    def stall(self, yes: bool) -> None:
        """Hold back every byte, or let them flow again."""
        if yes:
            self._flows.clear()
        else:
            self._flows.set()

    def close(self) -> None:
        """End it with all its connections."""
        self._flows.set()
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                if self._refuses:
                    _reset(client)
                else:
                    threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        try:
            server = self._upstream()
        except OSError:
            _reset(client)
            return
        pair = (client, server)
        with self._lock:
            self._pairs.add(pair)
        with suppress(OSError, ValueError):
            self._pump(client, server)
        with self._lock:
            self._pairs.discard(pair)
        client.close()
        server.close()

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        while True:
            for end in select.select(list(other), [], [])[0]:
                data = end.recv(65536)
                self._flows.wait(30)
                if not data:
                    return
                other[end].sendall(data)


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        # Whoever waits on it in another thread wakes up; closing alone would not do that.
        end.shutdown(socket.SHUT_RDWR)
    end.close()


class Trouble:
    """Does something to one of the networks every now and then, until it is ended."""

    def __init__(self, networks: Sequence[Network], seed: int) -> None:
        self.count = 0
        self._networks = networks
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> int:
        """Let all be well, and say how often something happened."""
        self._over.set()
        self._thread.join()
        return self.count

    def _run(self) -> None:
        while not self._over.wait(self._random.uniform(0.3, 1.0)):
            network = self._random.choice(self._networks)
            self._random.choice((self._cut, self._refuse, self._stall))(network)
            self.count += 1

    def _cut(self, network: Network) -> None:
        network.cut()

    def _refuse(self, network: Network) -> None:
        network.refuse(True)
        network.cut()
        self._over.wait(self._random.uniform(0.1, 1.0))
        network.refuse(False)

    def _stall(self, network: Network) -> None:
        network.stall(True)
        self._over.wait(self._random.uniform(0.1, 2.0))
        network.stall(False)
