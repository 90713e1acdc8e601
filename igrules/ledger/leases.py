"""The proof that a lane is ours, and the wake-up of one that is nobody's."""

from __future__ import annotations

from igrules.errors import LeaseLost
from igrules.ledger.database import Database
from igrules.ledger.turns import wake_tenants
from igrules.ledger.values import Lane

NOBODY = "~erased:"
"""Begins the person of a lane that has none any more."""


def hold_lane(db: Database, lane: Lane, due: int | None) -> None:
    """Prove that the lane is still ours, and move the end of the lease, if given. Raises
    `LeaseLost`."""
    parameters = [lane.id, lane.fence, lane.owner, lane.tenant_id]
    if due is None:
        found = db.run(
            "UPDATE lane SET deaths = 0 WHERE id = ? AND fence = ? AND owner = ?"
            " AND +tenant_id = ?",
            parameters,
        )
    else:
        found = db.run(
            "UPDATE lane SET due = ?, deaths = 0 WHERE id = ? AND fence = ? AND owner = ?"
            " AND +tenant_id = ?",
            [due, *parameters],
        )
    if not found:
        raise lease_lost(lane)


def lease_for(allowed: int, lease: int) -> int:
    """How long a lane is held for a call: half a lease longer than it may take, one at least."""
    return max(lease, allowed + lease // 2)


def lease_lost(lane: Lane) -> LeaseLost:
    """The error for a lane somebody else has taken over."""
    return LeaseLost(
        f"lane {lane.id} was taken over by another worker", "nothing to do; it goes on there"
    )


def hold_splits(db: Database) -> None:
    """Let no webhook body be split until the end of this transaction, and wait for the one that
    is: what it stores is seen then. On SQLite nobody else writes anyway."""
    if db.locked:
        db.first(f"SELECT name FROM chore WHERE name = 'split'{db.locked}")


def wake_lane(db: Database, lane_id: int, now: int) -> None:
    """Make a locked lane due that nobody works on."""
    row = db.first(
        "UPDATE lane SET due = ? WHERE id = ? AND owner IS NULL AND (due IS NULL OR due > ?)"
        " RETURNING tenant_id",
        (now, lane_id, now),
    )
    if row is not None:
        wake_tenants(db, (row[0],), now)
