"""Try again while the database is away, for what must not be forgotten once it has happened."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from igrules.errors import Unavailable
from igrules.work.absence import Absence
from igrules.work.clock import Clock

_FIRST, _LONGEST = 0.05, 1.0

T = TypeVar("T")


class Patience:
    """How long the threads of a worker wait for the database: until it is back, or until somebody
    has them give up."""

    def __init__(self, clock: Clock, database: Absence) -> None:
        self._clock = clock
        self._database = database
        self._giving_up = threading.Event()

    def give_up(self) -> None:
        """Wait no longer, now and later."""
        self._giving_up.set()

    def insist(self, act: Callable[[], T], seconds: float) -> T:
        """Call ``act`` until it does not raise `Unavailable`, for at most ``seconds``.

        Used for receipts and releases: a call that was made stays made while the database restarts.
        Raises the last `Unavailable` when the time is over or somebody gives up.
        """
        began = self._clock.monotonic()
        until, pause = began + seconds, _FIRST
        while True:
            try:
                done = act()
            except Unavailable as error:
                if self._clock.monotonic() > until:
                    raise
                self._database.missed(error)
                if self._giving_up.wait(pause):
                    raise
                began, pause = self._clock.monotonic(), min(2 * pause, _LONGEST)
            else:
                self._database.found(began)
                return done
