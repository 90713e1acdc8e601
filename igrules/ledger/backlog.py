"""What waits to go out, what holds it, and when the last of it can go."""

from __future__ import annotations

from dataclasses import dataclass, replace

import igrules.ledger.buckets as buckets
import igrules.ledger.epochs as epochs
import igrules.ledger.holds as holds
import igrules.ledger.quotas as quotas
from igrules.ledger.database import Database, holders
from igrules.ledger.days import clock_words
from igrules.ledger.open_sends import OPEN
from igrules.ledger.presets import kinds_of
from igrules.ledger.quotas import Limits
from igrules.ledger.reasons import in_words

READY, LATER, RETRY, LIMIT, DOUBT = "ready", "later", "retry", quotas.REASON, "doubt"
_NO_END = frozenset({"copied", epochs.REASON, epochs.BEHIND, DOUBT})
"""Waits that end when a person does something, or something is proved, and nobody knows when."""


_MEASURED = 300_000
"""So long sends are counted to see how fast they go."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Sends that one thing holds back. ``next_at`` is when the first of them is looked at,
    ``last_at`` when the last can go; ``None``: nobody can say. ``expiring`` are those whose time is
    over before."""

    held_by: str
    count: int
    next_at: int
    last_at: int | None
    expiring: int
    account_id: int = 0
    """Whose limit it is, where it is that of one account."""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Backlog:
    """All sends of a tenant that wait. ``last_at`` ``None``: something waits without an end, or
    nothing waits."""

    count: int
    last_at: int | None
    waiting: tuple[Waiting, ...]


def of_tenant(db: Database, tenant_id: int, now: int) -> Backlog:
    """The backlog of a tenant."""
    rows = db.all(
        "SELECT account_id, rule, reason, retries, not_before, expires_at, counted, channel, kind,"
        f" created_at, lane_id, track, state FROM send WHERE {OPEN} AND +tenant_id = ? ORDER BY id",
        (tenant_id,),
    )
    over = holds.over_tenant(db, tenant_id, now)
    groups: dict[tuple[str, int], list[_Send]] = {}
    firsts: dict[tuple[int, str], tuple[str, _Send]] = {}
    for row in rows:
        account_id, rule, reason, retries, not_before, expires_at, counted, channel, kind = row[:9]
        created_at, lane_id, track, state = row[9:]
        hold = holds.covering(over, tenant_id, account_id, rule)
        if hold is None and channel == "instagram":
            hold = next(iter(holds.own_over(db, over, account_id, kind)), None)
        until = None if hold is None else hold.until
        one = _Send(not_before, expires_at, counted == "yes", until, created_at)
        name = _held_by(hold, reason, retries, not_before, now)
        if state != "pending":
            firsts.setdefault((lane_id, track), (DOUBT if state == DOUBT else READY, one))
            continue
        name, one = _behind(firsts.setdefault((lane_id, track), (name, one)), name, one)
        whose = account_id if name.startswith(buckets.REASON) else 0
        groups.setdefault((name, whose), []).append(one)
    limits = quotas.limits(db, tenant_id)
    left = _left(db, tenant_id, limits, now)
    found = tuple(
        _said(db, _waiting(name, groups[name, id], limits, left, now), id, groups[name, id],
              limits, now)
        for name, id in sorted(groups)
    )  # fmt: skip
    ends = [one.last_at for one in found]
    known = [at for at in ends if at is not None]
    return Backlog(
        sum(one.count for one in found),
        max(known) if known and len(known) == len(ends) else None,
        found,
    )


@dataclass(frozen=True, slots=True)
class _Send:
    not_before: int
    expires_at: int | None
    counted: bool
    hold_until: int | None
    created_at: int
    follows: bool = False

    def is_over_by(self, at: int) -> bool:
        return self.expires_at is not None and self.expires_at < at


def _behind(first: tuple[str, _Send], name: str, one: _Send) -> tuple[str, _Send]:
    """What holds a send back whose track begins with ``first``: nothing else does, so the same."""
    held_by, ahead = first
    if one is ahead or name not in (READY, LATER) or held_by == READY:
        return name, one
    at = max(one.not_before, ahead.not_before)
    return held_by, replace(one, not_before=at, hold_until=ahead.hold_until, follows=True)


