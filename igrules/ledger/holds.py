"""Holds: reasons why nothing may go out for a while, set by people or by igrules itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import igrules.ledger.columns as columns
from igrules.errors import UsageError
from igrules.ledger.database import Database
from igrules.ledger.open_sends import PENDING
from igrules.ledger.turns import wake_tenants

SCOPES = ("deployment", "tenant", "account", "rule")
PAUSED, BY_OPERATOR = "paused", "operator_paused"
"""Reasons of the holds people set: a tenant cannot lift what its operator has set."""
_PAUSES = (PAUSED, BY_OPERATOR)
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
    holds: Sequence[Hold], tenant_id: int, account_id: int, rule: str | None = None
) -> Hold | None:
    """The first of these holds that stands over an account, or over one of its rules."""
    over = {
        ("deployment", ""),
        ("tenant", str(tenant_id)),
        ("account", str(account_id)),
        ("rule", f"{tenant_id}:{rule}"),
    }
    return next((hold for hold in holds if (hold.scope, hold.scope_id) in over), None)


def over_tenant(db: Database, tenant_id: int, now: int) -> list[Hold]:
    """The holds in force over a tenant, the whole installation's included."""
    accounts = db.all("SELECT id FROM account WHERE tenant_id = ?", (tenant_id,))
    over = {("deployment", ""), ("tenant", str(tenant_id))}
    over |= {("account", str(row[0])) for row in accounts}
    return [
        hold
        for hold in active(db, now)
        if (hold.scope, hold.scope_id) in over
        or (hold.scope == "rule" and hold.scope_id.startswith(f"{tenant_id}:"))
    ]


def pause(
    db: Database,
    scope: str,
    scope_id: str,
    now: int,
    until: int | None = None,
    *,
    reason: str = PAUSED,
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
    reason: str = PAUSED,
) -> int:
    """Lift a hold and give the number of sends that waited under it, and under no other.

    They are dropped, because a flood of late answers is worse than silence; ``send_waiting`` lets
    them go. Raises `UsageError`.
    """
    _check(scope)
    scope_id = columns.text(scope_id)
    with db.transaction():
        lifted = db.first(
            "DELETE FROM hold WHERE scope = ? AND scope_id = ? AND reason = ? RETURNING until",
            (scope, scope_id, reason),
        )
        if lifted is None or (lifted[0] is not None and lifted[0] <= now):
            return 0
        where, parameters = _under(scope, scope_id)
        freed = _freed(db, where, parameters, now)
        lanes = db.all(
            "SELECT id, tenant_id FROM lane WHERE id IN"
            f" (SELECT lane_id FROM send WHERE {_WAITS}{where})"
            f" ORDER BY account_id, person{db.locked}",
            [now, *parameters],
        )
        count = sum(_let_go(db, one, now, send_waiting) for one in freed)
        for id, _ in lanes:
            db.run("UPDATE lane SET due = ? WHERE id = ? AND owner IS NULL", (now, id))
        wake_tenants(db, {tenant_id for _, tenant_id in lanes}, now)
        return count


_Kind = tuple[int, int, str]
"""Tenant, account and rule of a send: all that a hold can tell sends apart by."""

_WAITS = (
    f"{PENDING} AND (reason IN ({', '.join(repr(reason) for reason in _PAUSES)})"
    " OR not_before <= ?)"
)
"""A send that a hold keeps back, also one that nobody has looked at since: it is due. What waits
for its next try waits for that, and goes on doing so."""


def _freed(db: Database, where: str, parameters: list[object], now: int) -> list[_Kind]:
    """The kinds of sends that wait under no other hold."""
    rows = db.all(
        f"SELECT DISTINCT tenant_id, account_id, rule FROM send WHERE {_WAITS}{where}",
        [now, *parameters],
    )
    left = active(db, now)
    return [row for row in rows if covering(left, row[0], row[1], row[2]) is None]


def _let_go(db: Database, kind: _Kind, now: int, send_waiting: bool) -> int:
    values: list[object] = [now]
    change = "not_before = ?, reason = ''"
    if not send_waiting:
        change, values = "state = 'skipped', reason = ?, closed_at = ?", [PAUSED, now]
    return db.run(
        f"UPDATE send SET {change} WHERE {_WAITS}"
        " AND +tenant_id = ? AND account_id = ? AND rule = ?",
        [*values, now, *kind],
    )


def _check(scope: str) -> None:
    if scope not in SCOPES:
        raise UsageError(f"'{scope}' cannot be paused", f"use one of {', '.join(SCOPES)}")


def _under(scope: str, scope_id: str) -> tuple[str, list[object]]:
    """What a hold covers, as a condition on ``send``."""
    if scope == "tenant":
        return " AND +tenant_id = ?", [int(scope_id)]
    if scope == "account":
        return " AND account_id = ?", [int(scope_id)]
    if scope == "rule":
        tenant_id, _, rule = scope_id.partition(":")
        return " AND +tenant_id = ? AND rule = ?", [int(tenant_id), rule]
    return "", []
