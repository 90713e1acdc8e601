"""Holds that igrules sets and lifts itself, by what the platform answers.

Blocked, a token that is refused or missing, a permission that is missing, an app that is throttled,
answers that fail in a row: each stops what it is about, keeps what waits, lets one send try after a
while, and goes on when that one went well. A person is told once.

Why strikes stand in the ledger: every process counts the same ones, and a restart forgets none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import igrules.ledger.alerts as alerts
import igrules.ledger.app_keys as apps
import igrules.ledger.probes as probes
from igrules.ledger.database import Database
from igrules.ledger.holds import (
    BLOCKED,
    BREAKER,
    OWN,
    PERMISSION,
    REAUTH,
    SELECT,
    THROTTLED,
    TOKEN,
    Hold,
)
from igrules.ledger.stats import add_stat
from igrules.ledger.values import DueSend, Lane, Wait
from igrules.model import NotDone, Receipt, Refused, Sent, Unknown

_SECOND, _HOUR = 1_000, 3_600_000
_PACE = {BLOCKED: 6 * _HOUR, REAUTH: 6 * _HOUR, PERMISSION: 6 * _HOUR, BREAKER: 30 * _SECOND}
_SLOWEST = {BLOCKED: 48 * _HOUR, BREAKER: 600 * _SECOND}
"""How long a hold waits for its first try, and at most when each try fails, in milliseconds."""

MOST_UNCLEAR, MOST_FAILED, WITHIN = 5, 10, 60_000
"""So many answers in a row within this time stop an account."""
_MOST_ACCOUNTS = 3
"""So many accounts that are stopped at once stop all accounts of their app."""
_THROTTLED_MS, _APP_LIMIT = 60_000, 4

_OWNER_MUST_ACT = frozenset({459, 464, 2534077, 2207050})
"""Subcodes after which the same token works again, once the owner has done what Instagram wants."""
_OF_ONE_THREAD = frozenset({2018300, 2534037})
"""Codes and subcodes for a conversation that another app has: no other one suffers from it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The send that was answered. ``strikes``: failures of its account in a row; ``probes``: holds
    under which it was the one that tries."""

    id: int
    tenant_id: int
    account_id: int
    channel: str
    kind: str
    strikes: int
    probes: int


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer. ``token``: the mark of the token it was given to. ``scale`` multiplies the times
    of holds."""

    receipt: Receipt
    now: int
    token: str = ""
    scale: float = 1.0

    @property
    def cls(self) -> str:
        """The class of the answer, empty when there was none."""
        return self.receipt.answer.cls

    @property
    def failed(self) -> bool:
        """Whether the platform could not be reached, or was not understood."""
        if isinstance(self.receipt, Unknown):
            return True
        return isinstance(self.receipt, NotDone) and not self.cls and self.receipt.counts

    @property
    def throttles_app(self) -> bool:
        """Whether all accounts of the app are slowed down."""
        return self.cls == "THROTTLE" and self.receipt.answer.code == _APP_LIMIT


def note(db: Database, send: Asked, heard: Heard) -> tuple[Hold, ...]:
    """Count what the platform answered, and set, keep or lift what follows from it, inside the
    transaction that settles the send. Gives the holds `probes.follow_up` looks after."""
    if send.channel != "instagram":
        return ()
    answer = heard.receipt.answer
    if not answer.listed:
        code = f"{answer.code}/{answer.subcode}"
        add_stat(db, send.tenant_id, heard.now, "unknown_code", code, 1)
    # The account is locked before holds, as everywhere.
    touched = _strike(db, send, heard) if heard.failed else []
    if send.strikes and isinstance(heard.receipt, Sent | Refused):
        db.run(
            "UPDATE account SET strikes = 0, unclear = 0 WHERE id = ? AND tenant_id = ?",
            (send.account_id, send.tenant_id),
        )
    if send.probes:
        touched += _tried(db, send, heard)
    return (*touched, *_stopped(db, send, heard))


def _tried(db: Database, send: Asked, heard: Heard) -> list[Hold]:
    """The send was the one that tried under a hold: lift it, or wait longer."""
    rows = db.all(f"{SELECT} WHERE probe = ? AND lifted_at IS NULL"
                  f" ORDER BY scope, scope_id, reason{db.locked}", (send.id,))  # fmt: skip
    holds = [Hold(*row) for row in rows]
    for hold in holds:
        verdict = _verdict(hold, heard)
        if verdict == "lifted":
            probes.lift(db, hold, heard.now)
        else:
            _hold_on(db, hold, heard, longer=verdict == "failed")
    return holds


