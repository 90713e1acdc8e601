"""What ends its worker again and again is set aside, told, and the conversation goes on."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from igrules.ledger import Lane, Ledger, StoredEvent
from igrules.model import Change, Effect
from tests.ledgering import LEASE, NOW, World, dm, text


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def dying(world: World, now: int) -> tuple[Lane, int]:
    """The first lane that is due, after three workers have died with it."""
    lane = None
    while lane is None or not lane.poisoned:
        now += LEASE + 1
        (lane,) = world.claim(now, limit=1)
    return lane, now


def dead() -> str:
    """The name of a process that has ended."""
    script = "from igrules.ledger.own_process import new_name as name; print(name(), end='')"
    return subprocess.check_output([sys.executable, "-c", script], text=True)


def causes(world: World) -> list[tuple[str, str]]:
    return [(row.cause, row.about) for row in world.ledger.alerts.list(10)]


def test_a_send_that_ends_its_workers_before_its_call_is_parked_and_the_next_one_goes(
    world: World,
) -> None:
    lane = world.answer(text("k1"), text("k2"))
    world.ledger.lanes.release(lane, NOW)
    lane, now = dying(world, NOW)
    send = world.next(lane, now)

    world.ledger.sends.set_aside(lane, send, now)

    assert world.states()["k1"] == ("parked", "ended its worker 3 times")
    assert causes(world) == [("quarantine", f"send {send.id}")]
    assert world.started(lane, now).effect.key == "k2"


def test_an_event_that_ends_its_workers_is_told(world: World) -> None:
    world.deliver(dm("m1"))
    lane, now = dying(world, NOW - LEASE)
    stored = world.open_event(lane, now)
    assert isinstance(stored, StoredEvent)

    world.ledger.lanes.quarantine(lane, stored, now, 1)

    assert causes(world) == [("quarantine", f"event {stored.id}")]


def test_the_guard_against_loops_tells_when_it_fires(world: World) -> None:
    world.deliver(dm("m1"))
    (lane,) = world.claim()

    world.decide(lane, changes=(Change("quiet", "loop", NOW + 600_000),))

    assert causes(world) == [("loop", f"contact {world.scope.contact('p1').id}")]


def test_lanes_of_a_process_that_has_died_on_this_machine_need_not_wait_for_their_lease(
    world: World,
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    name = f"{socket.gethostname()}:{dead.pid}:abcd"
    world.deliver(dm("m1"))
    (lane,) = world.claim(owner=f"{name}:1")
    world.ledger.beat(name, NOW, kind="work")

    lively = world.ledger.lanes.free_orphans(NOW + 7_000)
    freed = world.ledger.lanes.free_orphans(NOW + 7_001)
    (heir,) = world.claim(NOW + 7_001)

    assert (lively, freed) == (0, 1)
    assert (heir.id, heir.deaths, heir.fence) == (lane.id, 1, lane.fence + 1)
    assert world.ledger.lanes.free_orphans(NOW + 7_001) == 0


def test_a_process_whose_number_counts_here_is_known_to_be_dead_at_once(world: World) -> None:
    name = dead()
    world.deliver(dm("m1"))
    world.claim(owner=f"{name}:1")
    world.ledger.beat(name, NOW, kind="work")

    assert world.ledger.lanes.free_orphans(NOW) == 1
    assert len(world.claim(NOW)) == 1


def test_what_two_processes_died_of_waits_until_they_are_back_and_once_judged_no_longer(
    world: World,
) -> None:
    """Otherwise it ends a third one while the others are being started, and nobody answers."""
    world.deliver(dm("m1"))
    claimed, now = [], NOW
    for _ in range(4):
        name = dead()
        while not (lanes := world.claim(now, owner=f"{name}:1")):
            now += 1_000
        claimed.append((now - NOW, lanes[0].deaths, lanes[0].poisoned))
        world.ledger.beat(name, now, kind="work")
        world.ledger.lanes.free_orphans(now)

    assert claimed == [(0, 0, False), (0, 1, False), (5_000, 2, False), (5_000, 3, True)]


def test_lanes_of_a_process_that_lives_or_works_elsewhere_keep_their_lease(world: World) -> None:
    living = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    names = [f"{socket.gethostname()}:{living.pid}:abcd", f"elsewhere:{living.pid}:abcd"]
    for number, name in enumerate(names):
        world.deliver(dm(f"m{number}", f"p{number}"))
        world.claim(owner=f"{name}:1")
        world.ledger.beat(name, NOW, kind="work")

    freed = world.ledger.lanes.free_orphans(NOW + LEASE - 1)
    living.communicate(b"\n")

    assert freed == 0
    assert world.claim(NOW + LEASE - 1) == []


def test_a_repeatable_send_whose_calls_end_their_workers_is_parked_at_the_third(
    world: World,
) -> None:
    """It may be repeated, but a call that kills would be repeated for ever."""
    hide = Effect("hide_comment", "c1", {}, key="k1", track="c1", idempotent=True)
    lane = world.answer(hide, text("k2"))
    now, states = NOW, []
    for _ in range(3):
        send = world.next(lane, now)
        assert send.key == "k1"
        world.begin(lane, now)
        now += 10 * LEASE
        (lane,) = world.claim(now)
        world.ledger.sends.cut_off(lane, now)
        states.append(world.states()["k1"])

    assert states == [
        ("pending", "unclear"), ("pending", "unclear"), ("parked", "ended its worker 3 times"),
    ]  # fmt: skip
    assert causes(world) == [("quarantine", f"send {send.id}")]
    assert world.next(lane, now).key == "k2"
