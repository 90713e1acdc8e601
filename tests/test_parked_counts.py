"""How many runs wait is right where it is small or near its end, and a second old in between."""

from __future__ import annotations

import pytest

from benchmarks.waits import seed_waiting
from igrules.ledger import Ledger
from igrules.ledger.parked_counts import ParkedCounts
from tests.ledgering import NOW, World


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def end(world: World, count: int) -> None:
    world.ledger._db.run(
        "UPDATE run SET state = 'ended' WHERE id IN"
        " (SELECT id FROM run WHERE state <> 'ended' LIMIT ?)",
        (count,),
    )


@pytest.mark.parametrize(("many", "later"), [(3, 2), (501, 501), (8_000, 7_999)])
def test_a_number_that_matters_is_counted_each_time(world: World, many: int, later: int) -> None:
    seed_waiting(world.ledger, world.tenant.id, many, NOW)
    counts = ParkedCounts()

    first = counts.of(world.ledger._db, world.tenant.id, NOW)
    end(world, 1)

    assert first == many
    assert counts.of(world.ledger._db, world.tenant.id, NOW + 999) == later
    assert counts.of(world.ledger._db, world.tenant.id, NOW + 1_000) == many - 1
