"""What shows only from above: each cause is told, once a day, and never without one."""

from __future__ import annotations

import pytest

from igrules.ledger import Ledger, NewDelivery
from igrules.ledger.watching import Most
from igrules.model import Sent, Unknown
from tests.ledgering import DAY, DEADLINE, IG_ID, NOW, QUIET, World, body, dm, text

MINUTE = 60_000


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


FEW = Most(open=5, messages=5)


def told(world: World, at: int, volume: bool = False) -> list[tuple[str, str]]:
    world.ledger.alerts.look(at, volume=volume, most=FEW)
    return [(row.cause, row.tenant) for row in reversed(world.ledger.alerts.list(50))]


def test_a_ledger_in_which_all_is_well_says_nothing(world: World) -> None:
    lane = world.answer(text("k1"))
    world.settle(world.started(lane), Sent("mid.1"))
    world.ledger.lanes.release(lane, NOW)

    assert told(world, NOW + DAY, volume=True) == []


def test_events_of_nobody_are_told_by_their_reason_once_a_day(world: World) -> None:
    world.deliver(dm("m1", account="999", entry="999"), dm("m2", account="998", entry="998"))
    first = told(world, NOW + MINUTE)
    world.deliver(dm("m3", account="999", entry="999"))

    assert first == told(world, NOW + 2 * MINUTE) == [("orphans", "")]
    (row,) = world.ledger.alerts.list(9)
    assert row.words.startswith("2 events came for no tenant on 2026-09-21 (unknown_account)")


def test_what_is_parked_is_told_after_ten_minutes(world: World) -> None:
    lane = world.answer(text("k1"))
    world.settle(world.started(lane), Unknown("timeout"))
    world.ledger._db.run("UPDATE send SET state = 'parked', closed_at = ?", (NOW,))
    world.ledger._db.run("UPDATE lane SET due = NULL, owner = NULL")

    assert told(world, NOW + 10 * MINUTE - 1) == []
    assert told(world, NOW + 10 * MINUTE) == [("parked", "luz")]


def test_work_that_waits_for_a_minute_is_told(world: World) -> None:
    world.ledger.deliveries.store([NewDelivery(world.app.id, None, body(dm("m1")), NOW)])

    assert told(world, NOW + MINUTE) == []
    assert told(world, NOW + MINUTE + 1) == [("late", "")]


def test_a_large_backlog_names_its_tenant(world: World) -> None:
    world.deliver(*(dm(f"m{n}", f"p{n}") for n in range(5)))
    before = told(world, NOW)
    world.deliver(dm("m9", "p9"))

    assert (before, told(world, NOW)) == ([], [("backlog", "luz")])


def test_a_volume_that_instagram_may_not_bear_is_told(world: World) -> None:
    world.deliver(*(dm(f"m{n}", f"p{n}") for n in range(3)), now=NOW - DAY)
    world.deliver(*(dm(f"n{n}", f"p{n}") for n in range(3)))
    world.ledger._db.run("UPDATE inbox SET state = 'closed'")
    world.ledger._db.run("UPDATE lane SET due = NULL")
    below = told(world, NOW, volume=True)
    world.settle(world.started(world.answer(text("k1"), person="p9")), Sent("mid.1"))

    assert (below, told(world, NOW)) == ([], [])
    assert told(world, NOW, volume=True) == [("volume", "luz")]


def test_a_message_that_may_have_gone_out_twice_is_told(world: World) -> None:
    lane = world.answer(text("k1"))
    ready = world.started(lane)
    world.ledger._db.run("UPDATE send SET attempt = attempt + 1")
    world.settle(ready, Sent("mid.1"))
    world.ledger._db.run("UPDATE lane SET due = NULL")

    assert told(world, NOW) == [("double_send", "")]


def test_webhooks_that_were_refused_are_told_when_one_is_stored_again(world: World) -> None:
    for _ in range(3):
        world.ledger.deliveries.refused.add(NOW)
    before = told(world, NOW)
    world.deliver(dm("m1"))

    assert (before, told(world, NOW)) == ([], [("refused_webhooks", "")])
    assert world.ledger.alerts.list(1)[0].words.startswith("3 webhooks were answered with 503")


def test_the_words_of_alerts_name_nobody(world: World) -> None:
    """They go out by e-mail."""
    world.deliver(dm("m1", person="7000000000000001", text="segredo"))
    world.deliver(dm("m2", account="999", entry="999", text="segredo"))
    told(world, NOW + DEADLINE + QUIET + DAY, volume=True)

    words = " ".join(row.words for row in world.ledger.alerts.list(50))
    assert words
    assert [one for one in ("segredo", "7000000000000001", IG_ID) if one in words] == []
