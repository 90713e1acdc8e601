"""Say in our words what a database refused, and what to do about it.

Why PostgreSQL is understood by its codes: it speaks the language of its server.
"""

from __future__ import annotations

import re
from pathlib import Path

from igrules.errors import IgrulesError, LedgerError, SchemaMismatch, Unavailable

_QUOTED = re.compile(r"\[.*\](?= )", re.DOTALL)
"""The statement that one driver quotes in an error."""
_READ_ONLY = "25006"
_NOT_PREPARED = ("26000", "42P05")
"""A statement that a connection has prepared is not there, or is there already."""


def of_sqlite(error: Exception, path: Path) -> IgrulesError:
    """What went wrong with a SQLite file."""
    # One driver quotes the statement, whose words say nothing of what went wrong.
    text = _QUOTED.sub("", str(error))
    if "not a database" in text:
        return SchemaMismatch(
            f"{path} is not a database", "give another path, or move the file away"
        )
    if "malformed" in text:
        return Unavailable(f"{path} is damaged", "stop every process and restore the last backup")
    if "locked" in text or "busy" in text:
        return Unavailable("another process keeps the database locked", "try again")
    if "is full" in text:
        return Unavailable("the disk is full", "free some space; nothing needs a restart")
    # When the disk fails in a commit, SQLite ends the transaction, and what we hear is that there
    # is nothing left to undo.
    if "disk I/O" in text or "no transaction is active" in text:
        return Unavailable(
            "the disk is full, or refuses to read or write", "nothing needs a restart"
        )
    if "readonly" in text or "unable to open" in text:
        return Unavailable(f"{path} cannot be written", "check who owns it and its directory")
    return _unexpected(error)


def is_read_only(error: Exception) -> bool:
    """Whether PostgreSQL takes no writes on this connection."""
    return getattr(error, "sqlstate", None) == _READ_ONLY


def of_postgres(error: Exception, passes: bool, connecting: bool) -> IgrulesError:
    """What went wrong with a PostgreSQL server. ``passes``: it may be over when the same is tried
    again; ``connecting``: there was no connection."""
    text = str(error).strip()
    line = text.splitlines()[0] if text else "no answer"
    if passes and connecting:
        return Unavailable(
            f"the PostgreSQL server cannot be reached: {line}",
            "check that it runs and that database_url is right",
        )
    if passes:
        return Unavailable("the PostgreSQL server gave up on a statement", "try again")
    if is_read_only(error):
        return Unavailable(
            "the PostgreSQL server takes no writes: it is a standby, or set to be read-only",
            "let database_url lead to the primary; nothing needs a restart",
        )
    if getattr(error, "sqlstate", None) in _NOT_PREPARED:
        return Unavailable(
            "what stands before PostgreSQL loses the statements a connection has prepared",
            "use pgbouncer 1.22 or newer with max_prepared_statements, or the server itself",
        )
    if "permission denied" in text:
        return Unavailable(f"PostgreSQL refuses: {line}", "let the user own the database")
    return _unexpected(error)


def _unexpected(error: Exception) -> IgrulesError:
    if "no such" in str(error) or "does not exist" in str(error):
        return SchemaMismatch(
            "the database has another schema than this igrules", "igrules db upgrade"
        )
    return LedgerError(
        f"the database refused a statement ({type(error).__name__})", "igrules db check"
    )
