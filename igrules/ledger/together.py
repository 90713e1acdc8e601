"""Many conversations at once: what each begins with read in one go, what was decided about them
stored in one transaction.

Why: a durable commit costs the same for one decision as for sixty. Every conversation is still
stored or undone by itself, so one that was taken over or has changed does not undo its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass

import igrules.ledger.columns as columns
import igrules.ledger.record as record
from igrules.errors import Conflict, Stale
from igrules.ledger.database import Database, Row, holders
from igrules.ledger.deployment import Deployment
from igrules.ledger.fetched import keep_profile
from igrules.ledger.open_sends import OPEN
from igrules.ledger.releasing import release
from igrules.ledger.runs import PARKED
from igrules.ledger.turns import wake_tenants
from igrules.ledger.values import Lane, StoredEvent
from igrules.model import Decision, Facts

EVENT = "id, kind, source, body, received_at, replays, ref, username, occurred_at"
"""The columns of ``inbox`` that `event_of_row` reads, in order."""


@dataclass(frozen=True, slots=True)
class Decided:
    """An event of a lane and what was decided about it, not stored yet."""

    lane: Lane
    stored: StoredEvent
    decision: Decision
    facts: Facts | None
    version: int
    took_us: int


def event_of_row(row: Row, beside_runs: bool = False, beside_sends: bool = False) -> StoredEvent:
    """The event a row of `EVENT` holds."""
    id, kind, source, body, received_at, replays, ref, username, occurred_at = row
    data = bytes(body or b"")
    event = columns.to_event(data, id) if source == "internal" else None
    return StoredEvent(
        id, kind, source, data, received_at, replays, ref, username, occurred_at, event,
        beside_runs, beside_sends,
    )  # fmt: skip


def first_events(db: Database, lanes: Sequence[Lane]) -> dict[int, StoredEvent]:
    """The oldest open event of each of a tenant's lanes, by lane, where nothing may have its turn
    before it: no send of the lane is open, and no run of it is parked."""
    ids = [lane.id for lane in lanes]
    among = f"lane_id IN ({holders(len(ids))})"
    busy = db.all(
        f"SELECT lane_id FROM send WHERE {among} AND {OPEN}"
        f" UNION ALL SELECT lane_id FROM run WHERE {among} AND {PARKED}",
        [*ids, *ids],
    )
    free = sorted(set(ids) - {row[0] for row in busy})
    if not free:
        return {}
    rows = db.all(
        f"SELECT lane_id, {EVENT} FROM inbox WHERE +tenant_id = ? AND id IN"
        f" (SELECT min(id) FROM inbox WHERE lane_id IN ({holders(len(free))}) AND state = 'open'"
        " GROUP BY lane_id)",
        [lanes[0].tenant_id, *free],
    )
    return {row[0]: event_of_row(row[1:]) for row in rows}


def record_all(
    database: Database, deployment: Deployment, items: Sequence[Decided], now: int, lease: int
) -> set[int]:
    """Store the decisions of one claim's lanes and give those lanes back; gives the lanes done.

    Of the others nothing was stored: they were taken over, or have to be decided again.
    """
    prepared = [
        (item, record.prepare(deployment, item.lane, item.stored, item.decision, now))
        for item in items
    ]

    def keep(db: Database, alone: bool) -> set[int]:
        ours = _hold(db, [item.lane for item in items], now + lease)
        done = []
        for item, rows in prepared:
            if item.lane.id in ours and _store(db, deployment, item, rows, now, alone):
                done.append(item.lane)
        dues = [due for lane in done if (due := release(db, lane, now)) is not None]
        if dues:
            wake_tenants(db, (done[0].tenant_id,), min(dues))
        return {lane.id for lane in done}

    with suppress(Conflict, Stale), database.transaction() as db:
        return keep(db, alone=False)
    # One of them has changed, and all were undone with it. That is rare, and costs less than a
    # savepoint for everybody.
    with database.joined() as db:
        return keep(db, alone=True)


def _hold(db: Database, lanes: Sequence[Lane], due: int) -> set[int]:
    """Lock the lanes in their order, before anything that is locked after a lane, and move the end
    of their leases; gives those that are still ours."""
    fences = {lane.id: lane.fence for lane in lanes}
    rows = db.all(
        f"SELECT id, fence FROM lane WHERE id IN ({holders(len(lanes))}) AND owner = ?"
        f" AND +tenant_id = ? ORDER BY account_id, person{db.locked}",
        [*fences, lanes[0].owner, lanes[0].tenant_id],
    )
    ours = {id for id, fence in rows if fences[id] == fence}
    if ours:
        db.run(
            f"UPDATE lane SET due = ?, deaths = 0 WHERE id IN ({holders(len(ours))})"
            " AND +tenant_id = ?",
            [due, *ours, lanes[0].tenant_id],
        )
    return ours


def _store(
    db: Database,
    deployment: Deployment,
    item: Decided,
    rows: record.Prepared,
    now: int,
    alone: bool,
) -> bool:
    """Store one of them; false, if it stands ``alone``, when it had changed."""
    lane, decision = item.lane, item.decision
    try:
        with db.transaction() if alone else nullcontext():
            contact_id, _ = record.write(
                db, deployment, lane, item.stored, decision, now, item.version, item.took_us, rows
            )
            keep_profile(db, lane, contact_id, item.facts, now)
            record.add_marks(db, lane, contact_id, decision.marks, item.facts)
    except (Conflict, Stale):
        if not alone:
            raise
        return False
    return True
