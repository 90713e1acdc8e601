"""Holds: reasons why nothing may go out for a while, set by people or by igrules itself."""

from __future__ import annotations

from dataclasses import dataclass

import igrules.ledger.columns as columns
from igrules.errors import UsageError
from igrules.ledger.database import Database
from igrules.ledger.turns import wake_tenants

SCOPES = ("deployment", "tenant", "account", "rule")
RECHECK = 60_000
"""A send under a hold without an end looks again after this time."""


@dataclass(frozen=True, slots=True)
class Hold:
    """``scope_id`` is the id of the tenant or account, ``<tenant id>:<rule id>`` for a rule, empty
    for the deployment. ``mode`` ``wait`` keeps sends back, ``drop`` closes them. ``until``
    ``None``: until resumed."""

    scope: str
    scope_id: str
    reason: str
    mode: str
    since: int
    until: int | None
    set_by: str


def active(db: Database, now: int) -> list[Hold]:
    """The holds in force."""
    rows = db.all(
        "SELECT scope, scope_id, reason, mode, since, until, set_by FROM hold"
        " WHERE until IS NULL OR until > ? ORDER BY id",
        (now,),
    )
    return [Hold(*row) for row in rows]


def covering(
    holds: list[Hold], tenant_id: int, account_id: int, rule: str | None = None
) -> Hold | None:
    """The first of these holds that stands over an account, or over one of its rules."""
    over = {
        ("deployment", ""),
        ("tenant", str(tenant_id)),
        ("account", str(account_id)),
        ("rule", f"{tenant_id}:{rule}"),
    }
    return next((hold for hold in holds if (hold.scope, hold.scope_id) in over), None)


def pause(
    db: Database,
    scope: str,
    scope_id: str,
    now: int,
    until: int | None = None,
    *,
    reason: str = "paused",
    mode: str = "wait",
    set_by: str = "",
) -> None:
    """Set a hold, or change the one that is there. Raises `UsageError`."""
    _check(scope)
    with db.transaction():
        db.run(
            "INSERT INTO hold (scope, scope_id, reason, mode, since, until, set_by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (scope, scope_id, reason) DO UPDATE SET"
            " mode = excluded.mode, until = excluded.until, set_by = excluded.set_by",
            (scope, columns.text(scope_id), reason, mode, now, until, columns.text(set_by)),
        )


def resume(
    db: Database,
    scope: str,
    scope_id: str,
    now: int,
    *,
    send_waiting: bool = False,
    reason: str = "paused",
) -> int:
    """Lift a hold and give the number of sends that waited under it.

    They are dropped, because a flood of late answers is worse than silence; ``send_waiting`` lets
    them go. Raises `UsageError`.
    """
    _check(scope)
    with db.transaction():
        db.run(
            "DELETE FROM hold WHERE scope = ? AND scope_id = ? AND reason = ?",
            (scope, columns.text(scope_id), reason),
        )
        where, parameters = _under(scope, columns.text(scope_id))
        lanes = db.all(
            "SELECT id, tenant_id FROM lane WHERE id IN"
            f" (SELECT lane_id FROM send WHERE state = 'pending' AND reason = 'paused'{where})"
            f" ORDER BY account_id, person{db.locked}",
            parameters,
        )
        if send_waiting:
            change, values = "not_before = ?, reason = ''", [now]
        else:
            change, values = "state = 'skipped', closed_at = ?", [now]
        count = db.run(
            f"UPDATE send SET {change} WHERE state = 'pending' AND reason = 'paused'{where}",
            [*values, *parameters],
        )
        for id, _ in lanes:
            db.run("UPDATE lane SET due = ? WHERE id = ? AND owner IS NULL", (now, id))
        wake_tenants(db, {tenant_id for _, tenant_id in lanes}, now)
        return count


def _check(scope: str) -> None:
    if scope not in SCOPES:
        raise UsageError(f"'{scope}' cannot be paused", f"use one of {', '.join(SCOPES)}")


def _under(scope: str, scope_id: str) -> tuple[str, list[object]]:
    """What a hold covers, as a condition on ``send``."""
    if scope == "tenant":
        return " AND tenant_id = ?", [int(scope_id)]
    if scope == "account":
        return " AND account_id = ?", [int(scope_id)]
    if scope == "rule":
        tenant_id, _, rule = scope_id.partition(":")
        return " AND tenant_id = ? AND rule = ?", [int(tenant_id), rule]
    return "", []
