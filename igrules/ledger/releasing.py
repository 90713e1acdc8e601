"""When a conversation has to be looked at next, as it is given back."""

from __future__ import annotations

import igrules.ledger.handoffs as handoffs
import igrules.ledger.wakes as wakes
from igrules.ledger.database import Database
from igrules.ledger.open_sends import OPEN
from igrules.ledger.values import Lane

_RELEASE = (
    "UPDATE lane SET owner = NULL, deaths = 0, due = CASE WHEN EXISTS"
    " (SELECT 1 FROM inbox WHERE lane_id = ? AND state = 'open') THEN ? ELSE"
    " (SELECT min(at) FROM (SELECT min(CASE WHEN s.state = 'sending' THEN ? ELSE s.not_before END)"
    f" AS at FROM send s WHERE s.lane_id = ? AND s.{OPEN} AND NOT EXISTS (SELECT 1 FROM send o"
    f" WHERE o.lane_id = s.lane_id AND o.track = s.track AND o.id < s.id AND o.{OPEN})"
    f" UNION ALL {wakes.DUE} UNION ALL {handoffs.NEXT_END}) AS later)"
    " END WHERE id = ? AND +tenant_id = ? RETURNING due"
)
"""Due is when an event, the first send of a track or a run can be worked on, or a handoff ends;
null when there is none. A call nobody waits for any more is due at once: the next turn says that
its outcome is unclear."""


def release(db: Database, lane: Lane, now: int) -> int | None:
    """Give back a lane that this transaction has locked; gives when it is due, if ever. Whoever
    calls wakes the tenant for that time."""
    row = db.first(
        _RELEASE,
        (lane.id, now, now, lane.id, now, lane.id, lane.account_id, lane.person,
         lane.tenant_id, lane.id, lane.tenant_id),
    )  # fmt: skip
    return None if row is None else row[0]
