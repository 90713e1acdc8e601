"""A tenant's numbers: so far, today, and day by day. True at once, and after everything they
count was deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import igrules.ledger.quotas as quotas
import igrules.ledger.rollup as rollup
from igrules.errors import NotFound
from igrules.ledger.database import Database
from igrules.ledger.days import begins, local_day, next_midnight
from igrules.ledger.tally import MESSAGE, WEBHOOK, Tally, add, tally


@dataclass(frozen=True, slots=True)
class Numbers:
    """``messages_today`` counts in the tenant's own day. ``daily_limit`` is the lower of the
    tenant's and the operator's; ``None``: there is none, and ``limit_remaining`` is ``None``
    too."""

    total_messages: int
    messages_today: int
    webhooks_received: int
    active: bool
    daily_limit: int | None
    limit_remaining: int | None


@dataclass(frozen=True, slots=True)
class Days:
    """What happened on each local day that has something, and on all of them together."""

    zone: str
    days: Mapping[str, Tally]
    total: Tally


def read(db: Database, tenant_id: int, now: int) -> Numbers:
    """The numbers of a tenant. Raises `NotFound`."""
    row = db.first("SELECT state FROM tenant WHERE id = ?", (tenant_id,))
    if row is None:
        raise NotFound(f"there is no tenant {tenant_id}", "igrules tenant list shows all")
    limits = quotas.limits(db, tenant_id)
    today = quotas.used(db, tenant_id, limits, now)
    limit = limits.per_day
    mark = rollup.until(db, tenant_id)
    return Numbers(
        total_messages=_stored(db, tenant_id, MESSAGE) + _sent_since(db, tenant_id, mark),
        messages_today=today,
        webhooks_received=_stored(db, tenant_id, WEBHOOK) + _received_since(db, tenant_id, mark),
        active=row[0] == "active",
        daily_limit=limit,
        limit_remaining=None if limit is None else max(0, limit - today),
    )


def _stored(db: Database, tenant_id: int, what: str) -> int:
    return db.number("SELECT sum(n) FROM stat WHERE tenant_id = ? AND what = ?", (tenant_id, what))


def _sent_since(db: Database, tenant_id: int, mark: int) -> int:
    return db.number(
        "SELECT count(*) FROM send WHERE tenant_id = ? AND closed_at IS NOT NULL"
        " AND closed_at >= ? AND state = 'sent' AND counted = 'yes'",
        (tenant_id, mark),
    )


def _received_since(db: Database, tenant_id: int, mark: int) -> int:
    """Events of webhooks that were decided since then, or wait for that."""
    decided = db.number(
        "SELECT count(*) FROM decision d JOIN inbox i ON i.id = d.inbox_id WHERE d.tenant_id = ?"
        " AND d.created_at >= ? AND d.replay = 0 AND i.source = 'webhook'",
        (tenant_id, mark),
    )
    open = db.number(
        "SELECT count(*) FROM inbox WHERE state = 'open' AND +tenant_id = ?"
        " AND source = 'webhook' AND replays = 0",
        (tenant_id,),
    )
    return decided + open


def days(db: Database, tenant_id: int, first: str, last: str, now: int) -> Days:
    """What happened from one local day to another, both included; dates as ``2026-03-01``."""
    zone = quotas.limits(db, tenant_id).zone_at(now)
    found = _stored_days(db, tenant_id, first, last)
    end = next_midnight(zone, begins(zone, last))
    at = rollup.first_after(db, tenant_id, max(begins(zone, first), rollup.until(db, tenant_id)))
    while at is not None and at < end:
        after = next_midnight(zone, at)
        day = local_day(zone, at)
        found[day] = add(found.get(day, {}), tally(db, tenant_id, at, after))
        at = rollup.first_after(db, tenant_id, after)
    total: Tally = {}
    for one in found.values():
        total = add(total, one)
    return Days(zone or "UTC", dict(sorted(found.items())), total)


def _stored_days(db: Database, tenant_id: int, first: str, last: str) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for day, what, label, n, ms in db.all(
        "SELECT day, what, label, n, ms FROM stat WHERE tenant_id = ? AND day >= ? AND day <= ?",
        (tenant_id, first, last),
    ):
        if what in rollup.WHATS:
            found.setdefault(day, {})[what, label] = (n, ms)
    return found
