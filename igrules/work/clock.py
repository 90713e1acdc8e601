"""The time: read here and nowhere else, and handed to everything below.

Why a jump is not believed at once: a clock that is set wrong for a moment would end windows, waits
and what is kept by age, and none of that comes back. So when the machine's clock and the seconds
that really pass part by more than five minutes, the process goes on by the latter for ten; then
the clock has its way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

JUMP = 300_000
"""So far, in milliseconds, clock and passing time may part without a doubt."""
DOUBT = 600_000
"""So long a clock that has jumped is not believed."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    ahead: int
    since: int


class Clock:
    """The clock of a process. `now` never runs backwards in it, but to follow a database that all
    machines share. Tests hand in ``wall`` (milliseconds UTC) and ``passing`` (seconds)."""

    def __init__(
        self,
        wall: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        passing: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._passing = passing
        self._lock = threading.Lock()
        self._newest = 0
        self._ahead: int | None = None
        """What is added to the passing time."""
        self._shared: int | None = None
        """The same by the database's clock, where there is one."""
        self._doubt: _Doubt | None = None
        self._jump: int | None = None

    def now(self) -> int:
        """Give the time in milliseconds UTC."""
        with self._lock:
            passing = self._milliseconds()
            self._follow(passing)
            assert self._ahead is not None  # `_follow` has set it
            self._newest = max(self._newest, passing + self._ahead)
            return self._newest

    def agree(self, now: int) -> None:
        """Go by another clock, which says ``now``: that of the database all machines share."""
        with self._lock:
            ahead = now - self._milliseconds()
            if self._shared is None:
                # The first word counts at once: it is this machine that may be wrong.
                self._ahead, self._doubt, self._newest = ahead, None, 0
            self._shared = ahead

    def monotonic(self) -> float:
        """Give seconds that only ever grow, for durations and deadlines."""
        return self._passing()

    @property
    def is_sure(self) -> bool:
        """Whether the clock has not jumped in the last ten minutes."""
        self.now()
        with self._lock:
            doubt = self._doubt
            return doubt is None or self._milliseconds() - doubt.since >= DOUBT

    def take_jump(self) -> int | None:
        """By how many milliseconds the clock has jumped, told once; ``None``: it has not."""
        with self._lock:
            jump, self._jump = self._jump, None
            return jump

    def _milliseconds(self) -> int:
        return int(self._passing() * 1000)

    def _follow(self, passing: int) -> None:
        shared = self._shared is not None
        ahead = self._wall() - passing if self._shared is None else self._shared
        parted = 0 if self._ahead is None else ahead - self._ahead
        if self._ahead is None or abs(parted) <= JUMP:
            self._doubt = None
            if self._ahead is None or shared or parted > 0:
                self._ahead = ahead
        elif self._doubt is None or abs(ahead - self._doubt.ahead) > JUMP:
            self._doubt = _Doubt(ahead, passing)
            self._jump = parted
        elif passing - self._doubt.since >= DOUBT and (shared or parted > 0):
            self._ahead, self._doubt = ahead, None
            # Only a shared clock is followed backwards: the others already go by it.
            self._newest = min(self._newest, passing + ahead) if shared else self._newest
