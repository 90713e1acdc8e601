"""The one door to everything durable."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import igrules.ledger.backlog as backlog
import igrules.ledger.breakers as breakers
import igrules.ledger.deployment as deployment
import igrules.ledger.drivers as drivers
import igrules.ledger.epochs as epochs
import igrules.ledger.gauges as gauges
import igrules.ledger.holds as holds
import igrules.ledger.migrating as migrating
import igrules.ledger.private_files as private_files
import igrules.ledger.probes as probes
import igrules.ledger.purging as purging
import igrules.ledger.rollup as rollup
import igrules.ledger.stats as stats
import igrules.ledger.unclear as unclear
import igrules.ledger.upkeep as upkeep
import igrules.ledger.webhook_log as webhook_log
from igrules.errors import Conflict, IgrulesError, SchemaMismatch, Unavailable
from igrules.ledger.alerts import Alerts
from igrules.ledger.apps import Apps
from igrules.ledger.audit import Act, Audit, Noted
from igrules.ledger.backlog import Backlog
from igrules.ledger.backups import Backups
from igrules.ledger.budgets import Buckets
from igrules.ledger.chores import Chores
from igrules.ledger.connections import Connections
from igrules.ledger.database import Database
from igrules.ledger.deliveries import Deliveries
from igrules.ledger.deployment import Deployment
from igrules.ledger.drivers import Driver
from igrules.ledger.erasures import Erasures
from igrules.ledger.fetched import Fetched
from igrules.ledger.high_water import HighWater
from igrules.ledger.keys import Keys
from igrules.ledger.lanes import Lanes
from igrules.ledger.scope import Scope
from igrules.ledger.sealed import Sealed
from igrules.ledger.seals import Seals, read_keys
from igrules.ledger.sends import Sends
from igrules.ledger.subscriptions import Subscriptions
from igrules.ledger.tenants import Tenants
from igrules.ledger.tokens import Tokens


class Ledger:
    """An open database. Shared by all threads of a process; made by `Ledger.open`."""

    def __init__(
        self,
        url: str,
        database: Database,
        seals: Seals,
        known: Deployment,
        environ: Mapping[str, str],
        state_dir: Path,
    ) -> None:
        self.url = url
        self.state_dir = state_dir
        self.engine = database.engine
        self._db = database
        self._seals = seals
        self._deployment = known
        self._environ = environ
        self.tenants = Tenants(database, seals, known)
        self.alerts = Alerts(database)
        self.apps = Apps(database, seals)
        self.keys = Keys(database)
        self.sealed = Sealed(database, seals)
        self.audit = Audit(database, known)
        self.chores = Chores(database)
        self.backups = Backups(database, seals)
        self.high_water = HighWater(database, known, state_dir)
        self.deliveries = Deliveries(database, known)
        self.sends = Sends(database, seals, known, environ)
        self.lanes = Lanes(database, known, self.sends)
        self.erasures = Erasures(database, seals, known)
        self.connections = Connections(database, known)
        self.fetched = Fetched(database)
        self.tokens = Tokens(database, seals, environ)
        self.subscriptions = Subscriptions(database)
        self.buckets = Buckets(database)

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
        driver: Driver | None = None,
    ) -> Ledger:
        """Open the database, bringing its schema up to date, and making it on first use.

        ``create=False`` changes nothing. ``driver``: one for this address, when `drivers.choose`
        shall not be asked. Raises `Unavailable`, `SchemaMismatch`, `SealError` or
        `UsageError`.
        """
        driver = driver or drivers.choose(database_url, sqlite_driver)
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
        opened = cls(database_url, database, seals, known, given, Path(state_dir).expanduser())
        opened.high_water.look()
        return opened

    def close(self) -> None:
        """Close every connection. No thread may be using the ledger."""
        try:
            self.deliveries.write_forged()
        finally:
            self._db.close()

    def for_tenant(self, tenant_id: int) -> Scope:
        """Everything of one tenant."""
        return Scope(self._db, self._seals, self._environ, self._deployment, tenant_id)

    def act(self, act: Act, now: int) -> AbstractContextManager[Noted]:
        """Do what follows in one transaction together with its entry in the audit log; an
        exception undoes both."""
        return self.audit.act(act, now)

    def info(self) -> Mapping[str, Any]:
        """Where the data is, which engine holds it, and how."""
        return upkeep.describe(self._db, self._deployment, self.url)

    def key_for(self, purpose: str) -> bytes:
        """32 bytes that only processes of this installation know, for one purpose."""
        return self._deployment.key_for(purpose)

    def upgrade(self) -> list[str]:
        """Apply the migrations that are missing and give their names."""
        return migrating.migrate(self._db, lambda: None)

    def check_schema(self) -> None:
        """Raise `SchemaMismatch` when this igrules must not work with the database any more: a
        newer one has changed it meanwhile."""
        deployment.check(self._db)

    def check(self, quick: bool = False) -> list[str]:
        """What is wrong with the database; empty when it is whole. ``quick`` looks at its pages
        and schema only."""
        return upkeep.check(self._db, quick)

    def reset(self, act: Act | None = None, now: int = 0) -> None:
        """Delete everything and make the database anew, under the same name and keys. The new
        audit log begins with ``act``."""
        kept = deployment.kept(self._db)

        def first() -> None:
            deployment.restore(self._db, kept)
            if act is not None:
                self.audit.add(act, now)

        migrating.remake(self._db, first)

    def stats(self, tenant_id: int | None = None) -> Mapping[str, Any]:
        """Totals of a tenant, or of the installation."""
        self.deliveries.write_forged()
        return stats.add_up(self._db, tenant_id)

    def drop_parked(self, now: int) -> int:
        """Close parked sends whose window is over; gives how many."""
        return unclear.drop_parked(self._db, now)

    def purge(self, now: int, is_over: Callable[[], bool] = lambda: False) -> int:
        """Delete what is older than it may be, slice by slice until ``is_over``; gives the number
        of rows that went or were emptied."""
        # Nothing goes uncounted, however long nobody has counted.
        self.roll_stats(now)
        return purging.purge(self._db, self.audit, now, is_over)

    def pause(
        self,
        scope: str,
        scope_id: str,
        now: int,
        until: int | None = None,
        *,
        mode: str = "wait",
        set_by: str = "",
        reason: str = holds.PAUSED,
    ) -> None:
        """Let nothing out below ``scope`` (see `Hold`), until then or until `resume`."""
        holds.pause(self._db, scope, scope_id, now, until, reason=reason, mode=mode, set_by=set_by)

    def resume(
        self,
        scope: str,
        scope_id: str,
        now: int,
        *,
        send_waiting: bool = False,
        reason: str = holds.PAUSED,
    ) -> int:
        """Lift a pause. What waited under no other is dropped, or goes out with ``send_waiting``;
        gives how many."""
        return holds.resume(
            self._db, scope, scope_id, now, send_waiting=send_waiting, reason=reason
        )

    def look_again(
        self, scope: str, scope_id: str, now: int, *, tenant_id: int | None = None
    ) -> None:
        """Wake what began to wait under a pause, of this tenant, ``None``: of all, while `resume`
        lifted it. After the transaction of that."""
        holds.look_again(self._db, scope, scope_id, tenant_id, now)

    def refuse_token(self, account_id: int, now: int) -> bool:
        """Keep back what an account sends whose token is refused, until `accept_token`. False: it
        is kept back already."""
        return breakers.refuse(self._db, account_id, now)

    def accept_token(self, account_id: int, now: int) -> int:
        """The token of an account works: let go what waited for that. Gives how many sends."""
        return breakers.lift(self._db, "account", str(account_id), now, holds.REAUTH)

    def roll_stats(self, now: int) -> int:
        """Add days that are over to the statistics that stay; gives how many days of tenants."""
        return sum(rollup.roll(self._db, tenant.id, now) for tenant in self.tenants.list())

    def backlog(self, tenant_id: int, now: int) -> Backlog:
        """What of a tenant waits to go out, why, and how long."""
        return backlog.of_tenant(self._db, tenant_id, now)

    def end_hold(self, hold: holds.Hold, now: int, *, send_waiting: bool = False) -> int:
        """Lift a hold that igrules has set. What waited is dropped, or goes out with
        ``send_waiting``; gives how many."""
        dropped = 0 if send_waiting else probes.drop(self._db, hold, now)
        return dropped + breakers.end(self._db, [hold], now)

    def finish_lifting(self, now: int) -> int:
        """Wake what a hold kept back whose lifting a process did not live to end."""
        return probes.finish(self._db, now)

    def holds(self, now: int) -> list[holds.Hold]:
        """The holds in force."""
        return holds.active(self._db, now)

    def gauges(self, now: int) -> gauges.Gauges:
        """What waits and what stands, for those who watch."""
        return gauges.read(self._db, now)

    def arrived(
        self, limit: int, before: int | None = None, state: str | None = None
    ) -> list[webhook_log.DeliveryRow]:
        """The newest webhook bodies of all tenants, newest first, without their contents."""
        return webhook_log.deliveries(self._db, limit, before, state)

    def unreadable(self, since: int) -> int:
        """How many webhook bodies that came since then nobody could read."""
        return webhook_log.unreadable(self._db, since)

    def orphans(
        self, limit: int, before: int | None = None, app: str | None = None
    ) -> list[webhook_log.OrphanRow]:
        """The newest events without a tenant, newest first."""
        return webhook_log.orphans(self._db, limit, before, app)

    def beat(
        self,
        process_id: str,
        now: int,
        *,
        kind: str = "",
        version: str = "",
        durable: bool = False,
    ) -> None:
        """Note that a process lives; ``durable`` waits for the disk, to see whether it answers."""
        upkeep.beat(self._db, process_id, now, kind, version, durable)

    def retire(self, process_id: str) -> None:
        """Note that a process has ended, so that nobody waits for it."""
        upkeep.retire(self._db, process_id)

    def forget_silent(self, now: int) -> None:
        """Remove the processes that nobody has heard of for an hour."""
        upkeep.forget_silent(self._db, now)

    def processes(self, now: int) -> list[upkeep.ProcessRow]:
        """The processes that work on this database."""
        return upkeep.alive(self._db, now)

    def epoch(self) -> epochs.Epoch:
        """The generation of the database, and whether sends may go out."""
        return epochs.read(self._db)

    @property
    def is_copied(self) -> bool:
        """Whether the settings name another installation than the database holds, so that nothing
        is sent."""
        return self._deployment.copied

    def resume_after_restore(self, now: int) -> int:
        """Let sends out again after a restore; gives how many are parked, because they may have
        been sent before it. Raises `Conflict` when there was no restore, or when the settings name
        another installation."""
        if self.is_copied:
            raise Conflict(
                f"the database is that of '{self._deployment.name}', and deployment names another",
                "set deployment to its name if it shall send; a copy shall not",
            )
        behind = self.high_water.look()
        if epochs.read(self._db).is_open and not behind:
            raise Conflict("the database was not restored", "nothing to do")
        with self._db.transaction() as db:
            if behind:
                # Put back by hand, so nobody has begun a new generation yet.
                epochs.begin(db, now)
            parked = epochs.release(db, now)
        self.high_water.forget()
        return parked

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
