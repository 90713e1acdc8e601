"""How fast each account may write, and the places of what has to wait."""

from __future__ import annotations

from typing import Any

import peewee

_STATEMENTS = (
    # Times are microseconds: an interval may be shorter than a millisecond. account_id 0: the app.
    # tat: when the bucket is as if nobody had taken anything. The last four are the line of those
    # that wait, see `igrules.ledger.buckets`.
    """
CREATE TABLE rate (
  account_id <INT> NOT NULL,
  bucket TEXT NOT NULL,
  tat <INT> NOT NULL DEFAULT 0,
  slow_until <INT> NOT NULL DEFAULT 0,
  shut_until <INT> NOT NULL DEFAULT 0,
  next_place <INT> NOT NULL DEFAULT 0,
  promised <INT> NOT NULL DEFAULT 0,
  shift <INT> NOT NULL DEFAULT 0,
  front <INT> NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, bucket)
)<ROWLESS>""",
    # null: was never in line; 0: its place has come; else a place, without the line's shift.
    "ALTER TABLE send ADD COLUMN place <INT>",
)


def up(migrator: Any, db: Any) -> None:
    """Make the table and the column."""
    sqlite = isinstance(db, peewee.SqliteDatabase)
    for statement in _STATEMENTS:
        sql = statement.replace("<INT>", "INTEGER" if sqlite else "BIGINT")
        db.execute_sql(sql.replace("<ROWLESS>", " WITHOUT ROWID" if sqlite else ""))
