"""Count what the tables do not hold, and add up what they do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from igrules.ledger.database import Database
from igrules.ledger.days import DAY


def day_begin(now: int) -> int:
    """When the UTC day began, in milliseconds."""
    return now - now % DAY


def day_of(now: int) -> str:
    """The UTC day under which is counted what happens now."""
    return datetime.fromtimestamp(now / 1000, UTC).date().isoformat()


def add_stat(db: Database, tenant_id: int, now: int, what: str, label: str, count: int) -> None:
    """Add to a counter of the day, inside a transaction. ``tenant_id`` 0 is the installation."""
    db.run(
        "INSERT INTO stat (tenant_id, day, what, label, n) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (tenant_id, day, what, label) DO UPDATE SET n = stat.n + excluded.n",
        (tenant_id, day_of(now), what, label, count),
    )


def add_up(db: Database, tenant_id: int | None) -> Mapping[str, Any]:
    """The totals of a tenant, or of the installation (``None``).

    Counted in the direction things move, from the door to the send: what moves on meanwhile is
    counted once or twice, but never missed, so "nothing waits" is true when it is said.
    """
    found = _at_the_door(db) if tenant_id is None else {}
    found["waiting"] = _count(db, "inbox", tenant_id, "state = 'open'")
    found["events"] = _by(db, "outcome", "decision", tenant_id)
    found["sends"] = _by(db, "state", "send", tenant_id)
    return found


def _at_the_door(db: Database) -> dict[str, Any]:
    """What was delivered to the installation, and what became of it before it was an event."""
    sums = (
        db.first(
            "SELECT count(*), sum(duplicates), sum(orphans), sum(tests), sum(events),"
            " sum(CASE WHEN state = 'unreadable' THEN 1 ELSE 0 END),"
            " sum(CASE WHEN state = 'open' THEN 1 ELSE 0 END) FROM delivery"
        )
        or (0,) * 7
    )
    names = ("deliveries", "duplicates", "orphaned", "tests", "stored", "unreadable", "unsplit")
    found: dict[str, Any] = {name: int(value or 0) for name, value in zip(names, sums, strict=True)}
    found["orphans"] = _stat(db, "orphan")
    found["forged"] = sum(_stat(db, "forged").values())
    found["double_sends"] = sum(_stat(db, "double_send").values())
    return found


def _by(db: Database, column: str, table: str, tenant_id: int | None) -> dict[str, int]:
    where, parameters = _where(tenant_id)
    rows = db.all(
        f"SELECT {column}, count(*) FROM {table}{where} GROUP BY {column} ORDER BY {column}",
        parameters,
    )
    return {word: int(count) for word, count in rows}


def _count(db: Database, table: str, tenant_id: int | None, condition: str) -> int:
    where, parameters = _where(tenant_id)
    joined = f"{where} AND {condition}" if where else f" WHERE {condition}"
    return db.number(f"SELECT count(*) FROM {table}{joined}", parameters)


def _where(tenant_id: int | None) -> tuple[str, tuple[int, ...]]:
    return ("", ()) if tenant_id is None else (" WHERE tenant_id = ?", (tenant_id,))


def _stat(db: Database, what: str) -> dict[str, int]:
    rows = db.all(
        "SELECT label, sum(n) FROM stat WHERE what = ? GROUP BY label ORDER BY label", (what,)
    )
    return {label: int(count) for label, count in rows}
