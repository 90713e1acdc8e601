"""The payload reader: every known shape, in all entry forms."""

from __future__ import annotations

import json
from typing import Any

import pytest

from igrules.instagram.reader import read
from igrules.model import Attachment, Event
from tests.instagram.payloads import (
    AT,
    COMMENT_VALUE,
    ME,
    NOW,
    PERSON,
    SENT_AT,
    body,
    change,
    element,
    entry,
    reversed_element,
)


def one(data: bytes) -> dict[str, Any]:
    """The only event of a body, as the fields that differ from the default, without raw."""
    (event,) = read(data, NOW)
    assert read(event.raw, NOW) == (event,)
    default = Event("", "")
    fields = {name: getattr(event, name) for name in Event.__dataclass_fields__ if name != "raw"}
    return {name: value for name, value in fields.items() if value != getattr(default, name)}


def message(**what: Any) -> dict[str, Any]:
    return one(body(entry(messaging=[element(message={"mid": "m_1", **what})])))


MESSAGE = {
    "kind": "message",
    "account": ME,
    "person": PERSON,
    "entry": ME,
    "key": "mid m_1",
    "ref": "m_1",
    "occurred_at": AT,
    "received_at": NOW,
}
TEXT = {**MESSAGE, "sub": "text", "text": "hi"}
COMMENT = {
    "kind": "comment",
    "account": ME,
    "person": PERSON,
    "entry": ME,
    "key": "comment 18000000000000001",
    "ref": "18000000000000001",
    "text": "LINK please",
    "username": "maria_k",
    "media": "17950000000000001",
    "media_kind": "post",
    "occurred_at": 1_790_000_000_000,
    "received_at": NOW,
}


@pytest.mark.parametrize(
    "data",
    [
        body(entry(messaging=[element(message={"mid": "m_1", "text": "hi"})])),
        body(entry(changes=[change("messages", element(message={"mid": "m_1", "text": "hi"}))])),
        body(entry(**change("messages", element(message={"mid": "m_1", "text": "hi"})))),
        b"[" + body(entry(messaging=[element(message={"mid": "m_1", "text": "hi"})])) + b"]",
        body(entry(messaging=element(message={"mid": "m_1", "text": "hi"}))),
        body(entry(messaging=[element(message={"mid": "m_1", "text": "hi"})]), object="x").replace(
            b'"object": "x", ', b""
        ),
    ],
    ids=["messaging", "changes", "flat", "array of envelopes", "no list", "no object"],
)
def test_a_message_reads_the_same_in_every_form(data: bytes) -> None:
    assert one(data) == TEXT


@pytest.mark.parametrize(
    "data",
    [
        body({"id": ME, "time": 1_790_000_000, "changes": [change("comments", COMMENT_VALUE)]}),
        body({"id": ME, "time": 1_790_000_000, **change("comments", COMMENT_VALUE)}),
    ],
    ids=["changes", "flat"],
)
def test_a_comment_reads_the_same_in_both_forms(data: bytes) -> None:
    assert one(data) == COMMENT


