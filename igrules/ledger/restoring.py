"""Put a backup in the place of a database.

Everything is done to the new one before it takes its place: it is complete, of this igrules'
schema, opens with the master key, has begun a new epoch, and knows whom the old one had forgotten.
Then the two change places in one step.

Why a new epoch: the backup shows messages as unsent that went out after it was made, so nothing may
go out before a person has looked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import igrules.ledger.deployment as deployments
import igrules.ledger.drivers as drivers
import igrules.ledger.epochs as epochs
import igrules.ledger.erasure_journal as erasure_journal
import igrules.ledger.migrating as migrating
import igrules.ledger.new_file as new_file
import igrules.ledger.postgres_copies as postgres_copies
import igrules.ledger.private_files as private_files
import igrules.ledger.sqlite_copies as sqlite_copies
import igrules.ledger.upkeep as upkeep
from igrules.errors import LedgerError, SchemaMismatch, UsageError
from igrules.ledger.audit import Act, Audit
from igrules.ledger.backup_files import FrameReader, Head
from igrules.ledger.backup_seals import SEALED, OpeningSource
from igrules.ledger.database import Database
from igrules.ledger.deliveries import Deliveries, Read
from igrules.ledger.erasures import Erasure, Erasures
from igrules.ledger.seals import Seals, read_keys


@dataclass(frozen=True, slots=True)
class Place:
    """Where a backup shall go, and with which keys and settings it is opened there."""

    url: str
    state_dir: Path
    key_file: str = ""
    sqlite_driver: str = "auto"
    deployment: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What is there now. ``state`` is ``empty``, ``used`` or ``unreadable``; ``alive`` are the
    processes that work on it."""

    state: str
    tenants: int = 0
    alive: tuple[upkeep.ProcessRow, ...] = ()
    erasures: tuple[Erasure, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. ``aside``: where the SQLite file went that was there before; ``parked``
    counts the sends that may have been sent, ``erasures`` what has to be erased again (see
    `Ledger.erasures`)."""

    head: Head
    aside: Path | None
    parked: int
    erasures: int


def look(place: Place, now: int, environ: Mapping[str, str]) -> Target:
    """What stands in the place, changing nothing. Raises `IgrulesError` when a PostgreSQL server
    cannot be reached or its database is another program's, or the address is none."""
    driver = drivers.choose(place.url, place.sqlite_driver)
    if driver.path is not None and not driver.path.exists():
        return Target("empty")
    with closing(Database(driver)) as database:
        if driver.path is None:
            # Nothing is kept aside there, so what is not ours is not replaced at all.
            migrating.check_owner(database)
        try:
            return _look_into(database, now)
        except SchemaMismatch:
            return Target("unreadable")
        except LedgerError:
            if driver.path is None:
                raise
            return Target("unreadable")


def _look_into(database: Database, now: int) -> Target:
    if database.engine == "sqlite":
        migrating.check_owner(database)
    missing = migrating.missing(database)
    if len(missing) == migrating.known() or not deployments.exists(database):
        return Target("empty")
    row = database.first("SELECT deployment_id FROM deployment WHERE id = 1")
    erasures: tuple[Erasure, ...] = ()
    with suppress(SchemaMismatch):
        erasures = tuple(erasure_journal.all_of(database))
    tenants = database.number("SELECT count(*) FROM tenant")
    return Target(
        "used" if tenants else "empty",
        tenants,
        tuple(upkeep.alive(database, upkeep.clock(database) or now)),
        erasures,
        str(row[0]) if row else "",
    )


def restore(
    file: Path,
    place: Place,
    target: Target,
    now: int,
    *,
    read: Read,
    actor: str,
    environ: Mapping[str, str],
) -> Restored:
    """Put the backup in ``file`` into ``place``, where ``target`` was found.

    ``read`` splits the webhook bodies that wait in the backup. Raises `IgrulesError`, and then all
    is as it was.
    """
    seals = read_keys(place.state_dir, place.key_file, environ, make=False)
    driver = drivers.choose(place.url, place.sqlite_driver)
    with _opened(file, seals) as reader:
        head = reader.head
        if head.engine != driver.engine:
            raise UsageError(
                f"{file} is a backup of {_SHOWN[head.engine]}, and this database is"
                f" {_SHOWN[driver.engine]}",
                "give the database_url of a database of that kind",
            )
        if head.schema not in migrating.names():
            raise SchemaMismatch(
                f"{file} was written by igrules {head.igrules}, which is newer", "upgrade igrules"
            )
        finish = _Finish(seals, place, target, now, read, actor, head)
        if driver.path is not None:
            return _restore_file(reader, driver, finish)
        return _restore_rows(reader, driver, finish)


_SHOWN = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@contextmanager
def _opened(path: Path, seals: Seals) -> Iterator[FrameReader]:
    try:
        file: BinaryIO = path.open("rb")
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}", "name a backup") from error
    except OSError as error:
        raise new_file.refusal(path, error) from error
    with file, new_file.telling(path):
        sealed = file.read(len(SEALED)) == SEALED
        if sealed:
            yield FrameReader(OpeningSource(file, seals, str(path)), str(path))
        else:
            file.seek(0)
            yield FrameReader(file, str(path))


