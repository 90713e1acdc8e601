"""Hand out everything that is held about a person, as plain JSON.

Which columns, and how each is written, stands in `igrules.ledger.tables`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import igrules.ledger.contacts as contacts
import igrules.ledger.erasing as erasing
from igrules.ledger.database import Database
from igrules.ledger.tables import EXPORTED, Table


def export(db: Database, tenant_id: int, person: str) -> Mapping[str, Any]:
    """Lists of rows by what they are called, oldest first. Raises `NotFound`."""
    found = erasing.find(db, tenant_id, 0, person)
    if found is None:
        raise contacts.missing()
    lanes = erasing.lanes(db, tenant_id, 0, found.ids)
    rows = erasing.contact_ids(db, tenant_id, 0, found.ids)
    return {table.export: _rows(db, table, tenant_id, lanes, rows) for table in EXPORTED}


def _rows(
    db: Database, table: Table, tenant_id: int, lanes: Sequence[int], contact_ids: Sequence[int]
) -> list[dict[str, Any]]:
    shown = [(name, how.shown) for name, how in table.columns.items() if how.shown]
    select = f"SELECT {', '.join(name for name, _ in shown)} FROM {table.name} WHERE"
    order = f" ORDER BY {', '.join(table.key)}"
    rows = []
    if table.lane:
        for lane in lanes:
            rows += db.all(f"{select} {table.lane}{order}", (lane, tenant_id))
    else:
        by = "id" if table.name == "contact" else "contact_id"
        for id in contact_ids:
            rows += db.all(f"{select} {by} = ? AND +tenant_id = ?{order}", (id, tenant_id))
    return [
        {name: _plain(value, how) for (name, how), value in zip(shown, row, strict=True)}
        for row in rows
    ]


def _plain(value: Any, how: str) -> Any:
    if value is None:
        return None
    if how == "id":
        return str(value)
    if how == "time":
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds")
    if how == "yesno":
        return value == "yes"
    if how == "json":
        return _json(bytes(value))
    return value


def _json(value: bytes) -> Any:
    """What the bytes stand for; as text when they are no JSON."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value.decode("utf-8", "replace")