def image(url: str) -> dict[str, Any]:
    return {"type": "image", "payload": {"url": url}}


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({"text": ""}, {"sub": "text"}),
        ({}, {"sub": "text"}),
        (
            {"attachments": [image("a"), image("b")], "text": "two"},
            {
                "sub": "attachment",
                "text": "two",
                "attachments": (
                    Attachment("image", "image", "a"),
                    Attachment("image", "image", "b"),
                ),
            },
        ),
        (
            {
                "attachments": [
                    {"type": "ig_post", "payload": {"ig_post_media_id": "181", "url": "p"}},
                    {"type": "share", "payload": {"url": "p"}},
                    {"type": "share", "payload": {"url": "other"}},
                ]
            },
            {
                "sub": "attachment",
                "attachments": (
                    Attachment("post", "ig_post", "p", "181"),
                    Attachment("post", "share", "other"),
                ),
            },
        ),
        (
            {"attachments": [{"type": "ig_reel", "payload": {"reel_video_id": 179, "url": "r"}}]},
            {"sub": "attachment", "attachments": (Attachment("reel", "ig_reel", "r", "179"),)},
        ),
        (
            {"attachments": [{"type": "like_heart"}, {"type": "hologram", "payload": None}]},
            {
                "sub": "attachment",
                "attachments": (
                    Attachment("sticker", "like_heart"),
                    Attachment("other", "hologram"),
                ),
            },
        ),
        (
            {"attachments": [{"type": "story_mention", "payload": {"url": "s"}}]},
            {"sub": "story_mention", "attachments": (Attachment("story", "story_mention", "s"),)},
        ),
        ({"text": "that one", "reply_to": {"mid": "m_0"}},
         {"sub": "text", "text": "that one", "reply_to": "m_0"}),
        (
            {"text": "there?", "reply_to": {"story": {"id": "179", "url": "s"}}},
            {"sub": "story_reply", "text": "there?", "story": "179"},
        ),
        (
            {"text": "Yes", "quick_reply": {"payload": "ORDER_YES"}},
            {"sub": "quick_reply", "text": "Yes", "title": "Yes", "payload": "ORDER_YES"},
        ),
        (
            {"text": "Hello", "referral": {"ref": "autumn", "source": "ADS", "ad_id": "1"}},
            {"sub": "text", "text": "Hello", "referral": "autumn", "referral_source": "ad"},
        ),
        ({"is_unsupported": True}, {"sub": "unsupported"}),
        ({"is_deleted": True}, {"kind": "message_deleted", "key": "deleted m_1"}),
        ({"text": "a\x00b\ud800c"}, {"sub": "text", "text": "a\ufffdb\ufffdc"}),
        ({"text": ["no"], "attachments": "none", "reply_to": 3, "quick_reply": "x"},
         {"sub": "text"}),
    ],
)  # fmt: skip
def test_messages(what: dict[str, Any], expected: dict[str, Any]) -> None:
    assert message(**what) == MESSAGE | expected


OTHER = {name: MESSAGE[name] for name in ("account", "person", "entry", "occurred_at")} | {
    "received_at": NOW
}


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (
            {"message_edit": {"mid": "m_1", "text": "blue?", "num_edit": "1"}},
            {"kind": "message_edit", "ref": "m_1", "text": "blue?", "key": "edit m_1 1"},
        ),
        (
            {"message_edit": {"mid": "m_1", "text": "blue?", "num_edit": 1}},
            {"kind": "message_edit", "ref": "m_1", "text": "blue?", "key": "edit m_1 1"},
        ),
        (
            {"reaction": {"mid": "m_9", "action": "react", "reaction": "love", "emoji": "❤️"}},
            {"kind": "reaction", "ref": "m_9", "emoji": "❤️",
             "key": f"reaction m_9 {PERSON} react {AT}"},
        ),
        (
            {"reaction": {"mid": "m_9", "action": "react", "reaction": "love"}},
            {"kind": "reaction", "ref": "m_9", "emoji": "❤️",
             "key": f"reaction m_9 {PERSON} react {AT}"},
        ),
        (
            {"reaction": {"mid": "m_9", "action": "unreact"}},
            {"kind": "reaction", "ref": "m_9", "removed": True,
             "key": f"reaction m_9 {PERSON} unreact {AT}"},
        ),
        (
            {"postback": {"mid": "m_2", "title": "Track", "payload": "TRACK"}},
            {"kind": "postback", "ref": "m_2", "text": "Track", "title": "Track",
             "payload": "TRACK", "key": "mid m_2"},
        ),
        (
            {"postback": {"title": "Track", "payload": "TRACK", "referral": {"ref": "r"}}},
            {"kind": "postback", "text": "Track", "title": "Track", "payload": "TRACK",
             "referral": "r", "referral_source": "link",
             "key": f"postback {PERSON} {AT} TRACK"},
        ),
        ({"read": {"mid": "m_9"}}, {"kind": "seen", "ref": "m_9", "key": f"seen {PERSON} m_9"}),
        ({"read": {"watermark": 179}}, {"kind": "seen", "key": f"seen {PERSON} 179"}),
        (
            {"referral": {"ref": "qr-shop", "source": "https://ig.me/m/acme", "type": "OPEN"}},
            {"kind": "referral", "referral": "qr-shop", "referral_source": "link",
             "key": f"referral {PERSON} {AT} qr-shop"},
        ),
    ],
)  # fmt: skip
def test_other_messaging_events(what: dict[str, Any], expected: dict[str, Any]) -> None:
    assert one(body(entry(messaging=[element(**what)]))) == OTHER | expected


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (entry(messaging=[element(optin={"ref": "r"})]), "optin"),
        (entry(messaging=[element(pass_thread_control={"metadata": "x"})]), "handover"),
        (entry(changes=[change("messaging_handover", {"take_thread_control": {}})]), "handover"),
        (entry(messaging=[element(app_roles={})]), "handover"),
        (entry(standby=[element(message={"mid": "m_1", "text": "x"})]), "standby"),
        (entry(changes=[change("standby", element(message={"mid": "m_1"}))]), "standby"),
        (entry(changes=[change("story_insights", {"media_id": "179", "exits": 3})]),
         "story_insights"),
        (entry(messaging=[element(delivery={"mids": []})]), "seen"),
    ],
)  # fmt: skip
def test_events_no_rule_hears_keep_their_kind(data: Any, kind: str) -> None:
    (event,) = read(body(data), NOW)

    assert (event.kind, event.account, event.text) == (kind, ME, "")
    assert read(event.raw, NOW) == (event,)


