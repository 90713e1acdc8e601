"""A limit that becomes wider lets go what waits for it, and not only who comes later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from igrules.ledger import Ceiling, Lane, Ledger, Ready, Wait
from igrules.model import Sent
from tests.ledgering import DEADLINE, IG_ID, LEASE, NOW, QUIET, World, public, settings

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

    assert [type(one) for one in went] == [Ready, Wait]
    assert world.states()["k2"] == ("sent", "")
    assert world.states()["k3"] == ("pending", "daily_limit")


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
