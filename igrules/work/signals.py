"""Listen for the signals that end a process: the first asks, the second does not wait."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

_ENDING = (signal.SIGTERM, signal.SIGINT)
_TWICE = 0.2
"""Seconds in which a signal that comes again is the same one: `timeout`, a shell and `make` send it
to a process and to its group."""


class Signals:
    """SIGTERM and SIGINT while the ``with`` block runs. A second one ends the process at once.

    Why that is safe: whatever was cut off is found in the ledger and settled after the next start.
    Outside the main thread nothing is installed, since only that one can hear signals. Waiting is
    done on a pipe: an event's lock might be held by the very code that the signal interrupts.
    """

    def __init__(self) -> None:
        self.came = False
        self._came_at = 0.0
        self._reader, self._writer = os.pipe()
        self._before: dict[signal.Signals, Any] = {}

    def wait(self, seconds: float) -> bool:
        """Wait for a signal, at most ``seconds``. True when it came."""
        if not self.came:
            select.select([self._reader], [], [], seconds)
        return self.came

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in _ENDING:
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        os.close(self._reader)
        os.close(self._writer)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.came:
            if time.monotonic() > self._came_at + _TWICE:
                os._exit(128 + number)
            return
        self.came, self._came_at = True, time.monotonic()
        os.write(self._writer, b"!")
