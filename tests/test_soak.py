"""Hours of random kills: the promises hold, and memory, log and open files do not grow.

Runs in ``make soak`` alone, for as long as ``HOURS`` says, half of it on each engine.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from igrules.sandbox.server import Sandbox
from tests.busy_shop import Crowd, check_shop, is_drained, publish_shop, usual_shop
from tests.fleet import ENGINES, Killer, Way, answering, ways
from tests.running import wait_until
from tests.sizes import SIZE, hours, seed

pytestmark = pytest.mark.faults("F2")

PER_SECOND = 200_000 / 36_000
"""Events a second: 200,000 in ten hours."""
AT_ONCE = 250
STEADY = "work-1"
"""The one that is never killed: what grows, grows there."""
MOST_LOG = 64 << 20
LONG_ENOUGH = 3_600
"""From an hour on, a process has opened and loaded all it needs, and what grows then grows."""
SEED = seed()
way = ways(*ENGINES)
sandbox = usual_shop(SEED)


@dataclass
class Meter:
    """Looks at a process and at the write-ahead log of SQLite every second."""

    pid: int
    log: Path
    memory: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    most_log: int = 0

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Meter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def growth(self) -> float:
        """The share by which the last tenth of the measures is above the second."""
        tenth = max(1, len(self.memory) // 10)
        before = statistics.median(self.memory[tenth : 2 * tenth] or self.memory)
        return statistics.median(self.memory[-tenth:]) / before - 1

    @property
    def more_files(self) -> int:
        """How many more files are open at the end than after the first tenth."""
        tenth = max(1, len(self.files) // 10)
        before = statistics.median(self.files[tenth : 2 * tenth] or self.files)
        return round(statistics.median(self.files[-tenth:]) - before)

    def _run(self) -> None:
        while not self._over.wait(1.0):
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
            self.memory.append(pages)
            self.files.append(sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir()))
            if self.log.exists():
                self.most_log = max(self.most_log, self.log.stat().st_size)


@pytest.mark.skipif(not SIZE, reason="a soak is for make soak")
def test_hours_of_kills_break_nothing_and_nothing_grows(
    way: Way, sandbox: Sandbox, tmp_path: Path, figures: Callable[..., None]
) -> None:
    tenant = publish_shop(way.database_url, tmp_path / "state")
    ledger = Ledger.open(way.database_url, tmp_path / "state", create=False)
    crowds: list[Crowd] = []
    with answering(way, sandbox, tmp_path) as fleet:
        log = tmp_path / "igrules.db-wal"
        with Killer(fleet, SEED, (STEADY,)) as killer, Meter(fleet.pid(STEADY), log) as meter:
            began = time.monotonic()
            written = 0
            while time.monotonic() - began < hours() * 1_800:
                crowd = Crowd(sandbox, AT_ONCE, first=written)
                crowds.append(crowd)
                crowd.write(
                    lambda more, before=written: (  # type: ignore[misc]  # bound here
                        (before + more) <= (time.monotonic() - began) * PER_SECOND
                    )
                )
                written += crowd.written
            kills, ended = killer.end(), time.monotonic()
        wait_until(lambda: is_drained(ledger, sandbox), 60, "all is settled", 0.5)
        drained = time.monotonic() - ended

    found = check_shop(ledger, sandbox, tenant, crowds)
    ledger.close()
    figures(
        f"F2 {way.name}", kills=kills, **found.figures, drained_s=drained,
        memory=f"{meter.growth:+.1%}", log_mib=meter.most_log >> 20, more_files=meter.more_files,
        seconds=ended - began, seed=SEED,
    )  # fmt: skip
    assert (found.broken, fleet.own_ends) == ({}, []), f"seed {SEED}"
    assert meter.most_log <= MOST_LOG
    if ended - began >= LONG_ENOUGH:
        assert meter.growth <= 0.05
        assert meter.more_files <= 2
