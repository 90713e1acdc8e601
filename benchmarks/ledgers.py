"""What the ledger costs by itself: claims among many lanes, commits of an event, the ceiling of one
machine, the split. From delivery.md section 15."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.measure import Row, medians
from benchmarks.stand import open_shops, postgresql, store
from benchmarks.tenants import registry
from igrules.instagram.reader import read
from igrules.ledger import Ledger
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker

ROUNDS = 5
FEW, MANY, TENANTS = 2_000, 100_000, 1_000
EVENTS, SPLIT = 400, 5_000
_NOW = 1_790_000_000_000


def rows() -> Iterator[Row]:
    """Measure on SQLite, and what a server changes on PostgreSQL."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        yield _commits(home / "commits")
        yield _ceiling(home / "ceiling")
        yield _claim(home, "sqlite", [str(home / "few.db"), str(home / "many.db")])
        yield _split(home / "split", "sqlite", str(home / "split.db"))
        with postgresql() as url:
            yield _split(home / "split-pg", "postgresql", url)
        with postgresql() as few, postgresql() as many:
            yield _claim(home, "postgresql", [few, many])


def _shop(home: Path, url: str = "") -> Ledger:
    home.mkdir()
    return open_shops(url or str(home / "igrules.db"), home)


def _worker(ledger: Ledger) -> Worker:
    return Worker(ledger, registry(), Configuration(threads=1, rate_scale=1_000))


def _commits(home: Path) -> Row:
    """Waits for the disk per event with one send, from the claim to the receipt."""
    ledger = _shop(home)
    store(ledger, [str(n) for n in range(100)])
    worker = _worker(ledger)
    worker.split()
    durable = _counted(ledger)
    while worker.turn():
        pass
    sent = ledger.stats(None)["sends"]["sent"]
    ledger.close()
    each = len(durable) / sent
    what = f"{sent} events with one send each, after the split"
    return Row("D", "durable commits per event (SQLite)", what, each, "<= 2", "", each <= 2)


def _counted(ledger: Ledger) -> list[bool]:
    """Grows by one with each transaction that waits for the disk."""
    begin, found = ledger._db.written, list[bool]()

    def written(durable: bool):  # type: ignore[no-untyped-def]  # as the original
        if durable:
            found.append(True)
        return begin(durable)

    ledger._db.written = written  # type: ignore[method-assign]  # it is counted
    return found


def _ceiling(home: Path) -> Row:
    """Events a second through claim, decision and receipt with a platform that answers at once."""
    ledger = _shop(home)
    worker = _worker(ledger)
    commits, events = [], []
    for number in range(ROUNDS):
        commits.append(_single_commits(ledger))
        store(ledger, [f"{number}-{n}" for n in range(EVENTS)])
        worker.split()
        started = time.perf_counter()
        _in_threads(worker, 8)
        events.append(EVENTS / (time.perf_counter() - started))
    ledger.close()
    ratio = statistics.median(a / b for a, b in zip(events, commits, strict=True))
    commit, event = statistics.median(commits), statistics.median(events)
    what = f"{commit:.0f} commits/s of one row, {event:.0f} events/s"
    return Row("D", "ledger ceiling, one send each", what, ratio, ">= 0.3", "x", ratio >= 0.3)


def _single_commits(ledger: Ledger, seconds: float = 0.5) -> float:
    # The row changes each time: what stays as it is, SQLite does not write.
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        ledger.beat("bench", count, durable=True)
        count += 1
    return count / (time.perf_counter() - started)


def _in_threads(worker: Worker, count: int) -> None:
    def work() -> None:
        while worker.turn():
            pass

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _claim(home: Path, engine: str, urls: Sequence[str]) -> Row:
    """A claim among all the lanes that are due."""
    ledgers = []
    for url, count in zip(urls, (FEW, MANY), strict=True):
        state = home / f"{engine}-{count}"
        state.mkdir()
        ledger = Ledger.open(url, state)
        _fill_lanes(ledger, count)
        ledgers.append(ledger)
    took = medians({str(n): _claiming(each) for n, each in enumerate(ledgers)}, least=0.1)
    for ledger in ledgers:
        ledger.close()
    ratio = took["1"] / took["0"]
    what = f"{1000 * took['0']:.2f} ms of processor with {FEW:,} due lanes ({engine})"
    return Row("D", f"claim with {MANY:,} due lanes", what, ratio, "<= 1.5", "x", ratio <= 1.5)


def _fill_lanes(ledger: Ledger, count: int) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
    with ledger._db.transaction() as db:
        db.run(
            f"{numbers.format(TENANTS)} INSERT INTO tenant (slug, name, state, created_at)"
            " SELECT 't' || i, 'T', 'active', ? FROM n"
            if db.engine == "sqlite"
            else "INSERT INTO tenant (slug, name, state, created_at)"
            f" {numbers.format(TENANTS)} SELECT 't' || i, 'T', 'active', CAST(? AS BIGINT) FROM n",
            (_NOW,),
        )
        db.run(
            "INSERT INTO turn (tenant_id, next_due, served_at)"
            " SELECT id, CAST(? AS BIGINT), id FROM tenant",
            (_NOW,),
        )
        db.run(
            f"INSERT INTO lane (tenant_id, account_id, person, due) {numbers.format(count)}"
            f" SELECT i % {TENANTS} + 1, 1, 'p' || i, CAST(? AS BIGINT) FROM n",
            (_NOW,),
        )
    ledger._db.run("ANALYZE")


def _claiming(ledger: Ledger) -> Callable[[], None]:
    """Claim, and make what was claimed due again."""
    db = ledger._db

    def claim() -> None:
        lanes = ledger.lanes.claim("bench", _NOW, lease=1, limit=8)
        assert len(lanes) > 1
        db.run(
            f"UPDATE lane SET due = ?, owner = NULL WHERE id IN ({', '.join('?' * len(lanes))})",
            [_NOW, *(lane.id for lane in lanes)],
        )

    return claim


def _split(home: Path, engine: str, url: str) -> Row:
    """Stored bodies of a hundred messages become events; the time of this process and of the
    server, one after the other, as on one core."""
    ledger = _shop(home, url)
    rates = []
    for number in range(ROUNDS):
        store(ledger, [f"{number}-{n}" for n in range(SPLIT)])
        started = time.perf_counter()
        while ledger.deliveries.split(read, int(time.time() * 1000)).deliveries:
            pass
        rates.append(SPLIT / (time.perf_counter() - started))
    ledger.close()
    rate = statistics.median(rates)
    what = f"bodies of 100, each to another person ({engine})"
    return Row("D", "split, events/s", what, rate, ">= 10,000", "", rate >= 10_000)
