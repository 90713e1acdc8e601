"""The one door to everything durable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import igrules.ledger.deployment as deployment
import igrules.ledger.drivers as drivers
import igrules.ledger.holds as holds
import igrules.ledger.migrating as migrating
import igrules.ledger.private_files as private_files
import igrules.ledger.stats as stats
import igrules.ledger.upkeep as upkeep
from igrules.errors import IgrulesError, SchemaMismatch, Unavailable
from igrules.ledger.apps import Apps
from igrules.ledger.database import Database
from igrules.ledger.deliveries import Deliveries
from igrules.ledger.deployment import Deployment
from igrules.ledger.lanes import Lanes
from igrules.ledger.scope import Scope
from igrules.ledger.seals import Seals, read_keys
from igrules.ledger.sends import Sends
from igrules.ledger.tenants import Tenants


class Ledger:
    """An open database. Shared by all threads of a process; made by `Ledger.open`."""

    def __init__(
        self,
        url: str,
        database: Database,
        seals: Seals,
        known: Deployment,
        environ: Mapping[str, str],
    ) -> None:
        self.url = url
        self.engine = database.engine
        self._db = database
        self._seals = seals
        self._deployment = known
        self._environ = environ
        self.tenants = Tenants(database, seals, known)
        self.apps = Apps(database, seals)
        self.deliveries = Deliveries(database, known)
        self.sends = Sends(database, seals, known, environ)
        self.lanes = Lanes(database, known, self.sends)

    @classmethod
    def open(
        cls,
        database_url: str,
        state_dir: str | Path,
        *,
        sqlite_driver: str = "auto",
        key_file: str = "",
        create: bool = True,
        deployment: str = "",
        environ: Mapping[str, str] | None = None,
    ) -> Ledger:
        """Open the database, bringing its schema up to date, and making it on first use.

        ``create=False`` changes nothing. Raises `Unavailable`, `SchemaMismatch`, `SealError` or
        `UsageError`.
        """
        driver = drivers.choose(database_url, sqlite_driver)
        if not create and driver.path is not None and not driver.path.exists():
            raise Unavailable(f"there is no database at {driver.path}", "igrules db upgrade")
        if create and driver.path is not None:
            private_files.make(driver.path)
        database = Database(driver)
        given = os.environ if environ is None else environ
        try:
            seals, known = _prepare(
                database, Path(state_dir).expanduser(), key_file, deployment, given, create
            )
        except IgrulesError:
            database.close()
            raise
        if create and driver.path is not None:
            private_files.shut(driver.path)
        return cls(database_url, database, seals, known, given)

    def close(self) -> None:
        """Close every connection. No thread may be using the ledger."""
        try:
            self.deliveries.write_forged()
        finally:
            self._db.close()

    def for_tenant(self, tenant_id: int) -> Scope:
        """Everything of one tenant."""
        return Scope(self._db, self._seals, self._environ, tenant_id)

    def info(self) -> Mapping[str, Any]:
        """Where the data is, which engine holds it, and how."""
        return upkeep.describe(self._db, self._deployment, self.url)

    def upgrade(self) -> list[str]:
        """Apply the migrations that are missing and give their names."""
        return migrating.migrate(self._db, lambda: None)

    def check(self) -> list[str]:
        """What is wrong with the database; empty when it is whole."""
        return upkeep.check(self._db)

    def reset(self) -> None:
        """Delete everything and make the database anew, under the same name and keys."""
        kept = deployment.kept(self._db)
        migrating.remake(self._db, lambda: deployment.restore(self._db, kept))

    def stats(self, tenant_id: int | None = None) -> Mapping[str, Any]:
        """Totals of a tenant, or of the installation."""
        self.deliveries.write_forged()
        return stats.add_up(self._db, tenant_id)

    def pause(
        self,
        scope: str,
        scope_id: str,
        now: int,
        until: int | None = None,
        *,
        mode: str = "wait",
        set_by: str = "",
    ) -> None:
        """Let nothing out below ``scope`` (see `Hold`), until then or until `resume`."""
        holds.pause(self._db, scope, scope_id, now, until, mode=mode, set_by=set_by)

    def resume(self, scope: str, scope_id: str, now: int, *, send_waiting: bool = False) -> int:
        """Lift a pause. What waited is dropped, or goes out with ``send_waiting``; gives how
        many."""
        return holds.resume(self._db, scope, scope_id, now, send_waiting=send_waiting)

    def holds(self, now: int) -> list[holds.Hold]:
        """The holds in force."""
        return holds.active(self._db, now)

    def beat(self, process_id: str, now: int, *, kind: str = "", version: str = "") -> None:
        """Note that a process lives."""
        upkeep.beat(self._db, process_id, now, kind, version)

    def clock(self) -> int | None:
        """The database server's time in milliseconds, so that machines agree; ``None`` on
        SQLite."""
        return upkeep.clock(self._db)


def _prepare(
    database: Database,
    state_dir: Path,
    key_file: str,
    name: str,
    environ: Mapping[str, str],
    create: bool,
) -> tuple[Seals, Deployment]:
    missing = migrating.missing(database)
    used = len(missing) < migrating.known() and deployment.exists(database)
    if missing and not create:
        raise SchemaMismatch(
            "the database lacks " + ", ".join(missing) if used else "the database is empty",
            "igrules db upgrade",
        )
    # A new key beside an old database would open nothing and look like the right one.
    make = not used and database.engine == "sqlite"
    if make:
        migrating.check_owner(database)
    seals = read_keys(state_dir, key_file, environ, make=make)
    if used:
        # First of all: a database of a newer igrules, or of another key, stays as it is.
        deployment.read(database, seals, name)
    if missing or not used:
        migrating.migrate(database, lambda: deployment.make(database, seals, name))
    return seals, deployment.read(database, seals, name)
