"""Webhook bodies: stored before the answer, split into events afterwards.

Why a body is stored as it came: understanding it may fail, and Meta cannot be asked again.
Splitting is serial, in order of arrival, one transaction a batch; a crash rolls it back and the
next one does it again.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import igrules.ledger.adopting as adopting
from igrules.errors import Unavailable, Unreadable
from igrules.ledger.adopting import Stray
from igrules.ledger.database import Database, Row, holders, tuples
from igrules.ledger.deployment import Deployment
from igrules.ledger.drivers import BUSY_SECONDS
from igrules.ledger.fair_lock import FairLock
from igrules.ledger.intake import Body, Intake
from igrules.ledger.leases import hold_splits
from igrules.ledger.refused import RefusedWebhooks
from igrules.ledger.routing import Target
from igrules.ledger.sends import Then
from igrules.ledger.stats import add_stat
from igrules.ledger.upkeep import checkpoint
from igrules.ledger.values import NewDelivery, SplitResult
from igrules.model import Account, Event

Read = Callable[[bytes, int], Sequence[Event]]

_MOST_BYTES = 8 << 20
"""How much of bodies a split holds in memory at once."""

_READER_FAILURES = (Unreadable, ArithmeticError, AttributeError, LookupError, RecursionError,
                    TypeError, ValueError)  # fmt: skip
"""One body that no reader can take must not hold up all others for ever."""


class Deliveries:
    """Stores bodies and splits them."""

    def __init__(self, database: Database, deployment: Deployment) -> None:
        self._db = database
        self._deployment = deployment
        self.refused = RefusedWebhooks(database)
        self.stored = 0
        """How many groups of bodies this process has stored so far."""
        self._turn = FairLock()
        self._neighbours = database.neighbours
        self._gate = threading.Lock()
        self._forged = 0
        self._forged_at = 0
        self._counted_at = 0.0
        self._checked_at = 0.0

    def store(self, items: Sequence[NewDelivery]) -> list[int]:
        """Store verified bodies in one durable transaction and give their ids, in order."""
        if not items:
            return []
        parameters: list[object] = []
        for item in items:
            digest = hashlib.sha256(item.body).digest()
            parameters += [item.received_at, item.app_id, item.route_tenant_id, digest,
                           len(item.body), "open", item.body]  # fmt: skip
        rows = self._db.share(
            lambda db: db.all(
                "INSERT INTO delivery (received_at, app_id, route_tenant_id, sha256, bytes, state,"
                f" body) VALUES {tuples(len(items), 7)} RETURNING id",
                parameters,
            )
        )
        with self._gate:
            self.stored += 1
        self._keep_log_short()
        self.refused.write()
        # Ids are drawn in the order of the rows; the order of the answer is not promised.
        return sorted(row[0] for row in rows)

    def _keep_log_short(self) -> None:
        """At most once a second: where only webhooks are taken, nobody else does it."""
        if time.monotonic() - self._checked_at >= 1:
            self._checked_at = time.monotonic()
            checkpoint(self._db)

    def split(
        self,
        read: Read,
        now: int,
        *,
        limit: int = 100,
        max_events: int = 500,
        then: Then | None = None,
    ) -> SplitResult:
        """Turn open bodies, oldest first, into events: up to ``limit`` bodies, or as many as make
        ``max_events`` events, one at least. Every update ends as an event, a duplicate, an orphan
        or a test.

        ``read`` gives the events of a body; a body it cannot read is kept as ``unreadable``.
        ``then`` is done at the end of the transaction, on SQLite only. Nothing is done there while
        another process splits, which looks again afterwards.
        """
        if not self._turn.acquire(BUSY_SECONDS):
            raise Unavailable("another thread splits for too long", "try again")
        try:
            if self._db.engine == "sqlite":
                return self._split_sqlite(read, now, limit, max_events, then)
            return self._split_postgres(read, now, limit, max_events)
        finally:
            self._turn.release()

    def _split_sqlite(
        self, read: Read, now: int, limit: int, max_events: int, then: Then | None
    ) -> SplitResult:
        """Look before the others are asked to wait: so who is turned away is seen to."""
        rows = self._open(limit)
        if not rows or (self._neighbours is not None and not self._neighbours.may_split()):
            return SplitResult()
        try:
            return self._split_these(_parsed(rows, read, max_events), now, then)
        finally:
            if self._neighbours is not None:
                self._neighbours.has_split()

    def _split_these(self, bodies: list[Body], now: int, then: Then | None) -> SplitResult:
        """Read before the write lock is taken, so that nobody waits for a parser."""

        def work(db: Database) -> tuple[SplitResult, Callable[[], None] | None]:
            ids = [body.id for body in bodies]
            still = db.all(
                f"SELECT id FROM delivery WHERE state = 'open' AND id IN ({holders(len(ids))})", ids
            )
            left = {row[0] for row in still}
            result = self._take(db, [body for body in bodies if body.id in left], now)
            return result, then(db) if then is not None and result.lanes else None

        result, stored = self._db.share(work)
        if stored is not None:
            stored()
        return result

    def _split_postgres(self, read: Read, now: int, limit: int, max_events: int) -> SplitResult:
        with self._db.transaction() as db:
            if not db.first(f"SELECT name FROM chore WHERE name = 'split'{db.skipping}"):
                return SplitResult()
            bodies = _parsed(self._open(limit), read, max_events)
            return self._take(db, bodies, now) if bodies else SplitResult()

    def _take(self, db: Database, bodies: list[Body], now: int) -> SplitResult:
        return Intake(db, self._deployment, now).take(bodies) if bodies else SplitResult()

    def _open(self, limit: int) -> list[Row]:
        """The oldest open bodies, one at least, together no larger than `_MOST_BYTES`."""
        sizes = self._db.all(
            "SELECT id, bytes FROM delivery WHERE state = 'open' ORDER BY id LIMIT ?", (limit,)
        )
        ids: list[int] = []
        total = 0
        for id, size in sizes:
            total += size
            if ids and total > _MOST_BYTES:
                break
            ids.append(id)
        if not ids:
            return []
        return self._db.all(
            "SELECT id, app_id, route_tenant_id, received_at, body FROM delivery"
            f" WHERE state = 'open' AND id IN ({holders(len(ids))}) ORDER BY id",
            ids,
        )

    def adoptable(self, read: Read, app: str | None = None) -> list[Stray]:
        """The oldest orphans that a tenant can take now, `adopting.MOST` at most; of one app, by
        its name."""
        return adopting.ready(self._db, read, app)

    def adopt(self, strays: Sequence[Stray], now: int) -> SplitResult:
        """Make these orphans events of the tenants that have their accounts now, each once."""
        return adopting.adopt(self._db, self._deployment, strays, now)

    def take_polled(self, account: Account, events: Sequence[Event], now: int) -> int:
        """Store events that were read for an account, with the source ``poll``; gives how many
        nobody had seen before."""
        target = Target(account.id, account.tenant_id, True, "")
        with self._db.transaction() as db:
            # As a split: one at a time, and never beside an erasure.
            hold_splits(db)
            return Intake(db, self._deployment, now, "poll").polled(target, events).events

    def waiting(self) -> bool:
        """Whether a body waits to be split."""
        return bool(self._db.all("SELECT id FROM delivery WHERE state = 'open' LIMIT 1"))

    def count_forged(self, now: int) -> None:
        """Count a webhook nobody known has signed. Written at most once a second, so that forging
        requests cannot keep the disk busy; `write_forged` brings the rest."""
        with self._gate:
            self._forged += 1
            self._forged_at = now
            if time.monotonic() - self._counted_at < 1:
                return
        self.write_forged(now)

    def write_forged(self, now: int | None = None) -> None:
        """Store what `count_forged` has kept back, under the day of ``now``, or of the last one."""
        self.refused.write()
        with self._gate:
            count, self._forged = self._forged, 0
            day = self._forged_at if now is None else now
            self._counted_at = time.monotonic()
        if count:
            with self._restoring(count), self._db.transaction(durable=False) as db:
                add_stat(db, 0, day, "forged", "", count)

    @contextmanager
    def _restoring(self, count: int) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with self._gate:
                self._forged += count
            raise


def _parsed(rows: Sequence[Row], read: Read, max_events: int) -> list[Body]:
    bodies: list[Body] = []
    events = 0
    for id, app_id, route_tenant_id, received_at, body in rows:
        found: tuple[Event, ...] | None
        try:
            found = tuple(read(bytes(body), received_at))
        except _READER_FAILURES:
            found = None
        bodies.append(Body(id, app_id, route_tenant_id, received_at, found))
        events += len(found or ())
        if events >= max_events:
            break
    return bodies
