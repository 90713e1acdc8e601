"""Each effect is one call, in the words of its flavour."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from igrules.instagram.client import GraphClient
from igrules.instagram.sends import deadline_of, deliver, is_idempotent
from igrules.model import Account, Answer, Effect, NotDone, Refused, Sent, Unknown
from igrules.receipts import Usage
from tests.instagram.double import Double, answer

PERSON = "7000000000000001"
COMMENT = "18000000000000001"
TO = {"id": PERSON}


def effect(kind: str, target: str = PERSON, **payload: Any) -> Effect:
    return Effect(kind, target, payload)


def text_message(**message: Any) -> dict[str, Any]:
    return {"recipient": TO, "message": message}


MESSAGES = [
    (effect("text", text="Olá"), text_message(text="Olá")),
    (
        effect(
            "text", text="Ok?", quick_replies=[{"title": "Yes", "payload": "Y"}, {"title": "No"}]
        ),
        text_message(
            text="Ok?",
            quick_replies=[
                {"content_type": "text", "title": "Yes", "payload": "Y"},
                {"content_type": "text", "title": "No", "payload": "No"},
            ],
        ),
    ),
    (
        effect(
            "text",
            text="Shop",
            buttons=[
                {"title": "Open", "url": "https://shop.example.test"},
                {"title": "Talk", "payload": "TALK"},
            ],
        ),
        text_message(
            attachment={
                "type": "template",
                "payload": {
                    "template_type": "button",
                    "text": "Shop",
                    "buttons": [
                        {"type": "web_url", "url": "https://shop.example.test", "title": "Open"},
                        {"type": "postback", "title": "Talk", "payload": "TALK"},
                    ],
                },
            }
        ),
    ),
    (
        effect("media", type="video", urls=["https://cdn.example.test/v.mp4"]),
        text_message(
            attachment={"type": "video", "payload": {"url": "https://cdn.example.test/v.mp4"}}
        ),
    ),
    (
        effect("media", type="images", urls=["https://a.test/1.png", "https://a.test/2.png"]),
        text_message(
            attachments=[
                {"type": "image", "payload": {"url": "https://a.test/1.png"}},
                {"type": "image", "payload": {"url": "https://a.test/2.png"}},
            ]
        ),
    ),
    (
        effect("media", type="images", urls=["https://a.test/1.png"]),
        text_message(attachment={"type": "image", "payload": {"url": "https://a.test/1.png"}}),
    ),
    (
        effect("media", type="file", id="1857"),
        text_message(attachment={"type": "file", "payload": {"attachment_id": "1857"}}),
    ),
    (
        effect("media", type="post", id="179"),
        text_message(attachment={"type": "MEDIA_SHARE", "payload": {"id": "179"}}),
    ),
    (
        effect(
            "cards",
            cards=[
                {
                    "title": "Saia",
                    "subtitle": "azul",
                    "image": "https://a.test/1.png",
                    "url": "https://a.test/1",
                    "buttons": [
                        {"title": "Open", "url": "https://a.test/1"},
                        {"title": "Talk", "payload": "igr:3:price:price.do[1].cards[0].then"},
                    ],
                },
                {"title": "Blusa", "subtitle": "P, M"},
            ],
        ),
        text_message(
            attachment={
                "type": "template",
                "payload": {
                    "template_type": "generic",
                    "elements": [
                        {
                            "title": "Saia",
                            "subtitle": "azul",
                            "image_url": "https://a.test/1.png",
                            "default_action": {"type": "web_url", "url": "https://a.test/1"},
                            "buttons": [
                                {"type": "web_url", "url": "https://a.test/1", "title": "Open"},
                                {
                                    "type": "postback",
                                    "title": "Talk",
                                    "payload": "igr:3:price:price.do[1].cards[0].then",
                                },
                            ],
                        },
                        {"title": "Blusa", "subtitle": "P, M"},
                    ],
                },
            }
        ),
    ),
    (
        effect("private_reply", COMMENT, text="Here"),
        {"recipient": {"comment_id": COMMENT}, "message": {"text": "Here"}},
    ),
]
ACTS = [
    (effect("typing"), {"recipient": TO, "sender_action": "typing_on"}),
    (effect("mark_seen"), {"recipient": TO, "sender_action": "mark_seen"}),
    (
        effect("react", message="m_1", emoji="🔥"),
        {
            "recipient": TO,
            "sender_action": "react",
            "payload": {"message_id": "m_1", "reaction": "🔥"},
        },
    ),
    (
        effect("react", message="m_1"),
        {
            "recipient": TO,
            "sender_action": "react",
            "payload": {"message_id": "m_1", "reaction": "love"},
        },
    ),
    (
        effect("react", message="m_1", emoji="❤️"),
        {
            "recipient": TO,
            "sender_action": "react",
            "payload": {"message_id": "m_1", "reaction": "love"},
        },
    ),
]


@pytest.mark.parametrize(("sent", "body"), MESSAGES + ACTS)
def test_messages_and_acts_with_instagram_login(
    double: Double, client: GraphClient, account: Account, sent: Effect, body: dict[str, Any]
) -> None:
    receipt = deliver(client, sent, account)

    (request,) = double.requests
    assert receipt == Sent("m_1", "7", answer=Answer("SENT", 200))
    assert request.line == "POST /v26.0/17841400000000101/messages HTTP/1.1"
    assert request.json == body


@pytest.mark.parametrize(("sent", "body"), MESSAGES)
def test_messages_with_facebook_login_name_the_page_and_their_type(
    double: Double, client: GraphClient, page: Account, sent: Effect, body: dict[str, Any]
) -> None:
    deliver(client, sent, page)

    (request,) = double.requests
    assert request.line == "POST /v26.0/1020304/messages HTTP/1.1"
    assert request.json == {**body, "messaging_type": "RESPONSE"}


@pytest.mark.parametrize("flavour", ["account", "page"])
def test_a_person_who_answers_says_so(
    double: Double, client: GraphClient, flavour: str, request: pytest.FixtureRequest
) -> None:
    by: Account = request.getfixturevalue(flavour)
    for sent in (effect("text", text="oi"), effect("media", type="post", id="179")):
        asked = replace(sent, payload={**sent.payload, "tag": "HUMAN_AGENT"}, step="api")
        deliver(client, asked, by)

    tags = [(one.json["messaging_type"], one.json["tag"]) for one in double.requests]
    assert tags == [("MESSAGE_TAG", "HUMAN_AGENT")] * 2


@pytest.mark.parametrize("how", [{"rule": "r1"}, {"rule": "r1", "step": "api"}, {"step": "do[1]"}])
def test_automation_never_says_that_a_person_answers(
    double: Double, client: GraphClient, account: Account, how: dict[str, str]
) -> None:
    """Whatever a plugin puts into its effect: Meta bans accounts for it."""
    deliver(client, replace(effect("text", text="oi", tag="HUMAN_AGENT"), **how), account)

    (request,) = double.requests
    assert request.json == text_message(text="oi")


@pytest.mark.parametrize(("sent", "body"), ACTS)
def test_acts_with_facebook_login_have_no_type(
    double: Double, client: GraphClient, page: Account, sent: Effect, body: dict[str, Any]
) -> None:
    deliver(client, sent, page)

    assert [request.json for request in double.requests] == [body]


def test_an_account_without_a_known_page_sends_as_itself(
    double: Double, client: GraphClient, page: Account
) -> None:
    deliver(client, effect("text", text="x"), replace(page, page_id=""))

    assert double.requests[0].line == "POST /v26.0/me/messages HTTP/1.1"


@pytest.mark.parametrize(("sent", "line", "body"), [
    (effect("reply", COMMENT, text="Thanks"), f"{COMMENT}/replies", {"message": "Thanks"}),
    (
        effect("reply", COMMENT, text="Thanks", media="179", comment=COMMENT),
        "17841400000000101/mentions",
        {"media_id": "179", "comment_id": COMMENT, "message": "Thanks"},
    ),
    (
        effect("reply", "179", text="Thanks", media="179", comment=""),
        "17841400000000101/mentions",
        {"media_id": "179", "message": "Thanks"},
    ),
])  # fmt: skip
def test_public_replies(
    double: Double, client: GraphClient, page: Account, sent: Effect, line: str, body: Any
) -> None:
    double.script = answer({"id": "18000000000000099"})

    receipt = deliver(client, sent, page)

    assert receipt == Sent("18000000000000099", answer=Answer("SENT", 200))
    assert double.requests[0].line == f"POST /v26.0/{line} HTTP/1.1"
    assert double.requests[0].json == body


@pytest.mark.parametrize(("sent", "line"), [
    (effect("hide_comment", COMMENT), f"POST /v26.0/{COMMENT}?hide=true HTTP/1.1"),
    (effect("hide_comment", COMMENT, hide=False), f"POST /v26.0/{COMMENT}?hide=false HTTP/1.1"),
    (effect("delete_comment", COMMENT), f"DELETE /v26.0/{COMMENT} HTTP/1.1"),
])  # fmt: skip
def test_moderating_names_the_comment_in_the_path(
    double: Double, client: GraphClient, page: Account, sent: Effect, line: str
) -> None:
    double.script = answer({"success": True})

    receipt = deliver(client, sent, page)

    (request,) = double.requests
    assert receipt == Sent("", answer=Answer("SENT", 200))
    assert (request.line, request.body) == (line, b"")


@pytest.mark.parametrize(("impossible", "why"), [
    (effect("text", "@maria", text="x"), "this contact has no id that a call could name"),
    (effect("text", "", text="x"), "this contact has no id that a call could name"),
    (effect("reply", "../me", text="x"), "this comment has no id that a call could name"),
    (effect("reply", "1?x=y", text="x"), "this comment has no id that a call could name"),
    (effect("hide_comment", "me/x"), "this comment has no id that a call could name"),
    (effect("delete_comment", ""), "this comment has no id that a call could name"),
    (effect("private_reply", "a b", text="x"), "this comment has no id that a call could name"),
    (effect("media", type="image", urls=[]), "media without a url or an id"),
    (effect("teleport"), "Instagram has no act 'teleport'"),
])  # fmt: skip
def test_what_cannot_be_called_is_refused_here(
    double: Double, client: GraphClient, account: Account, impossible: Effect, why: str
) -> None:
    receipt = deliver(client, impossible, account)

    assert receipt == Refused("invalid", Answer("INVALID", message=why))
    assert double.connections == 0


@pytest.mark.parametrize(("status", "code", "subcode", "expected"), [
    (500, 1, 1357046, Sent("", answer=Answer("SENT", 500, 1, 1357046))),
    (500, 1, 0, Unknown("unclear", Answer("UNCLEAR", 500, 1))),
    (400, 4, 0, NotDone(60_000, "throttle", False, Answer("THROTTLE", 400, 4))),
    (401, 190, 463, NotDone(600_000, "reauth", False, Answer("REAUTH", 401, 190, 463))),
    (400, 368, 0, NotDone(21_600_000, "blocked", False, Answer("BLOCKED", 400, 368))),
    (403, 10, 0, Refused("perm", Answer("PERM", 403, 10))),
    (403, 10, 2534022, Refused("window", Answer("WINDOW", 403, 10, 2534022))),
    (400, 551, 0, Refused("recipient", Answer("RECIPIENT", 400, 551))),
    (400, 100, 2534025, Refused("consumed", Answer("CONSUMED", 400, 100, 2534025))),
    (400, 100, 0, Refused("invalid", Answer("INVALID", 400, 100))),
])  # fmt: skip
def test_each_class_has_its_receipt(
    double: Double, client: GraphClient, account: Account,
    status: int, code: int, subcode: int, expected: Any,
) -> None:  # fmt: skip
    double.script = answer({"error": {"code": code, "error_subcode": subcode}}, status)

    assert deliver(client, effect("text", text="x"), account) == expected


def test_a_throttled_send_waits_as_long_as_the_answer_says(
    double: Double, client: GraphClient, account: Account
) -> None:
    double.script = answer(b"<html>", 429, Retry_After="30")
    first = deliver(client, effect("text", text="x"), account)
    usage = {"178": [{"call_count": 100, "estimated_time_to_regain_access": 2}]}
    double.script = answer({"error": {"code": 80002}}, X_Business_Use_Case_Usage=json.dumps(usage))
    second = deliver(client, effect("text", text="x"), account)

    asked = Answer("THROTTLE", 429, usage=Usage(wait=30_000))
    used_up = Answer("THROTTLE", 200, 80002, usage=Usage(account=100, wait=120_000))
    assert first == NotDone(30_000, "throttle", False, asked)
    assert second == NotDone(120_000, "throttle", False, used_up)


def test_an_act_needs_no_id_and_a_message_does(
    double: Double, client: GraphClient, account: Account
) -> None:
    double.script = answer({"recipient_id": "7"})

    receipts = [
        deliver(client, each, account) for each in (effect("typing"), effect("text", text="x"))
    ]

    assert receipts == [
        Sent("", "7", answer=Answer("SENT", 200)),
        Unknown("unclear", Answer("UNCLEAR", 200)),
    ]


def test_only_media_by_url_may_take_longer() -> None:
    effects = [
        effect("text", text="x"),
        effect("media", type="image", urls=["https://a.test/1.png"]),
        effect("media", type="post", id="1"),
    ]

    assert [deadline_of(each) for each in effects] == [15_000, 90_000, 15_000]


def test_what_may_be_done_twice() -> None:
    never = ["text", "media", "cards", "reply", "private_reply"]
    harmless = ["react", "typing", "mark_seen", "hide_comment", "delete_comment"]

    assert [kind for kind in never + harmless if is_idempotent(effect(kind))] == harmless
