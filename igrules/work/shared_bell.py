"""A bell that several processes hear: threads of our own, and a line between them.

Why workers wait on a bell inside their process and one thread hears for all of them: a worker that
waited on the line itself could not be woken by the sweep while the line is down, and would hold two
connections. Why another thread calls: a line that does not answer must not hold up a webhook. And
why a word on the line is no task: it says "look" and how many should, so nothing that somebody puts
there can be carried out.
"""

from __future__ import annotations

import hmac
import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from igrules.errors import Unavailable
from igrules.work.absence import Absence
from igrules.work.bell import MemoryBell
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
_MOST = 999
"""More workers than this are not called at once."""
_BREATH = 0.02
"""Seconds between two calls of one process: rings that come meanwhile go out as one."""
_HEAR = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0
_SAY_EVERY = 60.0


class Line(Protocol):
    """What carries a word from process to process. One thread calls, another one hears; every
    method may raise `Unavailable`, and the next call connects anew."""

    each: bool
    """A word reaches one process, so only those listen that have a worker to spare."""

    def anybody(self) -> bool:
        """False when surely nobody else hears. Asked at every ring, so it must cost nothing."""

    def call(self, word: str, n: int) -> None:
        """Send a word so that ``n`` workers hear: it says so, or, with ``each``, it says one."""

    def listen(self) -> None:
        """Connect to hear; what is called from now on is heard."""

    def hear(self, seconds: float) -> list[str]:
        """Wait for words, at most so long."""

    def waiting(self) -> int:
        """How many words wait on the line itself."""

    def close_calling(self) -> None:
        """Give back the connection that calls."""

    def close_hearing(self) -> None:
        """Give back the connection that hears."""

    def interrupt(self) -> None:
        """Let `hear` return early; called by another thread, and not every line can."""


class Words:
    """What is said on a line: how many shall look, signed with the installation's key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def write(self, n: int) -> str:
        """The word for ``n`` workers."""
        return f"{n}.{self._signature(str(n))}"

    def read(self, word: str) -> int | None:
        """How many a word calls; ``None`` for one that was not written with this key."""
        number, _, signature = word.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(number).encode()):
            return None
        return int(number)

    def _signature(self, number: str) -> str:
        return hmac.digest(self._key, b"look " + number.encode(), "sha256").hex()[:32]


class SharedBell:
    """A bell over a line. ``heard`` is told when the line comes and goes."""

    def __init__(
        self, line: Line, words: Words, heard: Callable[[bool], None] | None = None
    ) -> None:
        self._line = line
        self._words = words
        self._own = MemoryBell()
        self._health = _Health(heard)
        self._changed = threading.Condition()
        self._far = 0
        self._closed = threading.Event()
        self._works = False
        self._caller: threading.Thread | None = None
        self._listener: threading.Thread | None = None

    def ring(self, n: int = 1) -> None:
        """Wake own workers that have nothing to do, and for the rest those of other processes.
        Returns at once; what cannot be sent is left to the sweep."""
        if self._closed.is_set():
            return
        far = n
        if self._works:
            far -= self._own.spare()
            self._own.ring(n)
        if far > 0 and self._line.anybody():
            self._call(far)

    def run(self, workers: int, turn: Callable[[], bool]) -> None:
        """Start ``workers`` threads and the one that listens, and return."""
        self._own.run(workers, turn)
        self._works = True
        self._listener = threading.Thread(target=self._hear, name="igrules-bell", daemon=True)
        self._listener.start()

    def depth(self) -> int:
        """Count the rings nobody has heard yet: in this process, and on the line if it tells."""
        try:
            return self._own.depth() + self._line.waiting()
        except Unavailable:
            return self._own.depth()

    def close(self, seconds: float = 2.0) -> bool:
        """Stop the threads after the turn they are in. False when one was still busy after that."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        self._line.interrupt()
        ended = self._own.close(seconds)
        for thread in (self._caller, self._listener):
            if thread is not None:
                # Daemons: one that waits for a line that is gone does not keep the process.
                thread.join(0.2)
        return ended

    def _call(self, n: int) -> None:
        with self._changed:
            self._far = min(_MOST, self._far + n)
            # Made on first use, since one made before a fork would be dead after it.
            if self._caller is None or not self._caller.is_alive():
                self._caller = threading.Thread(
                    target=self._send, name="igrules-ringer", daemon=True
                )
                self._caller.start()
            self._changed.notify()

    def _send(self) -> None:
        while n := self._next():
            # Where a word reaches one process, there is one for each worker.
            word = self._words.write(1 if self._line.each else n)
            try:
                self._line.call(word, n)
            except Unavailable as error:
                self._health.lost("call", error)
                self._closed.wait(_FIRST_PAUSE)
            else:
                self._health.found("call")
                self._closed.wait(_BREATH)
        self._line.close_calling()

    def _next(self) -> int:
        """How many to call next; 0 at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._far or self._closed.is_set())
            n, self._far = self._far, 0
            return n

    def _hear(self) -> None:
        pause = _FIRST_PAUSE
        while not self._closed.is_set():
            if self._line.each and not self._own.wait_for_spare(_HEAR):
                continue
            try:
                self._line.listen()
                words = self._line.hear(_HEAR)
            except Unavailable as error:
                if not self._closed.is_set():
                    self._health.lost("hear", error)
                self._closed.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            # Only now: a client may connect when it first asks.
            self._health.found("hear")
            pause = _FIRST_PAUSE
            for word in words:
                self._take(word)
        self._line.close_hearing()

    def _take(self, word: str) -> None:
        n = self._words.read(word)
        if n is None:
            self._health.forged()
        else:
            self._own.ring(n)


class _Health:
    """Says when the line goes and comes back. ``side`` is that which calls or that which hears: one
    may be well while the other is not."""

    def __init__(self, heard: Callable[[bool], None] | None) -> None:
        self._heard = heard or (lambda up: None)
        self._lock = threading.Lock()
        self._down: set[str] = set()
        self._line = Absence(
            "the bell cannot be reached, workers look once a second instead",
            "the bell is back",
            time.monotonic,
        )
        self._forged_at: float | None = None

    def lost(self, side: str, error: Unavailable) -> None:
        with self._lock:
            self._down.add(side)
            self._heard(False)
            self._line.missed(error)

    def found(self, side: str) -> None:
        with self._lock:
            self._down.discard(side)
            if self._down:
                return
            self._heard(True)
            self._line.found(time.monotonic())

    def forged(self) -> None:
        with self._lock:
            now = time.monotonic()
            if self._forged_at is None or now >= self._forged_at + _SAY_EVERY:
                self._forged_at = now
                say(_LOG, logging.WARNING, "a ring without our signature was refused")


def echo(line: Line, words: Words, seconds: float = 2.0) -> float | None:
    """Call over a line that nobody else uses and hear it; the seconds that took, ``None`` when
    nothing came. Raises `Unavailable`."""
    word = words.write(1)
    try:
        line.listen()
        started = time.monotonic()
        line.call(word, 1)
        while (left := started + seconds - time.monotonic()) > 0:
            if word in line.hear(left):
                return time.monotonic() - started
        return None
    finally:
        line.close_calling()
        line.close_hearing()
