"""Move what is stored: split bodies into events, claim lanes tenant by tenant, work them.

Why `turn` may catch everything: a defect met in one conversation must not stop the others. Its lane
is left to its lease, comes back, and after three deaths the event is set aside with a reason.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from igrules.errors import LeaseLost, Unavailable
from igrules.instagram.reader import read
from igrules.kinds import Registry
from igrules.ledger import Lane, Ledger
from igrules.ledger.database import Database
from igrules.ledger.own_process import new_name
from igrules.ledger.sends import Then
from igrules.work.absence import Absence, of_database
from igrules.work.bell import Bell, SweepOnly
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.logs import say
from igrules.work.patience import Patience
from igrules.work.turns import Turns

if TYPE_CHECKING:
    from igrules.work.metrics import Metrics

_LOG = logging.getLogger(__name__)
_SPLITS = 10
"""Rounds of splitting before lanes get their turn again."""
_IN_A_ROW = 64
"""Claims that follow one another before a thread asks whether it shall stop."""
_BETWEEN_LOOKS = 4
"""Claims that follow one another before this thread looks for webhooks again."""
_LOOK_EVERY = 0.005
"""Seconds in which one look for bodies that other processes have stored is enough."""


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
        database: Absence | None = None,
    ) -> None:
        self._metrics = metrics
        self.name = new_name()
        self._ledger = ledger
        self._configuration = configuration
        self._clock = clock or Clock()
        self._bell = bell or SweepOnly()
        self._stopping = threading.Event()
        self._database = database or of_database(self._clock.monotonic)
        self._patience = Patience(self._clock, self._database)
        self._turns = Turns(
            ledger,
            registry,
            configuration,
            self._clock,
            self._stopping,
            self._patience,
            metrics,
        )
        self._lock = threading.Lock()
        self._owners = itertools.count(1)
        self._busy: Counter[int] = Counter()
        self._since: dict[int, float] = {}
        self._batch = 1
        self._splitting = threading.Lock()
        self._seen, self._looked = -1, 0.0

    def turn(self) -> bool:
        """Split what waits, claim once and work what was claimed. False when nothing was due."""
        if self._stopping.is_set():
            return False
        lanes: list[Lane] = []
        try:
            split = self._split_in_time(lanes)
            self._note(lanes)
            lanes = lanes or self._claim()
            if not lanes and split is None and self.split():
                lanes = self._claim()
        except Unavailable as error:
            self._database.missed(error)
            for lane in lanes:
                self._give_back(lane)
            return False
        found = bool(split or lanes)
        for number in range(1, _IN_A_ROW + 1):
            if not lanes:
                break
            lanes = self._work(lanes, goes_on=number < _IN_A_ROW)
            if lanes and number % _BETWEEN_LOOKS == 0:
                self._look()
        return found

    def _look(self) -> None:
        """Split what waits, between two claims."""
        try:
            self._split_in_time()
        except Unavailable as error:
            self._database.missed(error)

    def _split_in_time(self, into: list[Lane] | None = None) -> int | None:
        """Split what waits, unless this process has just looked or another of its threads is at
        it: then ``None``, and who finds no lane looks once more. What is claimed with it comes
        ``into`` this list, if given."""
        if not self._splitting.acquire(blocking=False):
            return None
        try:
            stored, now = self._ledger.deliveries.stored, self._clock.monotonic()
            if stored == self._seen and now < self._looked + _LOOK_EVERY:
                return None
            self._seen, self._looked = stored, now
            return self.split(into)
        finally:
            self._splitting.release()

    def split(self, into: list[Lane] | None = None) -> int:
        """Split stored bodies until none is left. Give how many.

        ``into`` gets the lanes that are claimed in the transaction that makes the first ones due,
        where that is possible.
        """
        done = 0
        for _ in range(_SPLITS):
            then = None if into is None or into else partial(self._claim_within, 0, into)
            result = self._ledger.deliveries.split(read, self._clock.now(), then=then)
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
        self._patience.give_up()

    def longest_turn(self) -> float:
        """Give the age in seconds of the oldest turn under way; 0 when there is none."""
        with self._lock:
            oldest = min(self._since.values(), default=None)
        return 0.0 if oldest is None else self._clock.monotonic() - oldest

    def _claim(self) -> list[Lane]:
        owner, limit, full = self._wanted()
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
        self._note(lanes)
        return lanes

    def _wanted(self, leaves: int = 0) -> tuple[str, int, list[int]]:
        """Under which name to claim how many lanes, and of which tenants none; ``leaves`` is the
        tenant this thread works for and will no longer."""
        with self._lock:
            owner, limit = f"{self.name}:{next(self._owners)}", self._batch
            busy = self._busy.copy()
        busy[leaves] -= 1
        most = self._configuration.threads - 1
        return owner, limit, [tenant for tenant, n in busy.items() if n >= most > 0]

    def _claim_within(self, leaves: int, into: list[Lane], db: Database) -> Callable[[], None]:
        """Claim in a transaction that makes lanes due, or gives one of this tenant back."""
        owner, limit, full = self._wanted(leaves)
        lanes = self._ledger.lanes.claim_within(
            db,
            owner,
            self._clock.now(),
            lease=self._configuration.lease,
            limit=limit,
            full=full,
        )
        return partial(into.extend, lanes)

    def _note(self, lanes: list[Lane]) -> None:
        """This thread works on these from now on."""
        if lanes:
            with self._lock:
                self._busy[lanes[0].tenant_id] += 1
                self._since[threading.get_ident()] = self._clock.monotonic()

    def _free(self, lanes: list[Lane]) -> None:
        if not lanes:
            return
        with self._lock:
            tenant = lanes[0].tenant_id
            self._busy[tenant] -= 1
            if self._busy[tenant] <= 0:
                del self._busy[tenant]
            self._since.pop(threading.get_ident(), None)

    def _work(self, lanes: list[Lane], goes_on: bool = True) -> list[Lane]:
        """Work these, and give those that were claimed as the last of them was given back: that
        saves a transaction. Not when this thread shall look for webhooks first."""
        following: list[Lane] = []
        try:
            self._take_all(lanes, following if goes_on else None)
        finally:
            self._free(lanes)
            self._note(following)
        return following

    def _take_all(self, lanes: list[Lane], following: list[Lane] | None) -> None:
        waited = False
        if len(lanes) > 1:
            lanes, waited = self._take_together(lanes)
        for lane in lanes:
            then: Then | None = None
            if following is not None and lane is lanes[-1] and not self._stopping.is_set():
                then = partial(self._claim_within, lane.tenant_id, following)
            waited = self._take(lane, then) or waited
        # A thread that waits for an answer holds up the other lanes it claimed, so where there are
        # sends or reads it claims one at a time; where rules only listen, claims grow and get
        # cheaper.
        self._batch = 1 if waited else min(2 * self._batch, self._configuration.claim_lanes)

    def _take_together(self, lanes: list[Lane]) -> tuple[list[Lane], bool]:
        """Work what can be worked in one transaction; gives the lanes that are left, all when it
        could not be: whose defect it is shows there."""
        try:
            return self._turns.take_together(lanes)
        except Exception as error:  # noqa: BLE001  # one turn of the worker
            say(_LOG, logging.WARNING, "lanes are worked one by one", error, count=len(lanes))
            return lanes, False

    def _take(self, lane: Lane, then: Then | None) -> bool:
        started = self._clock.monotonic()
        try:
            return self._turns.take(lane, then)
        except LeaseLost:
            if self._metrics is not None:
                self._metrics.lost_lane()
            say(_LOG, logging.INFO, "lease lost", tenant=lane.tenant_id, lane=lane.id)
        except Unavailable as error:
            self._database.missed(error, lane=lane.id)
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
