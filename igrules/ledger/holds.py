"""Holds: reasons why nothing may go out for a while, set by people or by igrules itself.

Why igrules' own stay in force after their time: then one send tries, and only its answer lifts
them; see `igrules.ledger.breakers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import igrules.ledger.app_keys as apps
import igrules.ledger.columns as columns
import igrules.ledger.waking as waking
from igrules.errors import UsageError
from igrules.ledger.database import Database, Row
from igrules.ledger.open_sends import PENDING

SCOPES = ("deployment", "tenant", "account", "rule")
PAUSED, BY_OPERATOR = "paused", "operator_paused"
"""Reasons of the holds people set: a tenant cannot lift what its operator has set."""
_PAUSES = (PAUSED, BY_OPERATOR)

BLOCKED, REAUTH, PERMISSION = "blocked", "reauth", "permission"
BREAKER, THROTTLED, TOKEN = "breaker", "throttled", "token"
OWN = (BLOCKED, REAUTH, PERMISSION, BREAKER, THROTTLED, TOKEN)
"""Reasons of the holds that igrules sets and lifts."""

RECHECK = 60_000
"""A send that waits for something nobody tells it of looks again after this time."""
_LONGEST = 3_600_000
"""A send under a pause without an end looks again after this time at most: whoever lifts the pause
wakes it."""
_SPREAD = 30_000


@dataclass(frozen=True, slots=True)
class Hold:
    """``scope_id`` is the id of the tenant or account, ``<tenant id>:<rule id>`` for a rule,
    ``<account id>:<kind>`` for one kind of sends, the name of an app, empty for the deployment.
    ``mode`` ``wait`` keeps sends back, ``drop`` closes them. ``until`` ``None``: until resumed; of
    igrules' own: when the next one tries.

    The rest is of igrules' own: ``pace`` is how long it waits from one try to the next, ``probe``
    the send that tries and until when it may take, ``waiter`` the send that tries next and when,
    ``token`` stands for the token that was refused."""

    scope: str
    scope_id: str
    reason: str
    mode: str
    since: int
    until: int | None
    set_by: str
    id: int = 0
    pace: int = 0
    probe: int | None = None
    probe_until: int | None = None
    waiter: int | None = None
    waiter_at: int | None = None
    token: str = field(default="", repr=False)

    @property
    def is_own(self) -> bool:
        """Whether igrules has set it, and lifts it."""
        return self.reason in OWN


SELECT = (
    "SELECT scope, scope_id, reason, mode, since, until, set_by, id, pace, probe, probe_until,"
    " waiter, waiter_at, token FROM hold"
)
_OURS = ", ".join(repr(reason) for reason in OWN)


IS_ANY = "EXISTS (SELECT 1 FROM hold WHERE lifted_at IS NULL)"
"""Whether there may be a hold in force: mostly there is none, so it is asked along with something
else, and `active` only then."""


def active(db: Database, now: int) -> list[Hold]:
    """The holds in force."""
    rows = db.all(
        f"{SELECT} WHERE lifted_at IS NULL"
        f" AND (until IS NULL OR until > ? OR reason IN ({_OURS})) ORDER BY id",
        (now,),
    )
    return [Hold(*row) for row in rows]


def covering(
    holds: Sequence[Hold], tenant_id: int, account_id: int, rule: str | None = None
) -> Hold | None:
    """The first of these holds that people have set over an account, or over one of its rules; one
    that drops before all that keep waiting."""
    over = {
        ("deployment", ""),
        ("tenant", str(tenant_id)),
        ("account", str(account_id)),
        ("rule", f"{tenant_id}:{rule}"),
    }
    found = [hold for hold in holds if not hold.is_own and (hold.scope, hold.scope_id) in over]
    return min(found, key=lambda hold: hold.mode != "drop", default=None)


def own_over(db: Database, holds: Sequence[Hold], account_id: int, kind: str) -> list[Hold]:
    """Those of igrules' own among these holds that keep one kind of sends of an account back."""
    own = [hold for hold in holds if hold.is_own]
    if not own:
        return []
    over = {("account", str(account_id)), ("account", f"{account_id}:{kind}")}
    if any(hold.scope == "app" for hold in own):
        over.add(("app", apps.key_of(db, account_id)))
    return [hold for hold in own if (hold.scope, hold.scope_id) in over]


