"""How many sends a second many threads and many processes carry while the platform takes 200 ms:
goal 12, and of delivery what four `work` processes on PostgreSQL do against one."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row
from benchmarks.stand import WORKERS, Api, igrules, open_shops, postgresql, store
from igrules.instagram.reader import read
from igrules.ledger import Ledger

ROUNDS = 5
SECONDS = 2.5
LATENCY, THREADS = 200, 64


def rows() -> Iterator[Row]:
    """Measure, and give the two rows."""
    with Api(LATENCY) as api:
        with tempfile.TemporaryDirectory() as directory:
            home = Path(directory)
            ledger = open_shops(str(home / "igrules.db"), home)
            each = THREADS // WORKERS
            rate = _rate(ledger, home, str(home / "igrules.db"), api, "t", each, WORKERS)
        could = THREADS / (LATENCY / 1000)
        what = f"{THREADS} threads / {LATENCY} ms = {could:.0f} sends/s; {rate:.0f} sends/s"
        share = rate / could
        name = f"sends with {THREADS} threads in {WORKERS} processes"
        yield Row(12, name, what, share, ">= 0.85", "x", share >= 0.85)
        with tempfile.TemporaryDirectory() as directory, postgresql() as url:
            home = Path(directory)
            ledger = open_shops(url, home)
            one = _rate(ledger, home, url, api, "one")
            four = _rate(Ledger.open(url, home), home, url, api, "four", processes=4)
        what = f"{one:.0f} sends/s of one `work` process, {four:.0f} of four (PostgreSQL)"
        gain = four / one
        yield Row("D", "four processes against one", what, gain, ">= 3", "x", gain >= 3)


def _rate(
    ledger: Ledger, home: Path, url: str, api: Api, name: str, threads: int = 8, processes: int = 1
) -> float:
    """Sends a second in the median of the rounds, once all processes send. Closes the ledger."""
    most = int(threads * processes / (LATENCY / 1000) * SECONDS * (ROUNDS + 2))
    store(ledger, [f"{name}{n}" for n in range(most)])
    while ledger.deliveries.split(read, int(time.time() * 1000)).deliveries:
        pass
    ledger.close()
    api.calls()
    with igrules("work", url, home, api.url, processes, IGRULES_THREADS=str(threads)):
        api.wait_for(threads * processes)
        time.sleep(SECONDS)
        api.calls()
        rates = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            time.sleep(SECONDS)
            rates.append(len(api.calls()) / (time.perf_counter() - began))
    with Ledger.open(url, home, create=False)._db.transaction() as db:
        # What is left over is not for the next measurement.
        db.run("UPDATE inbox SET state = 'closed' WHERE state = 'open'")
        db.run("UPDATE lane SET due = NULL, owner = NULL")
    return statistics.median(rates)
