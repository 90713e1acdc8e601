"""Workers that are stopped for longer than their lease and go on as if nothing had happened.

A frozen worker wakes up in the middle of a turn that is not its own any more: nothing it writes may
count, except the answer of the call it was in, since proof is proof however late.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from igrules.sandbox.scripts import Latency
from igrules.sandbox.server import Sandbox
from tests.busy_shop import Crowd, check_shop, publish_shop, settle, usual_manner, usual_shop
from tests.fleet import ENGINES, Fleet, Way, answering, sleep, ways
from tests.sizes import load, seed

pytestmark = pytest.mark.faults("F5")

EVENTS, PAUSES = load(300, 4_000), load(10, 200)
LEASE = 3_000
SEED = seed()
way = ways(*ENGINES)
sandbox = usual_shop(SEED)


def freeze(fleet: Fleet, pauses: int) -> int:
    """Stop all workers but one for somewhat longer than a lease; gives how many pauses."""
    chance, names = random.Random(SEED), sorted(set(fleet.roles) - {"web"})
    made = 0
    while made < pauses:
        frozen = chance.sample(names, len(names) - 1)
        for name in frozen:
            fleet.signal(name, signal.SIGSTOP)
        sleep(LEASE / 1000 + chance.uniform(0.3, 0.6))
        for name in frozen:
            fleet.signal(name, signal.SIGCONT)
        made += len(frozen)
        sleep(chance.uniform(0.1, 0.4))
    return made


def late_receipts(ledger: Ledger) -> tuple[int, int]:
    """Answers that were stored after the lease of their attempt, and how many of those count."""
    rows = ledger._db.all(
        "SELECT s.state FROM attempt a JOIN send s ON s.id = a.send_id WHERE a.outcome = 'SENT'"
        " AND a.ended_at > a.started_at + ?",
        (LEASE,),
    )
    return len(rows), sum(state == "sent" for (state,) in rows)


def test_a_worker_that_slept_past_its_lease_does_nothing_twice(
    way: Way, sandbox: Sandbox, tmp_path: Path, figures: Callable[..., None]
) -> None:
    tenant = publish_shop(way.database_url, tmp_path / "state")
    crowd = Crowd(sandbox, EVENTS)
    # No echo proves what was sent, so it is the late answer or nothing.
    sandbox.postman.set_manner(usual_manner(echo="missing"))
    sandbox.scripts.latency = Latency(300, 1_500)
    ledger = Ledger.open(way.database_url, tmp_path / "state", create=False)
    started = time.monotonic()
    with answering(way, sandbox, tmp_path, workers=4) as fleet:
        crowd.write_aside()
        pauses = freeze(fleet, PAUSES)
        crowd.wait()
        settle(ledger, sandbox)

    found = check_shop(ledger, sandbox, tenant, [crowd])
    late, accepted = late_receipts(ledger)
    figures(
        f"F5 {way.name}", pauses=pauses, **found.figures, late_receipts=late, accepted=accepted,
        seconds=time.monotonic() - started, seed=SEED,
    )  # fmt: skip
    ledger.close()
    assert (found.broken, fleet.own_ends) == ({}, []), f"seed {SEED}"
    assert late == accepted > 0
