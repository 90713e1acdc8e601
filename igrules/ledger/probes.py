"""Who may try while igrules holds sends back: one send at a time; the others sleep until they are
woken.

Why one waiter: ten thousand sends that all look again at the end of a hold would be a herd. One of
them is told the time; when the hold is lifted, all are woken, and should that never happen, the
others look again by themselves, spread over minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import igrules.ledger.app_keys as apps
import igrules.ledger.waking as waking
from igrules.ledger.database import Database, holders
from igrules.ledger.deployment import Deployment
from igrules.ledger.holds import RECHECK, SELECT, TOKEN, Hold
from igrules.ledger.leases import wake_lane
from igrules.ledger.values import DueSend, Wait

_LATEST = 600_000
_LATEST_WITHOUT_END = 3_600_000
"""How long a send that was told nothing sleeps after the time of the next try."""
_WORTHLESS = frozenset({"typing", "mark_seen"})
"""Kinds whose success proves little."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A send that may go out although these holds stand: it tries for all others."""

    holds: tuple[Hold, ...]


def mark_of(deployment: Deployment, token: str) -> str:
    """What stands for a token in a hold."""
    return deployment.hashed(b"token", token.encode("utf-8", "replace")).hex()


def look(db: Database, held: Sequence[Hold], send: DueSend, token: str, now: int) -> Wait | Probe:
    """Whether a send under these holds may try, or how long it waits. ``token`` is the mark of the
    account's token, empty while it has none. Inside a transaction."""
    for hold in held:
        if send.kind in _WORTHLESS or not _is_time(hold, token, now):
            return wait(db, hold, send, now)
    return Probe(tuple(held))


def wait(db: Database, hold: Hold, send: DueSend, now: int) -> Wait:
    """How long a send under this hold waits that may not try. Inside a transaction."""
    return Wait(_until(db, hold, send, now), hold.reason)


def _is_time(hold: Hold, token: str, now: int) -> bool:
    if _is_tried(hold, now):
        return False
    if hold.reason == TOKEN:
        return bool(token)
    if token and hold.token and hold.token != token:
        return True
    return hold.until is not None and hold.until <= now


def _is_tried(hold: Hold, now: int) -> bool:
    return hold.probe is not None and (hold.probe_until or 0) > now


def _until(db: Database, hold: Hold, send: DueSend, now: int) -> int:
    """When this send looks again: at the next try if nobody else does, else later."""
    at = hold.probe_until if _is_tried(hold, now) else hold.until
    next_try = at if at is not None and at > now else now + RECHECK
    if send.kind not in _WORTHLESS and _becomes_waiter(db, hold, send.id, next_try, now):
        return next_try
    latest = _LATEST_WITHOUT_END if hold.until is None else min(_LATEST, 20 * hold.pace)
    return next_try + latest // 2 + waking.share(send.id, latest // 2)


def _becomes_waiter(db: Database, hold: Hold, send_id: int, at: int, now: int) -> bool:
    gone = now - max(1_000, min(RECHECK, 2 * hold.pace))
    if hold.waiter not in (None, send_id) and (hold.waiter_at or 0) >= gone:
        return False
    return bool(
        db.run(
            "UPDATE hold SET waiter = ?, waiter_at = ? WHERE id = ? AND lifted_at IS NULL"
            " AND (waiter IS NULL OR waiter = ? OR waiter_at < ?)",
            (send_id, at, hold.id, send_id, gone),
        )
    )


def claim(db: Database, probe: Probe, send_id: int, now: int, until: int) -> bool:
    """Let this send be the one that tries, until then. False: another one does already."""
    # An account's before its app's, as a receipt locks them.
    for hold in sorted(probe.holds, key=lambda hold: (hold.scope, hold.scope_id, hold.reason)):
        taken = db.run(
            "UPDATE hold SET probe = ?, probe_until = ? WHERE id = ? AND lifted_at IS NULL"
            " AND (probe IS NULL OR probe_until <= ?)",
            (send_id, until, hold.id, now),
        )
        if not taken and db.first("SELECT id FROM hold WHERE id = ? AND lifted_at IS NULL",
                                  (hold.id,)):  # fmt: skip
            return False
    return True


