"""Whose turn it is: one row a tenant, served round robin.

Turn rows are the last ones a transaction locks, by tenant.
"""

from __future__ import annotations

from collections.abc import Collection

from igrules.ledger.database import Database, holders

_SLICE = 500


def wake_tenants(db: Database, tenants: Collection[int], due: int) -> None:
    """See to it that these tenants are looked at by ``due``, inside a transaction.

    All the rows are locked, also those that need no change: somebody who just found nothing of a
    tenant and is about to put it off must look again after this transaction.
    """
    ordered = sorted(tenants)
    for start in range(0, len(ordered), _SLICE):
        part = ordered[start : start + _SLICE]
        rows = db.all(
            f"SELECT tenant_id, next_due FROM turn WHERE tenant_id IN ({holders(len(part))})"
            f" ORDER BY tenant_id{db.locked}",
            part,
        )
        late = [tenant_id for tenant_id, at in rows if at is None or at > due]
        if late:
            db.run(
                f"UPDATE turn SET next_due = ? WHERE tenant_id IN ({holders(len(late))})",
                [due, *late],
            )


def note_claim(db: Database, served: int | None, empty: Collection[int], now: int) -> None:
    """Note at the end of a claim whom it served, and of whom there was nothing to take."""
    for tenant_id in sorted({*empty, *(() if served is None else (served,))}):
        if tenant_id == served:
            db.run("UPDATE turn SET served_at = ? WHERE tenant_id = ?", (now, tenant_id))
        else:
            _put_off(db, tenant_id, now)


def _put_off(db: Database, tenant_id: int, now: int) -> None:
    """Nothing of this tenant can be taken: look again when its earliest lane is due."""
    row = db.first(f"SELECT next_due FROM turn WHERE tenant_id = ?{db.locked}", (tenant_id,))
    earliest = db.first(
        "SELECT min(due) FROM lane WHERE tenant_id = ? AND due IS NOT NULL", (tenant_id,)
    )
    if row is not None and row[0] is not None and row[0] <= now:
        db.run(
            "UPDATE turn SET next_due = ? WHERE tenant_id = ?",
            (earliest[0] if earliest else None, tenant_id),
        )
