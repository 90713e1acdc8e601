"""The daily limit: counted where a send is committed, in the tenant's own day."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from igrules.errors import UsageError
from igrules.kinds import Settings
from igrules.ledger import Ceiling, Closed, Ledger, Ready, Wait
from igrules.ledger.days import begins, local_day, next_midnight
from igrules.model import Answer, NotDone, Receipt, Refused, Sent, Unknown
from tests.ledgering import DAY, IG_ID, NOW, World, private, public, settings, text

SP = "America/Sao_Paulo"


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def limit(world: World, own: int | None = None, most: int | None = None, now: int = NOW) -> None:
    world.publish(settings("luz", IG_ID, per_day=own, timezone=SP), digest=f"d{own}{now}", now=now)
    world.ledger.tenants.set_ceiling(world.tenant.id, Ceiling(most), now)


def say(world: World, number: int, now: int = NOW) -> Ready | Closed:
    """A message to a person of its own, sent if it may be."""
    effect = text(f"k{number}", expires_at=now + 10_000)
    lane = world.answer(effect, now=now, person=f"p{number}", key=f"m{number}")
    begun: Ready | Closed = world.begin(lane, now)
    if isinstance(begun, Ready):
        world.settle(begun, Sent(f"mid.{number}"), now)
    world.ledger.lanes.release(lane, now)
    return begun


@pytest.mark.parametrize(("own", "most"), [(1, None), (None, 1), (1, 9), (9, 1)])
def test_the_lower_of_both_limits_holds(world: World, own: int | None, most: int | None) -> None:
    limit(world, own, most)

    first, second = say(world, 1), say(world, 2)

    numbers = world.scope.numbers(NOW)
    assert isinstance(first, Ready)
    assert second == Closed("skipped", "daily_limit")
    assert (numbers.daily_limit, numbers.messages_today, numbers.limit_remaining) == (1, 1, 0)


def test_a_limit_that_comes_at_noon_counts_the_morning(world: World) -> None:
    for number in range(3):
        say(world, number)
    before = world.scope.numbers(NOW)
    limit(world, most=4)

    passed, stopped = say(world, 3), say(world, 4)

    assert (before.messages_today, before.limit_remaining) == (3, None)
    assert isinstance(passed, Ready)
    assert stopped == Closed("skipped", "daily_limit")
    assert world.scope.numbers(NOW).messages_today == 4


def test_a_limit_that_was_lifted_for_a_while_counts_what_went_out_meanwhile(world: World) -> None:
    limit(world, most=5)
    say(world, 1)
    limit(world, now=NOW + 1)
    say(world, 2, NOW + 2)
    limit(world, most=2, now=NOW + 3)

    assert say(world, 3, NOW + 4) == Closed("skipped", "daily_limit")
    assert world.scope.numbers(NOW + 4).messages_today == 2


def test_a_ceiling_below_what_went_out_already_stops_at_once(world: World) -> None:
    limit(world, most=5)
    for number in range(3):
        say(world, number)
    world.ledger.tenants.set_ceiling(world.tenant.id, Ceiling(2), NOW)

    assert say(world, 3) == Closed("skipped", "daily_limit")
    numbers = world.scope.numbers(NOW)
    assert (numbers.messages_today, numbers.limit_remaining) == (3, 0)
    world.ledger.tenants.set_ceiling(world.tenant.id, Ceiling(4), NOW)
    assert isinstance(say(world, 4), Ready)


def test_a_try_that_was_not_done_after_midnight_is_given_back_to_its_day(world: World) -> None:
    limit(world, 2)
    midnight = next_midnight(SP, NOW)
    lane = world.answer(text("k1", expires_at=midnight + 10_000), now=midnight - 1, person="p1")
    ready = world.started(lane, midnight - 1)
    world.settle(ready, NotDone(after=0), midnight + 1)
    world.settle(world.started(lane, midnight + 2), Sent("mid"), midnight + 2)

    days = world.ledger._db.all("SELECT day, used FROM quota ORDER BY day")
    assert [tuple(row) for row in days] == [("2026-09-21", 0), ("2026-09-22", 1)]


def test_what_ends_after_midnight_counts_for_the_day_it_began(world: World) -> None:
    """A day with a limit begins with nothing, whatever was under way."""
    limit(world, 1)
    midnight = next_midnight(SP, NOW)
    lane = world.answer(text("k1", expires_at=midnight + 10_000), now=midnight - 1, person="p1")
    ready = world.started(lane, midnight - 1)
    world.settle(ready, Sent("mid"), midnight + 1)
    world.ledger.lanes.release(lane, midnight + 1)

    assert isinstance(say(world, 2, midnight + 2), Ready)
    assert say(world, 3, midnight + 3) == Closed("skipped", "daily_limit")


@pytest.mark.parametrize(
    "second",
    [
        NotDone(after=60_000, reason="throttle", counts=False),
        NotDone(after=600_000, reason="window"),
        Refused("recipient", Answer("RECIPIENT")),
    ],
)
def test_a_call_that_may_have_gone_out_keeps_its_place_whatever_the_next_one_says(
    world: World, second: Receipt
) -> None:
    """Else one more goes out that day than the limit allows."""
    limit(world, 1)
    lane = world.answer(private("k1", expires_at=NOW + 300_000))
    world.settle(world.started(lane), Unknown("timeout"))
    world.give_up(lane, NOW + 60_000)
    world.settle(world.started(lane, NOW + 60_000), second, NOW + 60_000)

    assert say(world, 2, NOW + 60_001) == Closed("skipped", "daily_limit")
    assert world.scope.numbers(NOW + 60_001).messages_today == 1


def test_what_never_went_out_does_not_count_when_the_day_is_counted_anew(world: World) -> None:
    limit(world, most=5)
    lane = world.answer(text("k1", expires_at=NOW + 10_000))
    ready = world.started(lane)
    world.settle(ready, NotDone(after=20_000), NOW)
    world.scope.settle_send(ready.send_id, "discard", NOW)

    limit(world, now=NOW + 1)
    limit(world, most=5, now=NOW + 2)

    assert world.scope.numbers(NOW + 3).messages_today == 0


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Africa/Cairo", "2026-04-24", 23),
        ("America/Havana", "2026-11-01", 25),
        ("", "2026-03-08", 24),
        ("No/Such", "2026-03-08", 24),
    ],
)
def test_a_day_is_as_long_as_its_zone_says(zone: str, day: str, hours: int) -> None:
    """In Cairo that day begins at one o'clock; in Havana midnight comes twice."""
    begin = begins(zone, day)
    end = next_midnight(zone, begin)

    assert end - begin == hours * 3_600_000
    assert [local_day(zone, at) == day for at in (begin - 1, begin, end - 1, end)] == [
        False, True, True, False]  # fmt: skip