def test_an_echo_is_the_account_writing_to_the_person() -> None:
    echo = reversed_element(message={"mid": "m_1", "text": "hi", "is_echo": True})

    assert one(body(entry(messaging=[echo]))) == TEXT | {"kind": "echo"}


def test_a_self_message_teaches_the_own_scoped_id() -> None:
    note = reversed_element(message={"mid": "m_1", "text": "hi", "is_echo": True, "is_self": True})

    assert one(body(entry(messaging=[note]))) == TEXT | {"kind": "self", "own_igsid": PERSON}


def test_a_tap_on_the_own_button_is_a_self_event() -> None:
    tap = reversed_element(postback={"mid": "m_1", "title": "A", "payload": "B"}, is_self=True)

    (event,) = read(body(entry(messaging=[tap])), NOW)

    assert (event.kind, event.account, event.person) == ("self", ME, PERSON)


def test_what_the_account_does_without_an_echo_flag_is_its_own() -> None:
    reaction = reversed_element(reaction={"mid": "m_1", "action": "react", "emoji": "🔥"})

    (event,) = read(body(entry(messaging=[reaction])), NOW)

    assert (event.kind, event.sub, event.account, event.person) == ("own", "reaction", ME, PERSON)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"media": {"id": "1", "media_product_type": "REELS"}},
         {"media": "1", "media_kind": "reel"}),
        ({"media": {"id": "1", "media_product_type": "HOLO"}}, {"media": "1", "media_kind": ""}),
        (
            {"media": {"id": "1", "media_product_type": "FEED", "ad_id": "2",
                       "original_media_id": "3"}},
            {"media": "1", "media_kind": "ad", "original_media": "3"},
        ),
        ({"parent_id": "17"}, {"parent": "17"}),
        ({"text": None}, {"text": ""}),
        ({"from": {"username": "maria_k"}}, {"person": "@maria_k"}),
        ({"from": None}, {"person": "", "username": ""}),
        ({"from": {"id": 7000000000000001, "username": ""}}, {"username": ""}),
        ({"id": 18000000000000001}, {}),
        ({"id": None, "comment_id": "18000000000000001"}, {}),
        ({"from": {"id": PERSON, "username": "maria_k", "self_ig_scoped_id": PERSON}}, {}),
        (
            {"media": {"id": "1", "media_product_type": "LIVE"}},
            {"kind": "live_comment", "media": "1", "media_kind": "live"},
        ),
        (
            {"from": {"id": ME, "username": "acme", "self_ig_scoped_id": "55"}},
            {"kind": "own", "sub": "comment", "person": ME, "username": "acme", "own_igsid": "55"},
        ),
    ],
)  # fmt: skip
def test_comments(value: dict[str, Any], expected: dict[str, Any]) -> None:
    data = body(
        {
            "id": ME,
            "time": 1_790_000_000,
            "changes": [change("comments", COMMENT_VALUE | value)],
        }
    )

    wanted = COMMENT | expected
    assert one(data) == {name: value for name, value in wanted.items() if value != ""}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"media_id": "179", "comment_id": "18"},
         {"kind": "mention_comment", "ref": "18", "media": "179", "key": "mention 18"}),
        ({"media_id": "179"},
         {"kind": "mention_caption", "media": "179", "key": "mention media 179"}),
    ],
)  # fmt: skip
def test_mentions(value: dict[str, str], expected: dict[str, str]) -> None:
    always = {"account": ME, "entry": ME, "occurred_at": SENT_AT, "received_at": NOW}

    assert one(body(entry(changes=[change("mentions", value)]))) == always | expected


