"""Sends asked for through the API: in line, within the windows, once for each key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from igrules.errors import Conflict, NotFound, UsageError
from igrules.instagram.sends import graph_call
from igrules.instagram.windows import MARGIN, WINDOW
from igrules.kinds import Settings
from igrules.ledger import Closed, Ledger, QueuedSend, Ready
from igrules.model import Change, Sent
from tests.ledgering import DAY, IG_ID, NOW, World, dm, private, settings, text


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def heard(world: World, person: str = "p1", now: int = NOW) -> None:
    """The person wrote, and nobody answered."""
    lane = world.answer(person=person, now=now, occurred_at=now)
    world.ledger.lanes.release(lane, now)


def ask(world: World, words: str = "oi", now: int = NOW, **more: Any) -> QueuedSend:
    return world.scope.queue_send("p1", "text", {"text": words}, now, **more)


def test_a_send_waits_behind_what_waits_there_and_wakes_the_lane(world: World) -> None:
    lane = world.answer(text("k1"), occurred_at=NOW)
    world.ledger.lanes.release(lane, NOW)

    queued = ask(world)

    (lane,) = world.claim(NOW)
    world.settle(world.started(lane), Sent("mid.1"))
    ready = world.started(lane)
    assert (queued.state, queued.reason, queued.new) == ("pending", "", True)
    assert (ready.send_id, ready.effect.payload, ready.effect.step) == (
        queued.send_id, {"text": "oi"}, "api")  # fmt: skip


def test_an_idle_lane_of_an_idle_tenant_is_taken_at_once(world: World) -> None:
    heard(world)
    assert world.claim(NOW) == []

    ask(world)

    assert [lane.person for lane in world.claim(NOW)] == ["p1"]


def test_a_key_gives_its_send_and_refuses_another(world: World) -> None:
    heard(world)

    first = ask(world, idempotency="order-1")
    again = ask(world, idempotency="order-1", now=NOW + 8 * DAY)
    with pytest.raises(Conflict, match="was used for another send"):
        ask(world, "other", idempotency="order-1")

    assert again == QueuedSend(first.send_id, "pending", "", new=False)
    assert [row.key for row in world.scope.sends()] == [f"api:{world.tenant.id}:order-1"]


def test_the_same_key_at_the_same_moment_makes_one_send(world: World) -> None:
    heard(world)

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: ask(world, idempotency="order-1"), range(12)))

    assert len({one.send_id for one in found}) == 1
    assert sorted(one.new for one in found) == [False] * 11 + [True]
    assert len(world.scope.sends()) == 1


def test_without_a_key_every_call_is_a_send(world: World) -> None:
    heard(world)

    ids = {ask(world).send_id for _ in range(2)}

    assert len(ids) == 2


def test_two_tenants_may_use_the_same_key(world: World) -> None:
    heard(world)
    first = ask(world, idempotency="k")
    other = world.ledger.tenants.add("sol", "Sol", NOW)
    scope = world.ledger.for_tenant(other.id)
    scope.publish({}, "d", settings("sol", "178414009"), "", "test", NOW)

    second = scope.queue_send("", "reply", {"text": "oi"}, NOW, target="c9", idempotency="k")

    assert first.send_id != second.send_id
    with pytest.raises(NotFound, match="there is no send"):
        scope.send(first.send_id)


def test_the_window_is_that_of_the_last_message(world: World) -> None:
    heard(world)
    end = NOW + WINDOW - MARGIN

    queued = ask(world, now=end)

    assert world.scope.send(queued.send_id).expires_at == end
    with pytest.raises(Conflict, match="the window for this has closed"):
        ask(world, now=end + 1)


def test_a_person_may_answer_for_seven_days_and_the_tag_says_so(world: World) -> None:
    heard(world)
    end = NOW + 7 * DAY - MARGIN

    queued = ask(world, now=end, human=True)

    row = world.scope.send(queued.send_id)
    assert (row.expires_at, row.payload) == (end, {"text": "oi", "tag": "HUMAN_AGENT"})
    (lane,) = world.claim(end)
    ready = world.started(lane, end)
    assert graph_call(ready.effect, ready.account).body["tag"] == "HUMAN_AGENT"
    with pytest.raises(Conflict, match="the window"):
        ask(world, now=end + 1, human=True)


def test_a_message_that_waits_to_be_decided_opens_the_window(world: World) -> None:
    world.deliver(dm("m1", occurred_at=NOW))

    assert ask(world).state == "pending"


def test_nobody_is_written_to_who_never_wrote(world: World) -> None:
    with pytest.raises(Conflict, match="has not written yet"):
        ask(world)
    assert world.scope.sends() == []


def test_a_comment_is_answered_in_the_lane_of_its_author(world: World) -> None:
    lane = world.answer(kind="comment", key="c1", person="p7")
    world.ledger.lanes.release(lane, NOW)

    public = world.scope.queue_send("", "reply", {"text": "oi"}, NOW, target="c1")
    private = world.scope.queue_send("", "private_reply", {"text": "oi"}, NOW, target="c1")

    rows = [world.scope.send(one.send_id) for one in (public, private)]
    assert [(row.person, row.target, row.track, row.slot, row.expires_at) for row in rows] == [
        ("p7", "c1", "c1", None, NOW + 7 * DAY),
        ("p7", "c1", "c1", "pr:c1", NOW + 7 * DAY - 3_600_000),
    ]


def test_a_comment_nobody_heard_of_may_be_answered_all_the_same(world: World) -> None:
    """Instagram decides: the account must own the post."""
    queued = world.scope.queue_send("", "reply", {"text": "oi"}, NOW, target="c404")

    assert world.scope.send(queued.send_id).person == "~comment:c404"


def test_a_comment_has_one_private_reply(world: World) -> None:
    lane = world.answer(private("k1"), kind="comment", key="c1")
    world.ledger.lanes.release(lane, NOW)

    with pytest.raises(Conflict, match="the one private reply of this comment is send"):
        world.scope.queue_send("", "private_reply", {"text": "oi"}, NOW, target="c1")


def test_a_stop_word_stops_it_and_a_hand_over_does_not(world: World) -> None:
    lane = world.answer(occurred_at=NOW)
    world.deliver(dm("m2"))
    world.decide(lane, changes=(Change("handoff", value=NOW + 1_000),))
    ask(world, "one")
    passed = world.begin(lane)
    world.settle(passed, Sent("mid.1"))
    world.deliver(dm("m3"))
    world.decide(lane, changes=(Change("opt_out"),))
    ask(world, "two")

    assert isinstance(passed, Ready)
    assert world.begin(lane) == Closed("skipped", "opted_out")


@pytest.mark.parametrize(
    ("kind", "payload", "said"),
    [
        ("poem", {"text": "oi"}, "'poem' cannot be sent"),
        ("text", {"text": " "}, "the text is empty"),
        ("text", {"text": "é" * 501}, "the text has 1,002 bytes"),
        ("text", {"text": "oi", "tag": "HUMAN_AGENT"}, "a text has no 'tag'"),
        ("media", {"type": "poem"}, "the kind of the media"),
        ("media", {"type": "image"}, "media without an address"),
        ("media", {"type": "image", "urls": ["http://x.example/a.png"]}, "no https url"),
        ("media", {"type": "image", "urls": ["https://x.example/a.png"] * 2}, "2 files are too"),
        ("media", {"type": "post", "id": "a/b"}, "a post is sent by its id"),
        ("reply", {"text": "oi"}, "this comment_id is no id"),
    ],
)
def test_what_instagram_takes_from_nobody_is_refused(
    world: World, kind: str, payload: dict[str, Any], said: str
) -> None:
    heard(world)

    with pytest.raises(UsageError, match=said):
        world.scope.queue_send("p1", kind, payload, NOW)


def test_without_an_account_nothing_is_taken(world: World) -> None:
    heard(world)
    world.publish(Settings("luz"), "d2")

    with pytest.raises(Conflict, match="no Instagram account is connected"):
        ask(world)


def test_the_account_can_be_named(world: World) -> None:
    heard(world)
    (account,) = world.scope.accounts.list()

    assert ask(world, account_id=account.id).state == "pending"
    assert account.ig_id == IG_ID
    with pytest.raises(NotFound, match="no such account"):
        ask(world, account_id=account.id + 1)
