"""Goal 18: a hundred thousand conversations that wait cost no thread, and a claim no more than
without them."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import igrules.ledger.columns as columns
from benchmarks.measure import Row, medians
from igrules.ledger import Lane, Ledger
from igrules.model import Event
from igrules.plugins import build_registry
from igrules.runs import Frame, Run, plain_run
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker

WAITS = 100_000
_NOW = 1_790_000_000_000
_DAY = 86_400_000
_SLICE = 10_000


def seed_waiting(ledger: Ledger, tenant_id: int, count: int, now: int = _NOW) -> None:
    """Let ``count`` people of a tenant wait for three days, each in a lane of its own."""
    event = Event("message", "17841400000000101", "p", text="pedido", occurred_at=now, id=1)
    run = Run("order", 1, event, answers={"size": "M"}, frames=(Frame("order.do", 2),),
              notes=((now, "order.size", "asked"),), started_at=now)  # fmt: skip
    known = columns.to_json(plain_run(run))
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT CAST(? AS BIGINT) UNION ALL SELECT i + 1 FROM n"
        " WHERE i < ?)"
    )
    for first in range(1, count + 1, _SLICE):
        part = (first, min(first + _SLICE - 1, count))
        with ledger._db.transaction() as db:
            db.run(
                f"INSERT INTO lane (tenant_id, account_id, person, due) {numbers}"
                " SELECT ?, 1, 'waits' || i, ? + i FROM n",
                (*part, tenant_id, now + 3 * _DAY),
            )
            db.run(
                "INSERT INTO run (tenant_id, account_id, lane_id, inbox_id, key, rule,"
                " ruleset_version, step, vars, state, wake_at, due_at, started_at, expires_at)"
                " SELECT tenant_id, 1, id, id, id || ':order', 'order', 1, 'order.do[3]', ?,"
                " 'waiting', due, due, ?, ? FROM lane WHERE tenant_id = ? AND due > ?"
                " AND id NOT IN (SELECT lane_id FROM run)",
                (known, now, now + 30 * _DAY, tenant_id, now + 3 * _DAY),
            )
    ledger._db.run("UPDATE turn SET next_due = ? WHERE tenant_id = ?", (now + 3 * _DAY, tenant_id))


def rows() -> Iterator[Row]:
    """The cost of a claim, and the threads of a worker."""
    with tempfile.TemporaryDirectory() as directory:
        nobody = _opened(Path(directory) / "none", 0)
        many = _opened(Path(directory) / "many", WAITS)
        took = medians({"none": _claiming(nobody), "many": _claiming(many)}, rounds=31, least=0.1)
        threads = _threads(many)
        ratio = took["many"] / took["none"]
        waits = f"{WAITS:,} waiting runs"
        yield Row(18, f"claim beside {waits}", "no run waits", ratio, "at most 1.2x", "x",
                  ratio <= 1.2)  # fmt: skip
        yield Row(18, f"threads for {waits}", "no run waits", threads, "0", "", threads == 0)
        for ledger in (nobody, many):
            ledger.close()


def _opened(home: Path, waits: int) -> Ledger:
    home.mkdir()
    ledger = Ledger.open(str(home / "a.db"), home / "state")
    tenant = ledger.tenants.add("luz", "Luz", _NOW)
    ledger._db.run(
        "INSERT INTO turn (tenant_id, next_due) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (tenant.id, _NOW),
    )
    seed_waiting(ledger, tenant.id, waits)
    ledger._db.run(
        "INSERT INTO lane (tenant_id, account_id, person) VALUES (?, 1, 'writes')", (tenant.id,)
    )
    # As the sweep of a running process would, so that neither reads through the log of its seeds.
    ledger.lanes.sweep(_NOW)
    return ledger


def _claiming(ledger: Ledger) -> Callable[[], list[Lane]]:
    """Make one lane due and claim it."""
    db = ledger._db

    # By its number, so that making it due costs the same whoever waits beside it.
    (id,) = db.all("SELECT id FROM lane WHERE person = 'writes'")[0]

    def claim() -> list[Lane]:
        db.run("UPDATE lane SET due = ?, owner = NULL WHERE id = ?", (_NOW, id))
        db.run("UPDATE turn SET next_due = ?", (_NOW,))
        lanes = ledger.lanes.claim("bench", _NOW, lease=1, limit=8)
        assert [lane.id for lane in lanes] == [id]
        return lanes

    return claim


class _Still(Clock):
    def now(self) -> int:
        return _NOW


def _threads(ledger: Ledger) -> int:
    """How many threads more there are once a worker has looked at what waits."""
    before = threading.active_count()
    worker = Worker(
        ledger,
        build_registry(third_party=False),
        Configuration(rate_scale=1_000, threads=1),
        clock=_Still(),
    )
    while worker.turn():
        pass
    return threading.active_count() - before
