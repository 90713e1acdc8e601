"""The sweep: once a second, find what is due and ring.

Why: it is the only healer needed. A lost ring, a crash between commit and ring, a retry whose time
has come, a lane whose worker died: each costs at most one sweep.
"""

from __future__ import annotations

import faulthandler
import logging
import socket
import threading
from contextlib import suppress

from igrules import __version__
from igrules.errors import LedgerError
from igrules.ledger import Ledger
from igrules.work.absence import Absence, of_database
from igrules.work.bell import Bell
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.logs import say
from igrules.work.worker import Worker

_LOG = logging.getLogger(__name__)
_BEAT_EVERY = 5.0
_STUCK = 150.0
"""Seconds after which a turn cannot be alive: every call inside it has a deadline below that."""


def agree(ledger: Ledger, clock: Clock) -> None:
    """Let several machines go by one clock: the database's, where it has one."""
    now = ledger.clock()
    if now is not None:
        clock.agree(now)


class Sweeper:
    """The thread that sweeps. ``worker`` is watched for turns that never end."""

    def __init__(
        self,
        ledger: Ledger,
        bell: Bell,
        worker: Worker,
        configuration: Configuration,
        clock: Clock,
        database: Absence | None = None,
    ) -> None:
        self._database = database or of_database(clock.monotonic)
        self._ledger = ledger
        self._bell = bell
        self._worker = worker
        self._configuration = configuration
        self._clock = clock
        self._beat_at = 0.0
        self._told = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="igrules-sweep", daemon=True)
        self.stuck = threading.Event()
        """Set when a worker thread hangs; the process should end and be started anew."""

    def start(self) -> None:
        """Sweep now, and then at the pace of the configuration."""
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def sweep(self) -> bool:
        """Ring if something is due. False when nothing is, or when the database cannot tell."""
        began = self._clock.monotonic()
        try:
            self._agree()
            written = self._beat()
            self._ledger.lanes.free_orphans(self._clock.now())
            due = self._ledger.lanes.sweep(self._clock.now())
        except LedgerError as error:
            self._database.missed(error)
            return False
        # One that can only be read, such as a full one, is not back.
        if written:
            self._database.found(began)
        if due:
            self._bell.ring(self._configuration.threads)
        return due

    def _agree(self) -> None:
        agree(self._ledger, self._clock)
        self._clock.now()
        jump = self._clock.take_jump()
        if jump is not None:
            self._tell_of(jump)

    def _tell_of(self, jump: int) -> None:
        """The clock is not believed for ten minutes; a person may set it right by then."""
        way = "forwards" if jump > 0 else "backwards"
        words = f"the clock of {socket.gethostname()} jumped {way} by {abs(jump) // 1000} s"
        remedy = "set it right and keep it by NTP; for ten minutes igrules goes on without it"
        say(_LOG, logging.ERROR, "the clock jumped", ms=jump)
        now = self._clock.now()
        self._ledger.alerts.note("clock", socket.gethostname(), f"{words}: {remedy}", now)

    def _beat(self) -> bool:
        """Say that the process lives, if it is time, or the database was away; whether it was."""
        is_time = self._clock.monotonic() >= self._beat_at or self._database.is_missed
        if is_time:
            self._beat_at = self._clock.monotonic() + _BEAT_EVERY
            now = self._clock.now()
            self._ledger.beat(self._worker.name, now, kind="work", version=__version__)
            self._ledger.deliveries.write_forged(now)
            self._remember()
        return is_time

    def _remember(self) -> None:
        """Note how far the database has come, and say so once when nothing may be sent at all."""
        silent = self._silent()
        if silent and silent != self._told:
            say(_LOG, logging.CRITICAL, silent)
        self._told = silent

    def _silent(self) -> str:
        """Why nothing is sent from this database; empty: it is."""
        behind = self._ledger.high_water.note()
        if self._ledger.is_copied:
            return (
                "the database is of another installation than deployment names, so nothing is"
                " sent: igrules doctor"
            )
        if behind:
            return (
                "the database is older than this machine has seen it, so nothing is sent;"
                " look at it, then: igrules resume --after-restore"
            )
        if not self._ledger.epoch().is_open:
            return (
                "the database was restored, so nothing is sent until: igrules resume"
                " --after-restore"
            )
        return ""

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.sweep()
            self._watch()
            self._stopping.wait(self._configuration.sweep_every / 1000)

    def _watch(self) -> None:
        if self._worker.longest_turn() > _STUCK and not self.stuck.is_set():
            say(_LOG, logging.CRITICAL, "a turn does not end; stacks follow")
            faulthandler.dump_traceback(file=2)
            self.stuck.set()


class Heartbeat:
    """Says every five seconds that a process without workers lives, and at its end that it has
    ended."""

    def __init__(
        self, ledger: Ledger, clock: Clock, name: str, kind: str, database: Absence | None = None
    ) -> None:
        self._database = database or of_database(clock.monotonic)
        self._ledger = ledger
        self._clock = clock
        self._name = name
        self._kind = kind
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="igrules-beat", daemon=True)

    def start(self) -> None:
        """Say so now, and then at its pace."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and say that the process has ended."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_BEAT_EVERY)
        with suppress(LedgerError):
            self._ledger.retire(self._name)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._beat()
            self._stopping.wait(_BEAT_EVERY)

    def _beat(self) -> None:
        began = self._clock.monotonic()
        try:
            agree(self._ledger, self._clock)
            now = self._clock.now()
            self._ledger.beat(self._name, now, kind=self._kind, version=__version__)
        except LedgerError as error:
            self._database.missed(error)
        else:
            self._database.found(began)