def _verdict(hold: Hold, heard: Heard) -> str:
    """What the try says about a hold: ``lifted``, ``failed``, or empty for nothing."""
    if isinstance(heard.receipt, Sent):
        return "lifted"
    if hold.reason == TOKEN:
        # There was one to send with.
        return "lifted"
    if hold.reason == BREAKER:
        return "failed" if heard.failed else "lifted" if heard.cls else ""
    if hold.reason == REAUTH:
        answered = heard.cls and heard.cls not in ("REAUTH", "UNCLEAR")
        return "failed" if heard.cls == "REAUTH" else "lifted" if answered else ""
    if hold.reason == THROTTLED:
        refused = isinstance(heard.receipt, Refused)
        return "failed" if heard.throttles_app else "lifted" if refused else ""
    # Instagram may look at a request's form before it looks at who sends it, so a refusal for
    # another reason proves nothing.
    same = {BLOCKED: "BLOCKED", PERMISSION: "PERM"}[hold.reason]
    return "failed" if heard.cls == same else ""


def _hold_on(db: Database, hold: Hold, heard: Heard, *, longer: bool) -> None:
    """Wait for the next try, twice as long after one that failed."""
    pace, soon = hold.pace, min(hold.pace, int(60 * _SECOND * heard.scale))
    if longer:
        slowest = _SLOWEST.get(hold.reason)
        pace = pace if slowest is None else min(2 * pace, max(pace, int(slowest * heard.scale)))
    until: int | None = heard.now + (pace if longer else soon)
    token = hold.token
    if hold.reason == REAUTH:
        token = heard.token if longer else token
        until = _until_owner_acts(heard, pace) if longer else hold.until
    elif hold.reason == THROTTLED and longer:
        until = heard.now + _asked(heard)
    db.run(
        "UPDATE hold SET until = ?, pace = ?, token = ?, probe = NULL, waiter = NULL WHERE id = ?",
        (until, pace, token, hold.id),
    )


def _strike(db: Database, send: Asked, heard: Heard) -> list[Hold]:
    """Count a failed answer; too many in a row stop the account, and too many accounts the app."""
    unclear = int(isinstance(heard.receipt, Unknown))
    since = heard.now - WITHIN
    row = db.first(
        "UPDATE account SET"
        " strikes = CASE WHEN strikes > 0 AND strikes_at > ? THEN strikes + 1 ELSE 1 END,"
        " unclear = CASE WHEN strikes > 0 AND strikes_at > ? THEN unclear + ? ELSE ? END,"
        " strikes_at = CASE WHEN strikes > 0 AND strikes_at > ? THEN strikes_at ELSE ? END"
        " WHERE id = ? AND tenant_id = ? RETURNING strikes, unclear",
        (since, since, unclear, unclear, since, heard.now, send.account_id, send.tenant_id),
    )
    if row is None or (row[0] < MOST_FAILED and row[1] < MOST_UNCLEAR):
        return []
    db.run(
        "UPDATE account SET strikes = 0, unclear = 0 WHERE id = ? AND tenant_id = ?",
        (send.account_id, send.tenant_id),
    )
    found = _set(db, send, "account", str(send.account_id), BREAKER, heard)
    if not found:
        return []
    key = apps.key_of(db, send.account_id)
    rows = db.all(
        "SELECT scope_id FROM hold WHERE scope = 'account' AND reason = ? AND lifted_at IS NULL",
        (BREAKER,),
    )
    stopped = sum(apps.key_of(db, int(row[0])) == key for row in rows)
    if stopped >= _MOST_ACCOUNTS:
        found += _set(db, send, "app", key, BREAKER, heard)
    return found


def _stopped(db: Database, send: Asked, heard: Heard) -> list[Hold]:
    """What one answer alone stops."""
    account, answer = str(send.account_id), heard.receipt.answer
    if heard.cls == "BLOCKED":
        return _set(db, send, "account", account, BLOCKED, heard)
    if heard.cls == "REAUTH":
        return _set(db, send, "account", account, REAUTH, heard)
    if heard.cls == "PERM" and not {answer.code, answer.subcode} & _OF_ONE_THREAD:
        return _set(db, send, "account", f"{account}:{send.kind}", PERMISSION, heard)
    if heard.throttles_app:
        key = apps.key_of(db, send.account_id)
        return _set(db, send, "app", key, THROTTLED, heard)
    return []


def _set(
    db: Database, send: Asked, scope: str, scope_id: str, reason: str, heard: Heard
) -> list[Hold]:
    """Set a hold, unless it stands already. One that was just lifted stands again."""
    if reason == THROTTLED:
        pace = _asked(heard)
    else:
        pace = max(1, int(_PACE[reason] * heard.scale))
    until = _until_owner_acts(heard, pace) if reason == REAUTH else heard.now + pace
    token = heard.token if reason == REAUTH else ""
    rows = db.all(
        "INSERT INTO hold (scope, scope_id, reason, mode, since, until, set_by, pace, token)"
        " VALUES (?, ?, ?, 'wait', ?, ?, 'igrules', ?, ?)"
        " ON CONFLICT (scope, scope_id, reason) DO UPDATE SET since = excluded.since,"
        " until = excluded.until, pace = excluded.pace, token = excluded.token, lifted_at = NULL,"
        " probe = NULL, waiter = NULL WHERE hold.lifted_at IS NOT NULL"
        f" RETURNING {SELECT.removeprefix('SELECT ').removesuffix(' FROM hold')}",
        (scope, scope_id, reason, heard.now, until, pace, token),
    )
    if rows and reason in _WORDS:
        about, tenant_id = f"the app '{scope_id}'", None
        if scope == "account":
            about, tenant_id = _name(db, send.tenant_id, send.account_id), send.tenant_id
        words = _WORDS[reason].format(what=about, kind=send.kind)
        alerts.note(db, reason, f"{scope} {scope_id}", words, heard.now, tenant_id)
    return [Hold(*row) for row in rows]