def test_what_the_operator_does_not_allow_is_not_published(world: World) -> None:
    """And what is live stays."""
    ceiling = Ceiling(None, "careful", ("api.luz.example", "*.sol.example"), ("shop",))
    world.ledger.tenants.set_ceiling(world.tenant.id, ceiling, NOW)
    refused: list[tuple[Settings, str]] = [
        (settings("luz", IG_ID, preset="documented"), "the preset 'documented'"),
        (settings("luz", IG_ID, plugins={"shop": {}, "ai": {}}), "the plugin 'ai'"),
        (settings("luz", IG_ID, http_hosts=("luz.example",)), "the host 'luz.example'"),
        (settings("luz", IG_ID, http_hosts=("sol.example",)), "the host 'sol.example'"),
    ]
    for number, (what, said) in enumerate(refused):
        with pytest.raises(UsageError, match=said):
            world.publish(what, f"bad{number}")
    hosts = ("API.luz.example", "a.sol.example", "*.b.sol.example")
    world.publish(settings("luz", IG_ID, plugins={"shop": {}}, http_hosts=hosts), "good")

    live = world.scope.live()
    assert live is not None
    assert live.digest == "good"
    assert world.ledger.tenants.ceiling(world.tenant.id) == ceiling


def test_a_day_goes_on_past_midnight_in_a_new_zone_that_is_behind(world: World) -> None:
    """Its date has had its messages: what waits does so until that day is over, too."""
    tokyo = {"per_day": 1, "timezone": "Asia/Tokyo"}
    world.publish(settings("luz", IG_ID, **tokyo), digest="tokyo", now=NOW)
    say(world, 1)
    world.publish(settings("luz", IG_ID, per_day=1, timezone=SP), digest="sp", now=NOW)
    lane = world.answer(public("k2", expires_at=NOW + 9 * DAY), key="m2", person="p2")
    changed = next_midnight("Asia/Tokyo", NOW)
    ends = next_midnight(SP, changed)

    waits = world.begin(lane)
    backlog = world.ledger.backlog(world.tenant.id, NOW)

    assert local_day(SP, changed) == local_day("Asia/Tokyo", NOW)
    assert waits == Wait(ends, "daily_limit")
    assert backlog.last_at == ends
    assert isinstance(world.begin(lane, ends), Ready)
