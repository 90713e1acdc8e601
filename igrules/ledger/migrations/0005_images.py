"""The compiled rules of a version, beside its files."""

from __future__ import annotations

from typing import Any

import peewee


def up(migrator: Any, db: Any) -> None:
    """Make the column."""
    bytes_ = "BLOB" if isinstance(db, peewee.SqliteDatabase) else "BYTEA"
    db.execute_sql(f"ALTER TABLE version ADD COLUMN image {bytes_}")
