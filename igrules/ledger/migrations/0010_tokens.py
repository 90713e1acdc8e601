"""When token and subscription of an account are looked at next, and what was said about its end."""

from __future__ import annotations

from typing import Any

import peewee


def up(migrator: Any, db: Any) -> None:
    """Add the columns. ``token_next`` null: soon."""
    int_ = "INTEGER" if isinstance(db, peewee.SqliteDatabase) else "BIGINT"
    db.execute_sql(f"ALTER TABLE account ADD COLUMN token_next {int_}")
    db.execute_sql(f"ALTER TABLE account ADD COLUMN subscription_next {int_}")
    db.execute_sql(f"ALTER TABLE account ADD COLUMN token_warned {int_} NOT NULL DEFAULT 0")
