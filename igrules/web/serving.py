"""`igrules serve`: the web server, and with it the worker, in one process.

Why stopping has an order: what is under way is answered, the writer flushed and lanes given back,
and only then are connections closed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from igrules.errors import LedgerError, UsageError
from igrules.kinds import Registry
from igrules.ledger import Ledger
from igrules.web.access import Access
from igrules.web.app import App, build_app, process_name
from igrules.web.front import Front
from igrules.web.health import Stopping
from igrules.web.ingest import Writer
from igrules.web.listeners import admin, check_open, ops, public
from igrules.web.operations import OPERATOR, OPERATOR_READ
from igrules.web.ops import build_ops_app
from igrules.web.routes import ALL
from igrules.web.signers import Signers
from igrules.work.absence import of_database
from igrules.work.bell import Bell
from igrules.work.bell_choice import make_bell
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.crew import STUCK_CODE, Crew, run_worker as run_crew
from igrules.work.heap import settle_heap
from igrules.work.logs import say
from igrules.work.metrics import Metrics
from igrules.work.signals import Signals
from igrules.work.upkeep import Heartbeat

_LOG = logging.getLogger(__name__)
_STOP_WITHIN = 20.0


class Server:
    """A web process, with worker threads unless ``work`` is false.

    ``start`` returns when requests are taken; ``stop`` ends it in good order; ``run`` does both and
    waits for a signal in between. The ledger is not closed here: it belongs to whoever opened it.
    ``measured``: count and measure, and show it on the ops listener.
    """

    def __init__(
        self,
        configuration: Configuration,
        registry: Registry,
        ledger: Ledger,
        *,
        work: bool = True,
        clock: Clock | None = None,
        bell: Bell | None = None,
        measured: bool = False,
    ) -> None:
        self._configuration = configuration
        self._clock = clock or Clock()
        self._stopping = Stopping()
        self._database = of_database(self._clock.monotonic)
        self._metrics = make_metrics(configuration, ledger, self._clock) if measured else None
        heard = self._metrics.bell if self._metrics else None
        bell = bell or make_bell(configuration, ledger, work=work, heard=heard)
        self._bell = bell
        self._crew = (
            Crew(
                configuration,
                registry,
                ledger,
                clock=self._clock,
                bell=bell,
                metrics=self._metrics,
                database=self._database,
            )
            if work
            else None
        )
        self._registry = registry
        self._writer = Writer(
            ledger.deliveries.store,
            bell.ring,
            linger=configuration.linger,
            grouped=self._metrics.grouped if self._metrics else None,
            database=self._database,
        )
        self._ledger = ledger
        self._signers = Signers(ledger, self._clock)
        self._access = Access(ledger, self._clock)
        self._app = self._build(self._access, operators=True)
        self._public_app = self._app
        self._public_access = self._access
        if configuration.admin_listen:
            self._public_access = Access(ledger, self._clock, operators=False)
            self._public_app = self._build(self._public_access, operators=False)
        self._beat = Heartbeat(ledger, self._clock, process_name(), "web", self._database)
        self._front: Front | None = None

    @property
    def url(self) -> str:
        """Where this server is reached. Raises `UsageError` before `start`."""
        if self._front is None:
            raise UsageError("the server is not started", "call start first")
        return self._front.url

    @property
    def urls(self) -> list[str]:
        """The address of each listener: public, admin if there is one, ops if there is one."""
        return [] if self._front is None else self._front.urls

    def start(self) -> None:
        """Start all threads. Raises `UsageError` when the address cannot be had."""
        configuration = self._configuration
        check_open(configuration, self._ledger.keys.any_operator())
        listeners = [
            public(configuration, self._public_app),
            *admin(configuration, self._app),
            *(ops(configuration, build_ops_app(self._metrics)) if self._metrics else ()),
        ]
        self._front = Front(listeners, configuration.trusted_proxy)
        if self._crew is not None:
            self._crew.start()
        self._front.start()
        self._beat.start()
        say(_LOG, logging.INFO, "the server is ready", url=self._front.url)

    def stop(self, seconds: float = _STOP_WITHIN) -> bool:
        """Stop in good order within ``seconds``. False when a call had to be left in doubt.

        Readiness off and new webhooks 503; what was accepted is stored and answered; no new claims;
        calls under way end; lanes are given back; connections are closed.
        """
        until = self._clock.monotonic() + seconds
        self._stopping.begin()
        if self._crew is not None:
            self._crew.rest()
        ended = self._writer.close(min(5.0, seconds))
        self._signers.close()
        self._access.close()
        self._public_access.close()
        self._write_counts()
        if self._crew is not None:
            left = until - self._clock.monotonic() - 1.0
            ended = self._crew.stop(max(0.0, left)) and ended
        else:
            self._bell.close(1.0)
        if self._front is not None:
            self._front.stop(max(0.5, until - self._clock.monotonic()))
        self._beat.stop()
        return ended

    def run(self, announce: Callable[[str], None] | None = None) -> int:
        """Serve until SIGTERM or SIGINT; a second signal ends at once. Give the exit code: 0, or 75
        when a thread hung and the process should be started anew."""
        settle_heap()
        with Signals() as signals:
            self.start()
            if announce is not None:
                announce(self.url)
            while not signals.wait(1.0) and not self._broken():
                pass
            broken = self._broken()
            if not self.stop():
                say(_LOG, logging.WARNING, "a call was left in doubt")
        say(_LOG, logging.INFO, "the server has stopped")
        return STUCK_CODE if broken else 0

    def _build(self, access: Access, *, operators: bool) -> App:
        operator_only = {OPERATOR, OPERATOR_READ}
        shown = [one for one in ALL if operators or not set(one.access) <= operator_only]
        return build_app(
            self._ledger,
            self._writer,
            registry=self._registry,
            configuration=self._configuration,
            bell=self._bell,
            access=access,
            clock=self._clock,
            stopping=self._stopping,
            signers=self._signers,
            metrics=self._metrics,
            operations=shown,
            database=self._database,
        )

    def _write_counts(self) -> None:
        try:
            self._ledger.deliveries.write_forged(self._clock.now())
        except LedgerError as error:
            say(_LOG, logging.WARNING, "the last counts were not stored", error)

    def _broken(self) -> bool:
        stuck = self._crew is not None and self._crew.stuck
        return stuck or (self._front is not None and self._front.broken)


def run_worker(
    configuration: Configuration,
    registry: Registry,
    ledger: Ledger,
    once: bool = False,
    *,
    clock: Clock | None = None,
    announce: Callable[[], None] | None = None,
    measured: bool = False,
) -> int:
    """Work until a signal comes, or with ``once`` until nothing is due; see `igrules.work.crew`.

    ``measured``: count and measure, and show it on the ops listener.
    """
    clock = clock or Clock()
    metrics = make_metrics(configuration, ledger, clock) if measured and not once else None
    listeners = ops(configuration, build_ops_app(metrics)) if metrics else []
    front = Front(listeners) if listeners else None
    if front is not None:
        front.start()
    try:
        return run_crew(
            configuration,
            registry,
            ledger,
            once,
            clock=clock,
            announce=announce,
            metrics=metrics,
        )
    finally:
        if front is not None:
            front.stop(2.0)


def make_metrics(configuration: Configuration, ledger: Ledger, clock: Clock) -> Metrics:
    """Make the numbers of a process that works on this ledger. Raises `UsageError`."""
    named = configuration.metrics_tenants
    if named != "none" and not (named.isascii() and named.isdigit() and len(named) < 6):
        raise UsageError(
            f"metrics_tenants is '{named}'",
            "write how many tenants have numbers by name, such as 200, or none",
        )
    return Metrics(
        lambda: ledger.gauges(clock.now()), clock, tenants=0 if named == "none" else int(named)
    )
