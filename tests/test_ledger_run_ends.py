"""What ends runs besides themselves: people, publishing, a message taken back, a restore."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import igrules.ledger.epochs as epochs
from igrules.errors import NotFound
from igrules.ledger import Ledger
from igrules.ledger.tally import RUN, labels, tally
from igrules.model import Change
from tests.ledgering import DAY, IG_ID, NOW, World, dm, settings, text
from tests.parking import ask, heard, parked, question


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def ends(world: World) -> list[tuple[str, str]]:
    rows = world.ledger._db.all("SELECT rule, ended FROM run ORDER BY id")
    return [(rule, ended) for rule, ended in rows]


def several(world: World) -> int:
    """Ana is asked by one rule, and waits for another. Gives the lane."""
    lane = heard(world)
    event_id = world.open_event(lane).id
    asking = question(event_id, rule="ask")
    waiting = question(event_id, rule="wait", state="waiting")
    world.decide(lane, text("k1", rule="ask"), text("k2", rule="wait"), runs=(asking, waiting))
    world.ledger.lanes.release(lane, NOW)
    return lane.id


def test_runs_are_listed_by_state_and_person_newest_first(world: World) -> None:
    several(world)
    world.ledger._db.run("UPDATE run SET state = 'ended', ended = 'done' WHERE rule = 'wait'")

    def rules(**wanted: Any) -> list[str]:
        return [row.run.rule for row in world.scope.runs(**wanted)]

    assert rules() == ["wait", "ask"]
    assert rules(limit=1) == ["wait"]
    assert rules(before=world.scope.runs()[0].id) == ["ask"]
    assert rules(state="parked") == rules(state="asking") == ["ask"]
    assert rules(state="ended", person="p1") == ["wait"]
    assert rules(person="p2") == rules(state="calling") == []


def test_a_cancelled_run_says_nothing_more_and_others_go_on(world: World) -> None:
    several(world)
    (_, row) = world.scope.runs()

    first, second = world.scope.cancel_run(row.id, NOW + 5), world.scope.cancel_run(row.id, NOW + 6)

    assert (first, second) == (True, False)
    assert ends(world) == [("ask", "cancelled"), ("wait", "")]
    assert world.states() == {"k1": ("cancelled", "cancelled"), "k2": ("pending", "")}
    assert world.scope.run(row.id).ended_at == NOW + 5


def test_a_run_of_another_tenant_is_not_there(world: World) -> None:
    several(world)
    other = world.ledger.for_tenant(world.ledger.tenants.add("sol", "Sol", NOW).id)
    id = world.scope.runs()[0].id

    with pytest.raises(NotFound):
        other.run(id)
    with pytest.raises(NotFound):
        other.cancel_run(id, NOW)
    assert other.runs() == []
    assert other.cancel_runs(NOW) == 0
    assert len(world.scope.runs(state="parked")) == 2


def test_all_runs_of_a_tenant_are_cancelled_at_once(world: World) -> None:
    several(world)

    assert world.scope.cancel_runs(NOW) == 2
    assert ends(world) == [("ask", "cancelled"), ("wait", "cancelled")]


def test_a_person_who_takes_over_closes_the_open_question_only(world: World) -> None:
    several(world)

    world.scope.change_contact("p1", (Change("handoff", value=NOW + DAY),), NOW)

    assert ends(world) == [("ask", "handed_off"), ("wait", "")]


def test_a_contact_that_is_opted_out_ends_all_its_runs(world: World) -> None:
    several(world)

    world.scope.change_contact("p1", (Change("opt_out"),), NOW)

    assert ends(world) == [("ask", "opted_out"), ("wait", "opted_out")]


def test_a_message_that_is_taken_back_takes_its_runs_with_it(world: World) -> None:
    lane, run = ask(world)
    world.deliver(dm("m3"))
    world.decide(lane, runs=(question(run.event.id + 1, rule="other"),))
    world.deliver(dm(f"m{NOW}", kind="message_deleted"))
    world.decide(lane)

    assert ends(world) == [("r1", "cancelled"), ("other", "")]
    row = world.scope.runs()[1]
    assert (row.known, row.run.event.text, row.run.answers) == (False, "", {})


def test_runs_of_an_older_generation_of_the_database_expire(world: World) -> None:
    """Nobody knows how far they have gone since the backup was made."""
    several(world)

    with world.ledger._db.transaction() as db:
        epochs.begin(db, NOW + 1)

    assert ends(world) == [("ask", "expired"), ("wait", "expired")]


def test_what_an_old_event_begins_does_not_wait_for_anything(world: World) -> None:
    world.deliver(dm("m1"))
    with world.ledger._db.transaction() as db:
        epochs.begin(db, NOW + 1)
    (lane,) = world.claim(NOW + 1)
    event_id = world.open_event(lane).id
    world.decide(lane, text("k1"), runs=(question(event_id),), now=NOW + 1)

    assert ends(world) == [("r1", "expired")]
    assert parked(world, lane) == ()
    assert world.states()["k1"][0] == "parked"


def test_runs_that_ended_are_counted_by_how(world: World) -> None:
    several(world)
    world.scope.cancel_run(world.scope.runs()[0].id, NOW + 5)

    counted = tally(world.ledger._db, world.tenant.id, NOW, NOW + 10)
    world.ledger.stats(None)

    assert labels(counted, RUN) == {"cancelled": 1}
    day = world.scope.today(NOW)
    assert labels(world.scope.days(day, day, NOW).total, RUN) == {"cancelled": 1}


def test_an_erased_person_leaves_no_run_behind(world: World) -> None:
    several(world)
    before = world.scope.export("p1")["runs"]
    world.ledger.erasures.request(world.tenant.id, None, "p1", "api", NOW + 10)
    while world.ledger.erasures.run(NOW + 20):
        pass

    rows = world.ledger._db.all("SELECT vars, state, ended, why, expects FROM run")
    assert rows == [(None, "ended", "cancelled", "erased", "")] * 2
    assert [one["vars"]["answers"] for one in before] == [{"name": "Ana"}] * 2


def test_a_version_that_offers_taps_is_remembered_once_a_day(world: World) -> None:
    world.publish(settings("luz", IG_ID), digest="d2")
    reads = []
    for n, later in enumerate((0, DAY - 1, DAY, DAY + 1)):
        lane = heard(world, NOW + later)
        payload = {"text": "?", "quick_replies": [{"title": "a", "payload": "igr:1:r1:r1.do"}]}
        effect = dataclasses.replace(text(f"k{n}"), payload=payload)
        world.decide(lane, effect, now=NOW + later)
        world.ledger.lanes.release(lane, NOW + later)
        reads.append(world.scope.offered_at(1))

    assert reads == [NOW, NOW, NOW, NOW + DAY + 1]
    assert world.scope.offered_at(2) is None
