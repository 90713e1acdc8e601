"""What it means for the rest of a run that one of its messages did not go out.

Why here: messages do not wait for their delivery, so a run may have gone on long before.
"""

from __future__ import annotations

from dataclasses import dataclass

import igrules.ledger.columns as columns
from igrules.ledger.database import Database
from igrules.ledger.open_sends import CANCELLED, PENDING
from igrules.ledger.quotas import REASON
from igrules.ledger.rates import LIMITED
from igrules.ledger.runs import PARKED
from igrules.model import Effect


@dataclass(frozen=True, slots=True)
class Unsaid:
    """A message that did not go out, and what made it: a stored run, or a rule by one event."""

    id: int
    key: str
    tenant_id: int
    lane_id: int
    run_id: int | None
    inbox_id: int | None
    rule: str
    step: str


def ends_of(effect: Effect, state: str, reason: str) -> tuple[str, str] | None:
    """How a run ends, and why, whose send a gate has closed; ``None`` when it goes on.

    Outside the window nothing can be said any more, a call that is one too many has failed, and
    what is written after a question that was never seen is no answer to it.
    """
    if effect.on_error == "continue":
        return None
    if state == "expired" and effect.counted:
        return "window_closed", ""
    if reason == LIMITED:
        return "failed", LIMITED
    return ("limited", REASON) if reason == REASON and effect.again else None


def cancel_later(db: Database, send: Unsaid, now: int) -> None:
    """What the same run wanted to say after it is not said either; only the team is told."""
    if send.run_id is None and send.inbox_id is None:
        return
    which, value = "run_id = ?", send.run_id
    if send.run_id is None:
        which, value = "run_id IS NULL AND inbox_id = ?", send.inbox_id
    db.run(
        f"UPDATE send SET state = {CANCELLED}, reason = 'refused', closed_at = ?"
        f" WHERE lane_id = ? AND {PENDING} AND {which} AND rule = ? AND id > ? AND +tenant_id = ?"
        " AND kind <> 'notify'",
        (now, send.lane_id, value, send.rule, send.id, send.tenant_id),
    )


def end_run(db: Database, send: Unsaid, ended: str, why: str, now: int) -> None:
    """The run that made it ends, unless it waits for just this call and is told the outcome."""
    if send.run_id is None:
        return
    db.run(
        "UPDATE run SET state = 'ended', ended = ?, why = ?, step = ?, wake_at = NULL, ended_at = ?"
        f" WHERE id = ? AND {PARKED} AND NOT (state = 'calling' AND expects = ?)"
        " AND tenant_id = ?",
        (ended, columns.text(why), send.step, now, send.run_id, send.key, send.tenant_id),
    )
