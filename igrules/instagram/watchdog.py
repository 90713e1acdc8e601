"""Shut sockets down at their deadline, from one thread.

Why: a read timeout starts again with every byte, so a server that drips holds a call for as long as
it likes. A socket that is shut down ends every read at once.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import socket
import threading
import time


class Watch:
    """One deadline of one socket. ``cut`` says that the socket was shut down."""

    __slots__ = ("cut", "line")

    def __init__(self, line: socket.socket) -> None:
        self.line: socket.socket | None = line
        self.cut = False


class Watchdog:
    """Holds the deadlines. Its thread starts with the first one and ends when idle for a minute."""

    def __init__(self) -> None:
        self._woken = threading.Condition(threading.Lock())
        self._watches: list[tuple[float, int, Watch]] = []
        self._numbers = itertools.count()
        self._thread_of = 0

    def watch(self, line: socket.socket, deadline: float) -> Watch:
        """Shut ``line`` down at ``deadline`` (monotonic seconds) unless it is released before."""
        watch = Watch(line)
        with self._woken:
            heapq.heappush(self._watches, (deadline, next(self._numbers), watch))
            # A thread does not survive a fork, so the process is part of the question.
            if self._thread_of != os.getpid():
                self._thread_of = os.getpid()
                threading.Thread(target=self._run, name="igrules-deadlines", daemon=True).start()
            elif self._watches[0][2] is watch:
                self._woken.notify()
        return watch

    def release(self, watch: Watch) -> bool:
        """Stop watching. Gives whether the socket was shut down; afterwards it will not be."""
        with self._woken:
            watch.line = None
            return watch.cut

    def _run(self) -> None:
        with self._woken:
            while True:
                wait = self._cut_due()
                if wait is None and not self._woken.wait(60) and not self._watches:
                    self._thread_of = 0
                    return
                if wait is not None:
                    self._woken.wait(wait)

    def _cut_due(self) -> float | None:
        """Shut down what is due. Gives the seconds until the next deadline, ``None`` for never."""
        while self._watches:
            deadline, _, watch = self._watches[0]
            seconds = deadline - time.monotonic()
            if watch.line is not None and seconds > 0:
                return seconds
            if watch.line is not None:
                watch.cut = True
                with contextlib.suppress(OSError):
                    watch.line.shutdown(socket.SHUT_RDWR)
                watch.line = None
            heapq.heappop(self._watches)
        return None
