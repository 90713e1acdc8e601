"""A tenant's numbers: exact at once, exact after everything they count was deleted."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from igrules.ledger import Ledger, Numbers, Ready
from igrules.ledger.days import local_day, next_midnight
from igrules.ledger.reasons import reason_of
from igrules.ledger.tally import Times, count, labels, tally, times
from igrules.model import Change, NotDone, Refused, Sent, Unknown
from tests.ledgering import DAY, DEADLINE, IG_ID, LEASE, NOW, QUIET, World, dm, settings, text

SP = "America/Sao_Paulo"


@pytest.fixture
def world(ledger: Ledger) -> World:
    found = World(ledger)
    found.publish(settings("luz", IG_ID, timezone=SP), "zoned")
    return found


def answered(world: World, number: int, now: int, took: int = 1_000, rule: str = "r1") -> None:
    """A message that a rule answers within this time."""
    effect = text(f"k{number}", rule=rule, expires_at=now + DAY)
    lane = world.answer(effect, now=now, person=f"p{number}", key=f"m{number}")
    world.settle(world.started(lane, now), Sent(f"mid.{number}"), now + took)
    world.ledger.lanes.release(lane, now + took)


def test_nothing_is_zero(world: World) -> None:
    assert world.scope.numbers(NOW) == Numbers(0, 0, 0, True, None, None)


def test_numbers_are_true_at_every_moment(world: World) -> None:
    world.deliver(dm("m1"))
    waiting = world.scope.numbers(NOW)
    (lane,) = world.claim()
    world.decide(lane, text("k1"))
    decided = world.scope.numbers(NOW)
    ready = world.started(lane)
    under_way = world.scope.numbers(NOW)
    world.settle(ready, NotDone(0))
    again = world.scope.numbers(NOW)
    world.settle(world.started(lane), Sent("mid"))

    seen = [(n.total_messages, n.messages_today, n.webhooks_received)
            for n in (waiting, decided, under_way, again, world.scope.numbers(NOW))]  # fmt: skip
    assert seen == [(0, 0, 1), (0, 0, 1), (0, 1, 1), (0, 0, 1), (1, 1, 1)]


def test_today_is_the_tenants_own_day(world: World) -> None:
    midnight = next_midnight(SP, NOW)
    answered(world, 1, midnight - 5_000, took=1)
    answered(world, 2, midnight + 5_000, took=1)

    numbers = world.scope.numbers(midnight + 6_000)

    assert (numbers.total_messages, numbers.messages_today) == (2, 1)


def test_days_hold_events_and_sends_by_kind_rule_and_state(world: World) -> None:
    answered(world, 1, NOW, took=2_000)
    answered(world, 2, NOW + DAY, rule="r2", took=20_000)
    lane = world.answer(text("k3"), now=NOW + DAY, person="p3", key="m3")
    world.settle(world.started(lane, NOW + DAY), Refused("blocked"), NOW + DAY)
    world.deliver(dm("m4", "p3"), now=NOW + DAY)
    world.decide(lane, now=NOW + DAY, changes=(Change("tag", "x"),))

    found = world.scope.days("2026-09-21", "2026-09-22", NOW + DAY)
    one, two = found.days.values()

    assert (found.zone, list(found.days)) == (SP, ["2026-09-21", "2026-09-22"])
    assert [count(day, "message") for day in (one, two)] == [1, 1]
    assert [count(day, "webhook") for day in (one, two)] == [1, 3]
    assert labels(two, "send") == {"refused": 1, "sent": 1}
    assert labels(found.total, "rule") == {"r1": 1, "r2": 1}
    assert labels(found.total, "kind") == {"text": 2}
    assert labels(found.total, "event") == {"message": 4}
    assert labels(found.total, "outcome") == {"answered": 4}
    assert times(found.total) == Times(2, 11_000, 2_048, 20_176)


def test_only_the_first_answer_tells_how_long_it_took(world: World) -> None:
    lane = world.answer(text("k1"), text("k2"))
    for late in (1_000, 60_000):
        world.settle(world.started(lane, NOW + late), Sent("mid"), NOW + late)

    found = world.scope.days("2026-09-21", "2026-09-21", NOW)

    assert times(found.total) == Times(1, 1_000, 1_051, 1_051)


def test_numbers_outlive_what_they_count(world: World) -> None:
    """Days that are over are counted once, whoever asks how often."""
    for number in range(4):
        answered(world, number, NOW + number * DAY, took=3_000)
    now = NOW + 3 * DAY + 4_000
    before = (world.scope.numbers(now), world.scope.days("2026-09-01", "2026-09-30", now))

    rolled = [world.ledger.roll_stats(now) for _ in range(2)]
    after = (world.scope.numbers(now), world.scope.days("2026-09-01", "2026-09-30", now))
    for table, column in (("send", "closed_at"), ("decision", "created_at")):
        world.ledger._db.run(f"DELETE FROM {table} WHERE {column} < ?", (NOW + DAY + 60_000,))
    deleted = (world.scope.numbers(now), world.scope.days("2026-09-01", "2026-09-30", now))
    later = now + 3 * DAY
    rolled.append(world.ledger.roll_stats(later))

    assert before[0] == Numbers(4, 1, 4, True, None, None)
    assert after == before
    assert deleted == before
    assert rolled == [2, 0, 2]
    assert world.scope.numbers(later).total_messages == 4
    assert world.scope.days("2026-09-01", "2026-09-30", later) == before[1]


def test_a_day_is_counted_when_nothing_can_end_on_it_any_more(world: World) -> None:
    answered(world, 1, NOW)
    after_a_day = next_midnight(SP, NOW) + DAY

    assert world.ledger.roll_stats(after_a_day - 1) == 0
    assert world.ledger.roll_stats(after_a_day) == 1


def test_a_change_of_zone_counts_nothing_twice(world: World) -> None:
    for number in range(6):
        answered(world, number, NOW + number * DAY // 4)
    now = NOW + 5 * DAY
    world.ledger.roll_stats(now - 3 * DAY)
    world.publish(settings("luz", IG_ID, timezone="Pacific/Auckland"), "moved", NOW)
    world.ledger.roll_stats(now)

    found = world.scope.days("2026-09-01", "2026-09-30", now)
    assert (count(found.total, "message"), world.scope.numbers(now).total_messages) == (6, 6)


def test_tenants_are_counted_apart(world: World) -> None:
    answered(world, 1, NOW)
    other = world.ledger.tenants.add("sol", "Sol", NOW)
    scope = world.ledger.for_tenant(other.id)
    world.ledger.roll_stats(NOW + 9 * DAY)

    assert scope.numbers(NOW + 9 * DAY) == Numbers(0, 0, 0, True, None, None)
    assert scope.days("2026-09-01", "2026-09-30", NOW).total == {}
    assert tally(world.ledger._db, other.id, 0, NOW + 9 * DAY) == {}


def test_a_typing_sign_is_no_message(world: World) -> None:
    effect = text("k1", counted=False)
    lane = world.answer(effect)
    ready = world.started(lane)
    world.settle(ready, Sent("mid"))

    assert isinstance(ready, Ready)
    assert world.scope.numbers(NOW).total_messages == 0


# What waits


def test_the_backlog_names_what_holds_and_when_the_last_goes(world: World) -> None:
    from igrules.ledger import Ceiling
    from tests.ledgering import public

    world.ledger.tenants.set_ceiling(world.tenant.id, Ceiling(2), NOW)
    replies = [public(f"k{n}", f"c{n}", expires_at=NOW + 7 * DAY) for n in range(7)]
    lane = world.answer(*replies, text("t1"))
    for _ in range(2):
        world.settle(world.started(lane), Sent("id"))
    for _ in range(5):
        world.begin(lane)
    midnight = next_midnight(SP, NOW)

    found = world.ledger.backlog(world.tenant.id, NOW)

    assert [(one.held_by, one.count, one.next_at, one.last_at) for one in found.waiting] == [
        ("daily_limit", 5, midnight, midnight + 2 * DAY),
        ("ready", 1, NOW, NOW),
    ]
    assert (found.count, found.last_at) == (6, midnight + 2 * DAY)


def test_what_stands_behind_another_waits_for_the_same(world: World) -> None:
    """It is not ready, and it counts against the limit as well."""
    from igrules.ledger import Ceiling
    from tests.ledgering import private, public

    world.ledger.tenants.set_ceiling(world.tenant.id, Ceiling(1), NOW)
    keeps = {"expires_at": NOW + 7 * DAY}
    lane = world.answer(
        text("k0"), *(make(f"{make.__name__}{n}", f"c{n}", **keeps)
                      for n in range(2) for make in (private, public))
    )  # fmt: skip
    world.settle(world.started(lane), Sent("id"))
    for _ in range(2):
        world.begin(lane)

    (found,) = world.ledger.backlog(world.tenant.id, NOW).waiting
    said = {send.key: reason_of(send) for send in world.scope.sends(10)}

    midnight = next_midnight(SP, NOW)
    assert (found.held_by, found.count) == ("daily_limit", 4)
    assert (found.next_at, found.last_at) == (midnight, midnight + 3 * DAY)
    assert said == {"k0": "", "private0": "daily_limit", "public0": "earlier",
                    "private1": "daily_limit", "public1": "earlier"}  # fmt: skip


def test_what_stands_behind_a_doubt_is_not_ready(world: World) -> None:
    lane = world.answer(text("k1"), text("k2"))
    world.settle(world.started(lane), Unknown("timeout"))

    found = world.ledger.backlog(world.tenant.id, NOW)

    assert [(one.held_by, one.count, one.last_at) for one in found.waiting] == [("doubt", 1, None)]
    assert [reason_of(send) for send in world.scope.sends(10)] == ["earlier", "timeout"]


def test_a_pause_without_an_end_has_no_forecast(world: World) -> None:
    world.answer(text("k1", expires_at=NOW + 2_000))
    tenant = str(world.tenant.id)
    world.ledger.pause("tenant", tenant, NOW, NOW + 5_000)
    ends = world.ledger.backlog(world.tenant.id, NOW)
    world.ledger.pause("tenant", tenant, NOW)
    never = world.ledger.backlog(world.tenant.id, NOW)

    assert (ends.last_at, ends.waiting[0].expiring) == (NOW + 5_000, 1)
    assert (never.count, never.last_at) == (1, None)


# Deactivated


def test_a_deactivated_tenant_says_nothing_and_comes_back(world: World) -> None:
    from tests.ledgering import private

    lane = world.answer(text("k1"), private("k2"))
    under_way = world.started(lane)
    world.deliver(dm("m2"))
    closed = world.ledger.tenants.deactivate(world.tenant.id, NOW + 1)
    world.settle(under_way, NotDone(0), NOW + 1)
    stopped = world.begin(lane, NOW + 1)
    running = world.scope.running()
    split = world.deliver(dm("m3"), now=NOW + 1)
    reasons = world.ledger.stats()["orphans"]
    back = world.ledger.tenants.activate(world.tenant.id)
    again = world.deliver(dm("m4"), now=NOW + 2)

    assert (closed.state, closed.deactivated_at) == ("deactivated", NOW + 1)
    assert (stopped.state, stopped.reason) == ("skipped", "deactivated")
    assert world.states()["k2"] == ("skipped", "deactivated")
    assert running == (False, 2)
    assert (split.events, split.orphans, reasons) == (0, 1, {"closed_tenant": 1})
    assert (back.state, back.deactivated_at, again.events) == ("active", None, 1)
    assert world.scope.running() == (True, 2)


def test_the_forecast_names_the_bucket_the_preset_and_the_time(world: World) -> None:
    from tests.ledgering import private

    replies = [private(f"k{n}", f"c{n}", expires_at=NOW + 7 * DAY) for n in range(32)]
    lane = world.answer(*replies)
    for _ in replies:
        world.ledger.sends.begin(
            lane, world.next(lane), NOW, lease=LEASE, quiet=QUIET, deadline=lambda _: DEADLINE
        )

    found = world.ledger.backlog(world.tenant.id, NOW).waiting[0]

    last = NOW + 12 * 20_000
    at = datetime.fromtimestamp(last / 1000, ZoneInfo(SP)).strftime("%H:%M")
    assert (found.held_by, found.count, found.last_at) == ("rate:private_reply", 12, last)
    assert found.words == (f"12 waiting, last one about {at}, limited by private replies (careful)")


def test_a_forecast_follows_the_speed_that_was_measured(world: World) -> None:
    from tests.ledgering import private

    replies = [private(f"k{n}", f"c{n}", expires_at=NOW + 7 * DAY) for n in range(32)]
    lane = world.answer(*replies)
    for number, _ in enumerate(replies):
        ready = world.ledger.sends.begin(
            lane, world.next(lane), NOW, lease=LEASE, quiet=QUIET, deadline=lambda _: DEADLINE
        )
        if number < 2 and isinstance(ready, Ready):
            world.settle(ready, Sent(f"id{number}"), NOW + 250_000)

    found = world.ledger.backlog(world.tenant.id, NOW + 300_000).waiting[0]

    # Two in five minutes, and twelve to go.
    assert found.last_at == NOW + 300_000 + 6 * 300_000


def test_the_days_limit_is_said_in_words(world: World) -> None:
    from igrules.ledger import Ceiling
    from tests.ledgering import public

    world.ledger.tenants.set_ceiling(world.tenant.id, Ceiling(1), NOW)
    lane = world.answer(public("k1", "c1", expires_at=NOW + 7 * DAY),
                        public("k2", "c2", expires_at=NOW + 7 * DAY))  # fmt: skip
    world.settle(world.started(lane), Sent("id"))
    world.begin(lane)

    (found,) = world.ledger.backlog(world.tenant.id, NOW).waiting

    day = local_day(SP, next_midnight(SP, NOW))
    assert found.words == (f"1 waiting, last one about 00:00 on {day}, limited by messages a day")
