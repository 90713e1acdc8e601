"""What a person says of a send that igrules gave up: it went out, send it again, or let it be.

Why a retry asks for a closed state and keeps the key: whoever else looks at the same moment finds
it changed, and nothing is sent twice under one key.
"""

from __future__ import annotations

import igrules.ledger.columns as columns
import igrules.ledger.epochs as epochs
import igrules.ledger.quotas as quotas
from igrules.errors import Conflict, NotFound, UsageError
from igrules.ledger.database import Database
from igrules.ledger.leases import NOBODY, wake_lane
from igrules.ledger.settle import mark_sent
from igrules.ledger.stats import add_stat

EVIDENCE = "person"
"""What proves that a send went out when somebody has said so."""

_BECOMES = {"sent": "sent", "retry": "pending", "discard": "dropped"}
_FROM = {
    "sent": ("parked",),
    "retry": ("parked", "dead", "refused", "expired"),
    "discard": ("parked", "dead"),
}
VERDICTS = tuple(_FROM)


def settle(db: Database, tenant_id: int, id: int, verdict: str, now: int) -> bool:
    """Settle a send; false when it is so already. See `Scope.settle_send`."""
    if verdict not in VERDICTS:
        raise UsageError(f"a send is not settled as '{verdict}'", f"use {', '.join(VERDICTS)}")
    with db.transaction():
        row = db.first("SELECT lane_id FROM send WHERE id = ? AND tenant_id = ?", (id, tenant_id))
        # The lane is locked before the send, as everywhere.
        lane = row and db.first(
            f"SELECT id, person FROM lane WHERE id = ? AND tenant_id = ?{db.locked}",
            (row[0], tenant_id),
        )
        found = lane and db.first(
            "SELECT state, CASE WHEN payload IS NULL THEN 1 ELSE 0 END, expires_at, quota_day,"
            f" message_id, attempt FROM send WHERE id = ? AND tenant_id = ?{db.locked}",
            (id, tenant_id),
        )
        if not lane or not found:
            raise NotFound(f"there is no send {id}", "look for it in the list of sends")
        state, wiped, expires_at, day, message_id, attempt = found
        if state == _BECOMES[verdict]:
            return False
        _check(id, state, verdict, attempt)
        if verdict == "sent":
            mark_sent(db, id, tenant_id, message_id, EVIDENCE, now)
        elif verdict == "discard":
            _drop(db, tenant_id, id, now)
        else:
            _check_possible(id, bool(wiped) or lane[1].startswith(NOBODY), expires_at, now)
            # What died has given its place back already.
            quotas.give_back(db, tenant_id, None if state == "dead" else day)
            _again(db, tenant_id, id, now)
        if state == "parked":
            add_stat(db, tenant_id, now, "doubt_settled", EVIDENCE, 1)
        wake_lane(db, lane[0], now)
    return True


def _check(id: int, state: str, verdict: str, attempt: int) -> None:
    # What was refused, and ended by a gate when it was tried again, is not lost by that.
    ended_again = verdict == "retry" and state == "skipped" and attempt > 0
    if state in _FROM[verdict] or ended_again:
        return
    if state in ("sending", "doubt"):
        raise Conflict(
            f"send {id} is not given up yet",
            "its proof may still come; look again in a few minutes",
        )
    raise Conflict(
        f"send {id} is {state} and cannot be settled as '{verdict}'",
        f"only {', '.join(_FROM[verdict])} can",
    )


def _check_possible(id: int, gone: bool, expires_at: int | None, now: int) -> None:
    if gone:
        raise Conflict(f"the contents of send {id} are no longer stored", "write it anew")
    if expires_at is not None and expires_at <= now:
        raise Conflict(
            f"the window for send {id} has closed",
            "settle it as sent or discard it; a new message needs an open window",
            "window_closed",
        )


def _drop(db: Database, tenant_id: int, id: int, now: int) -> None:
    db.run(
        "UPDATE send SET state = 'dropped', reason = ?, closed_at = ? WHERE id = ?"
        " AND tenant_id = ?",
        (columns.text(EVIDENCE), now, id, tenant_id),
    )


def _again(db: Database, tenant_id: int, id: int, now: int) -> None:
    """It passes all gates once more, also those of a database that was restored meanwhile."""
    db.run(
        "UPDATE send SET state = 'pending', reason = '', not_before = ?, retries = 0, epoch = ?,"
        " quota_day = NULL, message_id = '', evidence = '', closed_at = NULL, looks = 0"
        " WHERE id = ? AND tenant_id = ?",
        (now, epochs.read(db).number, id, tenant_id),
    )
