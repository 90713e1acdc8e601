"""Many conversations at once: what each begins with read in one go, what was decided about them
stored in one transaction.

Why: a durable commit costs the same for one decision as for sixty, and most decisions are that no
rule answers: nothing follows, so one statement stores all of them. Every conversation is still
stored or undone by itself: one that was taken over or has changed does not undo its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress

import igrules.ledger.columns as columns
import igrules.ledger.record as record
from igrules.errors import Conflict, Stale
from igrules.ledger.database import Database, Row, holders
from igrules.ledger.deployment import Deployment
from igrules.ledger.fetched import keep_profile
from igrules.ledger.open_sends import OPEN
from igrules.ledger.releasing import release
from igrules.ledger.runs import PARKED
from igrules.ledger.values import Decided, Lane, StoredEvent

_Pair = tuple[Decided, record.Prepared]

EVENT = "id, kind, source, body, received_at, replays, ref, username, occurred_at"
"""The columns of ``inbox`` that `event_of_row` reads, in order."""


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
    database: Database, deployment: Deployment, items: Sequence[Decided], now: int
) -> set[int]:
    """Store the decisions of one claim's lanes and give those lanes back; gives the lanes done.

    Of the others nothing was stored: they were taken over, or have to be decided again.
    """
    prepared = [(item, record.prepare(deployment, item, now)) for item in items]

    def keep(db: Database, alone: bool) -> set[int]:
        ours = _locked(db, [item.lane for item in items])
        bare, rest = list[_Pair](), list[_Pair]()
        for item, rows in prepared:
            if item.lane.id in ours:
                (bare if not alone and record.is_bare(item) else rest).append((item, rows))
        if bare:
            record.write_bare(db, bare, now)
        done = [item.lane for item, _ in bare]
        for item, rows in rest:
            if _store(db, deployment, item, rows, now, alone):
                done.append(item.lane)
        if done:
            release(db, done, now)
        return {lane.id for lane in done}

    with suppress(Conflict, Stale), database.transaction() as db:
        return keep(db, alone=False)
    # One of them has changed, and all were undone with it. That is rare, and costs less than a
    # savepoint for everybody.
    with database.joined() as db:
        return keep(db, alone=True)


def _locked(db: Database, lanes: Sequence[Lane]) -> set[int]:
    """Lock the lanes in their order, before anything that is locked after a lane; gives those that
    are still ours."""
    fences = {lane.id: lane.fence for lane in lanes}
    rows = db.all(
        f"SELECT id, fence FROM lane WHERE id IN ({holders(len(lanes))}) AND owner = ?"
        f" AND +tenant_id = ? ORDER BY account_id, person{db.locked}",
        [*fences, lanes[0].owner, lanes[0].tenant_id],
    )
    return {id for id, fence in rows if fences[id] == fence}


def _store(
    db: Database,
    deployment: Deployment,
    item: Decided,
    rows: record.Prepared,
    now: int,
    alone: bool,
) -> bool:
    """Store one of them; false, if it stands ``alone``, when it had changed."""
    try:
        with db.transaction() if alone else nullcontext():
            contact_id, _ = record.write(db, deployment, item, now, rows)
            keep_profile(db, item.lane, contact_id, item.facts, now)
            record.add_marks(db, item.lane, contact_id, item.decision.marks, item.facts)
    except (Conflict, Stale):
        if not alone:
            raise
        return False
    return True
