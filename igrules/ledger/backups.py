"""Backups: written while everything runs, listed, and thinned out."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import igrules.ledger.columns as columns
import igrules.ledger.new_file as new_file
import igrules.ledger.postgres_copies as postgres_copies
import igrules.ledger.sqlite_copies as sqlite_copies
from igrules.errors import UsageError
from igrules.ledger.backup_files import Head
from igrules.ledger.backup_seals import SealingSink
from igrules.ledger.database import Database
from igrules.ledger.private_files import BESIDE
from igrules.ledger.seals import Seals

KEPT = 7
"""So many of the backups that are made on schedule stay."""

_NAME = re.compile(r"igrules-\d{8}T\d{6}Z\.(backup|sealed)", re.ASCII)


@dataclass(frozen=True, slots=True)
class BackupRow:
    """A backup that was made. ``kind`` ``mark``: the operator made it by other means, then."""

    id: int
    at: int
    file: str
    bytes: int
    kind: str


class Backups:
    """Makes backups and remembers them."""

    def __init__(self, database: Database, seals: Seals) -> None:
        self._db = database
        self._seals = seals

    def write(
        self,
        path: Path,
        now: int,
        *,
        version: str = "",
        encrypt: bool = False,
        overwrite: bool = False,
    ) -> BackupRow:
        """Write a backup of the database as it is now, and note it.

        ``version`` is that of igrules; ``encrypt`` seals the file with the master key. Raises
        `UsageError` or `LedgerError`, and leaves no half file behind.
        """
        engine = self._db.engine
        self._spare_the_database(path)

        def head(deployment: str, epoch: int, schema: str) -> Head:
            return Head(version, engine, schema, deployment, epoch, now)

        with new_file.writing(path, overwrite=overwrite) as file:
            sealing = SealingSink(file, self._seals) if encrypt else None
            sink = sealing or file
            if engine == "sqlite":
                # What is to be sealed shall not lie open in the place it is sealed for.
                place = self._db.driver.path if encrypt else path
                assert place is not None  # a SQLite database is a file
                sqlite_copies.copy(self._db, place, head, sink)
            else:
                postgres_copies.copy(self._db, head, sink)
            if sealing is not None:
                sealing.end()
        return self._note(now, str(path.absolute()), path.stat().st_size, "copy")

    def mark(self, now: int) -> BackupRow:
        """Note that the operator has made a backup by other means, such as the server's own."""
        return self._note(now, "", 0, "mark")

    def scheduled(
        self, directory: Path, now: int, *, version: str = "", encrypt: bool = False
    ) -> BackupRow:
        """Write the next backup into a directory, under the time's name, and remove the oldest of
        those it has written so, until seven are left."""
        if not directory.is_dir():
            raise UsageError(
                f"there is no directory {directory} for backups",
                f"mkdir -m 700 -p {directory}, or change backup_dir",
            )
        at = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        path = directory / f"igrules-{at}.{'sealed' if encrypt else 'backup'}"
        row = self.write(path, now, version=version, encrypt=encrypt, overwrite=True)
        written = sorted(one for one in directory.iterdir() if _NAME.fullmatch(one.name))
        for old in written[:-KEPT]:
            with suppress(FileNotFoundError):
                old.unlink()
        return row

    def list(self, limit: int = 50) -> list[BackupRow]:
        """The newest ones, newest first."""
        rows = self._db.all(
            "SELECT id, at, file, bytes, kind FROM backup ORDER BY at DESC, id DESC LIMIT ?",
            (limit,),
        )
        return [BackupRow(*row) for row in rows]

    def newest(self) -> BackupRow | None:
        """The newest one; ``None``: there is none."""
        return next(iter(self.list(1)), None)

    def _spare_the_database(self, path: Path) -> None:
        """Raise `UsageError` when the backup would take the place of what it is a copy of."""
        own = self._db.driver.path
        if own is None:
            return
        own = own.resolve()
        if path.resolve() in [own.with_name(own.name + suffix) for suffix in BESIDE]:
            raise UsageError(f"{path} belongs to the database itself", "name another file")

    def _note(self, now: int, file: str, size: int, kind: str) -> BackupRow:
        with self._db.transaction() as db:
            row = db.first(
                "INSERT INTO backup (at, file, bytes, kind) VALUES (?, ?, ?, ?) RETURNING id",
                (now, columns.text(file), size, kind),
            )
        assert row is not None  # the statement gives the row it adds
        return BackupRow(int(row[0]), now, file, size, kind)
