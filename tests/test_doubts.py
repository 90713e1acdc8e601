"""Doubts: what becomes of a send of which nobody knows whether it went out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from igrules.ledger import Ledger
from igrules.ledger.doubts import Finding, Word, fate, policy_of, quiet_of
from igrules.model import Answer, Effect, Event, NotDone, Receipt, Refused, Sent, Unknown
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
    settings,
    text,
)

LATER = NOW + DEADLINE + QUIET
CONSUMED = Refused("consumed", Answer("CONSUMED", 400, 100, 2534025))
TABLE = {
    # policy: proof that it went out, proof that it did not, nobody can tell
    "park": ("sent", "again", "parked"),
    "strict": ("sent", "parked", "parked"),
    "resend": ("sent", "again", "again"),
    "drop": ("sent", "again", "dropped"),
}
WORDS: tuple[Word, ...] = ("found", "absent", "unsure")


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


@pytest.mark.parametrize("policy", TABLE)
def test_what_was_found_and_what_is_wanted_decide_together(policy: str) -> None:
    first = tuple(fate(policy, Finding(word), 1, 0) for word in WORDS)
    second = tuple(fate(policy, Finding(word), 2, 0) for word in WORDS)

    given_up = "dropped" if policy == "drop" else "parked"
    assert first == TABLE[policy]
    assert second == ("sent", given_up, given_up)


@pytest.mark.parametrize(("word", "looks"), [("stale", 3), ("unread", 6)])
def test_what_could_not_be_read_is_looked_for_again_and_then_nobody_can_tell(
    word: Word, looks: int
) -> None:
    fates = [fate("park", Finding(word), 1, look) for look in range(looks)]

    assert fates == ["later"] * (looks - 1) + ["parked"]


@pytest.mark.parametrize(
    ("effect", "policy", "quiet"),
    [
        (text("k"), "park", QUIET),
        (replace(text("k"), kind="cards"), "park", QUIET),
        (Effect("media", "p1", {"type": "image", "id": "1"}), "park", QUIET),
        (Effect("media", "p1", {"type": "image", "urls": ["https://a.test"]}), "park", 300_000),
        (private("k"), "resend", QUIET),
        (public("k"), "park", 60_000),
        (Effect("reply", "c1", {"text": "x", "media": "m1"}), "strict", 60_000),
        (Effect("shop.order", "p1", {}, channel="shop"), "strict", QUIET),
        (text("k", on_doubt="drop"), "drop", QUIET),
    ],
)
def test_each_kind_has_its_usual_policy_and_quiet_time(
    effect: Effect, policy: str, quiet: int
) -> None:
    assert (policy_of(effect), quiet_of(effect, QUIET)) == (policy, quiet)


def test_a_doubt_ends_as_the_table_says(world: World) -> None:
    """All policies and kinds; the one private reply of a comment is another matter."""
    kinds = {"text": text, "reply": public, "private_reply": private}
    expected, found = {}, {}
    for policy, ends in TABLE.items():
        for word, end in zip(WORDS, ends, strict=True):
            for kind, make in kinds.items():
                if (kind, policy) == ("private_reply", "resend"):
                    continue
                key = f"{policy}-{word}-{kind}"
                about = {} if kind == "text" else {"comment": key}
                effect = make(key, on_doubt=policy, **about)
                # What succeeds in between keeps this from looking like an outage.
                lane = world.answer(text(f"ok {key}"), effect, person=key, key=key)
                world.settle(world.started(lane), Sent())
                world.settle(world.started(lane), Unknown("timeout"))
                world.give_up(lane, LATER, word)
                world.ledger.lanes.release(lane, LATER)
                expected[key] = "pending" if end == "again" else end
                found[key] = world.states()[key][0]

    assert found == expected


def test_what_is_missing_is_sent_again_once(world: World) -> None:
    lane = world.answer(text("k1"), text("k2"))
    world.settle(world.started(lane), Unknown("timeout"))

    world.give_up(lane, LATER, "absent")
    again = world.states()
    world.settle(world.started(lane, LATER), Unknown("timeout"), LATER)
    second = LATER + DEADLINE + QUIET
    world.give_up(lane, second, "absent")

    assert again == {"k1": ("pending", "missing"), "k2": ("pending", "")}
    assert world.states()["k1"] == ("parked", "unclear")
    assert world.next(lane, second).key == "k2"
    row = world.scope.sends()[1]
    assert (row.attempt, row.evidence) == (2, "absent")


def test_a_doubt_that_is_settled_counts_by_what_proved_it(world: World) -> None:
    for word in WORDS:
        lane = world.answer(text(word), person=word, key=word)
        world.settle(world.started(lane), Unknown("timeout"))
        world.give_up(lane, LATER, word)

    assert world.ledger.gauges(NOW).doubts_settled == {"conversation": 1, "absent": 1}


def test_what_is_looked_for_in_vain_waits_longer_each_time(world: World) -> None:
    lane = world.answer(text("k1"))
    world.settle(world.started(lane), Unknown("timeout"))
    now, waits = LATER, []
    while world.states()["k1"][0] != "parked":
        world.give_up(lane, now, "unread")
        world.ledger.lanes.release(lane, now)
        due = world.due(lane)
        if due is None:
            break
        waits.append(due - now)
        now = due
        (lane,) = world.claim(now)

    steps = (5_000, 30_000, 120_000, 600_000, 1_800_000)
    assert world.states()["k1"] == ("parked", "unclear")
    assert world.scope.sends()[0].evidence == "unread"
    for wait, step in zip(waits, steps, strict=True):
        assert 0.8 * step <= wait <= 1.2 * step


@pytest.mark.parametrize(("word", "state"), [("absent", "expired"), ("unread", "parked")])
def test_nothing_is_sent_again_after_its_window(world: World, word: Word, state: str) -> None:
    lane = world.answer(text("k1", expires_at=LATER - 1))
    world.settle(world.started(lane), Unknown("timeout"))

    world.give_up(lane, LATER, word)

    assert world.states()["k1"][0] == state


@pytest.mark.parametrize(
    ("word", "end"), [("absent", ("cancelled", "deleted")), ("unsure", ("parked", "unclear"))]
)
def test_nothing_is_sent_again_to_who_took_the_message_back(
    world: World, word: Word, end: tuple[str, str]
) -> None:
    lane = world.answer(text("k1", on_doubt="resend"), key="m1")
    world.settle(world.started(lane), Unknown("timeout"))
    world.deliver(dm("d1", kind="message_deleted", ref="m1"), now=NOW + 1)
    world.decide(lane, now=NOW + 1)

    world.give_up(lane, LATER, word)

    assert world.states() == {"k1": end}


# Private replies: the second try is the proof


def test_an_unclear_private_reply_is_tried_again_after_half_a_minute(world: World) -> None:
    lane = world.answer(private("k1"))
    world.settle(world.started(lane), Unknown("timeout"))

    world.ledger.lanes.release(lane, NOW)
    due = world.due(lane)
    assert due is not None
    (lane,) = world.claim(due)
    world.give_up(lane, due)
    state = world.settle(world.started(lane, due), CONSUMED, due)

    assert 24_000 <= due - NOW <= 36_000
    assert (state, world.scope.sends()[0].evidence) == ("sent", "consumed")
    assert world.ledger.gauges(NOW).doubts_settled == {"consumed": 1}


def test_the_late_echo_of_a_reply_that_was_consumed_is_still_ours(world: World) -> None:
    """Its call was cut off and the second try told nothing but that it had gone out. An echo after
    that must not look like a person of the account, whose writing pauses the automation."""
    lane = world.answer(private("k1"))
    world.settle(world.started(lane), Unknown("cut off"))
    world.ledger.lanes.release(lane, NOW)
    due = world.due(lane)
    assert due is not None
    (lane,) = world.claim(due)
    world.give_up(lane, due)
    world.settle(world.started(lane, due), CONSUMED, due)
    late = Event("echo", "17", lane.person, ref="mid.late", text="pr k1")

    ours = [world.ledger.lanes.echo(lane, event, due + 1) for event in (late, late)]
    strange = world.ledger.lanes.echo(
        lane, Event("echo", "17", lane.person, ref="mid.other", text="pr k1"), due + 2
    )

    assert (ours, strange) == ([True, True], False)
    assert world.scope.sends()[0].message_id == "mid.late"


def test_a_private_reply_is_tried_as_long_as_there_are_tries(world: World) -> None:
    lane = world.answer(private("k1", expires_at=NOW + 7 * DAY))
    now, waits = NOW, []
    for _ in range(20):
        world.settle(world.started(lane, now), Unknown("timeout"), now)
        world.ledger.lanes.release(lane, now)
        due = world.due(lane)
        assert due is not None
        waits.append(due - now)
        now = due
        (lane,) = world.claim(now)
        world.give_up(lane, now)
        if world.states()["k1"][0] == "parked":
            break

    assert world.states()["k1"] == ("parked", "unclear")
    assert [round(wait / 60_000) for wait in waits[1:4]] == [2, 10, 30] or len(waits) == 8


@pytest.mark.parametrize("before", [None, NotDone(after=0)])
def test_a_private_reply_that_is_refused_without_a_doubt_was_not_sent(
    world: World, before: Receipt | None
) -> None:
    lane = world.answer(private("k1"))
    if before is not None:
        world.settle(world.started(lane), before)

    assert world.settle(world.started(lane), CONSUMED) == "refused"


def test_a_late_answer_to_the_first_private_reply_is_no_double(world: World) -> None:
    lane = world.answer(private("k1"))
    first = world.started(lane)
    world.settle(first, Unknown("timeout"))
    later = NOW + 60_000
    world.give_up(lane, later)
    second = world.started(lane, later)

    states = [world.settle(first, Sent("mid.1"), later), world.settle(second, CONSUMED, later)]

    assert states == ["sent", "sent"]
    assert world.ledger.stats(None)["double_sends"] == 0


def test_a_harmless_act_that_is_answered_twice_is_no_double(world: World) -> None:
    hide = replace(public("k1"), kind="hide_comment", payload={}, idempotent=True)
    lane = world.answer(hide)
    first = world.started(lane)
    world.settle(first, Unknown("timeout"))
    later = NOW + 60_000
    world.settle(world.started(lane, later), Sent(), later)

    world.settle(first, Sent(), later)

    assert world.ledger.stats(None)["double_sends"] == 0


# Proof that comes late


def test_a_late_receipt_ends_what_was_to_be_sent_again(world: World) -> None:
    """Otherwise the worker that was frozen in its call would be followed by a second message."""
    lane = world.answer(text("k1"))
    ready = world.started(lane)
    world.settle(ready, Unknown("timeout"))
    world.give_up(lane, LATER, "absent")

    state = world.settle(ready, Sent("mid.1"), LATER)

    assert state == "sent"
    assert world.ledger.sends.next(lane, LATER) is None
    assert world.ledger.stats(None)["double_sends"] == 0


def test_a_late_receipt_of_the_first_call_ends_what_a_second_has_not_done(world: World) -> None:
    lane = world.answer(text("k1"))
    first = world.started(lane)
    world.settle(first, Unknown("timeout"))
    world.give_up(lane, LATER, "absent")
    world.settle(world.started(lane, LATER), NotDone(reason="connect"), LATER)

    state = world.settle(first, Sent("mid.1"), LATER)

    assert (state, world.states()["k1"][0]) == ("sent", "sent")
    assert world.ledger.stats(None)["double_sends"] == 0


@pytest.mark.parametrize(("policy", "state"), [("park", "pending"), ("drop", "dropped")])
def test_an_echo_proves_what_was_given_up_or_waits_to_be_sent_again(
    world: World, policy: str, state: str
) -> None:
    lane = world.answer(text("k1", on_doubt=policy))
    world.settle(world.started(lane), Unknown("timeout"))
    world.give_up(lane, LATER, "absent" if policy == "park" else "unsure")
    before = world.states()["k1"][0]

    ours = world.ledger.lanes.echo(lane, Event("echo", "17", "p1", ref="mid.1",
                                               text="words of k1"), LATER)  # fmt: skip

    assert (before, ours, world.states()["k1"]) == (state, True, ("sent", ""))


def test_a_picture_sent_by_hand_hours_later_is_no_echo(world: World) -> None:
    from igrules.model import Attachment

    picture = Effect("media", "p1", {"type": "image", "id": "1"}, key="k1", expires_at=NOW + DAY)
    lane = world.answer(picture)
    world.settle(world.started(lane), Unknown("timeout"))

    def echo(at: int) -> bool:
        shown = (Attachment("image", "image"),)
        event = Event("echo", "17", "p1", ref=f"mid.{at}", attachments=shown, occurred_at=at)
        return world.ledger.lanes.echo(lane, event, at)

    assert (echo(NOW + 3 * 3_600_000), echo(NOW + 60_000)) == (False, True)


def test_a_call_proved_not_done_leaves_no_doubt(world: World) -> None:
    """Its answer came after the turn was over; a later doubt is then the first one."""
    ready = world.started(world.answer(text("k1")))
    (lane,) = world.claim(NOW + LEASE)
    world.give_up(lane, NOW + LEASE)
    world.settle(ready, NotDone(after=0), NOW + LEASE)
    world.settle(world.started(lane, NOW + LEASE), Unknown("timeout"), NOW + LEASE)
    later = LATER + LEASE

    world.give_up(lane, later, "absent")

    assert world.states()["k1"] == ("pending", "missing")


# What nobody can tell


@pytest.mark.parametrize(("word", "state"), [("absent", "skipped"), ("unsure", "parked")])
def test_what_may_have_gone_out_is_never_called_unsent(
    world: World, word: Word, state: str
) -> None:
    lane = world.answer(text("k1", on_doubt="resend"))
    world.settle(world.started(lane), Unknown("timeout"))
    world.give_up(lane, LATER, word)
    world.ledger.pause("tenant", str(world.tenant.id), LATER, mode="drop")

    world.begin(lane, LATER)

    assert world.states()["k1"][0] == state


def test_what_is_parked_is_dropped_at_the_end_of_its_window(world: World) -> None:
    lane = world.answer(text("k1"))
    world.settle(world.started(lane), Unknown("timeout"))
    world.give_up(lane, LATER)

    early = world.ledger.drop_parked(NOW + DAY)
    late = world.ledger.drop_parked(NOW + DAY + 1)

    assert (early, late) == (0, 1)
    assert world.states()["k1"] == ("dropped", "window")


def test_the_tenant_says_what_happens_to_what_the_api_sent(world: World) -> None:
    world.publish(settings("luz", "17841400000000101", on_doubt="strict"), digest="d2")
    world.deliver(dm("m1"))
    (lane,) = world.claim()
    world.decide(lane)
    world.ledger.lanes.release(lane, NOW)

    world.scope.queue_send("p1", "text", {"text": "oi"}, NOW)

    (lane,) = world.claim(NOW)
    assert world.next(lane).effect.on_doubt == "strict"
