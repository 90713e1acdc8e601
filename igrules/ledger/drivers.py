"""Choose the driver and the settings of a connection for a database address.

Why two SQLite drivers: libraries 3.7.0 to 3.51.2 can corrupt a WAL database when one connection
checkpoints while another commits. Python uses the system's library, which is often older, so the
package cysqlite with a library of its own stands in for it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peewee

from igrules.errors import SchemaMismatch, Unavailable, UsageError

SAFE_LIBRARY = (3, 51, 3)
BUSY_SECONDS = 10
APPLICATION_ID = 0x69677275
"""Marks a SQLite file as ours: ``igru``."""

_PRAGMAS = (
    ("auto_vacuum", 2),
    ("journal_mode", "wal"),
    ("synchronous", 2),
    ("foreign_keys", 1),
    ("secure_delete", 1),
    ("mmap_size", 0),
    ("wal_autocheckpoint", 0),
)
_POSTGRES_SETTINGS = (
    "SET synchronous_commit = on; SET statement_timeout = '10s'; "
    "SET idle_in_transaction_session_timeout = '30s'; "
    "SET default_transaction_isolation = 'read committed'"
)
ALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""How soon a PostgreSQL connection is given up whose other end is gone without a word."""
_FAR_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "fuse"})
_PASSING = (peewee.OperationalError, peewee.InterfaceError)
_MOST_KNOWN, _SHORT = 1_000, 100_000


@dataclass(frozen=True, slots=True)
class Driver:
    """A peewee database that is not connected yet, and what there is to know about it."""

    engine: str
    """``sqlite`` or ``postgresql``."""
    name: str
    """The Python package that speaks to it."""
    library: str
    """Version of the SQLite library or of psycopg."""
    peewee: Any
    path: Path | None
    """The SQLite file; ``None`` on PostgreSQL."""
    errors: tuple[type[Exception], ...]
    """What it may raise."""
    passing: tuple[type[Exception], ...]
    """Those that may be over when the same is tried again."""
    execute: Callable[[Any, str, Sequence[Any]], Any]
    """Carry out a statement with ``?`` for parameters on a connection, and give the cursor."""
    safe: bool = True
    """The library has the WAL fix; always true on PostgreSQL."""


def choose(url: str, sqlite_driver: str = "auto") -> Driver:
    """The driver for a path, ``sqlite:///path`` or ``postgresql://…``.

    Raises `UsageError` for an address that cannot be, `Unavailable` when what it needs is missing.
    """
    if url.startswith(("postgres://", "postgresql://")):
        return _postgres("postgresql://" + url.partition("://")[2])
    path = url.removeprefix("sqlite:///")
    if "://" in path or not path or path == ":memory:":
        raise UsageError(
            f"'{_masked(url)}' is no database address",
            "give the path of a file, or postgresql://user@host/name",
        )
    file = Path(path).expanduser()
    # SQLite keeps its log beside the file itself, whatever name leads there.
    return _sqlite(Path(os.path.realpath(file)) if file.is_symlink() else file, sqlite_driver)


