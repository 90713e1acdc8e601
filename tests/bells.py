"""Bells of each kind for the contract: one in a process with workers, one that only rings."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from igrules.errors import Unavailable
from igrules.ledger import Ledger
from igrules.work.configuration import Configuration
from tests.running import ENOUGH


@contextmanager
def installed(
    bell: str, fixture: Callable[[str], Any], directory: Path, **settings: Any
) -> Iterator[tuple[Ledger, Configuration]]:
    """An open ledger and the settings that name a bell, with the server that it needs."""
    url, redis_url = str(directory / "igrules.db"), ""
    if bell == "postgres":
        url = fixture("postgresql_url")
    if bell == "redis":
        server = fixture("redis_server")
        server.start()
        redis_url = server.url
    ledger = Ledger.open(url, directory / "state")
    try:
        yield ledger, Configuration(bell=bell, redis_url=redis_url, **settings)
    finally:
        ledger.close()


class Turns:
    """Counts turns; says once per piece of work that there was one."""

    def __init__(self, work: int = 0) -> None:
        self.lock = threading.Lock()
        self.work = work
        self.taken = 0
        self.calls = 0
        self.called = threading.Condition(self.lock)

    def __call__(self) -> bool:
        with self.lock:
            self.calls += 1
            found = self.work > 0
            if found:
                self.work -= 1
                self.taken += 1
            self.called.notify_all()
            return found

    def add(self) -> None:
        """One more piece of work."""
        with self.lock:
            self.work += 1

    def wait_for(self, claim: Callable[[], bool], seconds: float = ENOUGH) -> bool:
        """Wait for something that turns bring about; false when it took longer."""
        with self.called:
            return self.called.wait_for(claim, seconds)


class QueueBell:
    """A bell as somebody else may write it, of a queue and threads."""

    def __init__(self) -> None:
        self._rings: queue.Queue[bool] = queue.Queue()
        self._threads: list[threading.Thread] = []

    def ring(self, n: int = 1) -> None:
        for _ in range(min(n, len(self._threads) or 1)):
            if self.depth() < 2 * (len(self._threads) or 1):
                self._rings.put(True)

    def run(self, workers: int, turn: Callable[[], bool]) -> None:
        def work() -> None:
            while self._rings.get():
                try:
                    while turn():
                        pass
                except RuntimeError:
                    continue

        self._threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def depth(self) -> int:
        return self._rings.qsize()

    def close(self, seconds: float = 2.0) -> bool:
        for _ in self._threads:
            self._rings.put(False)
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)


class BrokenBell(QueueBell):
    """One whose transport is down."""

    def ring(self, n: int = 1) -> None:
        raise ConnectionError("no transport")


class LameBell(QueueBell):
    """One that cannot start its workers."""

    def run(self, workers: int, turn: Callable[[], bool]) -> None:
        raise ConnectionError("no transport")


class DownLine:
    """A line that nobody can reach; counts how often somebody tried to hear."""

    each = False

    def __init__(self) -> None:
        self.tries = 0

    def anybody(self) -> bool:
        return True

    def call(self, word: str, n: int) -> None:
        raise Unavailable("the line is down")

    def listen(self) -> None:
        """Finds nothing wrong yet, as a client that connects when it first asks."""

    def hear(self, seconds: float) -> list[str]:
        self.tries += 1
        raise Unavailable("the line is down")

    def waiting(self) -> int:
        raise Unavailable("the line is down")

    def close_calling(self) -> None:
        """Nothing to close."""

    def close_hearing(self) -> None:
        """Nothing to close."""

    def interrupt(self) -> None:
        """Nothing to interrupt."""


NO_BELL = object()
