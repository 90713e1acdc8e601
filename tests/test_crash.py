"""kill -9 of web and worker processes at random: nothing lost, nothing done twice, in order.

The witnesses are the local Instagram's journal and the ledger, never a process's own word.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from igrules.sandbox.server import Sandbox
from tests.busy_shop import Crowd, check_shop, publish_shop, settle, usual_shop
from tests.fleet import WAYS, Killer, Way, answering, ways
from tests.sizes import load, seed

EVENTS, KILLS = load(1_500, 20_000), load(25, 200)
SEED = seed()
way = ways(*WAYS)
sandbox = usual_shop(SEED)


@pytest.mark.faults("F1")
def test_processes_killed_at_random_lose_nothing_and_do_nothing_twice(
    way: Way, sandbox: Sandbox, tmp_path: Path, figures: Callable[..., None]
) -> None:
    tenant = publish_shop(way.database_url, tmp_path / "state")
    crowd = Crowd(sandbox, EVENTS)
    ledger = Ledger.open(way.database_url, tmp_path / "state", create=False)
    started = time.monotonic()
    with answering(way, sandbox, tmp_path) as fleet, Killer(fleet, SEED) as killer:
        crowd.write(lambda written: killer.kills >= KILLS * (written + 1) / EVENTS)
        kills = killer.end()
        written = time.monotonic()
        settle(ledger, sandbox)
        drained = time.monotonic()

    found = check_shop(ledger, sandbox, tenant, [crowd])
    ledger.close()
    figures(
        f"F1 {way.name}", kills=kills, **found.figures, drained_s=drained - written,
        seconds=drained - started, seed=SEED,
    )  # fmt: skip
    assert (found.broken, fleet.own_ends) == ({}, []), f"seed {SEED}"
    assert kills >= KILLS
