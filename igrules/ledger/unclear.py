"""Sends whose outcome is unclear: calls that were cut off, and what becomes of them all.

Why the search is not here: it asks the platform, and no transaction is open while somebody waits
for an answer. What was found is brought back, and the send must be as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import igrules.ledger.epochs as epochs
import igrules.ledger.outbox as outbox
import igrules.ledger.quarantine as quarantine
import igrules.ledger.quotas as quotas
from igrules.ledger.database import Database, Row
from igrules.ledger.doubts import (
    ABSENT,
    BUSY,
    FOUND,
    UNSURE,
    WORTHLESS,
    Finding,
    fate,
    policy_of,
    proves_itself,
)
from igrules.ledger.leases import hold_lane
from igrules.ledger.open_sends import OPEN
from igrules.ledger.quarantine import POISONED
from igrules.ledger.retries import SCHEDULE, pause
from igrules.ledger.settle import mark_sent
from igrules.ledger.stats import add_stat
from igrules.ledger.values import Lane
from igrules.model import Effect

_DOUBTS = f"{OPEN} AND state = 'doubt'"
_CUT_OFF = (
    "SELECT s.id, s.kind, s.idempotent, s.on_doubt, s.key, s.attempt, s.retries FROM send s"
    f" JOIN attempt a ON a.send_id = s.id AND a.n = s.attempt WHERE s.lane_id = ? AND s.{OPEN}"
    " AND s.state = 'sending' AND a.fence <> ? AND +s.tenant_id = ? ORDER BY s.id"
)


@dataclass(frozen=True, slots=True)
class Doubt:
    """An unclear send. ``since`` is when the first call began that may have done it; ``is_due``:
    its quiet time is over, so that what is missing now stays missing."""

    id: int
    effect: Effect
    since: int
    is_due: bool


def is_cut_off(db: Database, lane: Lane) -> bool:
    """Whether a call of the lane was begun by a turn that is over, and has no receipt."""
    return db.first(_CUT_OFF, (lane.id, lane.fence, lane.tenant_id)) is not None


def cut_off(database: Database, lane: Lane, now: int, retry_scale: float) -> int:
    """Say of calls whose turn is over that nobody knows their outcome; see `Sends.cut_off`."""
    which = (lane.id, lane.fence, lane.tenant_id)
    if not database.first(_CUT_OFF, which):
        return 0
    with database.transaction() as db:
        hold_lane(db, lane, None)
        rows = db.all(_CUT_OFF, which)
        return sum(_put_in_doubt(db, lane, row, now, retry_scale) for row in rows)


def _put_in_doubt(db: Database, lane: Lane, row: Row, now: int, scale: float) -> int:
    id, kind, idempotent, on_doubt, key, attempt, retries = row
    values: list[object] = []
    if kind in WORTHLESS:
        change, values = "state = 'dropped', reason = 'unclear', closed_at = ?", [now]
    elif idempotent == "yes" and _ends_its_workers(db, id):
        change = "state = 'parked', reason = ?, closed_at = ?"
        values = [quarantine.words(POISONED), now]
        quarantine.tell_of_send(db, lane, id, POISONED, now)
    elif idempotent == "yes":
        change, values = "state = 'pending', reason = 'unclear', not_before = ?", [now]
    else:
        # Its time to be looked for was set when the call began.
        change = "state = 'doubt', reason = 'cut off', doubts = doubts + 1, looks = 0,"
        change += " evidence = ''"
        if proves_itself(kind, on_doubt):
            change += ", not_before = ?"
            values = [now + pause(key, attempt, retries + 1, scale)]
    return db.run(
        f"UPDATE send SET {change} WHERE id = ? AND state = 'sending' AND +tenant_id = ?",
        [*values, id, lane.tenant_id],  # our own words
    )


def _ends_its_workers(db: Database, send_id: int) -> bool:
    """Whether the newest calls of a send were all cut off: then the next one would be, too."""
    rows = db.all(
        "SELECT ended_at FROM attempt WHERE send_id = ? ORDER BY n DESC LIMIT ?",
        (send_id, POISONED),
    )
    return len(rows) == POISONED and all(row[0] is None for row in rows)


def doubts(db: Database, lane: Lane, now: int) -> list[Doubt]:
    """The unclear sends of a lane, oldest first."""
    rows = db.all(
        "SELECT id, not_before, coalesce((SELECT min(a.started_at) FROM attempt a"
        " WHERE a.send_id = send.id AND (a.ended_at IS NULL OR a.outcome IN"
        f" ('UNCLEAR', 'Unknown'))), created_at), {outbox.EFFECT} FROM send"
        f" WHERE lane_id = ? AND {_DOUBTS} AND +tenant_id = ? ORDER BY id",
        (lane.id, lane.tenant_id),
    )
    return [Doubt(row[0], outbox.effect(row[3:]), row[2], row[1] <= now) for row in rows]


def conclude(
    database: Database, lane: Lane, findings: Mapping[int, Finding], now: int, retry_scale: float
) -> Mapping[int, str]:
    """Do with unclear sends what follows from what was found; see `Sends.conclude`."""
    states: dict[int, str] = {}
    if not findings:
        return states
    proved: Counter[str] = Counter()
    with database.transaction() as db:
        hold_lane(db, lane, None)
        for id in sorted(findings):
            row = db.first(
                f"SELECT state, doubts, looks, attempt, quota_day, {outbox.EFFECT} FROM send"
                f" WHERE id = ? AND lane_id = ? AND +tenant_id = ?{db.locked}",
                (id, lane.id, lane.tenant_id),
            )
            if row is not None and row[0] == "doubt":
                states[id] = _conclude(db, lane, id, row, findings[id], now, retry_scale, proved)
        # At the end and in one order, since other lanes of the tenant count as well.
        for label, count in sorted(proved.items()):
            add_stat(db, lane.tenant_id, now, "doubt_settled", label, count)
    return states


def _conclude(
    db: Database,
    lane: Lane,
    id: int,
    row: Row,
    finding: Finding,
    now: int,
    scale: float,
    proved: Counter[str],
) -> str:
    """The new state; what was proved is added to ``proved``, by the kind of proof."""
    _, doubts, looks, attempt, day = row[:5]
    effect = outbox.effect(row[5:])
    repeats = proves_itself(effect.kind, effect.on_doubt) and finding.word != FOUND
    if repeats:
        # The platform takes only one, so it is tried as long as there are tries.
        doubts, finding = (1 if effect.tries < len(SCHEDULE) else 2), Finding(UNSURE)
    what = _in_time(fate(policy_of(effect), finding, doubts, looks), effect, finding, now)
    if what == "again" and _is_taken_back(db, lane, id):
        what = "cancelled" if finding.word == ABSENT else "parked"
    if what == "sent" or finding.word == ABSENT:
        proved[finding.evidence if what == "sent" else ABSENT] += 1
    if what == "sent":
        return mark_sent(db, id, lane.tenant_id, finding.message_id, finding.evidence, now)
    if what == "later":
        after = finding.after or pause(effect.key, attempt + looks, looks, scale)
        return _look_later(db, lane, id, now + after, finding.word != BUSY)
    if finding.word == ABSENT and what != "parked":
        quotas.give_back(db, lane.tenant_id, day)
        db.run(
            "UPDATE send SET quota_day = NULL WHERE id = ? AND +tenant_id = ?", (id, lane.tenant_id)
        )
    if what == "again":
        return _send_again(db, lane, id, finding, repeats, now)
    return _close(db, lane, id, what, finding, now)


def _is_taken_back(db: Database, lane: Lane, id: int) -> bool:
    """Whether the message that a send answers was deleted meanwhile by who wrote it."""
    return bool(
        db.first(
            "SELECT d.id FROM send s JOIN inbox i ON i.id = s.inbox_id JOIN inbox d"
            " ON d.account_id = i.account_id AND d.ref = i.ref AND d.kind = 'message_deleted'"
            " WHERE s.id = ? AND i.ref <> '' AND +s.tenant_id = ? LIMIT 1",
            (id, lane.tenant_id),
        )
    )


def _in_time(what: str, effect: Effect, finding: Finding, now: int) -> str:
    """The same, unless the window has closed meanwhile: then nothing is sent or looked for."""
    if what not in ("again", "later") or not effect.expires_at or now <= effect.expires_at:
        return what
    return "expired" if finding.word == ABSENT else "parked"


def _look_later(db: Database, lane: Lane, id: int, at: int, counts: bool) -> str:
    db.run(
        "UPDATE send SET looks = looks + ?, not_before = ? WHERE id = ? AND +tenant_id = ?",
        (int(counts), at, id, lane.tenant_id),
    )
    return "doubt"


def _send_again(
    db: Database, lane: Lane, id: int, finding: Finding, repeats: bool, now: int
) -> str:
    """It passes all gates once more. ``evidence`` says so if it is proved that it is missing."""
    db.run(
        "UPDATE send SET state = 'pending', reason = ?, not_before = ?, looks = 0, evidence = ?,"
        " retries = retries + ?, doubts = CASE WHEN doubts = 0 THEN 1 ELSE doubts END"
        " WHERE id = ? AND +tenant_id = ?",
        (
            "missing" if finding.word == ABSENT else "unclear",
            now,
            ABSENT if finding.word == ABSENT else "",
            int(repeats),
            id,
            lane.tenant_id,
        ),
    )
    return "pending"


def _close(db: Database, lane: Lane, id: int, state: str, finding: Finding, now: int) -> str:
    """Give it up. ``evidence`` keeps what was found for the person who looks at it."""
    reason = {"expired": "window", "cancelled": "deleted"}.get(state, "unclear")
    db.run(
        "UPDATE send SET state = ?, reason = CASE WHEN reason = ? THEN reason ELSE ? END,"
        " evidence = ?, closed_at = ? WHERE id = ? AND +tenant_id = ?",
        (state, epochs.REASON, reason, finding.word, now, id, lane.tenant_id),
    )
    return state


def drop_parked(database: Database, now: int) -> int:
    """Close what waited for a person until the end of its window: it can help nobody any more."""
    late = "state = 'parked' AND expires_at < ?"
    if not database.first(f"SELECT 1 FROM send WHERE {late} LIMIT 1", (now,)):
        return 0
    with database.transaction() as db:
        return db.run(
            f"UPDATE send SET state = 'dropped', reason = 'window', closed_at = ? WHERE {late}",
            (now, now),
        )
