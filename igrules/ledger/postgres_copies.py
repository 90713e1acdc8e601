"""Copy a PostgreSQL database as rows, as they were at one moment, and put them back.

Why rows and not the server's files: those belong to the server and its version; a file of rows goes
into any empty database, and needs no rights but ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import igrules.ledger.migrating as migrating
from igrules.errors import LedgerError
from igrules.ledger.backup_files import FrameReader, FrameWriter, Head, Tail
from igrules.ledger.database import Database

_PATIENT = (
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)


def copy(db: Database, head: Callable[[str, int, str], Head], sink: Any) -> Tail:
    """Write all rows into ``sink``, table by table; others go on writing meanwhile."""
    with db.translating(), db.transaction():
        db.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        patient(db)
        row = db.first("SELECT deployment_id, epoch FROM deployment WHERE id = 1")
        if row is None:
            raise LedgerError("the database has no deployment row", "igrules db upgrade")
        writer = FrameWriter(sink, head(row[0], int(row[1]), migrating.newest(db)))
        rows = {table: _copy_table(db, table, writer) for table in _in_order(db)}
        tail = Tail(rows, _sequences(db))
        writer.end(tail)
        return tail


def patient(db: Database) -> None:
    """Let the statements of this transaction take their time."""
    for statement in _PATIENT:
        db.run(statement)


def _copy_table(db: Database, table: str, writer: FrameWriter) -> int:
    columns = _columns(db, table)
    writer.table(table, columns)
    count = 0
    with _cursor(db).copy(f"COPY {table} ({_listed(columns)}) TO STDOUT") as copied:
        # Each part is one row.
        for part in copied:
            writer.write(bytes(part))
            count += 1
    return count


def restore(db: Database, reader: FrameReader) -> None:
    """Put the rows of a backup into tables that are there and empty, inside a transaction.

    Raises `LedgerError` when the backup is damaged, and then all of it has to be undone.
    """
    tables: dict[str, int] = {}
    writing: Any = None
    at = None
    known = set(_in_order(db))
    try:
        for what, content in reader.frames():
            if what == "T":
                if at is not None:
                    at.__exit__(None, None, None)
                name, columns = _checked(db, content, known, reader)
                tables[name] = 0
                at = _cursor(db).copy(f"COPY {name} ({_listed(columns)}) FROM STDIN")
                writing = at.__enter__()
            elif writing is None:
                raise _damaged(reader)
            else:
                writing.write(content)
    except BaseException as error:
        if at is not None:
            at.__exit__(type(error), error, None)
        raise
    if at is not None:
        at.__exit__(None, None, None)
    reader.check({table: db.number(f"SELECT count(*) FROM {table}") for table in tables})
    for table, last in reader.tail.sequences.items():
        if table in tables and last > 0:
            db.first("SELECT setval(pg_get_serial_sequence(?, 'id'), ?)", (table, last))


def _checked(
    db: Database, content: dict[str, Any], known: set[str], reader: FrameReader
) -> tuple[str, list[str]]:
    """Table and columns, which both have to be ours: a backup is no place for statements."""
    name, columns = content.get("table"), content.get("columns")
    if not isinstance(name, str) or name not in known or not isinstance(columns, list):
        raise _damaged(reader)
    if not columns or not set(map(str, columns)) <= set(_columns(db, name)):
        raise _damaged(reader)
    return name, [str(column) for column in columns]


def _damaged(reader: FrameReader) -> LedgerError:
    return LedgerError(
        "the backup holds what this igrules does not know",
        f"restore it with igrules {reader.head.igrules}; nothing was changed",
    )


def _in_order(db: Database) -> list[str]:
    """Our tables, each behind those it refers to, without the list of migrations."""
    refers: dict[str, set[str]] = {table: set() for table in migrating.TABLES}
    present = {
        name for (name,) in db.all("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    }
    for table, other in db.all(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
        " WHERE contype = 'f'"
    ):
        if table in refers and other != table:
            refers[table].add(other)
    ordered: list[str] = []

    def visit(table: str) -> None:
        if table in ordered or table not in present:
            return
        for other in sorted(refers.get(table, ())):
            visit(other)
        ordered.append(table)

    for table in migrating.TABLES:
        visit(table)
    return ordered


def _columns(db: Database, table: str) -> list[str]:
    rows = db.all(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name = ? ORDER BY ordinal_position",
        (table,),
    )
    return [name for (name,) in rows]


def _sequences(db: Database) -> dict[str, int]:
    """The last id each table has drawn, which no later row may get again."""
    found = {}
    for table in _in_order(db):
        if "id" in _columns(db, table):
            last = db.number(
                "SELECT pg_sequence_last_value(pg_get_serial_sequence(?, 'id')::regclass)", (table,)
            )
            if last:
                found[table] = last
    return found


def _cursor(db: Database) -> Any:
    return db.peewee.connection().cursor()


def _listed(columns: list[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def empty(db: Database) -> None:
    """Delete the rows a new database has, before a restore."""
    for table in reversed(_in_order(db)):
        db.run(f"DELETE FROM {table}")
