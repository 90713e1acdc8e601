"""Store webhook bodies: many requests, one durable transaction, and 200 only after it.

Why one writer thread: a durable commit costs the same for one body as for sixty, so what arrives
while one commit runs shares the next. Requests wait for their group; nothing is answered before.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence

from igrules.errors import LedgerError, Unavailable
from igrules.ledger import NewDelivery
from igrules.work.absence import Absence, of_database
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
_GROUP = 64
_GROUP_BYTES = 4 * 1024 * 1024


class NotStored(Exception):
    """This body is not stored, or not known to be: the sender has to send it again."""


class _Waiting:
    """A body and the request that waits for it.

    ``stored`` is told to a whole group at once, but one request wakes the next: a crowd that woke
    together would do little but hand the interpreter around.
    """

    __slots__ = ("_settled", "abandoned", "delivery", "next", "stored")

    def __init__(self, delivery: NewDelivery) -> None:
        self.delivery = delivery
        self.stored = False
        self.abandoned = False
        self.next: _Waiting | None = None
        self._settled = threading.Lock()
        self._settled.acquire()

    def wait(self, seconds: float) -> bool:
        """Wait until it is settled; false when it is not stored, or not known to be."""
        if self._settled.acquire(timeout=seconds):
            self._pass_on()
            return self.stored
        self.abandoned = True
        # Whoever woke this one just now may have looked before it was given up.
        if self._settled.acquire(blocking=False):
            self._pass_on()
        return False

    def wake(self) -> None:
        """Wake this one, or the next that has not been given up."""
        self._settled.release()
        if self.abandoned and self._settled.acquire(blocking=False):
            self._pass_on()

    def _pass_on(self) -> None:
        if self.next is not None:
            self.next.wake()


def _settle(group: Sequence[_Waiting], stored: bool) -> None:
    """Tell these requests what became of them, the one that came first before the others."""
    after = None
    for waiting in reversed(group):
        waiting.stored, waiting.next = stored, after
        after = waiting
    if after is not None:
        after.wake()


class Writer:
    """The writer thread of a web process and the queue before it.

    ``store`` writes bodies in one durable transaction; ``ring`` is called once after each group
    that was stored. ``linger``: milliseconds from one commit to the next while requests come
    together. ``grouped`` is told how many bodies a commit has stored, ``database`` whether one was
    possible.
    """

    def __init__(
        self,
        store: Callable[[Sequence[NewDelivery]], object],
        ring: Callable[[], None],
        *,
        linger: int = 2,
        places: int = 1_000,
        answer_within: float = 3.0,
        grouped: Callable[[int], None] | None = None,
        passing: Callable[[], float] = time.monotonic,
        database: Absence | None = None,
    ) -> None:
        self._database = database or of_database(passing)
        self._store = store
        self._grouped = grouped
        self._passing = passing
        self._ring = ring
        self._linger = linger / 1000
        self._places = places
        self._answer_within = answer_within
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closed = False
        self._company = False
        self._last_commit = 0.0

    def put(self, delivery: NewDelivery) -> None:
        """Return once ``delivery`` is stored durably. Raises `NotStored` in every other case.

        The other cases are a full queue, a failed commit, one that takes longer than 3 s, a close.
        """
        if self._closed or self._queue.qsize() >= self._places:
            raise NotStored
        waiting = _Waiting(delivery)
        self._queue.put(waiting)
        # The thread is made on first use, since one made before a fork would be dead after it.
        if self._thread is None or not self._thread.is_alive():
            self._start()
        if not waiting.wait(self._answer_within):
            raise NotStored

    def load(self) -> float:
        """Give how full the queue is, 0 to 1."""
        return self._queue.qsize() / self._places

    def close(self, seconds: float = 5.0) -> bool:
        """Take no more, write what waits, end the thread. False when it was still writing."""
        with self._starting:
            self._closed = True
            thread = self._thread
        if thread is None:
            return True
        self._queue.put(None)
        thread.join(seconds)
        return not thread.is_alive()

    def _start(self) -> None:
        with self._starting:
            if not self._closed and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(
                    target=self._run, name="igrules-writer", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        ended = False
        try:
            self._write_groups()
            ended = True
        finally:
            if not ended:
                with self._starting:
                    self._thread = None
                # What came while this thread was ending would wait for nobody.
                if not self._queue.empty():
                    self._start()

    def _write_groups(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            group, ended = self._gather(first)
            self._settle([waiting for waiting in group if not waiting.abandoned])
            if ended:
                return

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """Collect a group. The second value says that the queue was closed behind it."""
        # Lingering only pays where requests come together, and only as long as the commit before
        # did not take that time already; a lone request is stored at once. It is one sleep: waking
        # for each request that comes would cost more than the commit it saves.
        linger = self._linger - self._last_commit
        if self._company and linger > 0 and self._queue.qsize() < _GROUP:
            time.sleep(linger)
        group, size = [first], len(first.delivery.body)
        while len(group) < _GROUP and size < _GROUP_BYTES:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is None:
                return group, True
            group.append(waiting)
            size += len(waiting.delivery.body)
        self._company = len(group) > 1
        return group, False

    def _settle(self, group: list[_Waiting]) -> None:
        if not group:
            return
        left = list(group)
        try:
            stored = self._commit(left)
        finally:
            # Whatever ended this thread, nobody waits for it in vain.
            _settle(left, False)
        if stored:
            self._ring_once()

    def _commit(self, left: list[_Waiting]) -> bool:
        """Store and settle ``left``, emptying it on the way. True when anything was stored."""
        started = self._passing()
        try:
            self._store([waiting.delivery for waiting in left])
        except LedgerError as error:
            self._tell(error, len(left))
            return len(left) > 1 and self._one_by_one(left)
        self._database.found(started)
        self._last_commit = self._passing() - started
        if self._grouped is not None:
            self._grouped(len(left))
        group = left.copy()
        left.clear()
        _settle(group, True)
        return True

    def _tell(self, error: LedgerError, count: int) -> None:
        if isinstance(error, Unavailable):
            self._database.missed(error, count=count)
        else:
            say(_LOG, logging.WARNING, "a group was not stored", error, count=count)

    def _one_by_one(self, left: list[_Waiting]) -> bool:
        """One body may be what the database refuses; the others shall not fail with it."""
        any_stored = False
        while left:
            waiting = left[0]
            try:
                self._store([waiting.delivery])
                stored = True
            except LedgerError:
                stored = False
            _settle([left.pop(0)], stored)
            any_stored = any_stored or stored
        return any_stored

    def _ring_once(self) -> None:
        try:
            self._ring()
        except Exception as error:  # noqa: BLE001  # a bell may be anybody's; the sweep heals
            say(_LOG, logging.WARNING, "the bell failed, the sweep will find the work", error)
