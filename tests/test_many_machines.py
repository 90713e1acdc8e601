"""Many processes on one PostgreSQL, killed at random: nothing lost, nothing doubled, all in order,
and no tenant served worse than the others."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fleet import Killer
from tests.sizes import SIZE, load, seed
from tests.town import Town, delays, running, settled

pytestmark = pytest.mark.faults("machines")

SHOPS, EVENTS, KILLS = 50, load(250, 10_000), load(8, 100)
SEED = seed()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path, SHOPS, EVENTS, SEED)
    yield town
    town.sandbox.stop()


@pytest.fixture(params=["postgres", "redis"])
def bell(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of this bell."""
    if request.param == "postgres":
        return {"bell": "postgres"}
    server = request.getfixturevalue("redis_server")
    server.start()
    return {"bell": "redis", "redis_url": server.url}


def test_two_that_serve_and_three_that_work_are_killed_and_keep_every_promise(
    postgresql_url: str,
    town: Town,
    bell: dict[str, str],
    tmp_path: Path,
    figures: Callable[..., None],
) -> None:
    town.publish(postgresql_url, tmp_path / "state")
    with running(town, postgresql_url, tmp_path, webs=2, workers=3, **bell) as fleet:
        started = time.monotonic()
        with Killer(fleet, SEED) as killer:
            town.write(lambda written: killer.kills >= KILLS * (written + 1) / EVENTS)
            kills = killer.end()
        written = time.monotonic()
        with settled(town, postgresql_url, tmp_path) as ledger:
            drained = time.monotonic()
            fleet.stop()
            found, each = town.check(ledger), delays(ledger).values()

    usual = sorted(statistics.median(took) for took in each)
    most = sorted(statistics.quantiles(took, n=20)[-1] for took in each)
    figures(
        f"machines {bell['bell']}", tenants=len(each), kills=kills, **found.figures,
        worst_median_s=usual[-1], median_p95_s=statistics.median(most), worst_p95_s=most[-1],
        drained_s=drained - written, seconds=drained - started, seed=SEED,
    )  # fmt: skip
    assert (found.broken, fleet.own_ends) == ({}, []), f"seed {SEED}"
    assert kills >= KILLS
    assert len(each) == SHOPS
    # A killed worker's conversations wait for its lease, whoever's they are, and one may be killed
    # twice. That is one of the few messages that a tenant has here, but not half of them.
    served = most if SIZE else usual
    assert served[-1] <= 2 * statistics.median(served) + 4.0
