"""What waits to go out, what holds it, and when the last of it can go."""

from __future__ import annotations

from dataclasses import dataclass

import igrules.ledger.epochs as epochs
import igrules.ledger.holds as holds
import igrules.ledger.quotas as quotas
from igrules.ledger.database import Database
from igrules.ledger.days import next_midnight
from igrules.ledger.open_sends import PENDING
from igrules.ledger.quotas import Limits

READY, LATER, RETRY, LIMIT = "ready", "later", "retry", "daily_limit"
_NO_END = frozenset({"token", "copied", epochs.REASON, epochs.BEHIND})
"""Waits that end when a person does something, and nobody knows when."""


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
        "SELECT account_id, rule, reason, retries, not_before, expires_at, counted, channel, kind"
        f" FROM send WHERE {PENDING} AND +tenant_id = ? ORDER BY id",
        (tenant_id,),
    )
    over = holds.over_tenant(db, tenant_id, now)
    groups: dict[str, list[_Send]] = {}
    for account_id, rule, reason, retries, not_before, expires_at, counted, channel, kind in rows:
        hold = holds.covering(over, tenant_id, account_id, rule)
        if hold is None and channel == "instagram":
            hold = next(iter(holds.own_over(db, over, account_id, kind)), None)
        until = None if hold is None else hold.until
        one = _Send(not_before, expires_at, counted == "yes", until)
        groups.setdefault(_held_by(hold, reason, retries, not_before, now), []).append(one)
    limits = quotas.limits(db, tenant_id)
    left = _left(db, tenant_id, limits, now)
    found = tuple(_waiting(name, groups[name], limits, left, now) for name in sorted(groups))
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


def _held_by(hold: holds.Hold | None, reason: str, retries: int, not_before: int, now: int) -> str:
    if hold is not None:
        return hold.reason
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
    last_at = _last_at(name, sends, limits, left, now)
    expiring = sum(
        one.expires_at is not None and last_at is not None and one.expires_at < last_at
        for one in sends
    )
    next_at = max(now, min(one.not_before for one in sends))
    return Waiting(name, len(sends), next_at, last_at, expiring)


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
        at = next_midnight(limits.zone_at(at), at)
    return at if over <= 31 * limits.per_day else None
