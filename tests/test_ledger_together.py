"""Many conversations decided in one transaction: each is stored or undone by itself."""

from __future__ import annotations

import dataclasses

import pytest

from igrules.errors import Unavailable
from igrules.ledger import Decided, Lane, Ledger
from igrules.model import Decision, Mark
from tests.ledgering import LEASE, NOW, World, dm, text
from tests.tracing import traced

DONE = Decision("listened")


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def claimed(world: World, count: int = 3) -> list[Lane]:
    world.deliver(*(dm(f"m{n}", f"p{n}") for n in range(count)))
    return sorted(world.claim(), key=lambda lane: lane.person)


def decided(world: World, lanes: list[Lane], decision: Decision = DONE) -> list[Decided]:
    events = world.ledger.lanes.first_events(lanes)
    return [Decided(lane, events[lane.id], decision, None, 1, 7) for lane in lanes]


def outcomes(world: World) -> dict[str, str]:
    return {row.ref: row.outcome for row in world.scope.events()}


def test_the_first_event_of_every_lane_is_decided_and_the_lanes_given_back(world: World) -> None:
    lanes = claimed(world)

    done = world.ledger.lanes.record_together(decided(world, lanes), NOW)

    assert done == {lane.id for lane in lanes}
    assert outcomes(world) == {"m0": "listened", "m1": "listened", "m2": "listened"}
    assert [world.due(lane) for lane in lanes] == [None, None, None]
    assert world.claim() == []


def test_the_people_of_all_of_them_are_known_from_then_on(world: World) -> None:
    lanes = claimed(world)

    world.ledger.lanes.record_together(decided(world, lanes), NOW)

    known = {one.person: one.last_in_at for one in world.scope.contacts()}
    assert known == {"p0": NOW, "p1": NOW, "p2": NOW}


def test_decisions_nothing_follows_from_cost_the_same_statements_however_many(
    world: World,
) -> None:
    few, many = claimed(world, 2), claimed(world, 12)
    carried_out = []
    for lanes in (few, many):
        items = decided(world, lanes)
        with traced(world.ledger) as statements:
            assert len(world.ledger.lanes.record_together(items, NOW)) == len(lanes)
        carried_out.append(len(statements))

    assert carried_out[0] == carried_out[1]


def test_a_lane_with_more_events_is_due_again_at_once(world: World) -> None:
    world.deliver(dm("m1"), dm("m2"), dm("n1", "p2"))
    lanes = world.claim()

    world.ledger.lanes.record_together(decided(world, lanes), NOW)

    (lane,) = world.claim()
    assert (lane.person, world.open_event(lane).ref) == ("p1", "m2")


def test_what_is_to_be_sent_is_the_lanes_next_turn(world: World) -> None:
    lanes = claimed(world, 1)

    answer = Decision("answered", effects=(text("k1", target="p0"),))
    world.ledger.lanes.record_together(decided(world, lanes, answer), NOW)

    assert world.states() == {"k1": ("pending", "")}
    (lane,) = world.claim()
    assert world.next(lane).key == "k1"


def test_a_lane_that_was_taken_over_leaves_its_neighbours_alone(world: World) -> None:
    lanes = claimed(world)
    items = decided(world, lanes)
    lost = lanes[1]
    world.ledger._db.run("UPDATE lane SET fence = fence + 1 WHERE id = ?", (lost.id,))

    done = world.ledger.lanes.record_together(items, NOW)

    assert done == {lanes[0].id, lanes[2].id}
    assert outcomes(world) == {"m0": "listened", "m1": "", "m2": "listened"}
    assert world.due(lost) == NOW + LEASE


def test_an_event_that_was_decided_meanwhile_is_left_and_so_is_its_lane(world: World) -> None:
    lanes = claimed(world)
    items = decided(world, lanes)
    world.ledger._db.run("UPDATE inbox SET state = 'closed' WHERE id = ?", (items[0].stored.id,))

    done = world.ledger.lanes.record_together(items, NOW)

    assert done == {lanes[1].id, lanes[2].id}
    assert world.due(lanes[0]) == NOW + LEASE


def test_a_failure_undoes_all_of_them(world: World) -> None:
    lanes = claimed(world)
    items = decided(world, lanes)
    broken = dataclasses.replace(items[2], decision=Decision("listened", marks=(Mark("x", None),)))

    with pytest.raises(Exception, match="refused a statement"):
        world.ledger.lanes.record_together([*items[:2], broken], NOW)

    assert outcomes(world) == {"m0": "", "m1": "", "m2": ""}
    assert [world.due(lane) for lane in lanes] == [NOW + LEASE] * 3


def test_a_lane_with_an_open_send_or_a_parked_run_is_not_among_them(world: World) -> None:
    """A send comes before the next event, and a run may."""
    lane = world.answer(text("k1"))
    world.ledger.lanes.release(lane, NOW)
    world.deliver(dm("m2"), dm("n1", "p2"), dm("o1", "p3"))
    lanes = world.claim()
    waiting = next(lane for lane in lanes if lane.person == "p3")
    world.ledger._db.run(
        "INSERT INTO run (tenant_id, account_id, lane_id, inbox_id, key, rule, ruleset_version,"
        " step, vars, state, wake_at, due_at, started_at, expires_at, epoch)"
        " VALUES (?, ?, ?, 1, 'k', 'r', 1, 'r.do[0]', ?, 'waiting', ?, ?, ?, ?, 1)",
        (world.tenant.id, waiting.account_id, waiting.id, b"{}", NOW, NOW, NOW, NOW + 1),
    )

    events = world.ledger.lanes.first_events(lanes)

    assert [stored.ref for stored in events.values()] == ["n1"]


def test_a_database_that_is_away_stores_nothing(world: World) -> None:
    lanes = claimed(world)
    items = decided(world, lanes)
    world.ledger.close()

    with pytest.raises(Unavailable):
        world.ledger.lanes.record_together(items, NOW)
