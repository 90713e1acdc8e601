"""What a send counts against beside the tenant's day."""

from __future__ import annotations

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE send ADD COLUMN limited_by TEXT NOT NULL DEFAULT ''")
