"""Sends: begun durably before the call, one at a time in a track, settled by proof and by nothing
else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from igrules.errors import LeaseLost, UsageError
from igrules.ledger import Closed, Ledger, Ready, Wait
from igrules.ledger.settle import SCHEDULE
from igrules.model import Answer, Change, Decision, Effect, NotDone, Refused, Sent, Unknown
from tests.ledgering import (
    DEADLINE,
    IG_ID,
    LEASE,
    NOW,
    QUIET,
    World,
    dm,
    ready_account,
    settings,
    text,
)

DAY = 86_400_000


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def private(key: str, comment: str = "c1", **more: Any) -> Effect:
    about = {"track": comment, "slot": f"pr:{comment}", "rule": "r1", "expires_at": NOW + DAY}
    return Effect("private_reply", comment, {"text": f"pr {key}"}, key=key, **{**about, **more})


def public(key: str, comment: str = "c1", **more: Any) -> Effect:
    about = {"track": comment, "rule": "r1", "expires_at": NOW + DAY}
    return Effect("reply", comment, {"text": f"re {key}"}, key=key, **{**about, **more})


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

    early = world.ledger.sends.heal(lane, quiet_over - 1, QUIET)
    parked = world.ledger.sends.heal(lane, quiet_over, QUIET)

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

    healed = world.ledger.sends.heal(lane, now, QUIET)
    doubt = world.states()
    world.ledger.lanes.release(lane, now)
    later = world.due(lane)
    assert later is not None
    (again,) = world.claim(later, owner="w3")
    parked = world.ledger.sends.heal(again, later, QUIET)

    assert (healed, parked) == (1, 1)
    assert doubt == {"k1": ("doubt", "cut off")}
    assert later == NOW + DEADLINE + QUIET
    assert world.states() == {"k1": ("parked", "unclear")}


def test_a_call_of_the_present_turn_is_not_called_unclear(world: World) -> None:
    lane = world.answer(text("k1"))
    world.started(lane)

    assert world.ledger.sends.heal(lane, NOW, QUIET) == 0


def test_a_turn_that_ends_without_its_receipt_makes_the_lane_due_again(world: World) -> None:
    lane = world.answer(text("k1"))
    world.started(lane)

    world.ledger.lanes.release(lane, NOW)
    (again,) = world.claim(NOW)

    assert world.ledger.sends.heal(again, NOW, QUIET) == 1


def test_a_harmless_act_that_was_cut_off_is_done_again(world: World) -> None:
    react = Effect("react", "p1", {"emoji": "x"}, key="k1", idempotent=True, counted=False)
    world.started(world.answer(react))
    (lane,) = world.claim(NOW + LEASE)

    world.ledger.sends.heal(lane, NOW + LEASE, QUIET)

    assert world.started(lane, NOW + LEASE).attempt == 2


@pytest.mark.parametrize("before", ["doubt", "parked"])
def test_a_late_receipt_is_proof_whoever_holds_the_lane(world: World, before: str) -> None:
    old = world.answer(text("k1"), text("k2"))
    ready = world.started(old)
    now = NOW + (LEASE if before == "doubt" else DEADLINE + QUIET)
    (lane,) = world.claim(now, owner="w2")
    world.ledger.sends.heal(lane, now, QUIET)
    assert world.states()["k1"][0] == before
    world.ledger.lanes.release(lane, now)

    state = world.settle(ready, Sent("mid.1"), now)

    assert state == "sent"
    (lane,) = world.claim(now, owner="w3")
    assert world.next(lane, now).key == "k2"


def test_a_late_proof_that_nothing_happened_lets_it_go_out(world: World) -> None:
    ready = world.started(world.answer(text("k1")))
    (lane,) = world.claim(NOW + LEASE)
    world.ledger.sends.heal(lane, NOW + LEASE, QUIET)

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
    assert world.states() == {"k1": ("sending", "")}


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


# Gates


def test_a_send_past_its_window_expires(world: World) -> None:
    lane = world.answer(text("k1", expires_at=NOW + 1_000))

    assert world.begin(lane, NOW + 1_001) == Closed("expired", "window")
    assert world.states() == {"k1": ("expired", "window")}


def test_a_contact_who_opted_out_hears_nothing(world: World) -> None:
    lane = world.answer(text("k1"))
    world.deliver(dm("m2"))
    world.decide(lane, changes=(Change("opt_out"),))

    assert world.begin(lane) == Closed("skipped", "opted_out")


def test_a_contact_handed_to_a_person_hears_nothing_until_then(world: World) -> None:
    lane = world.answer(text("k1"), text("k2"))
    world.deliver(dm("m2"))
    world.decide(lane, changes=(Change("handoff", value=NOW + 1_000),))

    assert world.begin(lane, NOW + 999) == Closed("skipped", "handed_off")
    assert isinstance(world.begin(lane, NOW + 1_000), Ready)


def test_the_confirmation_of_a_stop_word_still_goes_out(world: World) -> None:
    lane = world.answer(text("k1", rule="", step="consent"), text("k2"))
    world.deliver(dm("m2"))
    world.decide(lane, changes=(Change("handoff", "", NOW + 100), Change("opt_out")))

    world.settle(world.started(lane), Sent("mid"))

    assert world.begin(lane) == Closed("skipped", "opted_out")


def test_the_same_text_of_the_same_rule_is_said_once_a_minute(world: World) -> None:
    lane = world.answer(text("k1", "oi"))
    world.settle(world.started(lane), Sent("mid.1"))
    for number in (2, 3):
        world.deliver(dm(f"m{number}"))
    world.decide(lane, text("k2", "oi"), text("k3", "oi", rule="r2"), text("k4", "tchau"))
    world.decide(lane, text("k5", "oi"))

    soon = [world.begin(lane) for _ in range(1)]
    for _ in range(2):
        world.settle(world.started(lane), Sent("mid"))
    later = world.begin(lane, NOW + 60_001)

    assert soon == [Closed("skipped", "repeated")]
    assert later.effect.key == "k5"


def test_a_public_reply_waits_for_its_private_one(world: World) -> None:
    lane = world.answer(private("k1"), public("k2", track="other", companion="k1"))
    ready = world.started(lane)

    early = world.begin(lane)
    world.settle(ready, Sent("mid.1"))
    after = world.begin(lane, NOW + 5_000)

    assert early == Wait(NOW + 5_000, "companion")
    assert after.effect.key == "k2"


@pytest.mark.parametrize("receipt", [Refused("consumed", Answer("CONSUMED")), Unknown("timeout")])
def test_a_public_reply_is_not_said_when_its_private_one_was_not_sent(
    world: World, receipt: Refused | Unknown
) -> None:
    """ "We wrote you" is never said before it is true."""
    lane = world.answer(private("k1"), public("k2", rule="r2", track="other", companion="k1"))
    world.settle(world.started(lane), receipt)
    now = NOW + DEADLINE + QUIET
    world.ledger.sends.heal(lane, now, QUIET)

    assert world.begin(lane, now) == Closed("skipped", "companion")


def test_a_companion_that_is_not_there_was_not_sent(world: World) -> None:
    lane = world.answer(public("k2", companion="nothing"))

    assert world.begin(lane) == Closed("skipped", "companion")


def test_an_account_without_a_token_waits(world: World) -> None:
    lane = world.answer(text("k1"))
    world.scope.secrets.remove("access_token")

    assert world.begin(lane) == Wait(NOW + 60_000, "token")
    world.scope.secrets.set("access_token", "new", NOW)
    assert world.begin(lane, NOW + 60_000).account.token == "new"


@pytest.mark.parametrize(
    ("scope", "scope_id"),
    [("deployment", ""), ("tenant", "tenant"), ("account", "account"), ("rule", "rule")],
)
def test_a_pause_keeps_sends_back_and_dropping_them_is_the_default(
    world: World, scope: str, scope_id: str
) -> None:
    lane = world.answer(text("k1"), text("k2"))
    ids = {"tenant": str(lane.tenant_id), "account": str(lane.account_id),
           "rule": f"{lane.tenant_id}:r1", "": ""}  # fmt: skip
    world.ledger.pause(scope, ids[scope_id], NOW)

    waiting = world.begin(lane)
    world.ledger.lanes.release(lane, NOW)
    dropped = world.ledger.resume(scope, ids[scope_id], NOW + 1)

    assert waiting == Wait(NOW + 60_000, "paused")
    assert dropped == 1
    assert world.states() == {"k1": ("skipped", "paused"), "k2": ("pending", "")}
    (lane,) = world.claim(NOW + 1)
    assert world.begin(lane, NOW + 1).effect.key == "k2"


def test_a_resumed_pause_can_let_go_what_waited(world: World) -> None:
    lane = world.answer(text("k1"))
    world.ledger.pause("tenant", str(lane.tenant_id), NOW, until=NOW + 10_000)
    waiting = world.begin(lane)
    world.ledger.lanes.release(lane, NOW)

    count = world.ledger.resume("tenant", str(lane.tenant_id), NOW + 1, send_waiting=True)

    assert (waiting, count) == (Wait(NOW + 10_000, "paused"), 1)
    (lane,) = world.claim(NOW + 1)
    assert isinstance(world.begin(lane, NOW + 1), Ready)


def test_what_cannot_be_paused_cannot_be_resumed(world: World) -> None:
    """Else it would drop what waits under every other pause."""
    lane = world.answer(text("k1"))
    world.ledger.pause("deployment", "", NOW)
    world.begin(lane)
    world.ledger.lanes.release(lane, NOW)

    for act in (world.ledger.pause, world.ledger.resume):
        with pytest.raises(UsageError, match="cannot be paused"):
            act("app", "1", NOW)

    assert world.states() == {"k1": ("pending", "paused")}


def test_a_pause_may_drop_at_once(world: World) -> None:
    lane = world.answer(text("k1"))
    world.ledger.pause("deployment", "", NOW, mode="drop")

    assert world.begin(lane) == Closed("skipped", "paused")


def test_a_pause_ends_by_itself(world: World) -> None:
    lane = world.answer(text("k1"))
    world.ledger.pause("deployment", "", NOW, until=NOW + 10)

    assert isinstance(world.begin(lane, NOW + 10), Ready)


def test_a_pause_of_another_tenant_is_none_of_ours(world: World) -> None:
    lane = world.answer(text("k1"))
    world.ledger.pause("tenant", "999", NOW)
    world.ledger.pause("rule", f"{lane.tenant_id}:other", NOW)

    assert isinstance(world.begin(lane), Ready)


# The daily limit


def limited(world: World, per_day: int, zone: str = "America/Sao_Paulo") -> None:
    world.publish(
        settings("luz", IG_ID, per_day=per_day, timezone=zone), digest=f"d{per_day}{zone}"
    )


def used(world: World) -> list[tuple[str, int]]:
    return [tuple(row) for row in world.ledger._db.all("SELECT day, used FROM quota ORDER BY day")]


def test_messages_above_the_daily_limit_are_dropped_and_comments_wait(world: World) -> None:
    limited(world, 1)
    lane = world.answer(text("k1"), text("k2"), public("k3"))
    world.settle(world.started(lane), Sent("mid.1"))

    message, comment = world.begin(lane), world.begin(lane)

    assert message == Closed("skipped", "daily_limit")
    # 2026-09-21T13:33:20Z; midnight in São Paulo is 03:00 UTC.
    assert comment == Wait(1_790_046_000_000, "daily_limit")
    assert used(world) == [("2026-09-21", 1)]


def test_typing_counts_nothing(world: World) -> None:
    limited(world, 0)
    lane = world.answer(Effect("typing", "p1", {}, key="k1", counted=False))

    assert isinstance(world.begin(lane), Ready)


def test_what_was_proved_not_done_is_given_back(world: World) -> None:
    limited(world, 1)
    lane = world.answer(text("k1"), text("k2"))
    world.settle(world.started(lane), NotDone(after=0))
    given_back = used(world)
    world.settle(world.started(lane), Unknown("timeout"))

    assert given_back == [("2026-09-21", 0)]
    assert used(world) == [("2026-09-21", 1)]


def test_an_attempt_that_may_have_gone_out_counts_while_the_token_is_missing(world: World) -> None:
    limited(world, 1)
    lane = world.answer(text("k1", idempotent=True), text("k2", target="p2"))
    world.started(lane)
    world.ledger.lanes.release(lane, NOW)
    (lane,) = world.claim(NOW + 1)
    world.ledger.sends.heal(lane, NOW + 1, QUIET)
    world.scope.secrets.remove("access_token")
    waiting = world.begin(lane, NOW + 1)
    world.scope.secrets.set("access_token", "IGAA-luz", NOW)
    later = NOW + 61_000
    world.settle(world.started(lane, later), Sent("mid"), later)

    assert waiting == Wait(NOW + 60_001, "token")
    assert world.begin(lane, later) == Closed("skipped", "daily_limit")


def test_the_day_is_the_tenants_and_a_new_zone_waits_for_the_old_midnight(world: World) -> None:
    limited(world, 10)
    limited(world, 10, "Asia/Tokyo")
    midnight = 1_790_046_000_000
    days = []
    for number, now in enumerate((midnight - 1, midnight)):
        person = f"p{number}"
        lane = world.answer(text(f"k{number}", target=person), now=now, person=person)
        world.started(lane, now)
        days.append(used(world)[-1][0])

    # At 03:00 UTC Tokyo is at noon of the day that begins in São Paulo.
    assert days == ["2026-09-21", "2026-09-22"]


def test_two_threads_cannot_take_the_last_of_the_day(world: World) -> None:
    """The gate and the count are one statement."""
    limited(world, 5)
    people = [f"p{n}" for n in range(12)]
    world.deliver(*(dm(f"m{person}", person) for person in people))
    lanes = world.claim(limit=12)
    for lane in lanes:
        world.decide(lane, text(f"k{lane.person}", target=lane.person))

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(world.begin, lanes))

    assert sum(isinstance(result, Ready) for result in results) == 5
    assert used(world) == [("2026-09-21", 5)]


def test_a_copied_database_sends_nothing(world: World, database_url: str, tmp_path: Any) -> None:
    lane = world.answer(text("k1"))
    copy = Ledger.open(database_url, tmp_path / "state", deployment="another")

    try:
        result = copy.sends.begin(
            lane, world.next(lane), NOW, lease=LEASE, quiet=QUIET, deadline=lambda _: DEADLINE
        )
    finally:
        copy.close()

    assert result == Wait(NOW + 60_000, "copied")
