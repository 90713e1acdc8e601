"""Look after the database itself: describe it, check it, keep its log short."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import igrules.ledger.migrating as migrating
from igrules.errors import LedgerError
from igrules.ledger.database import Database
from igrules.ledger.deployment import Deployment
from igrules.ledger.drivers import BUSY_SECONDS, file_system
from igrules.ledger.own_process import is_gone

PASSIVE = 4 << 20
"""Bytes of the log from which it is copied into the database."""

SILENT = 30_000
"""A process that was not heard of for so long, in milliseconds, counts as gone."""
_FORGOTTEN = 3_600_000

TRUNCATE = 32 << 20
"""Bytes of the log from which it is cut as well."""


def describe(db: Database, deployment: Deployment, url: str) -> Mapping[str, Any]:
    """The facts `Ledger.info` gives."""
    driver = db.driver
    facts: dict[str, Any] = {
        "engine": db.engine,
        "driver": driver.name,
        "schema_version": migrating.newest(db),
        "deployment": deployment.name,
    }
    if driver.path is None:
        facts["server"] = str((db.first("SHOW server_version") or ("",))[0])
        facts["database"] = str((db.first("SELECT current_database()") or ("",))[0])
        facts["size"] = db.number("SELECT pg_database_size(current_database())")
        facts["synchronous_commit"] = str((db.first("SHOW synchronous_commit") or ("",))[0])
        facts["read_only"] = (db.first("SHOW transaction_read_only") or ("",))[0] == "on"
        facts["connections"], facts["connections_allowed"] = _connections(db)
        return facts
    facts["library"] = driver.library
    facts["wal_fix"] = driver.safe
    facts["path"] = str(driver.path.absolute())
    facts["file_system"] = file_system(driver.path.absolute().parent)
    facts["size"] = _size(driver.path)
    facts["wal_size"] = _size(_log(driver.path))
    facts["journal_mode"] = str((db.first("PRAGMA journal_mode") or ("",))[0])
    level = db.number("PRAGMA synchronous")
    facts["synchronous"] = {0: "off", 1: "normal", 2: "full", 3: "extra"}.get(level, str(level))
    return facts


def check(db: Database, quick: bool = False) -> list[str]:
    """What is wrong with the database; empty when it is whole. ``quick`` looks at its pages and
    schema only."""
    found = [f"migration {name} is missing" for name in migrating.missing(db)]
    try:
        if db.engine == "sqlite":
            how = "quick_check" if quick else "integrity_check"
            lines = [str(row[0]) for row in db.all(f"PRAGMA {how}(100)")]
            found += [line for line in lines if line != "ok"]
    except LedgerError as error:
        return [*found, error.message]
    if not found and not quick:
        found += _contradictions(db)
    return found


_CONTRADICTIONS = (
    ("an event is closed without a decision",
     "SELECT count(*) FROM inbox i WHERE i.state <> 'open' AND NOT EXISTS"
     " (SELECT 1 FROM decision d WHERE d.inbox_id = i.id)"),
    ("a split body was not wiped",
     "SELECT count(*) FROM delivery WHERE state = 'split' AND body IS NOT NULL"),
    ("a send hangs on no lane",
     "SELECT count(*) FROM send s WHERE NOT EXISTS (SELECT 1 FROM lane l WHERE l.id = s.lane_id)"),
    ("a send under way has no attempt",
     "SELECT count(*) FROM send s WHERE s.state IN ('sending', 'doubt') AND NOT EXISTS"
     " (SELECT 1 FROM attempt a WHERE a.send_id = s.id AND a.n = s.attempt)"),
    ("a tenant has no turn",
     "SELECT count(*) FROM tenant t WHERE NOT EXISTS"
     " (SELECT 1 FROM turn u WHERE u.tenant_id = t.id)"),
    ("an open event waits in a lane that is not due",
     "SELECT count(DISTINCT l.id) FROM lane l JOIN inbox i ON i.lane_id = l.id"
     " WHERE i.state = 'open' AND l.due IS NULL"),
)  # fmt: skip


def _connections(db: Database) -> tuple[int, int]:
    """How many connections there are, and how many there may be: on the server, in the database or
    of its user, whichever leaves the fewest."""
    row = db.first(
        "SELECT current_setting('max_connections')::int"
        " - current_setting('superuser_reserved_connections')::int,"
        " datconnlimit, rolconnlimit, count(*),"
        " count(*) FILTER (WHERE datname = current_database()),"
        " count(*) FILTER (WHERE usename = current_user)"
        " FROM pg_stat_activity, (SELECT datconnlimit FROM pg_database"
        " WHERE datname = current_database()) d, (SELECT rolconnlimit FROM pg_roles"
        " WHERE rolname = current_user) r WHERE backend_type = 'client backend'"
        " GROUP BY datconnlimit, rolconnlimit"
    )
    assert row is not None  # this connection is one of them
    pairs = [(used, most) for used, most in zip(row[3:], row[:3], strict=True) if most >= 0]
    return min(pairs, key=lambda pair: pair[1] - pair[0])


def _contradictions(db: Database) -> list[str]:
    """What no crash may leave behind."""
    counted = ((text, db.number(query)) for text, query in _CONTRADICTIONS)
    return [f"{text} ({count} times)" for text, count in counted if count]


def beat(
    db: Database, process_id: str, now: int, kind: str, version: str, durable: bool = False
) -> None:
    """Note that a process lives."""
    with db.transaction(durable):
        db.run(
            "INSERT INTO process (name, host, kind, version, started_at, beat_at)"
            " VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at",
            (process_id, socket.gethostname(), kind, version, now, now),
        )


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process that works on the database. ``kind`` is ``web`` or ``work``."""

    name: str
    host: str
    kind: str
    version: str
    started_at: int
    beat_at: int


def processes(db: Database) -> list[ProcessRow]:
    """Everyone who has said that it lives and has not been removed since."""
    rows = db.all(
        "SELECT name, host, kind, version, started_at, beat_at FROM process ORDER BY name"
    )
    return [ProcessRow(*row) for row in rows]


def alive(db: Database, now: int) -> list[ProcessRow]:
    """Those that were heard of in the last 30 s, and that this machine cannot tell to be gone."""
    return [row for row in processes(db) if row.beat_at > now - SILENT and not is_gone(row.name)]


def retire(db: Database, process_id: str) -> None:
    """Note that a process has ended."""
    with db.transaction(durable=False):
        db.run("DELETE FROM process WHERE name = ?", (process_id,))


def forget_silent(db: Database, now: int) -> None:
    """Remove the processes nobody has heard of for an hour."""
    with db.transaction(durable=False):
        db.run("DELETE FROM process WHERE beat_at < ?", (now - _FORGOTTEN,))


def clock(db: Database) -> int | None:
    """The server's time in milliseconds; ``None`` on SQLite, which has the machine's."""
    if db.engine == "sqlite":
        return None
    return db.number("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")


def checkpoint(db: Database) -> None:
    """Copy the write-ahead log into the database when it has grown. What cannot be copied now,
    since the disk is full, stays where it is just as safe."""
    if db.driver.path is None:
        return
    size = _size(_log(db.driver.path))
    if size >= PASSIVE:
        with suppress(LedgerError):
            _copy(db, cut=size >= TRUNCATE)


def _copy(db: Database, cut: bool) -> None:
    if not cut:
        db.all("PRAGMA wal_checkpoint(PASSIVE)")
        return
    # Cutting waits for readers while it keeps writers out, so it has little patience.
    db.run("PRAGMA busy_timeout = 100")
    try:
        db.all("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        db.run(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
