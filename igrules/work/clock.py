"""The time: read here and nowhere else, and handed to everything below."""

from __future__ import annotations

import threading
import time


class Clock:
    """The clock of a process. `now` never runs backwards in it; tests hand in their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest = 0
        self._ahead: int | None = None

    def now(self) -> int:
        """Give the time in milliseconds UTC."""
        with self._lock:
            if self._ahead is None:
                now = time.time_ns() // 1_000_000
            else:
                now = time.monotonic_ns() // 1_000_000 + self._ahead
            self._newest = max(self._newest, now)
            return self._newest

    def agree(self, now: int) -> None:
        """Go by another clock, which says ``now``: that of the database all machines share."""
        with self._lock:
            self._ahead = now - time.monotonic_ns() // 1_000_000

    def monotonic(self) -> float:
        """Give seconds that only ever grow, for durations and deadlines."""
        return time.monotonic()
