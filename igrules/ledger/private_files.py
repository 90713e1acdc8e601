"""Keep the SQLite database readable by its owner alone.

Why not by the umask: message texts stand in it unsealed, and most systems let everybody read what
a program makes. SQLite gives its log and its index the mode of the database.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import igrules.ledger.neighbours as neighbours

BESIDE = ("", "-journal", "-wal", "-shm", neighbours.SUFFIX)
"""How the names of a SQLite database's files end, behind the name of the first."""


def make(path: Path) -> None:
    """Make an empty file that only its owner can read, unless there is one. What cannot be made is
    told when the database is opened."""
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def shut(path: Path) -> None:
    """Take the right to read or write the database from everybody else, as far as we may."""
    for suffix in BESIDE:
        file = path.with_name(path.name + suffix)
        with suppress(OSError):
            mode = file.stat().st_mode
            if mode & 0o077:
                file.chmod(mode & 0o700)
