"""Sends: begun durably before the call, one at a time in a track, settled by proof and by nothing
else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from igrules.errors import LeaseLost
from igrules.ledger import Closed, Ledger, Ready, Wait
from igrules.ledger.retries import SCHEDULE
from igrules.model import Answer, Decision, Effect, NotDone, Receipt, Refused, Sent, Unknown
from tests.ledgering import (
    DAY,
    DEADLINE,
    LEASE,
    NOW,
    QUIET,
    World,
    dm,
    private,
    public,
    ready_account,
    text,
)


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def test_sending_is_stored_before_the_call(world: World) -> None:
    lane = world.answer(text("k1"))

    ready = world.started(lane)

    assert ready == Ready(
        effect=text("k1"),
        account=ready_account(world.ledger),
        attempt=1,
        send_id=ready.send_id,
        deadline_at=NOW + DEADLINE,
    )
    assert ready.account.token == "IGAA-luz"
    assert "IGAA" not in repr(ready)
    assert world.states() == {"k1": ("sending", "")}


def test_a_receipt_closes_the_send(world: World) -> None:
    lane = world.answer(text("k1"))

    state = world.settle(world.started(lane), Sent("mid.1"))

    assert state == "sent"
    (row,) = world.scope.sends()
    assert (row.state, row.message_id, row.evidence, row.attempt, row.closed_at) == (
        "sent", "mid.1", "receipt", 1, NOW,
    )  # fmt: skip
    assert world.ledger.sends.next(lane, NOW) is None


def test_messages_of_a_track_go_out_strictly_in_order(world: World) -> None:
    lane = world.answer(text("k1"), text("k2"), public("k3"))
    ready = world.started(lane)

    beside = world.next(lane)
    world.settle(ready, Unknown("timeout"))
    behind_doubt = world.next(lane)

    assert (ready.effect.key, beside.key, behind_doubt.key) == ("k1", "k3", "k3")
    world.settle(world.started(lane), Sent("c.1"))
    assert world.ledger.sends.next(lane, NOW) == Wait(NOW + DEADLINE + QUIET)


@pytest.mark.parametrize(
    ("kind", "before", "state"),
    [
        ("delete_comment", Unknown("timeout"), "sent"),
        ("delete_comment", Unknown("unclear", Answer("UNCLEAR", 500, 1)), "sent"),
        ("delete_comment", NotDone(0), "refused"),
        ("hide_comment", Unknown("timeout"), "refused"),
    ],
)
def test_a_comment_that_an_unclear_call_deleted_is_deleted(
    world: World, kind: str, before: Receipt, state: str
) -> None:
    """The second call finds nothing, which is what was wanted."""
    gone = Refused("recipient", Answer("RECIPIENT", 400, 100, 33))
    lane = world.answer(replace(public("k1"), kind=kind, payload={}, idempotent=True))
    world.settle(world.started(lane), before)

    later = NOW + SCHEDULE[0] * 2
    assert world.settle(world.started(lane, later), gone) == state


def test_a_decision_recorded_twice_makes_each_send_once(world: World) -> None:
    """The key makes an effect the same effect after a crash."""
    lane = world.answer(text("k1"))
    world.deliver(dm("m2"))

    world.decide(lane, text("k1", "other words"), text("k2"))

    assert [(row.key, row.payload) for row in reversed(world.scope.sends())] == [
        ("k1", {"text": "words of k1"}), ("k2", {"text": "words of k2"}),
    ]  # fmt: skip


def test_the_one_private_reply_of_a_comment_is_made_once(world: World) -> None:
    lane = world.answer(private("k1"), private("k2"), private("k3", "c2"))
    world.deliver(dm("m2"))
    world.decide(lane, private("k1"), private("k4"))

    assert world.states() == {
        "k1": ("pending", ""),
        "k2": ("skipped", "slot"),
        "k3": ("pending", ""),
        "k4": ("skipped", "slot"),
    }


def test_an_effect_comes_back_as_it_was_stored(world: World) -> None:
    payload = {"text": "oi \ud83d", "list": [1, {"a": None}]}
    effect = Effect(
        "text", "p1", payload, "slack", "t1", "s1", "k1", "r1", "r1.do[1]", 0, NOW + DAY, False,
        True, "strict", "continue", "",
    )  # fmt: skip
    lane = world.answer(effect)

    assert world.next(lane).effect == effect


# Receipts


def test_what_was_not_done_is_tried_again_by_the_schedule(world: World) -> None:
    lane = world.answer(text("k1"))
    now, waits = NOW, []
    for _ in SCHEDULE:
        assert world.settle(world.started(lane, now), NotDone(reason="connect"), now) == "pending"
        until = world.ledger.sends.next(lane, now)
        assert isinstance(until, Wait)
        waits.append(until.until - now)
        now = until.until

    last = world.settle(world.started(lane, now), NotDone(reason="connect"), now)

    assert last == "dead"
    assert world.states() == {"k1": ("dead", "connect")}
    for wait, planned in zip(waits, SCHEDULE, strict=True):
        assert 0.8 * planned <= wait <= 1.2 * planned


def test_throttling_uses_up_no_retry_and_says_when(world: World) -> None:
    lane = world.answer(text("k1"))
    now = NOW
    for _ in range(20):
        world.settle(world.started(lane, now), NotDone(60_000, "throttled", counts=False), now)
        now += 60_000

    assert world.states() == {"k1": ("pending", "throttled")}


def test_retries_are_scaled(world: World) -> None:
    lane = world.answer(text("k1"))
    ready = world.started(lane)

    world.ledger.sends.settle(ready.send_id, 1, NotDone(), NOW, retry_scale=0.001)

    until = world.ledger.sends.next(lane, NOW)
    assert isinstance(until, Wait)
    assert NOW + 4 <= until.until <= NOW + 6


def test_nothing_is_tried_again_after_its_window(world: World) -> None:
    lane = world.answer(text("k1", expires_at=NOW + 3_000))

    assert world.settle(world.started(lane), NotDone(reason="connect")) == "dead"


def test_a_refusal_ends_what_the_same_rule_wanted_to_say_next(world: World) -> None:
    lane = world.answer(text("k1"), text("k2"), text("k3", rule="r2"))

    state = world.settle(world.started(lane), Refused("invalid", Answer("INVALID")))

    assert state == "refused"
    assert world.states() == {
        "k1": ("refused", "invalid"), "k2": ("cancelled", "refused"), "k3": ("pending", ""),
    }  # fmt: skip


def test_a_refusal_ends_nothing_else_when_the_step_goes_on(world: World) -> None:
    lane = world.answer(text("k1", on_error="continue"), text("k2"))

    world.settle(world.started(lane), Refused("invalid"))

    assert world.states()["k2"] == ("pending", "")


def test_media_that_could_not_be_fetched_is_tried_once_more(world: World) -> None:
    lane = world.answer(text("k1"), text("k2"))
    refused = Refused("invalid", Answer("INVALID", 400, 100, 2018008))
    world.settle(world.started(lane), NotDone(reason="connect"))

    first = world.settle(world.started(lane, NOW + DAY // 2), refused, NOW + DAY // 2)
    between = world.states()
    again = NOW + DAY // 2 + 60_000
    second = world.settle(world.started(lane, again), refused, again)

    assert (first, second) == ("pending", "refused")
    assert between == {"k1": ("pending", "invalid"), "k2": ("pending", "")}
    assert world.states() == {"k1": ("refused", "invalid"), "k2": ("cancelled", "refused")}


def test_a_closed_window_is_told_apart_from_a_refusal(world: World) -> None:
    lane = world.answer(text("k1"))

    assert world.settle(world.started(lane), Refused("window", Answer("WINDOW"))) == "expired"


def test_a_person_who_cannot_be_reached_is_left_alone_for_a_day(world: World) -> None:
    lane = world.answer(text("k1"), text("k2", rule="r2"), public("k3", rule="r2"))
    world.settle(world.started(lane), Refused("recipient", Answer("RECIPIENT")))

    closed = world.begin(lane)
    comment = world.begin(lane)

    assert closed == Closed("skipped", "unreachable")
    assert comment.effect.kind == "reply"


def test_an_unclear_answer_is_never_repeated(world: World) -> None:
    lane = world.answer(text("k1"))
    ready = world.started(lane)
    doubt = world.settle(ready, Unknown("timeout"))
    quiet_over = NOW + DEADLINE + QUIET

    early = world.give_up(lane, quiet_over - 1)
    parked = world.give_up(lane, quiet_over)

    assert (doubt, early, parked) == ("doubt", 0, 1)
    assert world.states() == {"k1": ("parked", "unclear")}
    assert world.ledger.sends.next(lane, quiet_over) is None
    assert world.scope.sends()[0].attempt == 1


def test_a_doubt_wakes_its_lane_when_its_quiet_time_is_over(world: World) -> None:
    lane = world.answer(text("k1"))
    world.settle(world.started(lane), Unknown("timeout"))

    world.ledger.lanes.release(lane, NOW)

    assert world.due(lane) == NOW + DEADLINE + QUIET


def test_an_unclear_answer_of_a_harmless_act_is_repeated(world: World) -> None:
    react = Effect("react", "p1", {"emoji": "x"}, key="k1", idempotent=True, counted=False)
    lane = world.answer(react)

    assert world.settle(world.started(lane), Unknown("timeout")) == "pending"


@pytest.mark.parametrize("kind", ["typing", "mark_seen"])
def test_an_unclear_gesture_is_dropped_and_holds_back_nothing(world: World, kind: str) -> None:
    lane = world.answer(Effect(kind, "p1", {}, key="k1", counted=False), text("k2"))

    state = world.settle(world.started(lane), Unknown("timeout"))

    assert state == "dropped"
    assert world.next(lane).key == "k2"


# Crashes between `sending` and the receipt


def test_a_call_that_was_cut_off_is_in_doubt_at_once_and_parked_later(world: World) -> None:
    old = world.answer(text("k1"))
    world.started(old)
    now = NOW + LEASE
    (lane,) = world.claim(now, owner="w2")

    healed = world.give_up(lane, now)
    doubt = world.states()
    world.ledger.lanes.release(lane, now)
    later = world.due(lane)
    assert later is not None
    (again,) = world.claim(later, owner="w3")
    parked = world.give_up(again, later)

    assert (healed, parked) == (1, 1)
    assert doubt == {"k1": ("doubt", "cut off")}
    assert later == NOW + DEADLINE + QUIET
    assert world.states() == {"k1": ("parked", "unclear")}


def test_a_call_of_the_present_turn_is_not_called_unclear(world: World) -> None:
    lane = world.answer(text("k1"))
    world.started(lane)

    assert world.give_up(lane, NOW) == 0


def test_a_turn_that_ends_without_its_receipt_makes_the_lane_due_again(world: World) -> None:
    lane = world.answer(text("k1"))
    world.started(lane)

    world.ledger.lanes.release(lane, NOW)
    (again,) = world.claim(NOW)

    assert world.give_up(again, NOW) == 1


def test_a_harmless_act_that_was_cut_off_is_done_again(world: World) -> None:
    react = Effect("react", "p1", {"emoji": "x"}, key="k1", idempotent=True, counted=False)
    world.started(world.answer(react))
    (lane,) = world.claim(NOW + LEASE)

    world.give_up(lane, NOW + LEASE)

    assert world.started(lane, NOW + LEASE).attempt == 2


@pytest.mark.parametrize("before", ["doubt", "parked"])
def test_a_late_receipt_is_proof_whoever_holds_the_lane(world: World, before: str) -> None:
    old = world.answer(text("k1"), text("k2"))
    ready = world.started(old)
    now = NOW + (LEASE if before == "doubt" else DEADLINE + QUIET)
    (lane,) = world.claim(now, owner="w2")
    world.give_up(lane, now)
    assert world.states()["k1"][0] == before
    world.ledger.lanes.release(lane, now)

    state = world.settle(ready, Sent("mid.1"), now)

    assert state == "sent"
    (lane,) = world.claim(now, owner="w3")
    assert world.next(lane, now).key == "k2"


def test_a_late_proof_that_nothing_happened_lets_it_go_out(world: World) -> None:
    ready = world.started(world.answer(text("k1")))
    (lane,) = world.claim(NOW + LEASE)
    world.give_up(lane, NOW + LEASE)

    state = world.settle(ready, NotDone(after=0, reason="abandoned"), NOW + LEASE)

    assert state == "pending"
    assert world.started(lane, NOW + LEASE).attempt == 2


def test_a_receipt_that_finds_a_later_attempt_is_counted_as_a_double(world: World) -> None:
    lane = world.answer(text("k1"))
    first = world.started(lane)
    world.settle(first, NotDone(after=0))
    world.started(lane)

    world.settle(first, Sent("mid.1"))

    assert world.ledger.stats(None)["double_sends"] == 1
    assert world.states() == {"k1": ("sent", "")}


def test_a_worker_without_its_lease_begins_nothing(world: World) -> None:
    old = world.answer(text("k1"))
    send = world.next(old)
    world.claim(NOW + LEASE, owner="w2")

    with pytest.raises(LeaseLost):
        world.ledger.sends.begin(
            old, send, NOW + LEASE, lease=LEASE, quiet=QUIET, deadline=lambda _: DEADLINE
        )

    assert world.states() == {"k1": ("pending", "")}


def test_the_lease_lasts_longer_than_the_call(world: World) -> None:
    lane = world.answer(text("k1"))

    world.ledger.sends.begin(
        lane, world.next(lane), NOW, lease=LEASE, quiet=QUIET, deadline=lambda _: 90_000
    )

    assert world.due(lane) == NOW + 105_000


def test_a_decision_and_its_first_send_are_begun_in_one_transaction(world: World) -> None:
    world.deliver(dm("m1"))
    (lane,) = world.claim()
    stored = world.open_event(lane)

    ready = world.ledger.lanes.record(
        lane,
        stored,
        Decision("answered", effects=(text("k1"), text("k2"))),
        NOW,
        version=1,
        lease=LEASE,
        quiet=QUIET,
        deadline=lambda _: 90_000,
    )

    assert ready is not None
    assert (ready.effect.key, ready.attempt, ready.account.token) == ("k1", 1, "IGAA-luz")
    assert world.states() == {"k1": ("sending", ""), "k2": ("pending", "")}
    assert world.due(lane) == NOW + 105_000


def test_a_private_reply_to_a_live_comment_goes_before_what_waited_longer(world: World) -> None:
    """Instagram takes it for ten minutes, and only while the video is live."""
    live = private("k2", expires_at=NOW + 600_000)
    week = private("k3", comment="c2", expires_at=NOW + 7 * DAY)
    lane = world.answer(text("k1"), live, week)

    order = []
    for number in range(3):
        order.append(world.next(lane).effect.key)
        world.settle(world.started(lane), Sent(f"m{number}"))

    assert order == ["k2", "k1", "k3"]
