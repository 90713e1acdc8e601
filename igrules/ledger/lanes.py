"""Conversations as units of work: claimed, worked on under a fence, given back.

A lane is due when something of it can be done. A claim moves ``due`` to the end of its lease, so
the lane of a dead worker becomes due by itself; nothing else schedules anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import igrules.ledger.echoes as echoes
import igrules.ledger.handoffs as handoffs
import igrules.ledger.record as record
import igrules.ledger.upkeep as upkeep
import igrules.ledger.wakes as wakes
from igrules.ledger.database import Database, holders
from igrules.ledger.deployment import Deployment
from igrules.ledger.facts import Known, known_of, read_facts
from igrules.ledger.fetched import keep_profile
from igrules.ledger.leases import hold_lane, lease_lost
from igrules.ledger.open_sends import OPEN
from igrules.ledger.own_process import is_gone, is_surely_gone
from igrules.ledger.parked_counts import ParkedCounts
from igrules.ledger.quarantine import POISONED
from igrules.ledger.releasing import release
from igrules.ledger.runs import PARKED
from igrules.ledger.sends import Sends
from igrules.ledger.starting import Start
from igrules.ledger.together import EVENT, event_of_row, first_events, record_all
from igrules.ledger.turns import note_claim, wake_tenants
from igrules.ledger.values import Decided, Lane, ReadFacts, Ready, StoredEvent
from igrules.ledger.wakes import DueRun
from igrules.model import EMPTY, Decision, Effect, Event, Facts

_TENANTS_TRIED = 4
_APART = 250
_SILENT = 7_000
"""A process that lives says so every five seconds."""
_BACK = 5_000
"""So long a process that has ended may take to be started again."""


class Lanes:
    """The worker's side of lanes and their events."""

    def __init__(self, database: Database, deployment: Deployment, sends: Sends) -> None:
        self._db = database
        self._deployment = deployment
        self._sends = sends
        self._parked = ParkedCounts()

    def claim(
        self, owner: str, now: int, *, lease: int, limit: int, full: Collection[int] = ()
    ) -> list[Lane]:
        """Take up to ``limit`` due lanes of one tenant: of the one served longest ago that is not
        ``full``.

        A lane whose last lease was never released is given alone, so that an event that kills its
        worker counts against nobody else. Empty: nothing is due.
        """
        if self._db.engine == "sqlite" and not _may_find(self._db, full, now):
            # One writes at a time there, and who would find nothing does not ask for the turn.
            return []
        # A claim that a power cut takes back belonged to a worker that the power cut has ended.
        return self._db.share(
            lambda db: self.claim_within(db, owner, now, lease=lease, limit=limit, full=full),
            durable=False,
        )

    def claim_within(
        self,
        db: Database,
        owner: str,
        now: int,
        *,
        lease: int,
        limit: int,
        full: Collection[int] = (),
    ) -> list[Lane]:
        """The same at the end of a transaction that is open already."""
        lanes: list[Lane] = []
        empty: list[int] = []
        while not lanes and len(empty) < _TENANTS_TRIED:
            tenant_id = _next_tenant(db, {*full, *empty}, now)
            if tenant_id is None:
                break
            lanes = self._take(db, tenant_id, owner, now, lease, limit)
            if not lanes:
                empty.append(tenant_id)
        note_claim(db, lanes[0].tenant_id if lanes else None, empty, now)
        return lanes

    def _take(
        self, db: Database, tenant_id: int, owner: str, now: int, lease: int, limit: int
    ) -> list[Lane]:
        rows = db.all(
            "SELECT id, account_id, person, fence, owner, deaths FROM lane"
            f" WHERE tenant_id = ? AND due <= ? ORDER BY due LIMIT ?{db.skipping}",
            (tenant_id, now, limit),
        )
        if not rows:
            return []
        if rows[0][4] is not None:
            rows = rows[:1]
        else:
            rows = [row for row in rows if row[4] is None]
        db.run(
            "UPDATE lane SET owner = ?, due = ?, fence = fence + 1,"
            " deaths = deaths + CASE WHEN owner IS NULL THEN 0 ELSE 1 END"
            f" WHERE id IN ({holders(len(rows))}) AND +tenant_id = ?",
            [owner, now + lease, *(row[0] for row in rows), tenant_id],
        )
        lanes = []
        for id, account_id, person, fence, before, deaths in rows:
            died = deaths + (before is not None)
            lanes.append(
                Lane(id, tenant_id, account_id, person, fence + 1, owner, died >= POISONED, died)
            )
        return lanes

    def release(self, lane: Lane, now: int) -> None:
        """Give a lane back, due when its next item is. Raises `LeaseLost`."""

        def work(db: Database) -> None:
            # Locked by a statement of its own, so that the next one sees what a split that held the
            # lane has put into it.
            if not db.first(
                "SELECT id FROM lane WHERE id = ? AND fence = ? AND owner = ?"
                f" AND +tenant_id = ?{db.locked}",
                (lane.id, lane.fence, lane.owner, lane.tenant_id),
            ):
                raise lease_lost(lane)
            release(db, [lane], now)

        self._db.share(work, durable=False)

    def sweep(self, now: int) -> bool:
        """Make up for every missed wake-up: true when a lane is due or a body waits to be split.

        Keeps SQLite's write-ahead log short as well, since nothing else does.
        """
        upkeep.checkpoint(self._db)
        late = self._db.all(
            "SELECT t.tenant_id FROM turn t WHERE (t.next_due IS NULL OR t.next_due > ?)"
            " AND EXISTS (SELECT 1 FROM lane l WHERE l.tenant_id = t.tenant_id AND l.due <= ?)",
            (now, now),
        )
        if late:
            with self._db.transaction(durable=False) as db:
                wake_tenants(db, [row[0] for row in late], now)
            return True
        if self._db.all("SELECT id FROM delivery WHERE state = 'open' LIMIT 1"):
            return True
        return bool(
            self._db.all(
                "SELECT t.tenant_id FROM turn t WHERE t.next_due <= ? AND EXISTS (SELECT 1"
                " FROM lane l WHERE l.tenant_id = t.tenant_id AND l.due <= ?) LIMIT 1",
                (now, now),
            )
        )

    def free_orphans(self, now: int) -> int:
        """Make the lanes due that a process of this machine held which has ended without a word,
        long before their leases are over; gives how many.

        A process that may only look gone, because its number means nothing here, still says that it
        lives, so its silence is waited for.
        """
        gone = [
            row.name
            for row in upkeep.processes(self._db)
            if is_surely_gone(row.name) or (row.beat_at < now - _SILENT and is_gone(row.name))
        ]
        return sum(self._free(name, now) for name in gone)

    def _free(self, process: str, now: int) -> int:
        begin = f"{process}:"
        with self._db.transaction(durable=False) as db:
            rows = db.all(
                "SELECT id, tenant_id, deaths + 1 FROM lane WHERE substr(owner, 1, ?) = ?"
                f" ORDER BY account_id, person{db.locked}",
                (len(begin), begin),
            )
            # One after the other: what killed the process must not take the same neighbours with it
            # again and again, until they count as poison themselves. And what killed before waits,
            # or it would find no process left that works while those are started again.
            for place, (id, tenant_id, died) in enumerate(rows):
                due = now + min(place * _APART, _SILENT)
                if 1 < died < POISONED:
                    due = max(due, now + _BACK)
                db.run(
                    "UPDATE lane SET due = ? WHERE id = ? AND tenant_id = ?", (due, id, tenant_id)
                )
            db.run("DELETE FROM process WHERE name = ?", (process,))
            wake_tenants(db, {tenant_id for _, tenant_id, _ in rows}, now)
        return len(rows)

    def depth(self, now: int) -> int:
        """How many lanes are due."""
        return self._db.number("SELECT count(*) FROM lane WHERE due <= ?", (now,))

    def next_event(self, lane: Lane, now: int, *, only_own: bool = False) -> StoredEvent | None:
        """The oldest event of the lane that is not decided yet; ``only_own``: the oldest that tells
        of an act of the account itself."""
        lowest = "SELECT min(o.id) FROM inbox o WHERE o.lane_id = ? AND o.state = 'open'"
        if only_own:
            # In two steps, so that the kind is looked at in open events only.
            waiting = "SELECT w.id FROM inbox w WHERE w.lane_id = ? AND w.state = 'open'"
            lowest = (
                f"SELECT min(o.id) FROM inbox o WHERE o.id IN ({waiting})"
                " AND o.kind IN ('echo', 'own')"
            )
        row = self._db.first(
            f"SELECT {EVENT},"
            f" (SELECT min(r.due_at) FROM run r WHERE r.lane_id = i.lane_id AND r.{PARKED}),"
            f" (SELECT min(s.id) FROM send s WHERE s.lane_id = i.lane_id AND s.{OPEN})"
            # By its lowest id, because a plain order would be read off the lane's whole history.
            f" FROM inbox i WHERE i.id = ({lowest}) AND i.tenant_id = ?",
            (lane.id, lane.tenant_id),
        )
        if row is None:
            return None
        return event_of_row(row[:-2], row[-2] is not None, row[-1] is not None)

    def first_events(self, lanes: Sequence[Lane]) -> dict[int, StoredEvent]:
        """The oldest open event of each of a tenant's lanes, by lane, where nothing may have its
        turn before it: no send of the lane is open, and no run of it is parked."""
        return first_events(self._db, lanes)

    def facts(
        self,
        lane: Lane,
        event: Event,
        now: int,
        *,
        marks: Mapping[str, int] = EMPTY,
        marks_post: Mapping[str, int] = EMPTY,
        marks_all: Mapping[str, int] = EMPTY,
        per_contact_window: int = 86_400_000,
        parks: bool = False,
        known: Known | None = None,
    ) -> ReadFacts:
        """What is known about the lane's person. ``marks*`` name marks and how many of the newest
        matter, for this contact, for this post, for the whole tenant. ``parks``: a run may stop and
        wait, so it matters how many of the tenant do. ``known`` is what `known` gave for it."""
        parked = self._parked.of(self._db, lane.tenant_id, now) if parks else 0
        return read_facts(
            self._db, lane, event, now, marks, marks_post, marks_all, per_contact_window, parked,
            known,
        )  # fmt: skip

    def known(self, lanes: Sequence[Lane], now: int, per_contact_window: int) -> Known:
        """What `facts` needs of each of these lanes of one tenant, read together; none of them has
        a parked run."""
        return known_of(self._db, lanes, now, per_contact_window)

    def record(
        self,
        lane: Lane,
        stored: StoredEvent,
        decision: Decision,
        now: int,
        *,
        version: int,
        lease: int,
        facts: Facts | None = None,
        took_us: int = 0,
        quiet: int = 0,
        deadline: Callable[[Effect], int] | None = None,
        rate_scale: float = 1.0,
    ) -> Ready | None:
        """Store a decision with everything that follows from it, and close the event: all or
        nothing.

        With ``facts``, marks that count for a post or for everyone are looked up again, and
        `Stale` is raised when they no longer are what the decision saw. Raises `LeaseLost`.

        With ``deadline``, ``quiet`` and ``rate_scale`` (see `Sends.begin`), the first send is begun
        in the same transaction when its gates are open, and given: one wait for the disk less.
        """
        start = self._start(lane, decision, lease, quiet, deadline, rate_scale)
        item = Decided(lane, stored, decision, facts, version, took_us)
        prepared = record.prepare(self._deployment, item, now)

        def work(db: Database) -> Ready | None:
            hold_lane(db, lane, now + lease)
            contact_id, ready = record.write(db, self._deployment, item, now, prepared, start)
            keep_profile(db, lane, contact_id, facts, now)
            record.add_marks(db, lane, contact_id, decision.marks, facts)
            return ready

        return self._db.share(work)

    def record_together(self, items: Sequence[Decided], now: int) -> set[int]:
        """Store decisions about lanes that were claimed together in one transaction, each with
        everything that follows from it, and give these lanes back; gives the lanes done.

        Of the others nothing was stored: they were taken over, or have to be decided again.
        """
        return record_all(self._db, self._deployment, items, now)

    def next_run(self, lane: Lane, now: int) -> DueRun | None:
        """The run of the lane that has been due for longest, and what wakes it."""
        return wakes.next_run(self._db, lane, now)

    def record_wake(
        self,
        lane: Lane,
        due: DueRun,
        decision: Decision,
        now: int,
        *,
        lease: int,
        facts: Facts | None = None,
        quiet: int = 0,
        deadline: Callable[[Effect], int] | None = None,
        rate_scale: float = 1.0,
    ) -> Ready | None:
        """Store how a due run goes on or ends, with everything that follows, all or nothing; the
        rest is as in `record`.

        Raises `LeaseLost`, and `Stale` when the run has ended meanwhile.
        """
        start = self._start(lane, decision, lease, quiet, deadline, rate_scale)

        def work(db: Database) -> Ready | None:
            hold_lane(db, lane, now + lease)
            contact_id, ready = record.write_wake(
                db, self._deployment, lane, due.run, decision, now, start
            )
            keep_profile(db, lane, contact_id, facts, now)
            record.add_marks(db, lane, contact_id, decision.marks, facts)
            return ready

        return self._db.share(work)

    def _start(
        self,
        lane: Lane,
        decision: Decision,
        lease: int,
        quiet: int,
        deadline: Callable[[Effect], int] | None,
        rate_scale: float,
    ) -> Start | None:
        if deadline is None or not decision.effects:
            return None
        way = self._sends.account(lane)
        return Start(way, lease, quiet, deadline, rate_scale) if way else None

    def end_handoff(self, lane: Lane, now: int) -> bool:
        """Give the conversation back to the rules when the time of a person is over, and tell them
        by an event; true when it was. Raises `LeaseLost`."""
        return handoffs.end(self._db, lane, now)

    def echo(
        self, lane: Lane, event: Event, now: int, settled: echoes.Settled | None = None
    ) -> bool:
        """Settle a send of ours by its echo, or by our own comment coming in; true when it was
        ours. ``settled`` is told of one that was unclear."""
        return echoes.settle(self._db, self._deployment, lane, event, now, settled)

    def quarantine(self, lane: Lane, stored: StoredEvent, now: int, version: int) -> None:
        """Set an event aside that has ended its worker again and again. Raises `LeaseLost`."""
        with self._db.transaction() as db:
            hold_lane(db, lane, None)
            record.quarantine(db, lane, stored, now, version)


def _may_find(db: Database, passed: Collection[int], now: int) -> bool:
    """Whether a claim now would find a lane, or so many tenants that have none that it is time to
    put them off."""
    out = f" AND tenant_id NOT IN ({holders(len(passed))})" if passed else ""
    rows = db.all(
        "SELECT EXISTS (SELECT 1 FROM lane l WHERE l.tenant_id = soonest.tenant_id AND l.due <= ?)"
        f" FROM (SELECT tenant_id FROM turn WHERE next_due <= ?{out} ORDER BY served_at LIMIT ?)"
        " AS soonest",
        [now, now, *passed, _TENANTS_TRIED],
    )
    return len(rows) == _TENANTS_TRIED or any(row[0] for row in rows)


def _next_tenant(db: Database, passed: Collection[int], now: int) -> int | None:
    out = f" AND tenant_id NOT IN ({holders(len(passed))})" if passed else ""
    row = db.first(
        f"SELECT tenant_id FROM turn WHERE next_due <= ?{out} ORDER BY served_at LIMIT 1",
        [now, *passed],
    )
    return int(row[0]) if row else None
