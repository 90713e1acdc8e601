"""The messages edge: what is taken, what is refused, and what the journal says of it."""

from __future__ import annotations

from typing import Any

import pytest

from igrules.sandbox.journal import read_journal
from igrules.sandbox.server import Sandbox
from igrules.sandbox.world import DAY
from tests.sandbox.receiving import CLINIC, PAGE, POST, SHOP, Caller, error_of

URL = "https://cdn.example.test/a.jpg"


@pytest.fixture
def ana(sandbox: Sandbox) -> str:
    """The id of somebody who wrote to the shop just now."""
    sandbox.people.write(SHOP, "ana", "oi")
    return sandbox.world.person(SHOP, "ana").id


def test_an_executed_send_is_in_the_journal_before_the_answer(
    sandbox: Sandbox, shop: Caller, ana: str
) -> None:
    status, answer = shop.text(ana, "Olá ✨")

    assert (status, answer["recipient_id"]) == (200, ana)
    (act,) = read_journal(sandbox.journal.path)
    assert (act.account, act.kind, act.target, act.text) == (SHOP, "text", ana, "Olá ✨")
    assert act.effect == {
        "id": answer["message_id"],
        "person": ana,
        "message": {"text": "Olá ✨"},
    }


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"text": "a" * 1000}, "text"),
        ({"text": "é" * 500}, "text"),
        (
            {"text": "?", "quick_replies": [
                {"content_type": "text", "title": "x" * 20, "payload": str(n)} for n in range(13)
            ]},
            "text",
        ),
        ({"attachment": {"type": "video", "payload": {"url": URL}}}, "media"),
        ({"attachment": {"type": "like_heart"}}, "media"),
        ({"attachment": {"type": "MEDIA_SHARE", "payload": {"id": POST}}}, "media"),
        ({"attachments": [{"type": "image", "payload": {"url": URL}}] * 10}, "media"),
        (
            {"attachment": {"type": "template", "payload": {
                "template_type": "button", "text": "x" * 640,
                "buttons": [{"type": "web_url", "url": URL, "title": "Abrir"}],
            }}},
            "template",
        ),
        (
            {"attachment": {"type": "template", "payload": {
                "template_type": "generic",
                "elements": [{
                    "title": "Saia", "subtitle": "azul", "image_url": URL,
                    "default_action": {"type": "web_url", "url": URL},
                }] * 10,
            }}},
            "cards",
        ),
    ],
)  # fmt: skip
def test_messages_within_the_limits_are_sent(
    sandbox: Sandbox, shop: Caller, ana: str, message: dict[str, Any], kind: str
) -> None:
    status, _ = shop.post("me/messages", recipient={"id": ana}, message=message)

    assert (status, [act.kind for act in sandbox.acts()]) == (200, [kind])


def _replies(count: int, title: str = "P") -> list[dict[str, str]]:
    return [{"content_type": "text", "title": title, "payload": "P"} for _ in range(count)]


@pytest.mark.parametrize(
    ("message", "subcode"),
    [
        ({"text": "a" * 1001}, 0),
        ({"text": "é" * 501}, 0),
        ({"text": " "}, 0),
        ({"text": "?", "quick_replies": _replies(14)}, 0),
        ({"text": "?", "quick_replies": _replies(1, "x" * 21)}, 0),
        ({"text": "?", "attachment": {"type": "like_heart"}}, 2534015),
        ({"attachment": {"type": "sticker", "payload": {"url": URL}}}, 2534015),
        ({"attachment": {"type": "image", "payload": {"url": "file:///a"}}}, 2018008),
        ({"attachment": {"type": "image", "payload": {"attachment_id": "1"}}}, 2018074),
        ({"attachments": [{"type": "image", "payload": {"url": URL}}] * 11}, 0),
        ({"attachments": [{"type": "video", "payload": {"url": URL}}] * 2}, 2534015),
        (
            {"attachment": {"type": "template", "payload": {
                "template_type": "button", "text": "x", "buttons": [],
            }}},
            0,
        ),
        (
            {"attachment": {"type": "template", "payload": {
                "template_type": "generic", "elements": [{"title": "x", "subtitle": "y"}] * 11,
            }}},
            0,
        ),
        ({}, 0),
        (None, 0),
    ],
)  # fmt: skip
def test_messages_beyond_the_limits_are_refused_and_not_executed(
    sandbox: Sandbox, shop: Caller, ana: str, message: Any, subcode: int
) -> None:
    answer = shop.post("me/messages", recipient={"id": ana}, message=message)

    assert (error_of(answer), sandbox.acts()) == ((400, 100, subcode), ())


def test_the_window_closes_24_hours_after_the_last_message(
    sandbox: Sandbox, shop: Caller, ana: str
) -> None:
    sandbox.world.advance(DAY - 60_000)
    inside = shop.text(ana, "a tempo")
    sandbox.world.advance(120_000)
    outside = shop.text(ana, "tarde")

    assert (inside[0], error_of(outside)) == (200, (403, 10, 2534022))


def test_a_person_at_work_has_seven_days(sandbox: Sandbox, shop: Caller, ana: str) -> None:
    sandbox.world.advance(3 * DAY)
    tag = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}

    answer = shop.post("me/messages", recipient={"id": ana}, message={"text": "oi"}, **tag)

    assert answer[0] == 200


def test_a_comment_or_a_reaction_opens_no_window(sandbox: Sandbox, shop: Caller) -> None:
    sandbox.people.comment(POST, "bia", "oi")
    bia = sandbox.world.person(SHOP, "bia").id

    assert error_of(shop.text(bia, "oi")) == (403, 10, 2534022)


