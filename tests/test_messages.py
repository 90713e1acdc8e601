"""The actions that say something: what they send, and what they refuse when compiled."""

from __future__ import annotations

import pytest

from igrules.engine.decide import decide
from igrules.model import Facts
from tests.deciding import NOW, by_kind, comment, dm, mention, problems_of, rules, tap


def effects(step: str, event=None, when: str = "dm"):
    ruleset = rules(f"rules:\n  - id: r\n    when: {when}\n    do: {step}")
    return by_kind(decide(event or dm("x"), ruleset, Facts(), NOW))


def problems(step: str, when: str = "dm") -> list[str]:
    found = problems_of(f"rules:\n  - id: r\n    when: {when}\n    do: {step}")
    return [one.replace(" 5: ", " ").replace(" 4: ", " ") for one in found]


def test_quick_replies_go_out_with_their_payloads():
    step = "{text: {text: Qual?, quick_replies: [P, {title: Médio, payload: SIZE_M}]}}"

    assert effects(step) == [
        (
            "text",
            "7",
            {
                "text": "Qual?",
                "quick_replies": [
                    {"title": "P", "payload": "P"},
                    {"title": "Médio", "payload": "SIZE_M"},
                ],
            },
        )
    ]


def test_buttons_open_a_page_or_carry_a_payload():
    step = (
        '{text: {text: Veja, buttons: [{title: Site, url: "https://luz.example"}, '
        "{title: Menu, payload: MENU}]}}"
    )

    assert effects(step) == [
        (
            "text",
            "7",
            {
                "text": "Veja",
                "buttons": [
                    {"title": "Site", "url": "https://luz.example"},
                    {"title": "Menu", "payload": "MENU"},
                ],
            },
        )
    ]


def test_a_long_text_is_split_and_its_quick_replies_follow_the_last_part():
    long = " ".join(["palavra"] * 200)
    step = f"{{text: {{text: {long}, quick_replies: [P]}}}}"

    sent = effects(step)

    assert " ".join(payload["text"] for _, _, payload in sent) == long
    assert [sorted(payload) for _, _, payload in sent] == [["text"], ["quick_replies", "text"]]
    assert all(len(payload["text"].encode()) <= 1000 for _, _, payload in sent)


def test_a_long_text_with_buttons_is_split_at_640():
    step = "{text: {text: '{{ event.text }} fim', buttons: [{title: Menu, payload: M}]}}"

    sent = effects(step, dm(" ".join(["palavra"] * 100)))

    assert [sorted(payload) for _, _, payload in sent] == [["text"], ["buttons", "text"]]
    assert all(len(payload["text"]) <= 640 for _, _, payload in sent)


def test_a_long_text_may_fail_instead():
    step = "[{text: {text: '{{ event.text }}{{ event.text }}', overflow: error}}]"

    assert effects(step, dm("x" * 600)) == []


@pytest.mark.parametrize(
    ("step", "event", "payload"),
    [
        (
            '{media: "https://luz.example/a.JPG?v=1"}',
            None,
            {"type": "image", "urls": ["https://luz.example/a.JPG?v=1"]},
        ),
        (
            '{media: "https://luz.example/{{ event.payload }}.pdf"}',
            dm("x", payload="tabela"),
            {"type": "file", "urls": ["https://luz.example/tabela.pdf"]},
        ),
        (
            '{media: {images: ["https://luz.example/1.png", "https://luz.example/2.png"]}}',
            None,
            {"type": "images", "urls": ["https://luz.example/1.png", "https://luz.example/2.png"]},
        ),
        (
            '{media: {audio: "https://luz.example/oi"}}',
            None,
            {"type": "audio", "urls": ["https://luz.example/oi"]},
        ),
        ('{media: {post: "17950000000000001"}}', None, {"type": "post", "id": "17950000000000001"}),
    ],
)
def test_media_finds_its_kind(step, event, payload):
    assert effects(step, event) == [("media", "7", payload)]


def test_a_caption_goes_out_before_its_media():
    step = '{media: {image: "https://luz.example/a.png", caption: Olha, typing: 1s}}'

    assert [kind for kind, _, _ in effects(step)] == ["typing", "text", "media"]


@pytest.mark.parametrize(
    ("event", "when", "sent"),
    [
        (comment("x"), "comment", ("reply", "c1", {"text": "oi"})),
        (mention("x"), "mention", ("reply", "c9", {"text": "oi", "media": "p9", "comment": "c9"})),
        (
            mention("x", "mention_caption"),
            "mention",
            ("reply", "p9", {"text": "oi", "media": "p9", "comment": ""}),
        ),
    ],
)
def test_a_reply_goes_to_what_was_written(event, when, sent):
    assert effects("{reply: [oi, oi]}", event, when) == [sent]