SAMPLE = {
    "sender": {"id": "12334"}, "recipient": {"id": "23245"}, "timestamp": "1527459824",
    "message": {"mid": "random_mid", "text": "random_text"},
}  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        body({"id": "0", "time": 1, "changes": [change("messages", SAMPLE)]}),
        body({"id": "0", "time": 1, "messaging": [SAMPLE]}),
        body({"id": 0, "time": 1, "messaging": [SAMPLE]}),
        json.dumps(change("messages", SAMPLE)).encode(),
        body(entry(messaging=[SAMPLE])),
        body({"id": "0", "time": 1, "changes": [change("comments", COMMENT_VALUE)]}),
        body(entry(changes=[change("comments", COMMENT_VALUE | {"from": {"id": "232323232"}})])),
        body(entry(changes=[change("mentions", {"media_id": "17887498072083520",
                                                "comment_id": "17887498072083520"})])),
        body(entry(changes=[change("story_insights", {"media_id": "17887498072083520"})])),
        body({"id": "0", "messaging": [{"message_edit": {"num_edit": 0}}]}),
        body({"id": "0", "changes": [change("messages", {"event_type": "TEXT"})]}),
        body({"id": "0", "messaging": ["odd"]}),
    ],
)  # fmt: skip
def test_the_test_button_never_makes_an_event_for_rules(data: bytes) -> None:
    (event,) = read(data, NOW)

    assert event.kind == "test"
    assert read(event.raw, NOW) == (event,)


def test_messages_as_changes_are_no_test_by_themselves() -> None:
    (event,) = read(body(entry(changes=[change("messages", element(message={"mid": "a"}))])), NOW)

    assert event.kind == "message"


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"generic": {"elements": [{"title": "Saia"}, {"title": "Blusa"}]}}, "Saia\nBlusa"),
        ({"template_type": "generic", "elements": [{"title": "Saia"}]}, "Saia"),
        ({"button": {"text": "E agora?", "buttons": []}}, "E agora?"),
        ({"template_type": "button", "text": "E agora?"}, "E agora?"),
        ({"generic": {"elements": "x"}, "other": 1}, ""),
        (None, ""),
    ],
)
def test_the_echo_of_a_template_has_its_words(payload: Any, text: str) -> None:
    """By them it is known as ours when it comes before the answer of the call."""
    message = {
        "mid": "m_1",
        "is_echo": True,
        "attachments": [{"type": "template", "payload": payload}],
    }

    read = one(body(entry(messaging=[element(message=message)])))

    assert (read["kind"], read.get("text", "")) == ("echo", text)
