"""The database: its driver and settings, its disk, and whether it is whole."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from igrules.ledger import Ledger
from igrules.work.configuration import Configuration
from igrules.work.doctor.finding import Finding, fail, ok, warn
from igrules.work.sizes import shown_size

_MIB = 1 << 20
_LITTLE, _TOO_LITTLE = 1024 * _MIB, 100 * _MIB
_LONG_LOG = 64 * _MIB
_SLOW_DISK = 50.0
"""Milliseconds of one wait for the disk; every answer needs two."""
_OLDEST_SERVER = 14
_OTHER_THREADS = 6
"""Connections of a process besides those of its threads that work or answer."""


def check(ledger: Ledger, configuration: Configuration, now: int) -> Iterator[Finding]:
    """All of it."""
    facts = ledger.info()
    if ledger.engine == "sqlite":
        yield from _sqlite(facts)
        yield from _disk(facts)
    else:
        yield from _postgres(facts)
        yield _connections(facts, _needed(ledger, configuration, now))
    wrong = ledger.check(quick=True)
    for line in wrong[:5]:
        yield fail("integrity", line, "stop every process and restore the last backup")
    if not wrong:
        yield ok("integrity", "the database is whole")


def _sqlite(facts: Mapping[str, Any]) -> Iterator[Finding]:
    what = (
        f"{Path(facts['path']).name}, schema {facts['schema_version']}, SQLite {facts['library']}"
        f" ({facts['driver']})"
    )
    if not facts["wal_fix"]:
        yield fail(
            "database", f"{what}, which can corrupt the file", "pip install cysqlite, and restart"
        )
    elif facts["journal_mode"] != "wal" or facts["synchronous"] != "full":
        yield fail(
            "database",
            f"{what}, journal_mode {facts['journal_mode']}, synchronous {facts['synchronous']}",
            "put the file on a local disk; igrules needs wal and full",
        )
    else:
        yield ok("database", what)


def _disk(facts: Mapping[str, Any]) -> Iterator[Finding]:
    path = Path(facts["path"])
    free = shutil.disk_usage(path.parent).free
    kind = f", {facts['file_system']}" if facts.get("file_system") else ""
    took = _one_wait(path.parent)
    what = f"{shown_size(free)} free, one write takes {took:.1f} ms{kind}"
    if free < _TOO_LITTLE:
        yield fail("disk", what, "free some space; without any, webhooks are refused")
    elif free < max(_LITTLE, 2 * facts["size"]):
        yield warn("disk", what, "free some space; a backup needs as much as the database")
    elif took > _SLOW_DISK:
        yield warn("disk", what, "move the database to a faster disk")
    else:
        yield ok("disk", what)
    if facts["wal_size"] > _LONG_LOG:
        yield warn(
            "log",
            f"the write-ahead log has {shown_size(facts['wal_size'])}",
            "look for a process that has been reading for long",
        )


def _one_wait(directory: Path) -> float:
    """Milliseconds of one small write that reaches the disk."""
    path = directory / f".igrules-doctor-{os.getpid()}"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        started = time.monotonic()
        os.write(handle, b"x" * 4096)
        os.fsync(handle)
        return (time.monotonic() - started) * 1000
    finally:
        os.close(handle)
        path.unlink()


def _postgres(facts: Mapping[str, Any]) -> Iterator[Finding]:
    what = f"{facts['database']}, schema {facts['schema_version']}, PostgreSQL {facts['server']}"
    major = str(facts["server"]).partition(".")[0]
    if major.isdigit() and int(major) < _OLDEST_SERVER:
        yield fail("database", what, f"use PostgreSQL {_OLDEST_SERVER} or newer")
    elif facts["read_only"]:
        yield fail(
            "database",
            f"{what}, takes no writes: it is a standby, or set to be read-only",
            "let database_url lead to the primary",
        )
    elif facts["synchronous_commit"] not in ("on", "remote_apply", "remote_write"):
        yield fail(
            "database",
            f"{what}, synchronous_commit {facts['synchronous_commit']}",
            "set synchronous_commit to on; else a webhook that was answered can be lost",
        )
    else:
        yield ok("database", what)


def _needed(ledger: Ledger, configuration: Configuration, now: int) -> int:
    """The most connections that the processes which run now may come to hold, if all have the
    settings of this one: one for each thread that asks, those of the bell among the rest."""
    kinds = Counter(one.kind for one in ledger.processes(ledger.clock() or now))
    serving = kinds["web"] * (configuration.web_threads + _OTHER_THREADS)
    return serving + kinds["work"] * (configuration.threads + _OTHER_THREADS)


def _connections(facts: Mapping[str, Any], needed: int) -> Finding:
    used, most = facts["connections"], facts["connections_allowed"]
    what = f"{used} of {most} are used, up to {needed} are needed by what runs"
    if used > most * 0.8 or needed > most:
        return warn(
            "connections",
            what,
            "raise max_connections of PostgreSQL, or the limit of the database or its user; or"
            " lower threads and web_threads",
        )
    return ok("connections", what)
