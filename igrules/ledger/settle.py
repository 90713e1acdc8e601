"""What became of a call: proved sent, proved not done, refused, or unclear.

Why the lane is locked first: every transaction locks lanes before sends, and a settled send may
wake a lane whose lease is long gone.
"""

from __future__ import annotations

from dataclasses import dataclass

import igrules.ledger.breakers as breakers
import igrules.ledger.columns as columns
import igrules.ledger.quotas as quotas
import igrules.ledger.usage as usage
from igrules.ledger.database import Database
from igrules.ledger.days import DAY
from igrules.ledger.doubts import BY_WORDS, CONSUMED, WORTHLESS, proves_itself
from igrules.ledger.holds import Hold
from igrules.ledger.leases import NOBODY, wake_lane
from igrules.ledger.retries import SCHEDULE, pause
from igrules.ledger.stats import add_stat
from igrules.ledger.unsaid import Unsaid, cancel_later, end_run
from igrules.model import Answer, NotDone, Receipt, Refused, Sent, Unknown

_UNREACHABLE = 24 * 3_600_000
_LIFTED_EARLY = frozenset({"BLOCKED", "REAUTH"})
"""Classes after which a send waits until its window ends: what keeps it back may end any time."""

_COMMENTS = frozenset({"reply", "private_reply", "hide_comment", "delete_comment"})
_MISSING = 33
"""The subcode for what does not exist."""
_UNFETCHED = 2018008
"""The subcode for media the platform could not fetch from its address."""


@dataclass(frozen=True, slots=True)
class _Send:
    """A send while it is settled."""

    id: int
    tenant_id: int
    account_id: int
    lane_id: int
    inbox_id: int | None
    kind: str
    rule: str
    state: str
    attempt: int
    retries: int
    expires_at: int | None
    idempotent: str
    on_doubt: str
    on_error: str
    quota_day: str | None
    message_id: str
    key: str
    evidence: str
    run_id: int | None
    step: str
    counted: str
    channel: str
    strikes: int
    probes: int
    doubts: int
    account_is_slow: bool
    app_is_slow: bool

    @property
    def is_unclear(self) -> bool:
        """Whether the answer of the call can still say what became of it: also against an echo,
        which may have been that of another message with the same words."""
        return self.state in ("sending", "doubt") or (
            self.state == "sent" and self.evidence in BY_WORDS
        )

    @property
    def doubts_before(self) -> int:
        """How often it was unclear, but for the present call, whose doubt is over."""
        return max(0, self.doubts - (self.state == "doubt"))

    @property
    def may_have_left(self) -> bool:
        """Whether a call before the present one may have been carried out."""
        return self.doubts_before > 0 and self.evidence != "absent"

    @property
    def happens_once(self) -> bool:
        """Whether a second call cannot be a second message."""
        return self.idempotent == "yes" or self.kind == "private_reply"


_SELECT = (
    "SELECT id, tenant_id, account_id, lane_id, inbox_id, kind, rule, state, attempt, retries,"
    " expires_at, idempotent, on_doubt, on_error, quota_day, message_id, key,"
    " evidence, run_id, step, counted, channel,"
    " (SELECT strikes FROM account WHERE account.id = send.account_id),"
    f" (SELECT count(*) FROM hold WHERE hold.probe = send.id), doubts, {usage.IS_SLOW}"
    " FROM send WHERE id = ?"
)


@dataclass(frozen=True, slots=True)
class Settled:
    """The new state of a send, and the holds of igrules that its receipt has changed."""

    state: str
    holds: tuple[Hold, ...] = ()


def settle(
    db: Database,
    send_id: int,
    attempt: int,
    receipt: Receipt,
    now: int,
    retry_scale: float,
    token: str = "",
) -> Settled:
    """Store a receipt inside a transaction; see `Sends.settle`. ``token`` is the mark of the token
    that was used."""
    lane = db.first(
        "SELECT owner, person FROM lane"
        f" WHERE id = (SELECT lane_id FROM send WHERE id = ?){db.locked}",
        (send_id,),
    )
    # Of a person who was forgotten while the call was under way, nothing is written down.
    if lane is None or str(lane[1]).startswith(NOBODY):
        return Settled("")
    if isinstance(receipt, Refused) and receipt.answer.cls == "RECIPIENT":
        _mark_unreachable(db, send_id, now)
    if isinstance(receipt, Refused) and receipt.answer.cls == "WINDOW":
        _correct_window(db, send_id, attempt)
    row = db.first(_SELECT + db.locked, (now * 1000, now * 1000, send_id))
    if row is None:
        return Settled("")
    send = _Send(*row)
    _end_attempt(db, send_id, attempt, receipt, now)
    if attempt != send.attempt:
        return Settled(_superseded(db, send, receipt, now))
    state = _apply(db, send, receipt, now, retry_scale)
    # Buckets before holds, as a send takes them that tries under a hold.
    slow = usage.Slow(send.account_is_slow, send.app_is_slow)
    usage.note(db, send.account_id, send.kind, receipt, now, slow)
    asked = breakers.Asked(send.id, send.tenant_id, send.account_id, send.channel, send.kind,
                           send.strikes, send.probes)  # fmt: skip
    changed = breakers.note(db, asked, breakers.Heard(receipt, now, token, retry_scale))
    if state != send.state and lane[0] is None:
        wake_lane(db, send.lane_id, now)
    return Settled(state, changed)


