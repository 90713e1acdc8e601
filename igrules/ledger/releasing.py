"""When a conversation has to be looked at next, as it is given back."""

from __future__ import annotations

from collections.abc import Sequence

from igrules.ledger.database import Database, holders
from igrules.ledger.handoffs import next_end
from igrules.ledger.open_sends import OPEN
from igrules.ledger.turns import wake_tenants
from igrules.ledger.values import Lane
from igrules.ledger.wakes import due_of


def _due(id: str, account: str, person: str, tenant: str) -> str:
    """When an event, the first send of a track or a run of a lane can be worked on, or a handoff
    ends; null when there is none. A call nobody waits for any more is due at once: the next turn
    says that its outcome is unclear."""
    return (
        f"CASE WHEN EXISTS (SELECT 1 FROM inbox WHERE lane_id = {id} AND state = 'open') THEN ?"
        " ELSE (SELECT min(at) FROM ("
        "SELECT min(CASE WHEN s.state = 'sending' THEN ? ELSE s.not_before END) AS at"
        f" FROM send s WHERE s.lane_id = {id} AND s.{OPEN} AND NOT EXISTS (SELECT 1 FROM send o"
        f" WHERE o.lane_id = s.lane_id AND o.track = s.track AND o.id < s.id AND o.{OPEN})"
        f" UNION ALL {due_of(id)} UNION ALL {next_end(account, person, tenant)}) AS later) END"
    )


_DUE = _due("lane.id", "lane.account_id", "lane.person", "lane.tenant_id")
_DUE_OF_ONE = _due("?", "?", "?", "?")


def release(db: Database, lanes: Sequence[Lane], now: int) -> None:
    """Give back lanes of one tenant that this transaction has locked, and see to it that the tenant
    is looked at when the first of them is due."""
    tenant_id = lanes[0].tenant_id
    rows = db.all(
        f"UPDATE lane SET owner = NULL, deaths = 0, due = {_DUE}"
        f" WHERE id IN ({holders(len(lanes))}) AND +tenant_id = ? RETURNING due",
        [now, now, now, *(lane.id for lane in lanes), tenant_id],
    )
    dues = [due for (due,) in rows if due is not None]
    if dues:
        wake_tenants(db, (tenant_id,), min(dues))


def rest(db: Database, lane: Lane, now: int) -> bool:
    """Give back a lane that this transaction has locked, when it is still ours and nothing in it
    can be worked on now; true when it was."""
    row = db.first(
        f"UPDATE lane SET owner = NULL, deaths = 0, due = next.due FROM (SELECT {_DUE_OF_ONE} AS"
        " due) AS next WHERE id = ? AND fence = ? AND owner = ? AND +tenant_id = ?"
        " AND (next.due IS NULL OR next.due > ?) RETURNING lane.due",
        [
            lane.id, now, now, lane.id, now, lane.id, lane.account_id, lane.person, lane.tenant_id,
            lane.id, lane.fence, lane.owner, lane.tenant_id, now,
        ],
    )  # fmt: skip
    if row is None:
        return False
    if row[0] is not None:
        wake_tenants(db, (lane.tenant_id,), row[0])
    return True