class _Finish:
    """What is done to a restored database before anybody sees it."""

    def __init__(
        self,
        seals: Seals,
        place: Place,
        target: Target,
        now: int,
        read: Read,
        actor: str,
        head: Head,
    ) -> None:
        self._seals, self._place, self._target = seals, place, target
        self._read, self._actor, self.head, self.now = read, actor, head, now

    def inside(self, db: Database) -> Restored:
        """Open it, begin a new epoch, and carry over who has to be forgotten again."""
        known = deployments.read(db, self._seals, self._place.deployment)
        if known.name != self.head.deployment:
            raise LedgerError("the backup contradicts itself", "take another backup")
        deliveries = Deliveries(db, known)
        while deliveries.split(self._read, self.now).deliveries:
            pass
        with db.transaction():
            epochs.begin(db, self.now)
            parked = db.number(
                "SELECT count(*) FROM send WHERE state = 'parked' AND reason = ?", (epochs.REASON,)
            )
            Audit(db, known).add(Act(self._actor, "backup.restore", 0, known.name), self.now)
        # Hashes of another installation mean nothing here.
        before = self._target.erasures if self._target.name == known.name else ()
        kept = erasure_journal.read(self._place.state_dir, known.name)
        erasures = Erasures(db, self._seals, known).again({*before, *kept}, self.now)
        return Restored(self.head, None, parked, erasures)


def _restore_file(reader: FrameReader, driver: drivers.Driver, finish: _Finish) -> Restored:
    path = driver.path
    assert path is not None  # the caller asked
    part = new_file.beside(path, "restore")
    try:
        with new_file.telling(path):
            _pour(reader, part)
        _check_copy(reader, driver, part)
        database = Database(drivers.choose(str(part), driver.name))
        try:
            migrating.migrate(database, lambda: None)
            done = finish.inside(database)
            database.all("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            database.close()
        with new_file.telling(path):
            aside = _change_places(part, path, driver, finish.now)
    finally:
        for suffix in private_files.BESIDE:
            part.with_name(part.name + suffix).unlink(missing_ok=True)
    return replace(done, aside=aside)


def _pour(reader: FrameReader, part: Path) -> None:
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        for _, content in reader.frames():
            file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _check_copy(reader: FrameReader, driver: drivers.Driver, part: Path) -> None:
    try:
        connection = sqlite_copies.raw(driver.name, part)
        try:
            found = [tuple(row) for row in connection.execute("PRAGMA integrity_check(1)")]
            counts = sqlite_copies.counts(connection)
        finally:
            connection.close()
    except driver.errors as error:
        raise LedgerError(
            "the backup holds no whole database", "take another backup; nothing was changed"
        ) from error
    if found != [("ok",)]:
        raise LedgerError(
            "the backup holds a damaged database", "take another backup; nothing was changed"
        )
    reader.check(counts)


def _change_places(part: Path, path: Path, driver: drivers.Driver, now: int) -> Path | None:
    """Put the new file in the place of the old one, in one step; gives where the old one went."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    aside = None
    if path.exists():
        # What is still in its log goes into the file, where it is whole enough for that.
        with suppress(*driver.errors):
            connection = sqlite_copies.raw(driver.name, path)
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                connection.close()
        aside = path.with_name(f"{path.name}.before-restore-{now}")
        for suffix in ("-wal", "-shm"):
            beside = path.with_name(path.name + suffix)
            if beside.exists():
                os.replace(beside, aside.with_name(aside.name + suffix))
        os.link(path, aside)
    os.replace(part, path)
    new_file.sync(path.parent)
    return aside


def _restore_rows(reader: FrameReader, driver: drivers.Driver, finish: _Finish) -> Restored:
    database = Database(driver)
    try:
        with database.translating(), database.joined():
            with migrating.alone(database):
                postgres_copies.patient(database)
                migrating.drop(database)
                migrating.up_to(database, finish.head.schema)
                postgres_copies.empty(database)
            postgres_copies.restore(database, reader)
            migrating.migrate(database, lambda: None)
            return finish.inside(database)
    finally:
        database.close()
