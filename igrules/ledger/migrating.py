"""Bring a database to this igrules' schema.

Why one transaction under one lock: several processes may start at once on an empty database, and a
start that is killed half-way must leave nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playhouse.migrations import Runner

from igrules.errors import SchemaMismatch
from igrules.ledger.database import Database, holders
from igrules.ledger.drivers import APPLICATION_ID

GENERATION = 1
"""Raised only by a change that an older igrules must not work with; stored in ``deployment``."""

TABLES = (
    "account", "alert", "app", "attempt", "audit", "audit_day", "backup", "chore", "contact",
    "decision", "delivery", "deployment", "erasure", "hold", "inbox", "key", "lane", "mark",
    "orphan", "post", "process", "quota", "rate", "run", "secret", "seen", "send", "stat", "tenant",
    "turn", "version",
)  # fmt: skip
"""What igrules keeps; on PostgreSQL other programs may have tables beside."""

_DIRECTORY = Path(__file__).parent / "migrations"
_HISTORY = "schema_migration"
_LOCK = APPLICATION_ID
"""The number of PostgreSQL's advisory lock."""


def migrate(database: Database, first: Callable[[], None]) -> list[str]:
    """Apply what is missing and give its names. ``first`` runs in the same transaction, at its end.

    Raises `SchemaMismatch` for a database of another program.
    """
    with alone(database):
        return _apply(database, first)


def remake(database: Database, first: Callable[[], None]) -> None:
    """Delete all tables igrules made and make them again, in one transaction; see `migrate`."""
    with alone(database):
        drop(database)
        _apply(database, first)


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """A transaction in which nobody else changes the schema."""
    if database.engine == "sqlite":
        # Dropping or rebuilding a table would delete what refers to it. Not possible inside.
        database.run("PRAGMA foreign_keys = 0")
    try:
        with database.translating(), database.transaction():
            if database.engine == "postgresql":
                database.run("SET LOCAL statement_timeout = '120s'")
                database.run("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
            check_owner(database)
            yield
    finally:
        if database.engine == "sqlite":
            database.run("PRAGMA foreign_keys = 1")


def _apply(database: Database, first: Callable[[], None]) -> list[str]:
    applied = list(_runner(database).up()) if missing(database) else []
    first()
    if database.engine == "sqlite" and applied:
        database.run(f"PRAGMA application_id = {APPLICATION_ID}")
    return applied


def missing(database: Database) -> list[str]:
    """The migrations of this igrules that the database has not had, in order."""
    runner = _runner(database)
    with database.translating():
        applied = runner.applied()
    return [one.name for one in runner.migrations() if one.name not in applied]


def _runner(database: Database) -> Runner:
    return Runner(database.peewee, directory=str(_DIRECTORY), table_name=_HISTORY)


def names() -> list[str]:
    """The migrations this igrules has, in order."""
    return sorted(path.stem for path in _DIRECTORY.glob("[0-9]*.py"))


def known() -> int:
    """How many migrations this igrules has."""
    return len(names())


def up_to(database: Database, name: str) -> None:
    """Make the tables of an older schema, inside `alone`, in a database that has none."""
    _runner(database).up(name)


def newest(database: Database) -> str:
    """The name of the last migration the database has had."""
    return max(_runner(database).applied(), default="")


def check_owner(database: Database) -> None:
    """Raise `SchemaMismatch` for a SQLite file that holds tables of another program, and for a
    PostgreSQL database in which one of them has a name of ours."""
    if database.engine == "postgresql":
        tables = database.all(
            "SELECT relname FROM pg_class WHERE pg_table_is_visible(oid)"
            f" AND relname IN ({holders(len(TABLES))}) ORDER BY relname",
            TABLES,
        )
        if tables and not _runner(database).applied():
            raise SchemaMismatch(
                f"the database holds '{tables[0][0]}' of another program",
                "give igrules a database, or a schema, of its own",
            )
        return
    if database.number("PRAGMA application_id") == APPLICATION_ID:
        return
    count = database.number("SELECT count(*) FROM sqlite_master WHERE type = 'table'")
    if count and not _runner(database).applied():
        raise SchemaMismatch(
            f"{database.driver.path} belongs to another program",
            "give igrules a database file of its own",
        )


def drop(database: Database) -> None:
    """Delete all tables igrules made, inside `alone`."""
    cascade = " CASCADE" if database.engine == "postgresql" else ""
    for name in (*TABLES, _HISTORY):
        database.run(f"DROP TABLE IF EXISTS {name}{cascade}")