def _said(
    db: Database, found: Waiting, account_id: int, sends: list[_Send], limits: Limits, now: int
) -> Waiting:
    """The same in words, and with the speed at which it really goes."""
    preset = ""
    if found.held_by.startswith(buckets.REASON):
        preset = _preset(db, account_id)
        slow = _measured(db, account_id, found.held_by, sends, now)
        found = replace(found, last_at=max(slow, found.last_at or 0), account_id=account_id)
    because = in_words(found.held_by, preset)
    if not because:
        return found
    last = "nobody can say until when"
    if found.last_at is not None:
        last = f"last one about {clock_words(limits.zone_at(now), found.last_at, now)}"
    return replace(found, words=f"{found.count} waiting, {last}, {because}")


def _preset(db: Database, account_id: int) -> str:
    row = db.first(
        "SELECT a.preset, t.ceiling FROM account a JOIN tenant t ON t.id = a.tenant_id"
        " WHERE a.id = ?",
        (account_id,),
    )
    return buckets.preset_of(row[0], row[1]) if row else ""


def _measured(db: Database, account_id: int, held_by: str, sends: list[_Send], now: int) -> int:
    """When the last one goes at the speed of the last minutes; the places in line know the
    bucket's own. 0: nothing has waited for long enough to tell."""
    if min(one.created_at for one in sends) > now - _MEASURED:
        return 0
    kinds = kinds_of(held_by.removeprefix(buckets.REASON))
    sent = db.number(
        "SELECT count(*) FROM send WHERE tenant_id = (SELECT tenant_id FROM account WHERE id = ?)"
        " AND closed_at >= ? AND closed_at IS NOT NULL AND state = 'sent' AND account_id = ?"
        f" AND kind IN ({holders(len(kinds))})",
        [account_id, now - _MEASURED, account_id, *kinds],
    )
    in_line = sum(not one.follows for one in sends)
    return now + in_line * _MEASURED // sent if sent else 0


def _held_by(hold: holds.Hold | None, reason: str, retries: int, not_before: int, now: int) -> str:
    if hold is not None:
        return hold.reason
    if in_words(reason) and (reason != LIMIT or not_before > now):
        return reason
    if reason in (holds.PAUSED, holds.BY_OPERATOR, *holds.OWN, "") or not_before <= now:
        return READY if not_before <= now else LATER
    if reason == LIMIT or reason in _NO_END or reason == "companion":
        return reason
    return RETRY


def _left(db: Database, tenant_id: int, limits: Limits, now: int) -> int | None:
    """How many may still go out today; ``None``: as many as there are."""
    if limits.per_day is None:
        return None
    return max(0, limits.per_day - quotas.used(db, tenant_id, limits, now))


def _waiting(name: str, sends: list[_Send], limits: Limits, left: int | None, now: int) -> Waiting:
    in_line = name.startswith(buckets.REASON)
    # Who stands in a line knows its own time, and has none when that comes too late.
    going = [one for one in sends if not (in_line and one.is_over_by(one.not_before))]
    last_at = _last_at(name, going, limits, left, now) if going else now
    over = 0 if in_line or last_at is None else sum(one.is_over_by(last_at) for one in going)
    next_at = max(now, min(one.not_before for one in sends))
    return Waiting(name, len(sends), next_at, last_at, len(sends) - len(going) + over)


def _last_at(
    name: str, sends: list[_Send], limits: Limits, left: int | None, now: int
) -> int | None:
    if name in _NO_END:
        return None
    if name in (holds.PAUSED, holds.BY_OPERATOR, *holds.OWN):
        ends = [one.hold_until for one in sends]
        known = [at for at in ends if at is not None]
        return max(known) if len(known) == len(ends) else None
    at = max(now, max(one.not_before for one in sends))
    if name != LIMIT or left is None or limits.per_day is None:
        return at
    return _after_days(sum(one.counted for one in sends) - left, limits, now)


def _after_days(over: int, limits: Limits, now: int) -> int | None:
    """The midnight after which the last of these is within its day's limit."""
    if over <= 0:
        return now
    if not limits.per_day:
        return None
    at = now
    # A forecast of more than a month is none.
    for _ in range(min(31, -(-over // limits.per_day))):
        at = limits.next_day(at)
    return at if over <= 31 * limits.per_day else None
