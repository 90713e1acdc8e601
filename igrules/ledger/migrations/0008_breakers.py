"""Holds that igrules sets and lifts itself: how long, who tries next, and what fails in a row."""

from __future__ import annotations

from typing import Any

import peewee


def up(migrator: Any, db: Any) -> None:
    """Add the columns, and the index by which what waits is found again."""
    int_ = "INTEGER" if isinstance(db, peewee.SqliteDatabase) else "BIGINT"
    for statement in (
        f"ALTER TABLE account ADD COLUMN unclear {int_} NOT NULL DEFAULT 0",
        f"ALTER TABLE hold ADD COLUMN pace {int_} NOT NULL DEFAULT 0",
        f"ALTER TABLE hold ADD COLUMN probe {int_}",
        f"ALTER TABLE hold ADD COLUMN probe_until {int_}",
        f"ALTER TABLE hold ADD COLUMN waiter {int_}",
        f"ALTER TABLE hold ADD COLUMN waiter_at {int_}",
        "ALTER TABLE hold ADD COLUMN token TEXT NOT NULL DEFAULT ''",
        f"ALTER TABLE hold ADD COLUMN lifted_at {int_}",
        "CREATE INDEX send_held ON send (account_id, id) WHERE state = 'pending' AND reason <> ''",
    ):
        db.execute_sql(statement)
