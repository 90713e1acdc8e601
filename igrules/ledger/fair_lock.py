"""A lock that is granted in the order of asking.

Why: SQLite lets one writer in at a time and leaves the others to poll, so under load one of them
may wait for seconds while late-comers pass it. Writers of one process queue here first.
"""

from __future__ import annotations

import threading
from collections import deque


class FairLock:
    """Mutual exclusion, first come first served. Not re-entrant."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._held = False

    def acquire(self, timeout: float) -> bool:
        """Take the lock, waiting at most ``timeout`` seconds; false when that was not enough."""
        with self._gate:
            if not self._held:
                self._held = True
                return True
            ticket = threading.Lock()
            ticket.acquire()
            self._waiting.append(ticket)
        if ticket.acquire(timeout=timeout):
            return True
        with self._gate:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                return False
        # It was handed over between the time-out and the gate.
        return True

    def release(self) -> None:
        """Hand the lock to the one who has waited longest."""
        with self._gate:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False
