"""A receipt is stored together with giving its conversation back, when nothing is left to do in
it."""

from __future__ import annotations

import pytest

from igrules.errors import Unavailable
from igrules.ledger import Ledger
from igrules.model import NotDone, Sent
from tests.ledgering import LEASE, NOW, World, dm, text


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def row(world: World, lane_id: int) -> tuple[object, ...]:
    found = world.ledger._db.first("SELECT owner, due FROM lane WHERE id = ?", (lane_id,))
    assert found is not None
    return found


def test_the_last_receipt_gives_the_lane_back(world: World) -> None:
    lane = world.answer(text("k1"))
    ready = world.started(lane)

    done = world.ledger.sends.settle_and_rest(lane, ready, Sent("out_1"), NOW)

    assert done == ("sent", True)
    assert row(world, lane.id) == (None, None)
    assert world.states() == {"k1": ("sent", "")}


def test_a_lane_with_something_to_do_is_kept(world: World) -> None:
    lane = world.answer(text("k1"), text("k2"))
    ready = world.started(lane)

    done = world.ledger.sends.settle_and_rest(lane, ready, Sent("out_1"), NOW)

    assert done == ("sent", False)
    assert row(world, lane.id)[0] == lane.owner
    assert world.next(lane).key == "k2"


def test_a_lane_that_got_an_event_meanwhile_is_kept(world: World) -> None:
    lane = world.answer(text("k1"))
    ready = world.started(lane)
    world.deliver(dm("m2"))

    assert world.ledger.sends.settle_and_rest(lane, ready, Sent("out_1"), NOW) == ("sent", False)
    assert world.open_event(lane).ref == "m2"


def test_a_send_that_waits_for_its_next_try_is_when_the_lane_is_due(world: World) -> None:
    lane = world.answer(text("k1"))
    ready = world.started(lane)

    done = world.ledger.sends.settle_and_rest(lane, ready, NotDone(7_000, "away"), NOW)

    assert done == ("pending", True)
    assert row(world, lane.id) == (None, NOW + 7_000)
    assert world.claim(NOW + 6_999) == []
    assert [one.id for one in world.claim(NOW + 7_000)] == [lane.id]


def test_a_receipt_counts_though_the_lane_was_taken_over(world: World) -> None:
    lane = world.answer(text("k1"))
    ready = world.started(lane)
    late = NOW + LEASE + 1
    (other,) = world.claim(late, owner="w2")

    done = world.ledger.sends.settle_and_rest(lane, ready, Sent("out_1"), late)

    assert done == ("sent", False)
    assert row(world, lane.id)[0] == other.owner


def test_what_is_done_with_it_counts_once_it_is_stored(world: World) -> None:
    """Else a worker would work on a lane that it claimed in a transaction that was undone."""
    if world.ledger._db.engine != "sqlite":
        pytest.skip("nothing else is done in this transaction on PostgreSQL")
    lane = world.answer(text("k1"))
    ready = world.started(lane)
    database, heard = world.ledger._db._peewee, list[str]()
    commit = database.commit

    def fails() -> None:
        raise world.ledger._db._errors[0]("database or disk is full")

    def settle() -> tuple[str, bool]:
        return world.ledger.sends.settle_and_rest(
            lane, ready, Sent("out_1"), NOW, then=lambda _: lambda: heard.append("stored")
        )

    database.commit = fails
    with pytest.raises(Unavailable):
        settle()
    database.commit = commit

    assert heard == []
    assert settle() == ("sent", True)
    assert heard == ["stored"]
