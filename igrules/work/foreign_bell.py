"""A bell that somebody else wrote, named ``module:object`` in the settings.

Why it is not called directly: one that fails must not end the sweep or a webhook, and while it
fails the sweep still has to wake somebody.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from igrules.errors import UsageError
from igrules.work.bell import Bell, MemoryBell
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
_CALLS = ("ring", "run", "depth", "close")
_SAY_EVERY = 60.0


class ForeignBell:
    """Calls ``bell``; what it raises is a line in the log, and workers of our own stand in."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._stand_in: MemoryBell | None = None
        self._work: tuple[int, Callable[[], bool]] | None = None
        self._runs = True
        self._lock = threading.Lock()
        self._said = -_SAY_EVERY

    def ring(self, n: int = 1) -> None:
        """Ring it; when that fails, or nobody hears it here, wake threads of our own, if this
        process works."""
        try:
            self._bell.ring(n)
            if self._runs:
                return
        except Exception as error:  # noqa: BLE001  # anybody's code
            self._failed(error)
        stand_in = self._standing_in()
        if stand_in is not None:
            stand_in.ring(n)

    def run(self, workers: int, turn: Callable[[], bool]) -> None:
        """Let it start its workers."""
        self._work = (workers, turn)
        try:
            self._bell.run(workers, turn)
        except Exception as error:  # noqa: BLE001  # anybody's code
            self._failed(error)
            self._runs = False

    def depth(self) -> int:
        """Count the rings nobody has heard yet; 0 when it cannot tell."""
        try:
            return self._bell.depth()
        except Exception as error:  # noqa: BLE001  # anybody's code
            self._failed(error)
            return 0

    def close(self, seconds: float = 2.0) -> bool:
        """Close it, and what stood in."""
        until = time.monotonic() + seconds
        with self._lock:
            stand_in, self._work = self._stand_in, None
        try:
            ended = self._bell.close(seconds)
        except Exception as error:  # noqa: BLE001  # anybody's code
            self._failed(error)
            ended = True
        return (stand_in is None or stand_in.close(max(0.1, until - time.monotonic()))) and ended

    def _standing_in(self) -> MemoryBell | None:
        with self._lock:
            if self._stand_in is None and self._work is not None:
                self._stand_in = MemoryBell()
                self._stand_in.run(*self._work)
            return self._stand_in

    def _failed(self, error: Exception) -> None:
        now = time.monotonic()
        if now >= self._said + _SAY_EVERY:
            self._said = now
            say(_LOG, logging.WARNING, "the bell failed, the sweep will find the work", error)


def load(name: str) -> Bell:
    """The bell at ``module:object``; a class or a function is called to make one. Raises
    `UsageError`."""
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
        if isinstance(found, type) or not hasattr(found, "ring"):
            found = found()
    except Exception as error:  # anybody's code
        raise UsageError(
            f"the bell '{name}' cannot be loaded ({type(error).__name__}: {error})",
            "bell takes module:object, an object that can be imported",
        ) from error
    missing = [call for call in _CALLS if not callable(getattr(found, call, None))]
    if missing:
        raise UsageError(
            f"the bell '{name}' lacks {', '.join(missing)}",
            "a bell has the calls ring(n), run(workers, turn), depth() and close(seconds)",
        )
    bell: Bell = found
    return bell
