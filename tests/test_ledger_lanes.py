"""Lanes: claimed by one worker at a time, fenced, given back when due, fair between tenants."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from igrules.errors import Conflict, LeaseLost
from igrules.ledger import Lane, Ledger, NewDelivery
from igrules.model import Decision, Event
from tests.ledgering import IG_ID, LEASE, NOW, World, body, dm, read, settings, text

DONE = Decision("listened")


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def finish(world: World, lane: Lane, now: int = NOW) -> None:
    """Decide every event of a lane without effects, and give it back."""
    while (stored := world.ledger.lanes.next_event(lane, now)) is not None:
        world.ledger.lanes.record(lane, stored, DONE, now, version=1, lease=LEASE)
    world.ledger.lanes.release(lane, now)


def test_a_lane_is_claimed_once(world: World) -> None:
    world.deliver(dm("m1"))

    (lane,) = world.claim(owner="w1")

    assert (lane.person, lane.owner, lane.fence, lane.poisoned) == ("p1", "w1", 1, False)
    assert world.claim(owner="w2") == []


def test_a_lane_that_is_done_is_no_longer_due(world: World) -> None:
    world.deliver(dm("m1"), dm("m2"))
    (lane,) = world.claim()

    finish(world, lane)

    assert world.due(lane) is None
    assert world.claim() == []
    assert world.ledger.lanes.sweep(NOW) is False
    assert [(row.ref, row.outcome) for row in world.scope.events()] == [
        ("m2", "listened"), ("m1", "listened"),
    ]  # fmt: skip


def test_events_of_a_lane_come_in_the_order_of_arrival(world: World) -> None:
    for number in range(5):
        world.deliver(dm(f"m{number}"))
    (lane,) = world.claim()

    seen = []
    while (stored := world.ledger.lanes.next_event(lane, NOW)) is not None:
        seen.append(stored.ref)
        world.ledger.lanes.record(lane, stored, DONE, NOW, version=1, lease=LEASE)

    assert seen == [f"m{number}" for number in range(5)]


def test_an_event_that_comes_while_its_lane_is_worked_on_is_found_at_the_release(
    world: World,
) -> None:
    world.deliver(dm("m1"))
    (lane,) = world.claim()
    stored = world.open_event(lane)
    world.deliver(dm("m2"))
    world.ledger.lanes.record(lane, stored, DONE, NOW, version=1, lease=LEASE)

    world.ledger.lanes.release(lane, NOW)

    assert world.due(lane) == NOW
    assert [one.id for one in world.claim()] == [lane.id]


def test_a_stored_event_is_what_came_in(world: World) -> None:
    element = dm("m1", username="ana")
    world.deliver(element, now=NOW + 5)
    (lane,) = world.claim(NOW + 5)

    stored = world.open_event(lane)

    assert (stored.kind, stored.ref, stored.username, stored.source) == (
        "message", "m1", "ana", "webhook",
    )  # fmt: skip
    assert (stored.received_at, stored.occurred_at, stored.replays) == (NOW + 5, NOW, 0)
    assert stored.body == body(element)


def test_a_lease_that_ran_out_is_taken_over_and_the_old_owner_writes_nothing(
    world: World,
) -> None:
    world.deliver(dm("m1"))
    (old,) = world.claim(owner="w1")
    stored = world.open_event(old)

    early = world.claim(NOW + LEASE - 1, owner="w2")
    (new,) = world.claim(NOW + LEASE, owner="w2")

    assert early == []
    assert (new.id, new.fence) == (old.id, old.fence + 1)
    with pytest.raises(LeaseLost):
        world.ledger.lanes.record(old, stored, DONE, NOW + LEASE, version=1, lease=LEASE)
    with pytest.raises(LeaseLost):
        world.ledger.lanes.release(old, NOW + LEASE)
    with pytest.raises(LeaseLost):
        world.ledger.lanes.quarantine(old, stored, NOW + LEASE, 1)
    assert world.scope.events()[0].state == "open"
    finish(world, new, NOW + LEASE)
    assert world.scope.events()[0].outcome == "listened"


def test_an_event_is_decided_once(world: World) -> None:
    world.deliver(dm("m1"))
    (lane,) = world.claim()
    stored = world.open_event(lane)
    world.ledger.lanes.record(lane, stored, DONE, NOW, version=1, lease=LEASE)

    with pytest.raises(Conflict):
        world.ledger.lanes.record(lane, stored, DONE, NOW, version=1, lease=LEASE)

    assert world.ledger.stats(world.tenant.id)["events"] == {"listened": 1}


def test_recording_lengthens_the_lease(world: World) -> None:
    world.deliver(dm("m1"), dm("m2"))
    (lane,) = world.claim()

    world.ledger.lanes.record(
        lane, world.open_event(lane), DONE, NOW + 20_000, version=1, lease=LEASE
    )

    assert world.due(lane) == NOW + 20_000 + LEASE


def test_an_event_that_ends_its_worker_three_times_is_set_aside(world: World) -> None:
    world.deliver(dm("m1"), dm("m2"))
    now, poisoned = NOW, []
    for _ in range(4):
        (lane,) = world.claim(now)
        poisoned.append((lane.deaths, lane.poisoned))
        now += LEASE

    world.ledger.lanes.quarantine(lane, world.open_event(lane), now, version=3)
    finish(world, lane, now)

    assert poisoned == [(0, False), (1, False), (2, False), (3, True)]
    assert [
        (row.ref, row.state, row.outcome, row.ruleset_version) for row in world.scope.events()
    ] == [
        ("m2", "closed", "listened", 1),
        ("m1", "quarantined", "quarantined", 3),
    ]


def test_progress_forgives_deaths(world: World) -> None:
    """Only a worker that dies again and again at the same item points to that item."""
    world.deliver(dm("m1"), dm("m2"))
    now = NOW
    for _ in range(3):
        (lane,) = world.claim(now)
        now += LEASE
    world.ledger.lanes.record(lane, world.open_event(lane), DONE, now, version=1, lease=LEASE)

    (after,) = world.claim(now + LEASE)

    assert (after.deaths, after.poisoned) == (1, False)


def test_healing_nothing_is_no_progress(world: World) -> None:
    world.deliver(dm("m1"))
    now = NOW
    for _ in range(4):
        (lane,) = world.claim(now)
        assert world.give_up(lane, now) == 0
        now += LEASE

    assert lane.poisoned


def test_a_lane_whose_worker_died_is_claimed_alone(world: World) -> None:
    world.deliver(dm("m1", "p1"))
    world.claim()
    world.deliver(*(dm(f"n{n}", f"q{n}") for n in range(4)))
    now = NOW + LEASE
    world.ledger._db.run("UPDATE lane SET due = ? WHERE owner IS NULL", (now,))

    claims = [{lane.person for lane in world.claim(now, limit=8)} for _ in range(2)]

    assert sorted(claims, key=len) == [{"p1"}, {"q0", "q1", "q2", "q3"}]


def test_a_claim_takes_lanes_of_one_tenant_up_to_its_limit(world: World) -> None:
    world.deliver(*(dm(f"m{n}", f"p{n}") for n in range(5)))

    first, second = world.claim(limit=3), world.claim(limit=3)

    assert (len(first), len(second)) == (3, 2)
    assert len({lane.id for lane in first + second}) == 5


def other_tenant(world: World, *updates: dict[str, object]) -> int:
    """A second tenant whose account got these updates."""
    mar = world.ledger.tenants.add("mar", "Mar", NOW)
    world.ledger.for_tenant(mar.id).publish({}, "d", settings("mar", "222"), "", "", NOW)
    world.deliver(*({**update, "account": "222", "entry": "222"} for update in updates))
    return mar.id


def test_tenants_take_turns_however_much_one_has_waiting(world: World) -> None:
    world.deliver(*(dm(f"m{n}", f"p{n}") for n in range(20)))
    mar = other_tenant(world, dm("x1", "y1"), dm("x2", "y2"))

    turns = [world.claim(NOW + n, owner=f"w{n}", limit=1)[0].tenant_id == mar for n in range(6)]

    assert turns in (
        [False, True, False, True, False, False],
        [True, False, True, False, False, False],
    )


def test_a_tenant_that_fills_the_process_is_passed_over(world: World) -> None:
    world.deliver(dm("m1"))
    mar = other_tenant(world, dm("x1", "y1"))

    (lane,) = world.ledger.lanes.claim("w1", NOW, lease=LEASE, limit=8, full={world.tenant.id})

    assert lane.tenant_id == mar
    assert world.ledger.lanes.claim(
        "w2", NOW, lease=LEASE, limit=8, full={world.tenant.id, mar}
    ) == []  # fmt: skip


def test_the_sweep_finds_what_a_lost_wake_up_left_behind(world: World) -> None:
    world.deliver(dm("m1"))
    world.ledger._db.run("UPDATE turn SET next_due = NULL")

    before = world.claim()
    found = world.ledger.lanes.sweep(NOW)

    assert before == []
    assert found is True
    assert len(world.claim()) == 1


def test_the_sweep_finds_bodies_that_wait_and_leases_that_ran_out(world: World) -> None:
    world.ledger.deliveries.store([NewDelivery(world.app.id, None, body(dm("m1")), NOW)])
    bodies = world.ledger.lanes.sweep(NOW)
    world.ledger.deliveries.split(read, NOW)
    world.claim()
    leased = world.ledger.lanes.sweep(NOW)
    over = world.ledger.lanes.sweep(NOW + LEASE)

    assert (bodies, leased, over) == (True, False, True)


def test_depth_counts_the_lanes_that_are_due(world: World) -> None:
    world.deliver(*(dm(f"m{n}", f"p{n}") for n in range(3)))
    before = world.ledger.lanes.depth(NOW)
    world.claim(limit=1)

    assert (before, world.ledger.lanes.depth(NOW)) == (3, 2)


def test_a_lane_with_a_send_for_later_is_due_then(world: World) -> None:
    lane = world.answer(text("k1", after=5_000))

    world.ledger.lanes.release(lane, NOW)

    assert world.due(lane) == NOW + 5_000
    assert world.claim(NOW + 4_999) == []
    assert len(world.claim(NOW + 5_000)) == 1


def test_an_internal_event_follows_in_the_same_lane(world: World) -> None:
    added = Event("tag_added", "17", "p1", tag="vip", sub="1", text="\ud800")
    world.deliver(dm("m1"))
    (lane,) = world.claim()
    world.decide(lane, events=(added,))

    stored = world.open_event(lane)

    assert (stored.kind, stored.source) == ("tag_added", "internal")
    assert stored.event is not None
    assert (stored.event.tag, stored.event.text, stored.event.id) == ("vip", "\ud800", stored.id)


def test_an_internal_event_needs_no_bytes_of_its_cause(world: World) -> None:
    """A body that is somebody else's could not be read back, and would stop its lane for good."""
    world.deliver(dm("m1"))
    (lane,) = world.claim()
    caused = Event("tag_added", IG_ID, "p1", tag="vip", raw=b"[]")

    world.decide(lane, events=(caused,))

    event = world.open_event(lane).event
    assert event is not None
    assert (event.kind, event.tag) == ("tag_added", "vip")


