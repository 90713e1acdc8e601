"""When a conversation has to be looked at next, as it is given back."""

from __future__ import annotations

import igrules.ledger.handoffs as handoffs
import igrules.ledger.wakes as wakes
from igrules.ledger.database import Database
from igrules.ledger.open_sends import OPEN
from igrules.ledger.turns import wake_tenants
from igrules.ledger.values import Lane

_DUE = (
    "CASE WHEN EXISTS"
    " (SELECT 1 FROM inbox WHERE lane_id = ? AND state = 'open') THEN ? ELSE"
    " (SELECT min(at) FROM (SELECT min(CASE WHEN s.state = 'sending' THEN ? ELSE s.not_before END)"
    f" AS at FROM send s WHERE s.lane_id = ? AND s.{OPEN} AND NOT EXISTS (SELECT 1 FROM send o"
    f" WHERE o.lane_id = s.lane_id AND o.track = s.track AND o.id < s.id AND o.{OPEN})"
    f" UNION ALL {wakes.DUE} UNION ALL {handoffs.NEXT_END}) AS later) END"
)
"""Due is when an event, the first send of a track or a run can be worked on, or a handoff ends;
null when there is none. A call nobody waits for any more is due at once: the next turn says that
its outcome is unclear."""


def release(db: Database, lane: Lane, now: int) -> int | None:
    """Give back a lane that this transaction has locked; gives when it is due, if ever. Whoever
    calls wakes the tenant for that time."""
    row = db.first(
        f"UPDATE lane SET owner = NULL, deaths = 0, due = {_DUE}"
        " WHERE id = ? AND +tenant_id = ? RETURNING due",
        [*_of(lane, now), lane.id, lane.tenant_id],
    )
    return None if row is None else row[0]


def rest(db: Database, lane: Lane, now: int) -> bool:
    """Give back a lane that this transaction has locked, when it is still ours and nothing in it
    can be worked on now; true when it was."""
    row = db.first(
        f"UPDATE lane SET owner = NULL, deaths = 0, due = next.due FROM (SELECT {_DUE} AS due)"
        " AS next WHERE id = ? AND fence = ? AND owner = ? AND +tenant_id = ?"
        " AND (next.due IS NULL OR next.due > ?) RETURNING lane.due",
        [*_of(lane, now), lane.id, lane.fence, lane.owner, lane.tenant_id, now],
    )
    if row is None:
        return False
    if row[0] is not None:
        wake_tenants(db, (lane.tenant_id,), row[0])
    return True


def _of(lane: Lane, now: int) -> list[object]:
    """The parameters of `_DUE`."""
    return [
        lane.id, now, now, lane.id, now, lane.id, lane.account_id, lane.person, lane.tenant_id,
    ]  # fmt: skip