def _masked(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _sqlite(path: Path, wanted: str) -> Driver:
    """A driver whose connections never make the file: where it was moved away a moment ago, a new
    one would take webhooks that nobody finds again."""
    _check_place(path)
    if wanted not in ("auto", "sqlite3", "cysqlite"):
        raise UsageError(
            f"'{wanted}' is no SQLite driver", "set sqlite_driver to auto, sqlite3 or cysqlite"
        )
    own = sqlite3.sqlite_version_info >= SAFE_LIBRARY
    if wanted == "sqlite3" or (wanted == "auto" and own):
        database: Any = peewee.SqliteDatabase(
            f"{path.absolute().as_uri()}?mode=rw", uri=True,
            pragmas=_PRAGMAS, timeout=BUSY_SECONDS, check_same_thread=False,
        )  # fmt: skip
        errors = (peewee.PeeweeException, sqlite3.Error)
        return Driver(
            "sqlite", "sqlite3", sqlite3.sqlite_version, database, path, errors, _PASSING,
            _as_written, own,
        )  # fmt: skip
    return _cysqlite(path)


def _cysqlite(path: Path) -> Driver:
    try:
        from cysqlite._constants import SQLITE_DBCONFIG_ENABLE_QPSG, SQLITE_OPEN_READWRITE
        from cysqlite._cysqlite import sqlite_version, sqlite_version_info
        from cysqlite.exceptions import SqliteError
        from playhouse.cysqlite_ext import CySqliteDatabase
    except ImportError as error:
        wanted = ".".join(map(str, SAFE_LIBRARY))
        raise Unavailable(
            f"the SQLite library {sqlite3.sqlite_version} is too old to be safe",
            f"pip install cysqlite, or use a Python with SQLite {wanted} or newer",
        ) from error

    class _Steady(CySqliteDatabase):  # type: ignore[misc]  # peewee has no types
        def _connect(self) -> Any:
            connection = super()._connect()
            # This library was built to plan a statement anew for every value it is given, which
            # costs up to ten times as much as carrying it out.
            connection.db_config(SQLITE_DBCONFIG_ENABLE_QPSG, 1)
            return connection

    database = _Steady(
        str(path), rank_functions=False, pragmas=_PRAGMAS, timeout=BUSY_SECONDS,
        flags=SQLITE_OPEN_READWRITE,
    )  # fmt: skip
    return Driver(
        "sqlite",
        "cysqlite",
        sqlite_version,
        database,
        path,
        (peewee.PeeweeException, SqliteError),
        _PASSING,
        _as_written,
        sqlite_version_info >= SAFE_LIBRARY,
    )


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise UsageError(f"{path} is a directory", f"name a file, such as {path / 'igrules.db'}")
    if not path.parent.is_dir():
        raise Unavailable(f"there is no directory {path.parent}", f"mkdir -p {path.parent}")
    kind = file_system(path.parent)
    if kind in _FAR_FILE_SYSTEMS or kind.startswith("fuse."):
        raise Unavailable(
            f"{path.parent} is on a network file system ({kind}), where SQLite can lose data",
            "put the file on a local disk, or use postgresql://…",
        )


def file_system(directory: Path) -> str:
    """The kind of file system a directory is on; empty where the system does not tell."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    where = directory.resolve()
    best, kind = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        point = Path(fields[1].replace("\\040", " "))
        if (where == point or point in where.parents) and len(point.parts) > best:
            best, kind = len(point.parts), fields[2]
    return kind


def _postgres(url: str) -> Driver:
    try:
        import psycopg
    except ImportError as error:
        raise Unavailable(
            "PostgreSQL needs the package psycopg", "pip install 'igrules[postgres]'"
        ) from error

    if not _is_readable(url):
        # Neither the address nor the driver's words for it, which may hold the password.
        raise UsageError(
            "the address of the database cannot be read",
            "percent-encode user and password: '@' is %40, '%' is %25",
        )

    class _Postgres(peewee.PostgresqlDatabase):
        def _connect(self) -> Any:
            connection = super()._connect()  # type: ignore[misc]  # not in its stubs
            encoding = connection.info.parameter_status("server_encoding")
            if encoding not in (None, "UTF8"):
                connection.close()
                # A webhook is stored in any; what it says would fail again and again.
                raise SchemaMismatch(
                    f"the database is encoded in {encoding}, which lacks what people write",
                    "make another one: createdb --encoding UTF8 --template template0 NAME",
                )
            return connection

        def _initialize_connection(self, conn: Any) -> None:
            conn.execute(_POSTGRES_SETTINGS)

    database = _Postgres(
        url, prefer_psycopg3=True, connect_timeout=5, application_name="igrules",
        client_encoding="utf8", **kept_alive(url),
    )  # fmt: skip
    numbered = Numbered(psycopg.RawCursor)
    return Driver(
        "postgresql",
        "psycopg",
        psycopg.__version__,
        database,
        None,
        (peewee.PeeweeException, psycopg.Error),
        (*_PASSING, psycopg.OperationalError, psycopg.InterfaceError),
        numbered.execute,
    )


def kept_alive(url: str) -> Mapping[str, Any]:
    """`ALIVE`, without what a PostgreSQL address says itself."""
    from psycopg.conninfo import conninfo_to_dict

    return {name: value for name, value in ALIVE.items() if name not in conninfo_to_dict(url)}


def _is_readable(url: str) -> bool:
    """Whether a PostgreSQL address has its parts where they belong. A host may begin with '@', but
    one that has it further on ends in what was to be one, and begins with a password."""
    from psycopg import Error
    from psycopg.conninfo import conninfo_to_dict

    try:
        host = str(conninfo_to_dict(url).get("host") or "")
    except Error:
        return False
    return "@" not in host[1:]


def _as_written(connection: Any, sql: str, parameters: Sequence[Any]) -> Any:
    return connection.execute(sql, parameters)


class Numbered:
    """Statements for PostgreSQL itself, which numbers its parameters.

    Why not the driver's own ``%s``: it takes a long statement apart anew every time, which costs
    more than everything else in storing five hundred events.
    """

    def __init__(self, cursor: Callable[[Any], Any]) -> None:
        self._cursor = cursor
        self._known: dict[str, str] = {}

    def execute(self, connection: Any, sql: str, parameters: Sequence[Any]) -> Any:
        """Carry out a statement on a connection."""
        cursor = self._cursor(connection)
        return cursor.execute(self._numbered(sql), parameters or None)

    def _numbered(self, sql: str) -> str:
        found = self._known.get(sql)
        if found is None:
            first, *rest = sql.split("?")
            found = first + "".join(f"${n}{part}" for n, part in enumerate(rest, 1))
            if len(sql) < _SHORT and len(self._known) < _MOST_KNOWN:
                self._known[sql] = found
        return found