def test_many_workers_decide_every_event_once_and_in_order(ledger: Ledger) -> None:
    """Claims, fences and releases from several threads, while new events keep coming."""
    world = World(ledger)
    people, each = 6, 10
    stop = threading.Event()
    order: dict[str, list[str]] = {f"p{n}": [] for n in range(people)}

    def work(name: str) -> None:
        while not stop.is_set():
            world.ledger.deliveries.split(read, NOW)
            for lane in ledger.lanes.claim(name, NOW, lease=LEASE, limit=2):
                while (stored := ledger.lanes.next_event(lane, NOW)) is not None:
                    order[lane.person].append(stored.ref)
                    ledger.lanes.record(lane, stored, DONE, NOW, version=1, lease=LEASE)
                ledger.lanes.release(lane, NOW)
            ledger.lanes.sweep(NOW)
            if ledger.stats(world.tenant.id)["events"] == {"listened": people * each}:
                stop.set()

    with ThreadPoolExecutor(5) as pool:
        workers = [pool.submit(work, f"w{number}") for number in range(4)]
        for round in range(each):
            bodies = [body(dm(f"m{n}.{round:02}", f"p{n}")) for n in range(people)]
            ledger.deliveries.store([NewDelivery(world.app.id, None, one, NOW) for one in bodies])
        stopped = stop.wait(40)
        stop.set()

    assert [worker.exception() for worker in workers] == [None] * 4
    assert stopped
    assert order == {f"p{n}": [f"m{n}.{round:02}" for round in range(each)] for n in range(people)}
