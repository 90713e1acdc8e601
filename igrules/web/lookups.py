"""Remember for a moment what the database said, and ask it from one thread only.

Why one thread: the web threads then need no connection of their own, and a database that hangs
costs a request a second and a half, not its life.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, TimeoutError
from typing import Any, TypeVar

from igrules.errors import Unavailable
from igrules.web.refusals import ProcessStops
from igrules.work.clock import Clock

_PATIENCE = 1.5
_KEPT = 10_000

T = TypeVar("T")


class Lookups:
    """Answers by key, at most ``fresh`` seconds old. ``None`` is not remembered."""

    def __init__(self, clock: Clock, fresh: float = 2.0) -> None:
        self._clock = clock
        self._fresh = fresh
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[float, Any]] = {}
        self._asked: dict[Hashable, Future[Any]] = {}
        self._closed = False
        self._reader = ThreadPoolExecutor(1, "igrules-lookups")

    def find(self, key: Hashable, look: Callable[[], T]) -> T:
        """Give what is known under ``key``, else what ``look`` finds; requests that come together
        look once. Raises `Unavailable` when that takes longer than 1.5 s, and `ProcessStops`."""
        with self._lock:
            until, found = self._kept.get(key, (0.0, None))
            if self._clock.monotonic() < until:
                return found  # type: ignore[no-any-return]  # it came from the same look
            asked = self._asked.get(key) or self._ask(key, look)
        try:
            return asked.result(_PATIENCE)  # type: ignore[no-any-return]  # see above
        except TimeoutError as error:
            raise Unavailable("the database does not answer", "try again") from error
        except CancelledError as error:
            raise ProcessStops from error

    def forget(self, key: Hashable) -> None:
        """Look again the next time."""
        with self._lock:
            self._kept.pop(key, None)

    def close(self) -> None:
        """End the thread. From then on nothing is found."""
        with self._lock:
            self._closed = True
        self._reader.shutdown(wait=False, cancel_futures=True)

    def _ask(self, key: Hashable, look: Callable[[], Any]) -> Future[Any]:
        if self._closed:
            raise ProcessStops

        def find() -> Any:
            try:
                found = look()
            finally:
                with self._lock:
                    self._asked.pop(key, None)
            if found is not None:
                self._keep(key, found)
            return found

        self._asked[key] = asked = self._reader.submit(find)
        return asked

    def _keep(self, key: Hashable, found: Any) -> None:
        with self._lock:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key] = (self._clock.monotonic() + self._fresh, found)
