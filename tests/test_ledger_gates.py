"""Gates: what may go out now, what waits, and what is never said."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from igrules.errors import UsageError
from igrules.kinds import Rate
from igrules.ledger import Closed, Lane, Ledger, Ready, Wait
from igrules.model import Answer, Change, Effect, NotDone, Refused, Sent, Unknown
from tests.ledgering import (
    DAY,
    DEADLINE,
    IG_ID,
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


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def picture(key: str, name: str) -> Effect:
    """A picture that a rule sends to p1."""
    urls = [f"https://luz.example/{name}.jpg"]
    payload = {"type": "image", "urls": urls}
    return Effect("media", "p1", payload, key=key, rule="r1", expires_at=NOW + DAY)


def test_a_send_past_its_window_expires(world: World) -> None:
    lane = world.answer(text("k1", expires_at=NOW + 1_000))

    assert world.begin(lane, NOW + 1_001) == Closed("expired", "window")
    assert world.states() == {"k1": ("expired", "window")}


def test_nothing_goes_out_through_an_account_that_was_given_up(world: World) -> None:
    """It may be another client's by now. The team is told all the same."""
    told = Effect("notify", "team", {"text": "oi"}, channel="notify", key="k2", track="n")
    lane = world.answer(text("k1"), told)
    world.publish(settings("luz", ""), digest="d2")
    other = world.ledger.for_tenant(world.ledger.tenants.add("sol", "Sol", NOW).id)
    other.publish({"tenant.yaml": b"x"}, "d1", settings("sol", IG_ID), "", "test", NOW)

    begun = [world.begin(lane), world.begin(lane)]

    assert begun[0] == Closed("skipped", "disconnected")
    assert isinstance(begun[1], Ready)
    assert world.states() == {"k1": ("skipped", "disconnected"), "k2": ("sending", "")}


def test_what_waits_is_closed_at_the_end_of_its_window(world: World) -> None:
    """Not hours later, at the next midnight or when its place in a line has come."""
    limited(world, 0)
    react = Effect("react", "p1", {}, key="k2", counted=False, expires_at=NOW + 60_000)
    lane = world.answer(public("k1", expires_at=NOW + 600_000), react)
    world.ledger._db.run(
        "INSERT INTO rate (account_id, bucket, shut_until) VALUES (?, 'text', ?)",
        (lane.account_id, (NOW + 3_600_000) * 1000),
    )

    waits = [(wait.reason, wait.until) for wait in (world.begin(lane), world.begin(lane))]
    world.ledger.lanes.release(lane, NOW)
    due = world.due(lane)
    (lane,) = world.claim(NOW + 600_001)
    ends = [world.begin(lane, NOW + 600_001) for _ in range(2)]

    assert waits == [("daily_limit", NOW + 600_001), ("rate:text", NOW + 60_001)]
    assert due == NOW + 60_001
    assert ends == [Closed("expired", "window")] * 2


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


def test_another_picture_of_the_same_rule_is_no_repetition(world: World) -> None:
    """A rule may send several; in echoes they all look alike."""
    lane = world.answer(picture("k1", "a"), picture("k2", "b"))
    for _ in range(2):
        world.settle(world.started(lane), Sent("mid"))
    world.deliver(dm("m2"))
    world.decide(lane, picture("k3", "b"))

    assert world.begin(lane) == Closed("skipped", "repeated")
    assert world.states() == {"k1": ("sent", ""), "k2": ("sent", ""), "k3": ("skipped", "repeated")}


OPTION = {"title": "oi", "payload": "P"}


@pytest.mark.parametrize(
    "payload",
    [{"text": "oi", "quick_replies": [OPTION]}, {"text": "oi", "buttons": [OPTION]},
     {"cards": [OPTION]}],
    ids=["quick replies", "buttons", "cards"],
)  # fmt: skip
def test_other_cards_or_options_under_the_same_words_are_no_repetition(
    world: World, payload: dict[str, Any]
) -> None:
    """What does not fit into one message is spread over two."""
    (what,) = payload.keys() - {"text"}
    more = {**payload, what: [{**OPTION, "payload": "Q"}]}
    one, two, again = (
        replace(text(key), payload=shown)
        for key, shown in (("k2", payload), ("k3", more), ("k4", more))
    )
    lane = world.answer(text("k1", "oi"), one, two)
    for _ in range(3):
        world.settle(world.started(lane), Sent("mid"))
    world.deliver(dm("m2"))
    world.decide(lane, again)

    assert world.begin(lane) == Closed("skipped", "repeated")


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
    lane = world.answer(
        private("k1", on_doubt="strict"), public("k2", rule="r2", track="other", companion="k1")
    )
    world.settle(world.started(lane), receipt)
    now = NOW + DEADLINE + QUIET
    world.give_up(lane, now)

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

    assert waiting.reason == "paused"
    assert NOW + 30 * 60_000 <= waiting.until <= NOW + 60 * 60_000
    assert dropped == 2
    assert world.states() == {"k1": ("skipped", "paused"), "k2": ("skipped", "paused")}
    (lane,) = world.claim(NOW + 1)
    world.deliver(dm("later"), now=NOW + 1)
    world.decide(lane, text("k3"), now=NOW + 1)
    assert world.begin(lane, NOW + 1).effect.key == "k3"


