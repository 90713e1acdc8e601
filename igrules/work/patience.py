"""Try again while the database is away, for what must not be forgotten once it has happened."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from igrules.errors import Unavailable
from igrules.work.clock import Clock
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
_FIRST, _LONGEST = 0.05, 1.0

T = TypeVar("T")


def insist(act: Callable[[], T], clock: Clock, seconds: float, giving_up: threading.Event) -> T:
    """Call ``act`` until it does not raise `Unavailable`, for at most ``seconds``.

    Used for receipts and releases: a call that was made stays made while the database restarts.
    Raises the last `Unavailable` when the time is over or ``giving_up`` is set.
    """
    until, pause = clock.monotonic() + seconds, _FIRST
    while True:
        try:
            return act()
        except Unavailable as error:
            if clock.monotonic() > until:
                raise
            say(_LOG, logging.WARNING, "the database is away, trying again", error)
            if giving_up.wait(pause):
                raise
            pause = min(2 * pause, _LONGEST)
