"""See to it that what was deleted is gone from the files as well, not only from the tables."""

from __future__ import annotations

from igrules.ledger.database import Database
from igrules.ledger.drivers import BUSY_SECONDS
from igrules.ledger.tables import CLASSIFIED, DELETED, WIPED

_PATIENCE = 500
_TOUCHED = sorted(table.name for table in CLASSIFIED if table.erasure in (DELETED, WIPED))


def scrub(db: Database, most_pages: int = 0) -> bool:
    """Copy SQLite's log into the database and cut it to nothing, or vacuum on PostgreSQL. False:
    somebody was in the way, or (``most_pages``, PostgreSQL) there is too much to do it at once; try
    again later. Never inside a transaction.

    The database file itself holds nothing deleted: SQLite overwrites what it frees (secure_delete).
    """
    return _cut(db) if db.engine == "sqlite" else _vacuum(db, most_pages)


def _cut(db: Database) -> bool:
    # Cutting waits for readers while it keeps writers out, so it has little patience.
    db.run(f"PRAGMA busy_timeout = {_PATIENCE}")
    try:
        row = db.first("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        db.run(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    return row is not None and row[0] == 0


def _vacuum(db: Database, most_pages: int) -> bool:
    if most_pages:
        names = ", ".join(f"'{name}'" for name in _TOUCHED)
        pages = db.number(
            f"SELECT sum(relpages) FROM pg_class WHERE relname IN ({names}) AND relkind = 'r'"
        )
        if pages > most_pages:
            return False
    db.run("SET statement_timeout = 0")
    try:
        db.run(f"VACUUM {', '.join(_TOUCHED)}")
    finally:
        db.run("SET statement_timeout = '10s'")
    return True
