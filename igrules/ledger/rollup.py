"""Statistics that stay when events and sends are deleted: days that are over, counted once.

Why by time and not by row: a mark on every row would be one more write for each event. What is
before the tenant's mark stands in ``stat``, what is after it is counted where it lies.
"""

from __future__ import annotations

from igrules.ledger.database import Database
from igrules.ledger.days import DAY, begins, local_day, next_midnight
from igrules.ledger.quotas import limits
from igrules.ledger.tally import Tally, tally

_AT_ONCE = 100
_MARK = "rolled"

WHATS = ("webhook", "event", "outcome", "message", "send", "kind", "rule", "answer", "run",
         "invalid")  # fmt: skip


def until(db: Database, tenant_id: int) -> int:
    """Before this time everything stands in ``stat``."""
    row = db.first(
        "SELECT ms FROM stat WHERE tenant_id = ? AND day = '' AND what = ? AND label = ''",
        (tenant_id, _MARK),
    )
    return int(row[0]) if row else 0


def roll(db: Database, tenant_id: int, now: int) -> int:
    """Add the days that are over for a day at least; gives how many. Nothing can end on them any
    more."""
    days = 0
    zone = limits(db, tenant_id).zone_at(now)
    end = begins(zone, local_day(zone, now - DAY))
    while days < _AT_ONCE:
        # Looked at first: mostly there is nothing to write.
        first = first_after(db, tenant_id, until(db, tenant_id))
        if first is None or first >= end:
            break
        with db.transaction():
            days += _roll_one(db, tenant_id, zone, end)
    return days


def _roll_one(db: Database, tenant_id: int, zone: str, end: int) -> bool:
    mark = _locked_mark(db, tenant_id)
    first = first_after(db, tenant_id, mark)
    if first is None or first >= end:
        return False
    day = local_day(zone, first)
    upto = min(next_midnight(zone, first), end)
    _store(db, tenant_id, day, tally(db, tenant_id, mark, upto))
    db.run(
        "UPDATE stat SET ms = ? WHERE tenant_id = ? AND day = '' AND what = ? AND label = ''",
        (upto, tenant_id, _MARK),
    )
    return True


def _locked_mark(db: Database, tenant_id: int) -> int:
    """The time up to which is counted; nobody else counts on until the end of the transaction."""
    db.run(
        "INSERT INTO stat (tenant_id, day, what, label) VALUES (?, '', ?, '')"
        " ON CONFLICT (tenant_id, day, what, label) DO NOTHING",
        (tenant_id, _MARK),
    )
    row = db.first(
        "SELECT ms FROM stat WHERE tenant_id = ? AND day = '' AND what = ? AND label = ''"
        + db.locked,
        (tenant_id, _MARK),
    )
    return int(row[0]) if row else 0


def first_after(db: Database, tenant_id: int, mark: int) -> int | None:
    """When the first thing after a time was decided or ended."""
    rows = (
        db.first(
            "SELECT created_at FROM decision WHERE tenant_id = ? AND created_at >= ?"
            " ORDER BY created_at LIMIT 1",
            (tenant_id, mark),
        ),
        db.first(
            "SELECT closed_at FROM send WHERE tenant_id = ? AND closed_at IS NOT NULL"
            " AND closed_at >= ? ORDER BY closed_at LIMIT 1",
            (tenant_id, mark),
        ),
        db.first(
            "SELECT ended_at FROM run WHERE tenant_id = ? AND ended_at IS NOT NULL"
            " AND ended_at >= ? ORDER BY ended_at LIMIT 1",
            (tenant_id, mark),
        ),
    )
    times = [int(row[0]) for row in rows if row is not None]
    return min(times) if times else None


def _store(db: Database, tenant_id: int, day: str, counted: Tally) -> None:
    for (what, label), (n, ms) in sorted(counted.items()):
        db.run(
            "INSERT INTO stat (tenant_id, day, what, label, n, ms) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (tenant_id, day, what, label) DO UPDATE SET"
            " n = stat.n + excluded.n, ms = stat.ms + excluded.ms",
            (tenant_id, day, what, label, n, ms),
        )
