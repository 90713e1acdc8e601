"""The working half of a process: bell, worker threads and sweep, started and stopped as one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from igrules.errors import LedgerError
from igrules.kinds import Registry
from igrules.ledger import Ledger
from igrules.work.absence import Absence, of_database
from igrules.work.bell import Bell, MemoryBell
from igrules.work.bell_choice import make_bell
from igrules.work.chores import ChoreRunner
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.heap import settle_heap
from igrules.work.logs import say
from igrules.work.signals import Signals
from igrules.work.upkeep import Sweeper, agree
from igrules.work.worker import Worker

if TYPE_CHECKING:
    from igrules.work.metrics import Metrics

_LOG = logging.getLogger(__name__)
STUCK_CODE = 75
"""Exit code for the supervisor: start me again."""


class Crew:
    """Worker threads with what wakes them."""

    def __init__(
        self,
        configuration: Configuration,
        registry: Registry,
        ledger: Ledger,
        *,
        clock: Clock,
        bell: Bell | None = None,
        metrics: Metrics | None = None,
        database: Absence | None = None,
    ) -> None:
        self.bell = bell or MemoryBell()
        database = database or of_database(clock.monotonic)
        self.worker = Worker(
            ledger,
            registry,
            configuration,
            clock=clock,
            bell=self.bell,
            metrics=metrics,
            database=database,
        )
        self._configuration = configuration
        self._clock = clock
        self._ledger = ledger
        self._sweeper = Sweeper(ledger, self.bell, self.worker, configuration, clock, database)
        self._chores = ChoreRunner(
            ledger, configuration, clock, self.worker.name, registry=registry, database=database
        )

    def start(self) -> None:
        """Start the threads; what waits since the last time is taken up at once."""
        self.bell.run(self._configuration.threads, self.worker.turn)
        self._sweeper.start()
        self._chores.start()

    def rest(self) -> None:
        """Take nothing new from now on; turns under way go on to their next safe point."""
        self.worker.stop()

    def stop(self, seconds: float) -> bool:
        """End all threads within ``seconds``. False when a call was still under way after that.

        A call that is left behind is in doubt and settled by whoever takes its lane next.
        """
        self.rest()
        until = self._clock.monotonic() + seconds
        self._sweeper.stop(min(2.0, seconds))
        self._chores.stop(min(2.0, seconds))
        ended = self.bell.close(max(0.0, until - self._clock.monotonic()))
        self.worker.give_up()
        with suppress(LedgerError):
            self._ledger.retire(self.worker.name)
        return ended

    @property
    def stuck(self) -> bool:
        """A thread hangs in one turn for longer than any turn can last."""
        return self._sweeper.stuck.is_set()


def run_worker(
    configuration: Configuration,
    registry: Registry,
    ledger: Ledger,
    once: bool = False,
    *,
    clock: Clock | None = None,
    announce: Callable[[], None] | None = None,
    metrics: Metrics | None = None,
) -> int:
    """Work until a signal comes, or with ``once`` until nothing is due.

    Gives the exit code: 0, or 75 when a thread hung and the process should be started anew.

    ``announce`` is called once all threads run.
    """
    clock = clock or Clock()
    if once:
        _work_off(configuration, registry, ledger, clock)
        return 0
    heard = metrics.bell if metrics else None
    bell = make_bell(configuration, ledger, work=True, heard=heard)
    crew = Crew(configuration, registry, ledger, clock=clock, bell=bell, metrics=metrics)
    settle_heap()
    with Signals() as signals:
        crew.start()
        if announce is not None:
            announce()
        say(_LOG, logging.INFO, "the worker is ready", count=configuration.threads)
        while not signals.wait(1.0) and not crew.stuck:
            pass
        if not crew.stop(20.0):
            say(_LOG, logging.WARNING, "a call was left in doubt")
    say(_LOG, logging.INFO, "the worker has stopped")
    return STUCK_CODE if crew.stuck else 0


def _work_off(
    configuration: Configuration, registry: Registry, ledger: Ledger, clock: Clock
) -> None:
    """Take turns in all threads until a sweep finds nothing due."""
    worker = Worker(ledger, registry, configuration, clock=clock)

    def take_turns() -> None:
        while worker.turn():
            pass

    with Signals() as signals:
        while not signals.came:
            agree(ledger, clock)
            threads = [
                threading.Thread(target=take_turns, name=f"igrules-once-{n}", daemon=True)
                for n in range(configuration.threads)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.1)
                    if signals.came:
                        worker.stop()
            if not ledger.lanes.sweep(clock.now()):
                return
