"""Carry on at the limits a tenant has now: what waits for one that became wider is woken.

Why after the change and not with it: conversations are locked before tenants and accounts. Where a
process ends in between, what waits goes when it would have gone without the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import igrules.ledger.buckets as buckets
import igrules.ledger.quotas as quotas
import igrules.ledger.waking as waking
from igrules.ledger.ceilings import PRESETS
from igrules.ledger.database import Database
from igrules.ledger.presets import WORDS


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a tenant may send on a day, ``None``: as much as it likes, and how fast each of its
    accounts."""

    per_day: int | None
    presets: Mapping[int, str]


def bounds(db: Database, tenant_id: int) -> Bounds:
    """The bounds as they are now."""
    rows = db.all(
        "SELECT a.id, a.preset, t.ceiling FROM account a JOIN tenant t ON t.id = a.tenant_id"
        " WHERE a.tenant_id = ? AND a.state = 'connected'",
        (tenant_id,),
    )
    presets = {id: buckets.preset_of(own, ceiling) for id, own, ceiling in rows}
    return Bounds(quotas.limits(db, tenant_id).per_day, presets)


def wake(database: Database, tenant_id: int, before: Bounds, now: int) -> int:
    """Make due what waits for bounds that were narrower ``before``; gives how many sends. What
    still does not fit waits again. Not inside a transaction."""
    after = bounds(database, tenant_id)
    if after == before:
        return 0
    count = 0
    waking.let_gates_end(database, tenant_id)
    if _is_more(before.per_day, after.per_day):
        count += waking.wake(database, list(after.presets), quotas.REASON, "", now)
    for id, preset in after.presets.items():
        former = before.presets.get(id, preset)
        if preset == former:
            continue
        buckets.change_preset(database, id, former, preset, now)
        if preset == PRESETS[-1]:
            for name in WORDS:
                count += waking.leave_line(database, id, buckets.REASON + name, now)
    return count


def _is_more(before: int | None, after: int | None) -> bool:
    return before is not None and (after is None or after > before)