def test_a_resumed_pause_can_let_go_what_waited(world: World) -> None:
    lane = world.answer(text("k1"))
    world.ledger.pause("tenant", str(lane.tenant_id), NOW, until=NOW + 10_000)
    waiting = world.begin(lane)
    world.ledger.lanes.release(lane, NOW)

    count = world.ledger.resume("tenant", str(lane.tenant_id), NOW + 1, send_waiting=True)

    assert (waiting.reason, count) == ("paused", 1)
    assert NOW + 10_000 <= waiting.until <= NOW + 10_500
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
    world.give_up(lane, NOW + 1)
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


HTTP = {"http": Rate(3, DAY), "ai.reply": Rate(1, DAY)}


def called(key: str, limit: str = "http", **more: Any) -> Effect:
    """A call as an effect, on a track of its own."""
    about = {"rule": f"r-{key}", "step": f"r.do[{key}]", "expires_at": NOW + 40 * DAY}
    return Effect(
        "http", "api.example", {}, channel="http", track=f"http:{key}", key=key, counted=False,
        idempotent=True, limit=limit, **{**about, **more},
    )  # fmt: skip


def gate(world: World, lane: Lane, now: int = NOW, rates: Any = HTTP) -> Any:
    """Begin the next send of a lane under these rates."""
    return world.ledger.sends.begin(
        lane, world.next(lane, now), now, lease=LEASE, quiet=QUIET, deadline=lambda _: DEADLINE,
        rates=rates,
    )  # fmt: skip


def test_calls_beyond_the_rate_of_the_tenant_end_as_limited(world: World) -> None:
    lane = world.answer(*[called(f"k{n}") for n in range(5)])

    found = [gate(world, lane) for _ in range(5)]

    assert [type(one) for one in found] == [Ready, Ready, Ready, Closed, Closed]
    assert world.states()["k3"] == ("skipped", "limited")


def test_a_rate_counts_in_any_window_and_each_limit_for_itself(world: World) -> None:
    effects = [called(f"k{n}") for n in range(4)] + [called("a", "ai.reply")]
    lane = world.answer(*effects)
    times = (0, 1, 2, DAY, DAY)

    found = [gate(world, lane, NOW + after) for after in times]

    assert [type(one) for one in found] == [Ready] * 5
    assert isinstance(gate_of(world, lane, "k9", NOW + DAY), Closed)


def gate_of(world: World, lane: Lane, key: str, now: int) -> Any:
    """Put one more call into a lane and begin it."""
    world.deliver(dm(f"m-{key}"), now=now)
    world.decide(lane, called(key), now=now)
    return gate(world, lane, now)


def test_a_tenant_makes_sixty_calls_a_minute_and_the_next_one_waits(world: World) -> None:
    lane = world.answer(*[called(f"k{n}") for n in range(61)])
    many = {"http": Rate(1_000, DAY)}

    found = [gate(world, lane, NOW + n, many) for n in range(61)]

    assert [type(one) for one in found] == [Ready] * 60 + [Wait]
    assert found[-1] == Wait(NOW + 60_000, "limited")
    assert isinstance(gate(world, lane, NOW + 60_000, many), Ready)


def test_a_limited_call_fails_its_step_and_what_follows_it(world: World) -> None:
    """The team is told all the same, and another rule goes on."""
    lane = world.answer(
        *[called(f"k{n}", "ai.reply", rule="r1") for n in range(2)],
        text("t1"),
        called("n1", "", rule="r1"),
        text("t2", rule="r2"),
    )
    world.ledger._db.run("UPDATE send SET kind = 'notify' WHERE key = 'n1'")

    found = [gate(world, lane) for _ in range(2)]

    assert [type(one) for one in found] == [Ready, Closed]
    assert {key: state for key, (state, _) in world.states().items()} == {
        "k0": "sending", "k1": "skipped", "t1": "cancelled", "n1": "pending", "t2": "pending",
    }  # fmt: skip


def test_workers_together_make_no_call_more_than_is_allowed(world: World) -> None:
    lanes = [world.answer(called(f"k{n}"), person=f"p{n}", key=f"m{n}") for n in range(12)]

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda lane: gate(world, lane), lanes))

    assert sorted(type(one).__name__ for one in found) == ["Closed"] * 9 + ["Ready"] * 3


def test_what_the_contact_never_sees_is_neither_muted_nor_waits_for_a_token(world: World) -> None:
    world.scope.secrets.remove("access_token")
    lane = world.answer(called("k1"), text("t1", expires_at=NOW + 1))
    world.deliver(dm("m2"))
    world.decide(lane, changes=(Change("handoff", value=NOW + DAY), Change("opt_out")))

    ready = gate(world, lane)

    assert isinstance(ready, Ready)
    assert ready.account.token == ""
    assert world.begin(lane) == Closed("skipped", "opted_out")


def test_a_retry_says_how_often_it_was_tried(world: World) -> None:
    lane = world.answer(called("k1"))
    ready = gate(world, lane)
    assert ready.effect.tries == 0

    world.settle(ready, NotDone(1_000, "status 503"))

    assert gate(world, lane, NOW + 1_000).effect.tries == 1
