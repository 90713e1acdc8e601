"""Echoes: our own acts are recognised, and settle what was unclear."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from igrules.ledger import Lane, Ledger
from igrules.model import Attachment, Effect, Event, NotDone, Refused, Sent, Unknown
from tests.ledgering import DEADLINE, NOW, QUIET, World, dm, text


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def echo(world: World, lane: Lane, words: str = "", ref: str = "mid.1", **more: Any) -> bool:
    """Tell the ledger of an echo to the lane's person."""
    event = Event("echo", "17", lane.person, ref=ref, text=words)
    for name, value in more.items():
        object.__setattr__(event, name, value)
    return world.ledger.lanes.echo(lane, event, NOW)


def evidence(world: World) -> dict[str, tuple[str, str, str]]:
    return {row.key: (row.state, row.evidence, row.message_id) for row in world.scope.sends()}


def test_an_echo_is_ours_by_its_message_id(world: World) -> None:
    lane = world.answer(text("k1"))
    world.settle(world.started(lane), Sent("mid.1"))

    assert echo(world, lane, "whatever", "mid.1") is True
    assert echo(world, lane, "words of k1", "mid.2") is False


def test_an_echo_before_the_answer_settles_by_its_words(world: World) -> None:
    lane = world.answer(text("k1", "Olá,  mundo\n"))
    ready = world.started(lane)

    ours = echo(world, lane, "Olá, mundo")
    between = evidence(world)
    state = world.settle(ready, Sent("mid.1"))

    assert (ours, state) == (True, "sent")
    assert between == {"k1": ("sent", "echo", "mid.1")}
    assert evidence(world) == {"k1": ("sent", "receipt", "mid.1")}


def test_an_echo_before_the_answer_settles_cards_by_their_titles(world: World) -> None:
    """Otherwise our own cards would look like a person of the account, writing by hand."""
    cards = {"cards": [{"title": "Saia", "url": "https://a.test"}, {"title": "Blusa"}]}
    lane = world.answer(replace(text("k1"), kind="cards", payload=cards))
    world.started(lane)

    assert echo(world, lane, "Saia") is False
    assert echo(world, lane, "Saia\nBlusa") is True


def test_an_echo_settles_a_doubt_and_lets_the_next_message_go(world: World) -> None:
    lane = world.answer(text("k1"), text("k2"))
    world.settle(world.started(lane), Unknown("timeout"))

    assert echo(world, lane, "words of k1") is True
    assert world.next(lane).key == "k2"


def parked(world: World, key: str, words: str) -> Lane:
    """A send that stayed unclear; its lane."""
    lane = world.answer(text(key, words))
    world.settle(world.started(lane), Unknown("timeout"))
    assert world.give_up(lane, NOW + DEADLINE + QUIET) == 1
    return lane


def test_a_late_echo_proves_that_a_parked_send_went_out(world: World) -> None:
    lane = parked(world, "k1", "olá")

    assert echo(world, lane, "olá") is True
    assert evidence(world) == {"k1": ("sent", "echo", "mid.1")}


def test_an_echo_is_of_the_open_send_rather_than_of_a_parked_one(world: World) -> None:
    lane = parked(world, "k1", "olá")
    later = NOW + DEADLINE + QUIET
    world.deliver(dm("m2"), now=later)
    world.decide(lane, text("k2", "olá", rule="r2"), now=later)
    world.started(lane, later)

    assert echo(world, lane, "olá") is True
    assert {key: state for key, (state, _, _) in evidence(world).items()} == {
        "k1": "parked", "k2": "sent",
    }  # fmt: skip


@pytest.mark.parametrize("receipt", [NotDone(after=0), Refused("invalid")])
def test_the_answer_of_the_call_outranks_an_echo_with_the_same_words(
    world: World, receipt: NotDone | Refused
) -> None:
    """Somebody at the account may have written the same words by hand."""
    lane = world.answer(text("k1"))
    ready = world.started(lane)
    echo(world, lane, "words of k1")

    state = world.settle(ready, receipt)

    assert state == ("pending" if isinstance(receipt, NotDone) else "refused")