def test_strangers_and_people_who_block_cannot_be_reached(
    sandbox: Sandbox, shop: Caller, ana: str
) -> None:
    sandbox.add_person(SHOP, "ana", available=False)

    assert error_of(shop.text("7999", "oi")) == (400, 100, 2534014)
    assert error_of(shop.text(ana, "oi")) == (400, 551, 1545041)


def test_a_person_has_another_id_at_every_account(
    sandbox: Sandbox, clinic: Caller, ana: str
) -> None:
    sandbox.people.write(CLINIC, "ana", "oi")

    assert error_of(clinic.text(ana, "oi")) == (400, 100, 2534014)


def test_a_private_reply_is_taken_once_per_comment(sandbox: Sandbox, shop: Caller) -> None:
    comment = sandbox.people.comment(POST, "bia", "GUIA")
    bia = sandbox.world.person(SHOP, "bia").id

    first = shop.post("me/messages", recipient={"comment_id": comment}, message={"text": "aqui"})
    second = shop.post("me/messages", recipient={"comment_id": comment}, message={"text": "aqui"})

    assert (first[0], first[1]["recipient_id"]) == (200, bia)
    assert error_of(second) == (400, 100, 2534025)
    assert [(act.kind, act.target) for act in sandbox.acts()] == [("private_reply", comment)]
    assert [message.text for message in sandbox.world.thread(SHOP, bia)] == ["aqui"]


def test_a_private_reply_must_come_within_seven_days(sandbox: Sandbox, shop: Caller) -> None:
    comment = sandbox.people.comment(POST, "bia", "GUIA")
    sandbox.world.advance(7 * DAY + 1)

    answer = shop.post("me/messages", recipient={"comment_id": comment}, message={"text": "a"})

    assert error_of(answer) == (400, 100, 2534025)


def test_a_live_comment_is_answered_only_while_live(sandbox: Sandbox, shop: Caller) -> None:
    post = sandbox.add_post(account=SHOP, kind="LIVE", live=True)
    first = sandbox.people.comment(post.id, "bia", "oi")
    second = sandbox.people.comment(post.id, "bia", "oi de novo")

    during = shop.post("me/messages", recipient={"comment_id": first}, message={"text": "a"})
    sandbox.change_post(post.id, live=False)
    after = shop.post("me/messages", recipient={"comment_id": second}, message={"text": "b"})

    assert (during[0], error_of(after)) == (200, (400, 100, 2534025))


def test_another_accounts_comment_takes_no_private_reply(sandbox: Sandbox, clinic: Caller) -> None:
    comment = sandbox.people.comment(POST, "bia", "GUIA")

    answer = clinic.post("me/messages", recipient={"comment_id": comment}, message={"text": "a"})

    assert error_of(answer) == (400, 100, 2534025)


def test_typing_seen_and_reactions_are_acts(sandbox: Sandbox, shop: Caller, ana: str) -> None:
    (message,) = sandbox.world.thread(SHOP, ana)
    love = {"message_id": message.mid, "reaction": "love"}

    for body in (
        {"sender_action": "typing_on"},
        {"sender_action": "mark_seen"},
        {"sender_action": "react", "payload": love},
    ):
        assert shop.post("me/messages", recipient={"id": ana}, **body) == (
            200,
            {"recipient_id": ana},
        )

    assert [act.kind for act in sandbox.acts()] == ["typing", "mark_seen", "react"]
    assert sandbox.world.is_typing(SHOP, ana)
    assert sandbox.world.messages[message.mid].seen
    assert sandbox.world.messages[message.mid].reactions == {"account": "❤️"}


def test_message_and_sender_action_do_not_go_together(shop: Caller, ana: str) -> None:
    answer = shop.post(
        "me/messages", recipient={"id": ana}, message={"text": "a"}, sender_action="typing_on"
    )

    assert error_of(answer) == (400, 100, 2018014)


def test_an_upload_is_sent_by_its_id(sandbox: Sandbox, shop: Caller, ana: str) -> None:
    image = {"attachment": {"type": "image", "payload": {"url": URL}}}
    _, uploaded = shop.post("me/message_attachments", message=image)

    id = uploaded["attachment_id"]
    sent = {"attachment": {"type": "image", "payload": {"attachment_id": id}}}
    status, _ = shop.post("me/messages", recipient={"id": ana}, message=sent)

    assert (status, [act.kind for act in sandbox.acts()]) == (200, ["upload", "media"])


def test_nodes_and_tokens_belong_to_their_flavour(
    sandbox: Sandbox, shop: Caller, clinic: Caller, ana: str
) -> None:
    sandbox.people.write(CLINIC, "ana", "oi")
    at_clinic = sandbox.world.person(CLINIC, "ana").id
    to_ana = {"recipient": {"id": at_clinic}, "message": {"text": "oi"}}

    assert clinic.post(f"{PAGE}/messages", **to_ana)[0] == 200
    assert error_of(clinic.post(f"{CLINIC}/messages", **to_ana)) == (400, 3, 0)
    assert shop.post(f"{SHOP}/messages", recipient={"id": ana}, message={"text": "oi"})[0] == 200
    assert error_of(shop.post(f"{CLINIC}/messages", **to_ana)) == (400, 100, 33)
    assert error_of(Caller(sandbox, "IGAAshop", "/fbl").get("me")) == (401, 190, 0)
    assert error_of(Caller(sandbox, "EAAclinic", "/igl").get("me")) == (401, 190, 0)
    assert error_of(Caller(sandbox, "nobody").get("me")) == (401, 190, 0)


def test_an_expired_token_is_refused(sandbox: Sandbox, shop: Caller) -> None:
    sandbox.change_account(SHOP, session="expired")

    assert error_of(shop.get("me")) == (401, 190, 463)
