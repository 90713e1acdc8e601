"""How often a tenant may call: other services, and the actions of plugins that have a limit.

Why the row of the tenant's turn is locked: several workers count the same calls, and together they
must not make one more than is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping

import igrules.ledger.columns as columns
from igrules.kinds import Rate
from igrules.ledger.database import Database
from igrules.ledger.values import Closed, Wait

HTTP = "http"
LIMITED = "limited"
A_MINUTE = Rate(60, 60_000)
"""How many calls of ``http`` one tenant may make in any minute, whatever else is allowed."""


def count(
    db: Database, tenant_id: int, limit: str, rates: Mapping[str, Rate], now: int
) -> Closed | Wait | None:
    """Count one call, if it is not one too many. Nobody else counts any until the end of the
    transaction."""
    if limit not in rates and limit != HTTP:
        return None
    db.first(f"SELECT tenant_id FROM turn WHERE tenant_id = ?{db.locked}", (tenant_id,))
    shut = closed(db, tenant_id, limit, rates, now)
    if shut is None:
        _note(db, tenant_id, limit, rates, now)
    return shut


def closed(
    db: Database, tenant_id: int, limit: str, rates: Mapping[str, Rate], now: int
) -> Closed | Wait | None:
    """Whether one more call counted under ``limit`` is too many at this time. That is sure only
    in `count`. Beyond the minute it waits, beyond its own rate it ends."""
    rate, each_minute = rates.get(limit), A_MINUTE if limit == HTTP else None
    if rate is None and each_minute is None:
        return None
    if rate is not None and _free_at(db, tenant_id, limit, rate) > now:
        return Closed("skipped", LIMITED)
    if each_minute is not None:
        free = _free_at(db, tenant_id, limit, each_minute)
        return Wait(free, LIMITED) if free > now else None
    return None


def _note(db: Database, tenant_id: int, limit: str, rates: Mapping[str, Rate], now: int) -> None:
    """Forget the calls that count no more, and add one."""
    windows = [one.window for name, one in rates.items() if name == limit]
    if limit == HTTP:
        windows.append(A_MINUTE.window)
    if not windows:
        return
    db.run(
        "DELETE FROM mark WHERE tenant_id = ? AND name = ? AND at <= ?",
        (tenant_id, _name(limit), now - max(windows)),
    )
    db.run(
        "INSERT INTO mark (tenant_id, contact_id, name, at) VALUES (?, 0, ?, ?)",
        (tenant_id, _name(limit), now),
    )


def _free_at(db: Database, tenant_id: int, limit: str, rate: Rate) -> int:
    """When the oldest of the newest ``count`` calls leaves the window; 0: there are fewer."""
    row = db.first(
        "SELECT at FROM mark WHERE tenant_id = ? AND name = ? ORDER BY at DESC LIMIT 1 OFFSET ?",
        (tenant_id, _name(limit), rate.count - 1),
    )
    return int(row[0]) + rate.window if row else 0


def _name(limit: str) -> str:
    """No rule has an id like this."""
    return columns.text(f"calls:{limit}")
