"""Copy a SQLite database while it is in use, through the driver's own online copy."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import igrules.ledger.migrating as migrating
import igrules.ledger.new_file as new_file
from igrules.errors import LedgerError
from igrules.ledger.backup_files import FrameWriter, Head, Tail, pour
from igrules.ledger.database import Database


def copy(db: Database, place: Path, head: Callable[[str, int, str], Head], sink: Any) -> Tail:
    """Write a copy of the database into ``sink``, by way of a file beside ``place``.

    ``head`` makes the beginning out of deployment, epoch and schema as they stand in the copy.
    """
    part = new_file.beside(place, "copy")
    try:
        with new_file.telling(place):
            part.touch(0o600)
        with db.translating():
            _online(db, part)
        about, tail = _looked_into(db, part)
        writer = FrameWriter(sink, head(*about))
        with new_file.telling(place), part.open("rb") as file:
            pour(file, writer.write)
        writer.end(tail)
        return tail
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            part.with_name(part.name + suffix).unlink(missing_ok=True)


def _online(db: Database, part: Path) -> None:
    """One step from beginning to end: in smaller ones every commit would begin it anew."""
    connection = db.peewee.connection()
    if db.driver.name == "cysqlite":
        connection.backup_to_file(str(part))
        return
    target = sqlite3.connect(part)
    try:
        connection.backup(target)
    finally:
        target.close()


def raw(driver: str, path: Path) -> Any:
    """A connection without any settings of ours."""
    if driver == "cysqlite":
        from cysqlite._cysqlite import Connection

        return Connection(str(path))
    return sqlite3.connect(path)


def _looked_into(db: Database, part: Path) -> tuple[tuple[str, int, str], Tail]:
    """Deployment, epoch and schema of the copy, and its counts; it is checked on the way."""
    with db.translating():
        connection = raw(db.driver.name, part)
        try:
            # A single file, without a log beside it.
            connection.execute("PRAGMA journal_mode = delete").fetchall()
            found = connection.execute("PRAGMA quick_check(1)").fetchall()
            if [tuple(row) for row in found] != [("ok",)]:
                raise LedgerError(
                    f"{db.driver.path} is damaged, no backup was made",
                    "stop every process and restore the last backup",
                )
            deployment, epoch = connection.execute(
                "SELECT deployment_id, epoch FROM deployment WHERE id = 1"
            ).fetchone()
            (schema,) = connection.execute("SELECT max(name) FROM schema_migration").fetchone()
            return (deployment, epoch, schema), Tail(counts(connection))
        finally:
            connection.close()


def counts(connection: Any) -> dict[str, int]:
    """Rows of each table of ours."""
    present = {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    return {
        table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        for table in migrating.TABLES
        if table in present
    }
