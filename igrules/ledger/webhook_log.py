"""What the webhook doors took in, for the operator: whole deliveries, and events of nobody."""

from __future__ import annotations

from dataclasses import dataclass

import igrules.ledger.columns as columns
from igrules.ledger.database import Database


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A webhook body without its contents. ``app`` is empty when that app is gone; ``tenant`` names
    the tenant of its address, where it had one."""

    id: int
    received_at: int
    app: str
    tenant: str
    sha256: bytes
    size: int
    state: str
    events: int
    duplicates: int
    orphans: int
    tests: int


@dataclass(frozen=True, slots=True)
class OrphanRow:
    """An event that no tenant could be found for."""

    id: int
    received_at: int
    app: str
    tenant: str
    ig_id: str
    reason: str


def deliveries(
    db: Database, limit: int, before: int | None, state: str | None = None
) -> list[DeliveryRow]:
    """The newest bodies, newest first."""
    where, values = _page("d", before)
    if state is not None:
        where, values = where + " AND d.state = ?", [*values, state]
    rows = db.all(
        "SELECT d.id, d.received_at, a.name, t.slug, d.sha256, d.bytes, d.state, d.events,"
        " d.duplicates, d.orphans, d.tests FROM delivery d LEFT JOIN app a ON a.id = d.app_id"
        f" LEFT JOIN tenant t ON t.id = d.route_tenant_id WHERE {where} ORDER BY d.id DESC LIMIT ?",
        [*values, limit],
    )
    return [
        DeliveryRow(id, at, app or "", tenant or "", bytes(sha256 or b""), *rest)
        for id, at, app, tenant, sha256, *rest in rows
    ]


def orphans(
    db: Database, limit: int, before: int | None, app: str | None = None
) -> list[OrphanRow]:
    """The newest orphans, newest first; of one app, by its name."""
    where, values = _page("o", before)
    if app is not None:
        where, values = where + " AND a.name = ?", [*values, columns.text(app)]
    rows = db.all(
        "SELECT o.id, o.received_at, a.name, t.slug, o.ig_id, o.reason FROM orphan o"
        " LEFT JOIN app a ON a.id = o.app_id LEFT JOIN tenant t ON t.id = o.route_tenant_id"
        f" WHERE {where} ORDER BY o.id DESC LIMIT ?",
        [*values, limit],
    )
    return [
        OrphanRow(id, at, app or "", tenant or "", *rest) for id, at, app, tenant, *rest in rows
    ]


def unreadable(db: Database, since: int) -> int:
    """How many bodies that came since then nobody could read."""
    return db.number(
        "SELECT count(*) FROM delivery WHERE received_at > ? AND state = 'unreadable'", (since,)
    )


def _page(alias: str, before: int | None) -> tuple[str, list[object]]:
    return f"{alias}.id < ?", [2**62 if before is None else before]