def test_an_unclear_answer_after_an_echo_leaves_it_sent(world: World) -> None:
    lane = world.answer(text("k1"))
    ready = world.started(lane)
    echo(world, lane, "words of k1")

    assert world.settle(ready, Unknown("timeout")) == "sent"


def test_other_words_another_person_and_a_waiting_send_do_not_match(world: World) -> None:
    lane = world.answer(text("k1"))
    waiting = echo(world, lane, "words of k1")
    world.started(lane)
    world.deliver(dm("x", "p2"))
    (other,) = world.claim()

    assert waiting is False
    assert echo(world, lane, "other words") is False
    assert echo(world, other, "words of k1") is False
    assert evidence(world)["k1"][0] == "sending"


def test_media_match_by_their_type(world: World) -> None:
    media = Effect("media", "p1", {"type": "image", "urls": ["https://x.example/a.png"]}, key="k1")
    lane = world.answer(media)
    world.started(lane)

    video = echo(world, lane, attachments=(Attachment("video", "video"),))
    image = echo(world, lane, attachments=(Attachment("image", "image"),))

    assert (video, image) == (False, True)


def private(key: str, comment: str) -> Effect:
    return Effect("private_reply", comment, {"text": "here it is"}, key=key, track=comment)


def test_private_replies_with_the_same_words_are_told_apart_by_person(world: World) -> None:
    """A popular post: many calls with one text are under way at once."""
    lanes = [world.answer(private(f"k{n}", f"c{n}"), now=NOW + n, person=f"p{n}") for n in range(3)]
    for number, lane in enumerate(lanes):
        world.started(lane, NOW + number)

    ours = echo(world, lanes[1], "here it is")

    assert ours is True
    assert {key: state for key, (state, _, _) in evidence(world).items()} == {
        "k0": "sending", "k1": "sent", "k2": "sending",
    }  # fmt: skip


def test_a_private_reply_in_doubt_is_found_under_another_id_of_its_person(world: World) -> None:
    lane = world.answer(private("k1", "c1"), person="@ana")
    world.settle(world.started(lane), Unknown("timeout"))
    world.ledger.lanes.release(lane, NOW)
    world.deliver(dm("x", "p9"))
    (other,) = world.claim()

    assert echo(world, other, "here it is") is True
    (woken,) = world.claim()
    assert woken.id == lane.id


def test_an_echo_before_the_answer_is_ours_under_another_id_of_its_person(world: World) -> None:
    """Else it is a person of the account who writes, and rules are silent there for an hour."""
    lane = world.answer(private("k1", "c1"), person="@ana")
    ready = world.started(lane)
    world.deliver(dm("x", "p9"))
    (other,) = world.claim()

    ours = echo(world, other, "here it is")
    state = world.settle(ready, Sent("mid.1"))

    assert (ours, state) == (True, "sent")
    assert evidence(world)["k1"][1] == "receipt"


def test_our_own_comment_proves_a_public_reply(world: World) -> None:
    reply = Effect("reply", "c1", {"text": "thanks"}, key="k1", track="c1")
    lane = world.answer(reply)
    world.settle(world.started(lane), Unknown("timeout"))

    elsewhere = echo(world, lane, "thanks", "c9", kind="own", parent="c2")
    here = echo(world, lane, "thanks", "c9", kind="own", parent="c1")

    assert (elsewhere, here) == (False, True)
    assert evidence(world) == {"k1": ("sent", "echo", "c9")}


def test_an_echo_of_another_tenants_send_is_not_ours(world: World) -> None:
    lane = world.answer(text("k1"))
    world.settle(world.started(lane), Sent("mid.1"))
    stranger = Lane(lane.id, 999, lane.account_id, "p1", lane.fence, lane.owner)

    assert echo(world, stranger, "words of k1", "mid.1") is False