def _name(db: Database, tenant_id: int, account_id: int) -> str:
    row = db.first(
        "SELECT username, ig_id FROM account WHERE id = ? AND tenant_id = ?",
        (account_id, tenant_id),
    )
    return f"account {(row[0] or row[1]) if row else account_id}"


_WORDS = {
    BLOCKED: "Instagram blocks what {what} sends, so nothing goes out; igrules tries again every"
    " few hours. See the account's status in Instagram's app, and send less",
    REAUTH: "Instagram refuses the token of {what}, so nothing goes out; log in to Instagram, then"
    " store a new token: igrules secret set",
    PERMISSION: "{what} may not send '{kind}', so these wait; igrules tries again every 6 hours."
    " Grant the permission in Meta's app dashboard, or switch on message access in Instagram",
    BREAKER: "Instagram's answers to {what} fail in a row, so nothing goes out; igrules tries by"
    " itself and goes on when one send went well",
}


def _until_owner_acts(heard: Heard, pace: int) -> int | None:
    """When to try again without a new token; ``None``: not at all."""
    return heard.now + pace if heard.receipt.answer.subcode in _OWNER_MUST_ACT else None


def _asked(heard: Heard) -> int:
    """How long the platform asked to wait."""
    after = heard.receipt.after if isinstance(heard.receipt, NotDone) else None
    return max(1, _THROTTLED_MS if after is None else after)


def refuse(database: Database, account_id: int, now: int) -> bool:
    """Keep back what an account sends because its token was refused, elsewhere than in a send.
    False: it is kept back already."""
    with database.transaction() as db:
        return _stop_until_token(db, account_id, REAUTH, now)


def stop_without_token(db: Database, lane: Lane, send: DueSend, now: int) -> Wait:
    """Keep back what an account sends because it has no token, tell a person, and say how long
    this send waits. Inside a transaction."""
    if _stop_until_token(db, lane.account_id, TOKEN, now):
        words = f"{_name(db, lane.tenant_id, lane.account_id)} has no token, so nothing goes out;"
        words += " store one: igrules secret set"
        alerts.note(db, TOKEN, f"account {lane.account_id}", words, now, lane.tenant_id)
    (hold,) = standing(db, "account", str(lane.account_id), TOKEN)
    return probes.wait(db, hold, send, now)


def _stop_until_token(db: Database, account_id: int, reason: str, now: int) -> bool:
    return bool(
        db.run(
            "INSERT INTO hold (scope, scope_id, reason, mode, since, set_by, pace)"
            " VALUES ('account', ?, ?, 'wait', ?, 'igrules', ?)"
            " ON CONFLICT (scope, scope_id, reason) DO UPDATE SET since = excluded.since,"
            " until = NULL, pace = excluded.pace, token = '', lifted_at = NULL, probe = NULL,"
            " waiter = NULL WHERE hold.lifted_at IS NOT NULL",
            (str(account_id), reason, now, _PACE[REAUTH]),
        )
    )


def standing(db: Database, scope: str, scope_id: str, reason: str = "") -> list[Hold]:
    """What igrules holds there (for this reason), of an account also single kinds of sends."""
    rows = db.all(
        f"{SELECT} WHERE scope = ? AND (scope_id = ? OR substr(scope_id, 1, ?) = ?)"
        " AND lifted_at IS NULL ORDER BY id",
        (scope, scope_id, len(scope_id) + 1, f"{scope_id}:"),
    )
    found = [Hold(*row) for row in rows]
    return [hold for hold in found if hold.reason in ((reason,) if reason else OWN)]


def lift(database: Database, scope: str, scope_id: str, now: int, reason: str = "") -> int:
    """Lift what igrules has set there (for this reason): what waited goes out. Gives how many sends
    were woken."""
    return end(database, standing(database, scope, scope_id, reason), now)


def end(database: Database, holds: Sequence[Hold], now: int) -> int:
    """Lift these holds of igrules: what waited goes out. Gives how many sends were woken."""
    with database.transaction() as db:
        for hold in holds:
            probes.lift(db, hold, now)
    return probes.follow_up(database, holds, now)
