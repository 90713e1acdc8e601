"""What wakes a run: its time, or the end of the call it waits for.

Why the end of a call is looked up and not handed on: a send is closed in many ways, by its receipt,
by an echo, by a gate, by a person; whoever closes it need not know that a run waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import igrules.ledger.columns as columns
from igrules.ledger.database import Database, Row
from igrules.ledger.open_sends import OPEN
from igrules.ledger.runs import PARKED, one
from igrules.ledger.values import Lane
from igrules.model import Refused, Sent
from igrules.runs import Run

_WAITING = (
    "SELECT r.id, r.due_at, r.state, s.id, s.state, s.reason, s.closed_at, s.message_id, s.evidence"
    " FROM run r LEFT JOIN send s ON r.state = 'calling' AND s.key = r.expects"
    f" WHERE r.lane_id = ? AND r.{PARKED} AND +r.tenant_id = ?"
)


def due_of(lane: str) -> str:
    """When the first run of a lane, by its id, is to be woken: at once (the parameter) when its
    call has ended."""
    return (
        "SELECT min(CASE WHEN r.state = 'calling' AND NOT EXISTS"
        f" (SELECT 1 FROM send w WHERE w.key = r.expects AND w.{OPEN}) THEN ? ELSE r.due_at END)"
        f" FROM run r WHERE r.lane_id = {lane} AND r.{PARKED}"
    )


@dataclass(frozen=True, slots=True)
class DueRun:
    """A run to go on with. ``outcome``: what became of the call it waited for; ``None``: its time
    has come. ``due_at``: since when."""

    run: Run
    outcome: Sent | Refused | None
    due_at: int


def next_run(db: Database, lane: Lane, now: int) -> DueRun | None:
    """The run of the lane that has been due for longest."""
    rows = db.all(_WAITING, (lane.id, lane.tenant_id))
    due = sorted((at, row[0]) for row in rows if (at := _since(row, now)) <= now)
    by_id = {row[0]: row for row in rows}
    for at, id in due:
        run = one(db, lane, id)
        if run is not None:
            return DueRun(run, _outcome(db, by_id[id]), at)
    return None


def _since(row: Row, now: int) -> int:
    """Since when a run is due, or from when on it will be."""
    _, due_at, state, send_id, send_state, _, closed_at = row[:7]
    if state != "calling" or _is_open(send_state):
        return int(due_at)
    # Not later than now, or a clock that was put back would have the lane looked at in vain.
    return now if send_id is None or closed_at is None else min(int(closed_at), now)


def _outcome(db: Database, row: Row) -> Sent | Refused | None:
    """What became of the call; ``None`` for a run that waits for none, or whose call is open."""
    state, send_id, send_state, reason, _, message_id, evidence = row[2:]
    if state != "calling":
        return None
    if send_id is None:
        return Refused("nothing is known of the call any more")
    if _is_open(send_state):
        return None
    if send_state != "sent":
        return Refused(f"{send_state}: {reason}" if reason else send_state)
    found = db.first("SELECT result FROM send WHERE id = ?", (send_id,))
    result = columns.from_json(found[0]) if found else None
    return Sent(message_id, evidence=evidence, result=result)


def _is_open(state: str | None) -> bool:
    return state in ("pending", "sending", "doubt")
