"""The doorbell: "look into the ledger". It carries nothing; a ring may be lost, doubled or late.

Why Huey: it runs the threads and replaces those that die. What it does not do here is hold work: a
lost ring costs one sweep, never an event.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from huey import Huey
from huey.consumer import Consumer
from huey.serializer import SignedSerializer
from huey.storage import MemoryStorage

from igrules.errors import UsageError
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
_LONGEST_LOOK = 30.0
"""Seconds a worker takes turns on one ring before it rings again and stands in line."""
_CHECK_EVERY = 10.0


class Bell(Protocol):
    """What wakes workers. An implementation may lose rings, but not invent work."""

    def ring(self, n: int = 1) -> None:
        """Wake up to ``n`` workers; skipped while enough rings wait already."""

    def run(self, workers: int, turn: Callable[[], bool]) -> None:
        """Start ``workers`` threads and return. A heard ring calls ``turn`` until it is false."""

    def depth(self) -> int:
        """Count the rings nobody has heard yet."""

    def close(self, seconds: float = 2.0) -> bool:
        """Stop the threads after the turn they are in. False when one was still busy after that."""


class _WaitingStorage(MemoryStorage):  # type: ignore[misc]  # huey has no types
    """Huey's memory storage, with a reader that sleeps until something comes."""

    blocking = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._arrived = threading.Condition(self._lock)
        self._freed = threading.Condition(self._lock)
        self._closed = False
        self._idle = 0

    def enqueue(self, data: bytes, priority: int | None = None) -> None:
        with self._arrived:
            super().enqueue(data, priority)
            self._arrived.notify()

    def dequeue(self) -> bytes | None:
        with self._arrived:
            self._idle += 1
            self._freed.notify_all()
            try:
                while not self._queue and not self._closed:
                    self._arrived.wait()
            finally:
                self._idle -= 1
            return None if self._closed else super().dequeue()

    def spare(self) -> int:
        """How many readers sleep, for whom nothing has come."""
        with self._lock:
            return max(0, self._idle - len(self._queue))

    def wait_for_spare(self, seconds: float) -> bool:
        with self._freed:
            return self._freed.wait_for(
                lambda: self._closed or self._idle > len(self._queue), seconds
            )

    def shut(self) -> None:
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()
            self._freed.notify_all()


class _QuietConsumer(Consumer):  # type: ignore[misc]  # huey has no types
    """Huey's consumer without its signal handlers: signals belong to igrules."""

    def _set_signal_handlers(self) -> None:
        return


class MemoryBell:
    """The bell of a process that holds its own workers."""

    def __init__(self) -> None:
        self._huey = Huey(
            "igrules",
            results=False,
            serializer=SignedSerializer(secret=secrets.token_hex(32)),
            storage_class=_WaitingStorage,
        )
        self._look = self._huey.task(name="look")(self._answer)
        self._consumer: _QuietConsumer | None = None
        self._turn: Callable[[], bool] | None = None
        self._workers = 1
        self._closed = threading.Event()
        self._checking = threading.Lock()
        self._checked = 0.0

    def ring(self, n: int = 1) -> None:
        """Wake up to ``n`` workers; skipped while twice as many rings as workers wait."""
        if self._closed.is_set():
            return
        for _ in range(min(n, self._workers)):
            if self.depth() >= 2 * self._workers:
                break
            self._look()
        self._replace_dead_threads()

    def run(self, workers: int, turn: Callable[[], bool]) -> None:
        """Start ``workers`` threads and return. A heard ring calls ``turn`` until it is false."""
        self._workers = max(1, workers)
        self._turn = turn
        self._checked = time.monotonic()
        self._consumer = _QuietConsumer(
            self._huey,
            workers=self._workers,
            periodic=False,
            check_worker_health=False,
            scheduler_interval=60,
        )
        self._consumer.start()

    def depth(self) -> int:
        """Count the rings nobody has heard yet."""
        return int(self._huey.storage.queue_size())

    def spare(self) -> int:
        """How many workers have nothing to do and are not called yet."""
        return int(self._huey.storage.spare())

    def wait_for_spare(self, seconds: float) -> bool:
        """Wait until there is such a worker, or the bell is closed. False when it took longer."""
        return bool(self._huey.storage.wait_for_spare(seconds))

    def close(self, seconds: float = 2.0) -> bool:
        """Stop the threads after the turn they are in. False when one was still busy after that."""
        self._closed.set()
        if self._consumer is None:
            return True
        self._consumer.shutdown_timeout = seconds
        self._consumer.stop_flag.set()
        self._huey.storage.shut()
        return bool(self._consumer._join_workers())

    def _answer(self) -> None:
        until = time.monotonic() + _LONGEST_LOOK
        while self._turn is not None and not self._closed.is_set() and self._turn():
            if time.monotonic() > until:
                self.ring()
                return

    def _replace_dead_threads(self) -> None:
        if self._consumer is None or time.monotonic() < self._checked + _CHECK_EVERY:
            return
        if self._checking.acquire(blocking=False):
            try:
                self._checked = time.monotonic()
                if not self._closed.is_set() and not self._consumer.check_worker_health():
                    say(_LOG, logging.ERROR, "a worker thread had ended and was replaced")
            finally:
                self._checking.release()


class SweepOnly:
    """No bell: the workers of another process find the work by their sweep, a second later."""

    def ring(self, n: int = 1) -> None:
        """Do nothing."""

    def run(self, workers: int, turn: Callable[[], bool]) -> None:
        """Refuse: a process with workers needs a bell."""
        raise UsageError("a process with workers needs a bell", "set bell to auto")

    def depth(self) -> int:
        """Give 0."""
        return 0

    def close(self, seconds: float = 2.0) -> bool:
        """Do nothing."""
        return True