def _apply(db: Database, send: _Send, receipt: Receipt, now: int, retry_scale: float) -> str:
    if isinstance(receipt, Sent):
        return _sent(db, send, receipt, now)
    if not send.is_unclear:
        return send.state
    if isinstance(receipt, NotDone):
        return _again(db, send, receipt, now, retry_scale)
    if isinstance(receipt, Refused):
        if receipt.answer.subcode == _UNFETCHED and _is_first(db, send, _UNFETCHED):
            return _again(db, send, NotDone(reason=receipt.reason), now, retry_scale)
        if _is_deleted(db, send, receipt):
            return mark_sent(db, send.id, send.tenant_id, "", "gone", now)
        if receipt.answer.cls == "CONSUMED" and _was_unclear(db, send):
            add_stat(db, send.tenant_id, now, "doubt_settled", CONSUMED, 1)
            return mark_sent(db, send.id, send.tenant_id, "", CONSUMED, now)
        return _refuse(db, send, receipt, now)
    return _doubt(db, send, receipt, now, retry_scale)


def _sent(db: Database, send: _Send, receipt: Sent, now: int) -> str:
    """Proof is proof, however late: also for what was given up as unclear meanwhile, or waits to be
    sent again."""
    if send.state == "sent" and not send.is_unclear:
        return send.state
    if send.state not in ("sending", "sent"):
        add_stat(db, send.tenant_id, now, "doubt_settled", receipt.evidence, 1)
    if receipt.result is not None:
        _keep_result(db, send, receipt.result)
    return mark_sent(db, send.id, send.tenant_id, receipt.id, receipt.evidence, now)


def mark_sent(
    db: Database, send_id: int, tenant_id: int, message_id: str, evidence: str, now: int
) -> str:
    """Close a send as sent, by this evidence."""
    db.run(
        "UPDATE send SET state = 'sent', reason = '', message_id = ?, evidence = ?, closed_at = ?"
        " WHERE id = ? AND +tenant_id = ?",
        (columns.text(message_id), evidence, now, send_id, tenant_id),
    )
    return "sent"


def _keep_result(db: Database, send: _Send, result: object) -> None:
    """What the call answered, for the step that waits for it."""
    db.run(
        "UPDATE send SET result = ? WHERE id = ? AND +tenant_id = ?",
        (columns.to_json(result), send.id, send.tenant_id),
    )


def _again(db: Database, send: _Send, receipt: NotDone, now: int, scale: float) -> str:
    """Proved not done: the quota is given back, and the send waits for its next try."""
    _give_back(db, send)
    retries = send.retries + receipt.counts
    if retries > len(SCHEDULE):
        return _close(db, send, "dead", receipt.reason or "retries", now)
    after = receipt.after
    if after is None:
        after = pause(send.key, send.attempt, send.retries, scale)
    if receipt.answer.cls in _LIFTED_EARLY and send.expires_at is not None:
        after = min(after, max(0, send.expires_at + 1 - now))
    elif send.expires_at is not None and now + after > send.expires_at:
        return _close(db, send, "dead", receipt.reason or "window", now)
    db.run(
        "UPDATE send SET state = 'pending', reason = ?, retries = ?, not_before = ?,"
        " message_id = '', closed_at = NULL, doubts = ?,"
        " evidence = CASE WHEN evidence = 'absent' THEN evidence ELSE '' END"
        " WHERE id = ? AND +tenant_id = ?",
        (
            columns.text(receipt.reason),
            retries,
            now + after,
            send.doubts_before,
            send.id,
            send.tenant_id,
        ),
    )
    return "pending"


def _give_back(db: Database, send: _Send) -> None:
    """Return what a call that was not done has taken from its day, unless an earlier one may have
    been carried out."""
    if send.quota_day and not send.may_have_left:
        quotas.give_back(db, send.tenant_id, send.quota_day)
        db.run(
            "UPDATE send SET quota_day = NULL WHERE id = ? AND +tenant_id = ?",
            (send.id, send.tenant_id),
        )


def _is_first(db: Database, send: _Send, subcode: int) -> bool:
    """Whether no attempt before the present one was answered with this subcode."""
    return not db.first(
        "SELECT n FROM attempt WHERE send_id = ? AND n < ? AND subcode = ?",
        (send.id, send.attempt, subcode),
    )


def _is_deleted(db: Database, send: _Send, receipt: Refused) -> bool:
    """Whether the comment is not there because an earlier call, whose answer was lost, has deleted
    it."""
    if send.kind != "delete_comment" or receipt.answer.subcode != _MISSING:
        return False
    return _was_unclear(db, send)


def _was_unclear(db: Database, send: _Send) -> bool:
    """Whether an attempt before the present one may have been carried out."""
    return bool(
        db.first(
            "SELECT n FROM attempt WHERE send_id = ? AND n < ?"
            " AND (ended_at IS NULL OR outcome IN ('UNCLEAR', 'Unknown'))",
            (send.id, send.attempt),
        )
    )


