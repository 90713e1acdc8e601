"""What settles an unclear send: how often it became unclear, how often nobody could look, and the
tenant's word on what then happens."""

from __future__ import annotations

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the columns, and the index by which an echo finds what was unclear once."""
    number = "INTEGER NOT NULL DEFAULT 0"
    db.execute_sql(f"ALTER TABLE send ADD COLUMN doubts {number}")
    db.execute_sql(f"ALTER TABLE send ADD COLUMN looks {number}")
    db.execute_sql("ALTER TABLE tenant ADD COLUMN on_doubt TEXT NOT NULL DEFAULT ''")
    db.execute_sql(
        "CREATE INDEX send_doubted ON send (account_id, fingerprint)"
        " WHERE doubts > 0 AND state IN ('pending', 'dropped')"
    )
    db.execute_sql("CREATE INDEX send_parked ON send (expires_at) WHERE state = 'parked'")