def lift(db: Database, hold: Hold, now: int) -> None:
    """End a hold, inside a transaction; `follow_up` wakes what waited."""
    db.run("UPDATE hold SET lifted_at = ?, probe = NULL WHERE id = ?", (now, hold.id))


def follow_up(database: Database, holds: Sequence[Hold], now: int) -> int:
    """After the transaction that changed them: wake what waited under lifted ones, and tell one
    send when to try under the others. Gives how many were woken."""
    return sum(_follow_up_one(database, hold.id, now) for hold in holds)


def finish(database: Database, now: int) -> int:
    """Go on where a process died between lifting a hold and waking what waited."""
    ids = [row[0] for row in database.all("SELECT id FROM hold WHERE lifted_at IS NOT NULL")]
    return sum(_follow_up_one(database, id, now) for id in ids)


def _follow_up_one(database: Database, hold_id: int, now: int) -> int:
    rows = database.all(f"{SELECT} WHERE id = ?", (hold_id,))
    if not rows:
        return 0
    hold = Hold(*rows[0])
    accounts, kind = _under(database, hold)
    if not database.first("SELECT id FROM hold WHERE id = ? AND lifted_at IS NOT NULL", (hold_id,)):
        _appoint(database, hold, accounts, kind)
        return 0
    count = waking.wake(database, accounts, hold.reason, kind, now)
    with database.transaction(durable=False) as db:
        db.run("DELETE FROM hold WHERE id = ? AND lifted_at IS NOT NULL", (hold_id,))
    return count


def drop(database: Database, hold: Hold, now: int) -> int:
    """End what waits under a hold of igrules, unsent; gives how many."""
    accounts, kind = _under(database, hold)
    return waking.wake(database, accounts, hold.reason, kind, now, drop=True)


def _under(db: Database, hold: Hold) -> tuple[list[int], str]:
    """The accounts a hold of igrules stands over, and the kind of sends, empty for all."""
    if hold.scope == "app":
        return apps.accounts_of(db, hold.scope_id), ""
    account, _, kind = hold.scope_id.partition(":")
    return [int(account)], kind


def _appoint(database: Database, hold: Hold, accounts: Sequence[int], kind: str) -> None:
    """Tell the oldest send that can go when it is to try."""
    if hold.waiter is not None or hold.until is None:
        return
    for account_id in accounts:
        for send_id, lane_id in waking.held(database, account_id, hold.reason, kind):
            with database.transaction() as db:
                db.first(f"SELECT id FROM lane WHERE id = ?{db.locked}", (lane_id,))
                moved = db.run(
                    "UPDATE send SET not_before = CASE WHEN expires_at < ? THEN expires_at + 1"
                    " ELSE ? END WHERE id = ? AND state = 'pending'",
                    (hold.until, hold.until, send_id),
                )
                if not moved:
                    continue
                db.run(
                    "UPDATE hold SET waiter = ?, waiter_at = ? WHERE id = ? AND waiter IS NULL",
                    (send_id, hold.until, hold.id),
                )
                wake_lane(db, lane_id, hold.until)
            return


def hurry(db: Database, tenant_id: int, secret: str, now: int) -> list[int]:
    """A new token is stored under this name: let the send that waits for it try at once. Inside a
    transaction; gives the lanes to wake at its end."""
    rows = db.all(
        "SELECT s.id, s.lane_id FROM account a JOIN hold ON hold.scope = 'account'"
        " AND hold.scope_id = CAST(a.id AS TEXT) AND hold.reason = 'reauth'"
        " JOIN send s ON s.id = hold.waiter AND s.tenant_id = a.tenant_id"
        " WHERE a.tenant_id = ? AND a.token_secret = ?",
        (tenant_id, secret),
    )
    lanes = [lane_id for _, lane_id in rows]
    if lanes:
        db.all(
            f"SELECT id FROM lane WHERE id IN ({holders(len(lanes))}) AND tenant_id = ?"
            f" ORDER BY account_id, person{db.locked}",
            [*lanes, tenant_id],
        )
    for send_id, _ in rows:
        db.run(
            "UPDATE send SET not_before = ? WHERE id = ? AND state = 'pending' AND tenant_id = ?",
            (now, send_id, tenant_id),
        )
    return lanes