def _refuse(db: Database, send: _Send, receipt: Refused, now: int) -> str:
    """The other side said no. What the same run wanted to say after it is not said either."""
    state = "expired" if receipt.answer.cls == "WINDOW" else "refused"
    if send.on_error != "continue" and send.counted == "yes":
        unsaid = Unsaid(send.id, send.key, send.tenant_id, send.lane_id, send.run_id,
                        send.inbox_id, send.rule, send.step)  # fmt: skip
        cancel_later(db, unsaid, now)
        if state == "expired":
            end_run(db, unsaid, "window_closed", "", now)
        else:
            end_run(db, unsaid, "failed", f"refused: {receipt.reason}", now)
    if receipt.answer.cls != "CONSUMED":
        _give_back(db, send)
    return _close(db, send, state, receipt.reason, now)


def _doubt(db: Database, send: _Send, receipt: Unknown, now: int, scale: float) -> str:
    """Nobody can tell. It stays unclear until its quiet time is over, unless an echo has told
    already, or a second time is harmless."""
    if send.state == "sent":
        return send.state
    if send.kind in WORTHLESS:
        return _close(db, send, "dropped", receipt.reason, now)
    if send.idempotent == "yes":
        return _again(db, send, NotDone(reason=receipt.reason), now, scale)
    if send.state == "doubt":
        return send.state
    change, time = "", list[int]()
    if proves_itself(send.kind, send.on_doubt):
        change = ", not_before = ?"
        time = [now + pause(send.key, send.attempt, send.retries + 1, scale)]
    db.run(
        # Its time to be looked for was set when the call began.
        "UPDATE send SET state = 'doubt', reason = ?, doubts = doubts + 1, looks = 0,"
        f" evidence = ''{change} WHERE id = ? AND +tenant_id = ?",
        [columns.text(receipt.reason), *time, send.id, send.tenant_id],  # our own words
    )
    return "doubt"


def _close(db: Database, send: _Send, state: str, reason: str, now: int) -> str:
    """Close it. What an earlier call may have done is not called undone: it is parked."""
    if state != "dropped" and send.may_have_left:
        state = "parked"
    db.run(
        "UPDATE send SET state = ?, reason = ?, closed_at = ?, doubts = ? WHERE id = ?"
        " AND +tenant_id = ?",
        (state, columns.text(reason), now, send.doubts_before, send.id, send.tenant_id),
    )
    return state


def _superseded(db: Database, send: _Send, receipt: Receipt, now: int) -> str:
    """A receipt that finds a later attempt: if it was sent, it may have been sent twice."""
    if not isinstance(receipt, Sent):
        return send.state
    if not send.happens_once and _attempted_again(send):
        add_stat(db, send.tenant_id, now, "double_send", send.kind, 1)
    return _sent(db, send, receipt, now)


def _attempted_again(send: _Send) -> bool:
    """Whether the later attempt may have reached the person as well."""
    return send.state in ("sending", "sent", "doubt", "parked")


def _end_attempt(db: Database, send_id: int, attempt: int, receipt: Receipt, now: int) -> None:
    answer: Answer = receipt.answer
    db.run(
        "UPDATE attempt SET ended_at = ?, outcome = ?, status = ?, code = ?, subcode = ?,"
        " fbtrace_id = ? WHERE send_id = ? AND n = ?",
        (
            now,
            answer.cls or type(receipt).__name__,
            answer.status,
            answer.code,
            answer.subcode,
            columns.text(answer.trace_id),
            send_id,
            attempt,
        ),
    )


def _mark_unreachable(db: Database, send_id: int, now: int) -> None:
    """The person cannot be written to for a day. Comments are answered all the same."""
    row = db.first(
        "SELECT s.kind, l.account_id, l.person, l.tenant_id FROM send s"
        " JOIN lane l ON l.id = s.lane_id WHERE s.id = ?",
        (send_id,),
    )
    if row is not None and row[0] not in _COMMENTS:
        db.run(
            "UPDATE contact SET unreachable_until = ?"
            " WHERE account_id = ? AND person = ? AND tenant_id = ?",
            (now + _UNREACHABLE, *row[1:]),
        )


def _correct_window(db: Database, send_id: int, attempt: int) -> None:
    """The platform says that the person wrote longer ago than we think. What came after the call
    began is true all the same."""
    row = db.first(
        "SELECT s.kind, a.started_at, l.account_id, l.person, l.tenant_id FROM send s"
        " JOIN lane l ON l.id = s.lane_id JOIN attempt a ON a.send_id = s.id AND a.n = ?"
        " WHERE s.id = ?",
        (attempt, send_id),
    )
    if row is None or row[0] in _COMMENTS:
        return
    closed = int(row[1]) - DAY
    db.run(
        "UPDATE contact SET last_in_at = ? WHERE account_id = ? AND person = ? AND tenant_id = ?"
        " AND last_in_at > ? AND last_in_at <= ?",
        (closed, *row[2:], closed, row[1]),
    )