def over_tenant(db: Database, tenant_id: int, now: int) -> list[Hold]:
    """The holds in force over a tenant, the whole installation's included."""
    found = active(db, now)
    accounts = [row[0] for row in db.all("SELECT id FROM account WHERE tenant_id = ?",
                                         (tenant_id,))]  # fmt: skip
    over = {("deployment", ""), ("tenant", str(tenant_id))}
    if any(hold.scope == "app" for hold in found):
        over |= {("app", apps.key_of(db, id)) for id in accounts}
    known = {str(id) for id in accounts}
    return [
        hold
        for hold in found
        if (hold.scope, hold.scope_id) in over
        or (hold.scope == "account" and hold.scope_id.partition(":")[0] in known)
        or (hold.scope == "rule" and hold.scope_id.startswith(f"{tenant_id}:"))
    ]


def looks_again(hold: Hold, send_id: int, now: int) -> int:
    """When a send under a pause looks again: soon after its end, not all at once."""
    if hold.until is None:
        return now + _LONGEST // 2 + waking.share(send_id, _LONGEST // 2)
    return hold.until + waking.share(send_id, min(_SPREAD, (hold.until - now) // 20))


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
        _look_earlier(db, scope, columns.text(scope_id), until, mode, now)
        db.run(
            "INSERT INTO hold (scope, scope_id, reason, mode, since, until, set_by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (scope, scope_id, reason) DO UPDATE SET"
            # One whose time is over is none any more, and begins anew.
            " since = CASE WHEN hold.until <= excluded.since THEN excluded.since ELSE hold.since"
            " END, mode = excluded.mode, until = excluded.until, set_by = excluded.set_by",
            (scope, columns.text(scope_id), reason, mode, now, until, columns.text(set_by)),
        )


def _look_earlier(
    db: Database, scope: str, scope_id: str, until: int | None, mode: str, now: int
) -> None:
    """What waits under a pause that is now to end earlier looks again then; under one that drops
    all that waits at once, whatever for: it would go out after the pause."""
    which = _PAUSED
    if mode == "drop":
        until, which = now, "state = 'pending'"
    if until is None:
        return
    where, parameters = _under(scope, scope_id)
    waits = f"{PENDING} AND {which} AND not_before > ?{where}"
    lanes = db.all(
        f"SELECT id, tenant_id FROM lane WHERE id IN (SELECT lane_id FROM send WHERE {waits})"
        f" ORDER BY account_id, person{db.locked}",
        [until, *parameters],
    )
    if not lanes:
        return
    spread = 1 + min(_SPREAD, max(0, until - now) // 20)
    db.run(
        f"UPDATE send SET not_before = ? + id % ? WHERE {waits}",
        [until, spread, until, *parameters],
    )
    waking.make_due(db, lanes, until)


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
        there = db.first(
            "SELECT until FROM hold WHERE scope = ? AND scope_id = ? AND reason = ?",
            (scope, scope_id, reason),
        )
        if there is None or (there[0] is not None and there[0] <= now):
            return 0
        where, parameters = _under(scope, scope_id)
        # Lanes are locked before holds, as everywhere.
        lanes = _lock_waiting(db, where, parameters, now)
        db.run(
            "DELETE FROM hold WHERE scope = ? AND scope_id = ? AND reason = ?",
            (scope, scope_id, reason),
        )
        count = sum(
            _let_go(db, one, now, send_waiting) for one in _freed(db, where, parameters, now)
        )
        # The others look again: what keeps them back now may end long before they would have.
        _wake(db, lanes, where, parameters, now)
        return count


def look_again(db: Database, scope: str, scope_id: str, tenant_id: int | None, now: int) -> None:
    """After the transaction in which `resume` lifted a hold: wake what began to wait under it while
    that was under way, and was not among those it woke. On SQLite nobody writes meanwhile."""
    if not db.locked:
        return
    where, parameters = _under(scope, columns.text(scope_id))
    waking.let_gates_end(db, tenant_id)
    with db.transaction():
        lanes = _lock_waiting(db, where, parameters, now, " AND owner IS NULL AND due > ?", [now])
        _wake(db, lanes, where, parameters, now)


def _lock_waiting(
    db: Database,
    where: str,
    parameters: list[object],
    now: int,
    which: str = "",
    its: Sequence[object] = (),
) -> list[Row]:
    """Lock the lanes in which a hold keeps sends back; gives each with its tenant."""
    return db.all(
        "SELECT id, tenant_id FROM lane WHERE id IN"
        f" (SELECT lane_id FROM send WHERE {_WAITS}{where}){which}"
        f" ORDER BY account_id, person{db.locked}",
        [now, *parameters, *its],
    )


def _wake(
    db: Database, lanes: Sequence[Row], where: str, parameters: list[object], now: int
) -> None:
    """Have what waits look again now."""
    db.run(
        f"UPDATE send SET not_before = ? WHERE {PENDING} AND {_PAUSED} AND not_before > ?{where}",
        [now, now, *parameters],
    )
    waking.make_due(db, lanes, now)


def forget(db: Database, account_id: int) -> None:
    """End what igrules holds at an account that was given up, inside a transaction: no send is left
    that could try."""
    db.run(
        f"DELETE FROM hold WHERE scope = 'account' AND reason IN ({_OURS})"
        " AND (scope_id = ? OR scope_id LIKE ?)",
        (str(account_id), f"{account_id}:%"),
    )


_Sort = tuple[int, int, str, str, str]
"""Tenant, account, rule, channel and kind of a send: all that a hold can tell sends apart by."""

_PAUSED = f"reason IN ({', '.join(repr(reason) for reason in _PAUSES)})"
_WAITS = f"{PENDING} AND ({_PAUSED} OR not_before <= ?)"
"""A send that a hold keeps back, also one that nobody has looked at since: it is due. What waits
for its next try waits for that, and goes on doing so."""


def _freed(db: Database, where: str, parameters: list[object], now: int) -> list[_Sort]:
    """The sorts of sends that wait under no other hold."""
    rows = db.all(
        "SELECT DISTINCT tenant_id, account_id, rule, channel, kind FROM send"
        f" WHERE {_WAITS}{where}",
        [now, *parameters],
    )
    left = active(db, now)
    return [row for row in rows if not _is_held(db, left, row)]


def _is_held(db: Database, holds: list[Hold], sort: _Sort) -> bool:
    tenant_id, account_id, rule, channel, kind = sort
    if covering(holds, tenant_id, account_id, rule) is not None:
        return True
    return channel == "instagram" and bool(own_over(db, holds, account_id, kind))


def _let_go(db: Database, sort: _Sort, now: int, send_waiting: bool) -> int:
    values: list[object] = [now]
    change = "not_before = ?, reason = ''"
    if not send_waiting:
        # What an earlier call may have done is not called unsent.
        change = "state = CASE WHEN doubts > 0 AND evidence <> 'absent' THEN 'parked'"
        change, values = f"{change} ELSE 'skipped' END, reason = ?, closed_at = ?", [PAUSED, now]
    return db.run(
        f"UPDATE send SET {change} WHERE {_WAITS}"
        " AND +tenant_id = ? AND account_id = ? AND rule = ? AND channel = ? AND kind = ?",
        [*values, now, *sort],
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