def test_a_private_reply_answers_the_comment():
    assert effects("{private_reply: oi}", comment("x"), "comment") == [
        ("private_reply", "c1", {"text": "oi"})
    ]


@pytest.mark.parametrize(
    ("step", "event", "sent"),
    [
        ("react", None, [("react", "7", {"message": "m1", "emoji": "❤️"})]),
        ("{react: 🔥}", None, [("react", "7", {"message": "m1", "emoji": "🔥"})]),
        ("react", tap("Sim"), []),
        ("typing", None, [("typing", "7", {"ms": 2000})]),
        ("{typing: 5s}", None, [("typing", "7", {"ms": 5000})]),
        ("mark_seen", None, [("mark_seen", "7", {})]),
    ],
)
def test_gestures(step, event, sent):
    assert effects(step, event) == sent


THIRTEEN = ", ".join(f"T{number}" for number in range(14))
BUTTON = "{title: A, payload: A}"


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            f"{{text: {{text: x, quick_replies: [{THIRTEEN}]}}}}",
            "IGR303 14 quick replies, Instagram shows 13",
        ),
        (
            f"{{text: {{text: x, buttons: [{BUTTON}, {BUTTON}, {BUTTON}, {BUTTON}]}}}}",
            "IGR303 4 buttons, Instagram shows 3",
        ),
        (
            "{text: {text: x, quick_replies: [Um título que não cabe]}}",
            "IGR303 this title has 22 characters, Instagram shows 20",
        ),
        (
            f"{{text: {{text: x, quick_replies: [A], buttons: [{BUTTON}]}}}}",
            "IGR109 a message has quick replies or buttons, not both",
        ),
        (
            f"{{text: {{text: x, quick_replies: [{{title: A, payload: {'y' * 1001}}}]}}}}",
            "IGR303 this payload has 1,001 characters, at most 1,000",
        ),
        ("{text: {text: x, buttons: [{title: A}]}}", "IGR102 this button does nothing"),
        (
            '{text: {text: x, buttons: [{title: A, payload: A, url: "https://l.example"}]}}',
            "IGR109 a button has one of 'url', 'payload' and 'then', this one has url and payload",
        ),
        (
            "{text: {text: x, quick_replies: [{title: A, payload: A, then: {text: y}}]}}",
            "IGR109 an option has a 'payload' for other rules or a 'then' of its own, not both",
        ),
        (
            f"{{text: {{text: {'x' * 641}, buttons: [{BUTTON}]}}}}",
            "IGR302 this text has 641 characters, Instagram takes 640",
        ),
        (
            f"{{text: {{text: {'x' * 1001}, overflow: error}}}}",
            "IGR302 this text has 1,001 bytes, Instagram takes 1,000",
        ),
        (f"{{text: {'x' * 3001}}}", "IGR302 this text has 3,001 bytes, Instagram takes 3,000"),
        (
            '{media: "https://luz.example/foto"}',
            "IGR103 nothing in this url tells what kind of media it is",
        ),
        (
            '{media: {image: "https://l.example/1.png", video: "https://l.example/1.mp4"}}',
            "IGR109 'image' and 'video' in one media",
        ),
        ("{media: {caption: x}}", "IGR102 this media has nothing to send"),
        (
            '{media: {image: "https://l.example/1.webp"}}',
            "IGR306 Instagram takes no '.webp' as image",
        ),
    ],
)
def test_what_instagram_would_refuse_is_refused_when_compiled(step, expected):
    assert [one for one in problems(step) if "IGR206" not in one] == [expected]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("{reply: oi}", ["IGR308 one and the same public reply for everybody"]),
        ("{reply: [oi, olá]}", []),
        ("{reply: 'oi {{ contact.username }}'}", []),
        (
            f"{{reply: [{'x' * 301}, oi]}}",
            ["IGR309 this public reply has 301 characters, above 300 it looks like spam"],
        ),
        (
            f"{{reply: [{'x' * 2201}, oi]}}",
            ["IGR302 this text has 2,201 characters, Instagram takes 2,200"],
        ),
        (
            f"{{private_reply: {'x' * 1001}}}",
            ["IGR302 this text has 1,001 bytes, Instagram takes 1,000"],
        ),
        (
            f"{{private_reply: {{text: x, buttons: [{BUTTON}]}}}}",
            ["IGR301 a private reply is plain text, without buttons"],
        ),
    ],
)
def test_replies_are_checked_when_compiled(step, expected):
    assert problems(step, "comment") == expected
