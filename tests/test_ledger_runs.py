"""Runs that stop are stored with the decision that stopped them, and come back as they were."""

from __future__ import annotations

import dataclasses

import pytest

from igrules.errors import Stale
from igrules.ledger import Ledger
from igrules.runs import Frame
from tests.ledgering import NOW, World, dm, text
from tests.parking import ask, heard, parked, question


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def test_a_parked_run_comes_back_as_it_was(world: World) -> None:
    _, run = ask(world)

    assert run.id > 0
    assert dataclasses.replace(run, id=0) == question(run.event.id)
    assert run.frames[1] == Frame("flows.f", 0, {}, "stopped")


def test_of_a_tenant_without_runs_nothing_is_read(world: World) -> None:
    assert parked(world, heard(world)) == ()


def test_what_a_run_has_sent_is_linked_to_it(world: World) -> None:
    lane, run = ask(world)
    world.deliver(dm("m2"), now=NOW + 1)
    world.decide(lane, text("k2", run=run.id), text("k3", rule="r2"), runs=(run,))

    rows = world.ledger._db.all("SELECT key, run_id FROM send ORDER BY id")

    assert rows == [("k1", run.id), ("k2", run.id), ("k3", None)]
    assert world.next(lane).effect.run == run.id


def test_a_run_goes_on_and_ends(world: World) -> None:
    lane, run = ask(world)
    world.deliver(dm("m2"), now=NOW + 1)
    on = dataclasses.replace(run, state="waiting", step="r1.do[3]", answers={"name": "Eva"})
    world.decide(lane, runs=(on,), now=NOW + 1)
    went_on = parked(world, lane)
    world.deliver(dm("m3"), now=NOW + 2)
    over = dataclasses.replace(on, state="ended", ended="done", frames=())
    world.decide(lane, runs=(over,), now=NOW + 2)

    assert went_on == (on,)
    assert parked(world, lane) == ()
    row = world.ledger._db.first("SELECT state, ended, wake_at, ended_at FROM run")
    assert row == ("ended", "done", None, NOW + 2)


def test_the_same_event_never_starts_a_run_twice(world: World) -> None:
    """A replay finds the run of the first time and leaves it alone, with all it would say."""
    lane, run = ask(world)
    world.deliver(dm("m2"), now=NOW + 1)

    again = question(run.event.id, step="elsewhere")
    world.decide(lane, text("other"), text("k9", rule="r2"), runs=(again,), now=NOW + 1)

    assert parked(world, lane) == (run,)
    assert sorted(world.states()) == ["k1", "k9"]


def test_a_run_that_ended_meanwhile_is_not_brought_back(world: World) -> None:
    lane, run = ask(world)
    world.ledger._db.run("UPDATE run SET state = 'ended', ended = 'cancelled'")
    world.deliver(dm("m2"), now=NOW + 1)

    with pytest.raises(Stale):
        world.decide(lane, text("k2", run=run.id), runs=(run,), now=NOW + 1)

    assert list(world.states()) == ["k1"]
    assert world.open_event(lane, NOW + 1).ref == "m2"


def test_runs_of_another_tenant_are_not_seen(world: World) -> None:
    lane, _ = ask(world)
    world.ledger._db.run("UPDATE run SET tenant_id = 999")

    assert parked(world, lane) == ()


def test_a_send_keeps_what_exempts_it_from_gates(world: World) -> None:
    lane = heard(world)
    world.decide(lane, text("k1", again=True), text("k2", unmuted=True))

    first = world.next(lane).effect
    world.started(lane)
    world.ledger._db.run("UPDATE send SET state = 'sent' WHERE key = 'k1'")
    second = world.next(lane).effect

    assert (first.again, first.unmuted, second.again, second.unmuted) == (True, False, False, True)


def test_a_run_that_waits_is_counted_until_it_ends(world: World) -> None:
    lane, run = ask(world)
    before = world.ledger.gauges(NOW).waits
    world.deliver(dm("m2"), now=NOW + 1)

    world.decide(lane, runs=(dataclasses.replace(run, state="ended", ended="done"),), now=NOW + 1)

    assert (before, world.ledger.gauges(NOW).waits) == (1, 0)
