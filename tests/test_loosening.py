"""A limit that becomes wider lets go what waits for it, and not only who comes later."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from igrules.ledger import Ceiling, Lane, Ledger, Ready, Wait
from igrules.model import Sent
from tests.ledgering import DAY, DEADLINE, IG_ID, LEASE, NOW, QUIET, World, public, settings
from tests.running import wait_until, waits_for_a_lock

SECOND = 1_000


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


@contextmanager
def changing(world: World, now: int = NOW) -> Iterator[None]:
    """As the API surrounds a change of limits."""
    before = world.scope.bounds()
    yield
    world.scope.wake_what_fits(before, now)


def publish(world: World, now: int = NOW, **more: object) -> None:
    world.publish(settings("luz", IG_ID, **more), digest=f"d{more}", now=now)


def begin(world: World, lane: Lane, now: int = NOW) -> Ready | object:
    """Begin the lane's send at the pace of production; sent at once when it may go out."""
    found = world.ledger.sends.begin(
        lane, world.next(lane, now), now, lease=LEASE, quiet=QUIET, deadline=lambda _: DEADLINE
    )
    if isinstance(found, Ready):
        world.settle(found, Sent(f"mid{found.send_id}"), now)
    world.ledger.lanes.release(lane, now)
    return found


def replied(world: World, number: int, now: int = NOW) -> object:
    """What becomes of the public reply to a comment of another person."""
    lane = world.answer(public(f"k{number}", f"c{number}"), person=f"p{number}", key=f"m{number}")
    return begin(world, lane, now)


def again(world: World, now: int = NOW) -> list[object]:
    """What becomes of everything that is due now."""
    found: list[object] = []
    while lanes := world.claim(now):
        found += [begin(world, lane, now) for lane in lanes]
    return found


def test_a_higher_daily_limit_lets_waiting_replies_go(world: World) -> None:
    publish(world, per_day=1)
    assert isinstance(replied(world, 1), Ready)
    assert isinstance(replied(world, 2), Wait)
    assert isinstance(replied(world, 3), Wait)
    assert again(world) == []

    with changing(world):
        publish(world, per_day=2)
    went = again(world)

    assert sorted(type(one).__name__ for one in went) == ["Ready", "Wait"]
    states = world.states()
    assert sorted(states[key] for key in ("k2", "k3")) == [("pending", "daily_limit"), ("sent", "")]


def test_so_does_who_meets_the_old_limit_while_it_is_raised(
    postgresql_url: str, tmp_path: Path
) -> None:
    """On PostgreSQL a worker may stand at the gate just then: what it decides is stored later."""
    with closing(Ledger.open(postgresql_url, tmp_path / "state")) as ledger:
        world = World(ledger)
        publish(world, per_day=0)
        lane = world.answer(public("k1", "c1"))
        before = world.scope.bounds()
        publish(world, per_day=1)

        with psycopg.connect(postgresql_url) as worker, ThreadPoolExecutor(1) as aside:
            worker.execute("SELECT id FROM lane WHERE id = %s FOR UPDATE", (lane.id,))
            waits = "UPDATE send SET reason = 'daily_limit', not_before = %s WHERE lane_id = %s"
            worker.execute(waits, (NOW + DAY, lane.id))
            rests = "UPDATE lane SET owner = NULL, due = %s WHERE id = %s"
            worker.execute(rests, (NOW + DAY, lane.id))
            woken = aside.submit(world.scope.wake_what_fits, before, NOW)
            wait_until(lambda: woken.done() or waits_for_a_lock(postgresql_url), 10, "it waits")
            worker.commit()

        assert woken.result(10) == 1
        assert [type(one) for one in again(world)] == [Ready]


def test_so_does_the_operators_when_it_is_lifted(world: World) -> None:
    world.ledger.tenants.set_ceiling(world.tenant.id, Ceiling(per_day=0), NOW)
    assert isinstance(replied(world, 1), Wait)

    with changing(world):
        world.ledger.tenants.set_ceiling(world.tenant.id, Ceiling(), NOW)

    assert [type(one) for one in again(world)] == [Ready]


def test_a_lower_limit_wakes_nobody(world: World) -> None:
    publish(world, per_day=1)
    replied(world, 1)
    replied(world, 2)

    with changing(world):
        publish(world, per_day=0)

    assert again(world) == []


def test_a_faster_preset_lets_the_line_go_at_its_own_pace(world: World) -> None:
    """Ten at once and fifty an hour become ten at once and 240 an hour: what was taken counts as
    as many of the new ones, and who stood in line is not passed by who comes now."""
    waits = [found for n in range(13) if isinstance(found := replied(world, n), Wait)]
    assert [one.until - NOW for one in waits] == [72 * SECOND, 144 * SECOND, 216 * SECOND]

    with changing(world):
        publish(world, preset="documented")
    waits = [one for one in again(world) if isinstance(one, Wait)]

    assert [one.until - NOW for one in waits] == [15 * SECOND, 30 * SECOND, 45 * SECOND]
    newcomer = replied(world, 13)
    assert isinstance(newcomer, Wait)
    assert newcomer.until - NOW == 60 * SECOND


def test_a_slower_preset_counts_what_went_out_before(world: World) -> None:
    publish(world, preset="documented")
    assert [type(replied(world, n)) for n in range(10)] == [Ready] * 10

    with changing(world):
        publish(world, preset="careful")
    found = replied(world, 10)

    assert isinstance(found, Wait)
    assert found.until - NOW == 72 * SECOND
