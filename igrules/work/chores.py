"""What has to be done from time to time, once for all processes: purging, erasing, backing up.

A chore is a line of `CHORES`. Its row in the ledger is leased for as long as it may take, so it is
done once however many processes there are, and a process that dies in it costs one lease.

Why a thread of its own: the sweep wakes everything else, and a backup takes minutes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from igrules import __version__
from igrules.errors import IgrulesError, LedgerError, Unavailable
from igrules.instagram.client import GraphClient
from igrules.kinds import Registry
from igrules.ledger import Ledger
from igrules.ledger.chores import APART
from igrules.plugins import build_registry
from igrules.work.absence import Absence, of_database
from igrules.work.alerting import Teller
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.graph import ear, graph_client
from igrules.work.logs import say
from igrules.work.polling import Poller
from igrules.work.subscriptions import Subscriber
from igrules.work.tokens import TokenKeeper

_LOG = logging.getLogger(__name__)
_SECOND, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000
_LOOK_EVERY = 1.0
_AGAIN = (_MINUTE, 5 * _MINUTE)
"""How long after a failure a chore is tried again: at least, and at most (else its own pace)."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What a chore is handed. ``clock`` for chores that take long."""

    ledger: Ledger
    configuration: Configuration
    registry: Registry
    clock: Clock
    client: GraphClient
    now: int
    stopping: threading.Event
    """Set when the process ends: a chore that works in slices returns after the one it is in."""


@dataclass(frozen=True, slots=True)
class Chore:
    """``every`` and ``lease`` are milliseconds; a chore has to end within its lease. ``every``
    gives 0 when there is nothing to do under this configuration."""

    name: str
    every: Callable[[Configuration], int]
    do: Callable[[Duty], object]
    lease: int = 10 * _MINUTE
    first: int = 0
    """How long after the first start of an installation it is done for the first time."""


def _each(milliseconds: int) -> Callable[[Configuration], int]:
    return lambda _: milliseconds


def _backup(duty: Duty) -> None:
    settings = duty.configuration
    duty.ledger.backups.scheduled(
        Path(settings.backup_dir).expanduser(),
        duty.now,
        version=__version__,
        encrypt=settings.backup_encrypt,
    )


def _alerts(duty: Duty) -> None:
    Teller(duty.ledger, duty.registry, duty.configuration, duty.now).tell()


def _poll(duty: Duty) -> None:
    Poller(
        duty.ledger, duty.registry, duty.client, duty.configuration, duty.now, duty.stopping
    ).poll()


def _purge(duty: Duty) -> None:
    # What a wrong clock takes for old would be gone for good.
    if duty.clock.is_sure:
        duty.ledger.purge(duty.now, duty.stopping.is_set)


def _watch(duty: Duty) -> None:
    quarter = 15 * _MINUTE
    duty.ledger.alerts.look(duty.now, volume=duty.now % quarter < 2 * _MINUTE)


def _tokens(duty: Duty) -> None:
    TokenKeeper(duty.ledger, duty.client, duty.now, duty.stopping).keep()


def _subscriptions(duty: Duty) -> None:
    Subscriber(duty.ledger, duty.registry, duty.client, duty.now, duty.stopping).keep()


CHORES: Sequence[Chore] = (
    Chore("erasures", _each(10 * _SECOND), lambda duty: duty.ledger.erasures.run(duty.now)),
    Chore("alerts", _each(20 * _SECOND), _alerts),
    Chore("watch", _each(_MINUTE), _watch),
    # Those that ask Instagram let an installation come up first.
    Chore("tokens", _each(10 * _SECOND), _tokens, first=30 * _SECOND),
    Chore("subscriptions", _each(_MINUTE), _subscriptions, first=45 * _SECOND),
    Chore("holds", _each(10 * _SECOND), lambda duty: duty.ledger.finish_lifting(duty.now)),
    Chore(
        "comments",
        lambda settings: 5 * _MINUTE if settings.poll_comments else 0,
        _poll,
        first=_MINUTE,
    ),
    Chore("stats", _each(_HOUR), lambda duty: duty.ledger.roll_stats(duty.now)),
    Chore("purge", _each(10 * _MINUTE), _purge),
    Chore("parked", _each(_MINUTE), lambda duty: duty.ledger.drop_parked(duty.now)),
    Chore("audit", _each(_HOUR), lambda duty: duty.ledger.audit.seal_days(duty.now)),
    Chore("processes", _each(_HOUR), lambda duty: duty.ledger.forget_silent(duty.now)),
    Chore(
        "backup",
        lambda settings: settings.backup_every if settings.backup_dir else 0,
        _backup,
        lease=_HOUR,
    ),
)
"""All chores. Keeping SQLite's log short is none of them: each process may do that at any time,
and it must not wait behind a backup, so it stays with the sweep."""


