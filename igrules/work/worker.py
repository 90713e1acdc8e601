"""Move what is stored: split bodies into events, claim lanes tenant by tenant, work them.

Why `turn` may catch everything: a defect met in one conversation must not stop the others. Its lane
is left to its lease, comes back, and after three deaths the event is set aside with a reason.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING

from igrules.errors import LeaseLost, LedgerError, Unavailable
from igrules.instagram.reader import read
from igrules.kinds import Registry
from igrules.ledger import Lane, Ledger
from igrules.ledger.own_process import new_name
from igrules.work.bell import Bell, SweepOnly
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.logs import say
from igrules.work.turns import Turns

if TYPE_CHECKING:
    from igrules.work.metrics import Metrics

_LOG = logging.getLogger(__name__)
_SPLITS = 10
"""Rounds of splitting before lanes get their turn again."""


class Worker:
    """The work of a process, done by however many threads call `turn`."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        configuration: Configuration,
        *,
        clock: Clock | None = None,
        bell: Bell | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._metrics = metrics
        self.name = new_name()
        self._ledger = ledger
        self._configuration = configuration
        self._clock = clock or Clock()
        self._bell = bell or SweepOnly()
        self._stopping = threading.Event()
        self._giving_up = threading.Event()
        self._turns = Turns(
            ledger,
            registry,
            configuration,
            self._clock,
            self._stopping,
            self._giving_up,
            metrics,
        )
        self._lock = threading.Lock()
        self._owners = itertools.count(1)
        self._busy: Counter[int] = Counter()
        self._since: dict[int, float] = {}
        self._batch = 1

    def turn(self) -> bool:
        """Split what waits, claim once and work what was claimed. False when nothing was due."""
        if self._stopping.is_set():
            return False
        try:
            split = self.split()
            lanes = self._claim()
        except Unavailable as error:
            say(_LOG, logging.WARNING, "the database is away, no work is taken", error)
            return False
        try:
            self._work(lanes)
        finally:
            self._free(lanes)
        return bool(split or lanes)

    def split(self) -> int:
        """Split stored bodies until none is left. Give how many."""
        done = 0
        for _ in range(_SPLITS):
            result = self._ledger.deliveries.split(read, self._clock.now())
            done += result.deliveries
            if self._metrics is not None:
                self._metrics.split(result.kinds)
            if result.lanes > 1:
                # This thread takes one of them itself.
                self._bell.ring(result.lanes - 1)
            if not result.deliveries:
                break
        return done

    def stop(self) -> None:
        """Take nothing new. Turns end after the item they are at and release their lane."""
        self._stopping.set()

    def give_up(self) -> None:
        """Stop waiting for an absent database; the next start settles what is unsettled."""
        self._giving_up.set()

    def longest_turn(self) -> float:
        """Give the age in seconds of the oldest turn under way; 0 when there is none."""
        with self._lock:
            oldest = min(self._since.values(), default=None)
        return 0.0 if oldest is None else self._clock.monotonic() - oldest

    def _claim(self) -> list[Lane]:
        with self._lock:
            most = max(1, self._configuration.threads - 1)
            full = [tenant for tenant, threads in self._busy.items() if threads >= most]
            owner = f"{self.name}:{next(self._owners)}"
            limit = self._batch
        if self._configuration.threads == 1:
            full = []
        started = self._clock.monotonic()
        lanes = self._ledger.lanes.claim(
            owner,
            self._clock.now(),
            lease=self._configuration.lease,
            limit=limit,
            full=full,
        )
        if self._metrics is not None:
            self._metrics.took("claim", self._clock.monotonic() - started)
        if lanes:
            with self._lock:
                self._busy[lanes[0].tenant_id] += 1
                self._since[threading.get_ident()] = self._clock.monotonic()
        return lanes

    def _free(self, lanes: list[Lane]) -> None:
        if not lanes:
            return
        with self._lock:
            tenant = lanes[0].tenant_id
            self._busy[tenant] -= 1
            if self._busy[tenant] <= 0:
                del self._busy[tenant]
            self._since.pop(threading.get_ident(), None)

    def _work(self, lanes: list[Lane]) -> None:
        sent = False
        if len(lanes) > 1:
            lanes, sent = self._take_together(lanes)
        for lane in lanes:
            sent = self._take(lane) or sent
        # A thread that waits for an answer holds up the other lanes it claimed, so where there are
        # sends it claims one at a time; where rules only listen, claims grow and get cheaper.
        self._batch = 1 if sent else min(2 * self._batch, self._configuration.claim_lanes)

    def _take_together(self, lanes: list[Lane]) -> tuple[list[Lane], bool]:
        """Work what can be worked in one transaction; gives the lanes that are left, all when it
        could not be."""
        try:
            return self._turns.take_together(lanes)
        except LedgerError as error:
            say(_LOG, logging.WARNING, "lanes are worked one by one", error, count=len(lanes))
            return lanes, False

    def _take(self, lane: Lane) -> bool:
        started = self._clock.monotonic()
        try:
            return self._turns.take(lane)
        except LeaseLost:
            if self._metrics is not None:
                self._metrics.lost_lane()
            say(_LOG, logging.INFO, "lease lost", tenant=lane.tenant_id, lane=lane.id)
        except Unavailable as error:
            say(_LOG, logging.WARNING, "the database went away in a turn", error, lane=lane.id)
            self._give_back(lane)
        except Exception as error:  # noqa: BLE001  # one turn of the worker
            say(_LOG, logging.ERROR, "a turn failed", error, tenant=lane.tenant_id, lane=lane.id)
        finally:
            if self._metrics is not None:
                self._metrics.took("turn", self._clock.monotonic() - started)
        return True

    def _give_back(self, lane: Lane) -> None:
        """Release a lane whose turn the database cut off, so that it does not count as a death."""
        try:
            self._turns.release(lane)
        except (LeaseLost, Unavailable):
            say(_LOG, logging.WARNING, "a lane is left to its lease", lane=lane.id)
