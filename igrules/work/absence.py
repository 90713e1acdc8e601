"""Say once that something we stand on is away, and once that it is back and for how long it was
away.

Why not a line each time it is missed: every thread misses it, again and again, and what else
happens meanwhile would be lost among those lines.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import Any

from igrules.errors import LedgerError
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
_SAY_EVERY = 60.0


class Absence:
    """What all threads of a process know of it. ``away`` and ``back`` are the names of the two
    lines; what comes and goes again and again is said at most once a minute."""

    def __init__(self, away: str, back: str, passing: Callable[[], float]) -> None:
        self._away = away
        self._back = back
        self._passing = passing
        self._lock = threading.Lock()
        self._since: float | None = None
        self._missed_at = -math.inf
        self._told_at: float | None = None
        self._owes_end = False

    @property
    def is_missed(self) -> bool:
        """Whether it was away when somebody asked last."""
        return self._since is not None

    def was_missed_since(self, moment: float) -> bool:
        """Whether somebody has missed it then or later."""
        return self._missed_at >= moment

    def missed(self, error: LedgerError, **fields: Any) -> None:
        """It is away. ``fields`` say what was cut off by that."""
        with self._lock:
            now = self._missed_at = self._passing()
            if self._since is None:
                self._since = now
            if self._owes_end or (self._told_at is not None and now < self._told_at + _SAY_EVERY):
                return
            self._told_at, self._owes_end = now, True
            say(_LOG, logging.WARNING, self._away, error, **fields)

    def found(self, began: float) -> None:
        """It is there: something could be written that ``began`` then. What began before somebody
        else missed it proves nothing."""
        if self._since is None:
            return
        with self._lock:
            if self._since is None or began < self._missed_at:
                return
            since, self._since = self._since, None
            if self._owes_end:
                self._owes_end = False
                say(_LOG, logging.INFO, self._back, ms=int((self._passing() - since) * 1000))


def of_database(passing: Callable[[], float]) -> Absence:
    """The absence of the database."""
    return Absence("the database is away", "the database is back", passing)