@dataclass(frozen=True, slots=True)
class _Done:
    """A chore that was done and is still leased. ``began``: seconds of the monotonic clock."""

    name: str
    every: int
    began: float
    error: Exception | None


class ChoreRunner:
    """The thread that looks for chores that are due, and does them."""

    def __init__(
        self,
        ledger: Ledger,
        configuration: Configuration,
        clock: Clock,
        owner: str,
        chores: Sequence[Chore] = CHORES,
        *,
        registry: Registry | None = None,
        database: Absence | None = None,
    ) -> None:
        self._database = database or of_database(clock.monotonic)
        self._ledger = ledger
        self._configuration = configuration
        self._clock = clock
        self._owner = owner
        self._registry = registry or build_registry(third_party=False)
        self._chores = [(one, one.every(configuration)) for one in chores]
        self._client: GraphClient | None = None
        self._known = False
        self._done: _Done | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="igrules-chores", daemon=True)

    def start(self) -> None:
        """Look now, and then every second."""
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """End the thread. A chore that does not end in time is left to its lease."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)
        if self._client is not None and not self._thread.is_alive():
            self._client.close()

    def look(self) -> list[str]:
        """Do what is due and nobody else does; gives the names."""
        self._give_back()
        wanted = [(chore, every) for chore, every in self._chores if every]
        if not self._known:
            for chore, _ in wanted:
                self._ledger.chores.know([chore.name], self._clock.now() + chore.first)
            self._known = True
        due = {row.name: row.due for row in self._ledger.chores.list()}
        now = self._clock.now()
        done = []
        for chore, every in wanted:
            waits = now < due.get(chore.name, 0) <= now + max(every, chore.first) + APART
            if not waits and not self._stopping.is_set() and self._take(chore, every):
                done.append(chore.name)
        return done

    def _take(self, chore: Chore, every: int) -> bool:
        now = self._clock.now()
        if not self._ledger.chores.claim(
            chore.name, self._owner, now, lease=chore.lease, every=max(every, chore.first)
        ):
            return False
        began = self._clock.monotonic()
        self._done = _Done(chore.name, every, began, self._do(chore, now))
        self._give_back()
        return True

    def _do(self, chore: Chore, now: int) -> Exception | None:
        """Do it, and give what went wrong."""
        try:
            chore.do(
                Duty(
                    self._ledger, self._configuration, self._registry, self._clock,
                    self._graph(), now, self._stopping,
                )
            )  # fmt: skip
        except Unavailable as error:
            return error  # whether it is worth a line is known when the chore is given back
        except Exception as error:  # noqa: BLE001  # one turn of the worker
            say(_LOG, logging.ERROR, "a chore failed", error, chore=chore.name)
            return error
        return None

    def _give_back(self) -> None:
        """Say how the chore that was done went. Tried again while the database is away: nobody else
        can do it until its lease is over."""
        if (done := self._done) is None:
            return
        now, error = self._clock.now(), done.error
        pause = min(max(_AGAIN[0], done.every), _AGAIN[1]) if error else done.every
        if not self._ledger.chores.finish(done.name, self._owner, now, now + pause, _words(error)):
            say(_LOG, logging.WARNING, "a chore outlasted its lease", chore=done.name)
        self._done = None
        if isinstance(error, Unavailable) and not self._database.was_missed_since(done.began):
            say(_LOG, logging.ERROR, "a chore failed", error, chore=done.name)

    def _graph(self) -> GraphClient:
        if self._client is None:
            self._client = graph_client(self._configuration, ear(self._ledger, self._clock))
        return self._client

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except LedgerError as error:
                self._database.missed(error)
            self._stopping.wait(_LOOK_EVERY)


def _words(error: Exception | None) -> str:
    if isinstance(error, IgrulesError):
        return error.message
    return f"a defect: {type(error).__name__}" if error else ""
