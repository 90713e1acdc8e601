"""The shape of scenario tests: files that begin with ``igrules-test: 1``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from igrules.kinds import Slot

TEXTS = ("texts", "replies", "private_replies")
"""Keys of ``expect`` that compare texts."""
SHORT_EVENTS: Mapping[str, str] = MappingProxyType(
    {"reaction": "emoji", "referral": "ref", "postback": "payload"}
)
"""What the plain value of an event is, where it is not its text."""
_TEXTS = Slot("any", "exactly these, in order: texts, or maps of 'matches'", example="[Olá!]")
_NAMES = Slot("text", many=True)

EVENT = Slot(
    "map",
    "an event of the contact: its text, or a map",
    keys={
        "text": Slot("text", "what the person wrote", empty=True),
        "attachment": Slot("text", "what the message carries"),
        "post": Slot("text", "the post it is on"),
        "media": Slot("text", "post, reel, ad"),
        "story": Slot("text", "the story it is on"),
        "in": Slot("text", "where a mention stands", choices=("comment", "caption")),
        "payload": Slot("text", "of a tap"),
        "title": Slot("text", "of a tap"),
        "emoji": Slot("emoji", "of a reaction"),
        "removed": Slot("bool", "a reaction taken back"),
        "ref": Slot("text", "of a link or ad"),
        "source": Slot("text", "of a referral", choices=("link", "ad")),
        "reply_to_comment": Slot("text", "the comment this one answers"),
    },
    short="text",
    empty=True,
    example="qual o valor?",
)
EVENTS = (
    "dm", "comment", "live_comment", "mention", "story_reply", "story_mention", "reaction",
    "referral", "postback",
)  # fmt: skip
OUTCOMES = ("answered", "listened", "no_match", "skipped", "failed", "quarantined")

EXPECT = Slot(
    "map",
    "everything since the last expect",
    keys={
        "rule": Slot("text", "this rule answered, or these in order; none for silence", many=True),
        "listened": Slot("text", "these rules listened, in order", many=True, empty=True),
        **dict.fromkeys(TEXTS, _TEXTS),
        "media": Slot("text", "urls", many=True, empty=True),
        "cards": Slot("text", "titles", many=True, empty=True),
        "quick_replies": Slot("text", "titles of the last message", many=True, empty=True),
        "buttons": Slot("text", "titles of the last message", many=True, empty=True),
        "sent": Slot("int", "number of messages and public replies", low=0),
        "asks": Slot("text", "the open question; false for none"),
        "tags": Slot("tag", "the contact has them", many=True),
        "untagged": Slot("tag", "the contact has them not", many=True),
        "fields": Slot("map", "the contact has these values", values=Slot("text")),
        "handed_off": Slot("bool", "a person holds the conversation"),
        "opted_out": Slot("bool", "the contact opted out"),
        "notified": Slot("name", "channels, in order", many=True, empty=True),
        "http": Slot("text", "urls called, in order", many=True, empty=True),
        "parked": Slot("int", "number of parked runs", low=0),
        "ended": Slot("text", "how runs ended", many=True),
        "outcome": Slot("text", "of the last event", choices=OUTCOMES),
        "reason": Slot("text", "of the last event"),
        "why": Slot("map", "rule: first reason why it did not fire", names="text",
                    values=Slot("text")),
    },
    example="{rule: preco}",
)  # fmt: skip

_EVENT_KEYS = dict.fromkeys(EVENTS, EVENT)

STEP = Slot(
    "map",
    "one step of a conversation",
    keys={
        **_EVENT_KEYS,
        "tap": Slot("text", "the title of an offered quick reply or button"),
        "advance": Slot("duration", "move the clock", example="20h"),
        "at": Slot("text", "move the clock to a time", example='"2026-03-10T14:00:00"'),
        "human": Slot("text", "a person writes in the app"),
        "resolve": Slot("bool", "a person ends the handoff"),
        "deliver": Slot(
            "text",
            "outcome of the next sends",
            many=True,
            choices=("sent", "refused", "unknown", "not_done"),
        ),
        "as": Slot("text", "another contact from here on"),
        "expect": EXPECT,
    },
)

TEST = Slot(
    "map",
    "one conversation",
    keys={
        "name": Slot("text", "what it claims", required=True),
        "as": Slot("text", "the contact who writes"),
        "note": Slot("text", "a remark for people"),
        "steps": Slot("map", "what happens, in order", many=True, keys=STEP.keys),
        **STEP.keys,
    },
    example="{name: prices, dm: qual o valor?, expect: {rule: preco}}",
)

CONTACT = Slot(
    "map",
    "a person",
    keys={
        **{key: Slot("text") for key in ("first_name", "name", "username", "language")},
        "followers": Slot("int", low=0),
        **{
            key: Slot("bool")
            for key in ("follows_us", "we_follow", "verified", "new", "opted_out", "handed_off")
        },
        "tags": Slot("tag", many=True),
        "fields": Slot("map", values=Slot("text")),
        "wrote": Slot("duration", "time since the last message"),
        "fired": Slot("map", "rule: time since it fired", names="text", values=Slot("duration")),
    },
    empty=True,
    example="{first_name: Ana}",
)

MOCK = Slot(
    "map",
    "an answer of another service or a plugin",
    keys={
        "http": Slot("text", "url, * allowed"),
        "action": Slot("text", "a plugin's action"),
        "condition": Slot("text", "a plugin's condition"),
        "code": Slot("int", "of the http answer"),
        "body": Slot("any", "of the http answer"),
        "result": Slot("any", "of the plugin"),
        "fails": Slot("bool", "it fails"),
        "times": Slot("int", "so often", low=1),
    },
)

TEST_FILE = Slot(
    "map",
    "Scenario tests",
    keys={
        "igrules-test": Slot("text", "the version of the language", required=True, example="1"),
        "now": Slot("text", "local start time", example='"2026-03-10T14:00:00"'),
        "contacts": Slot("map", "people by name", values=CONTACT, names="text"),
        "posts": Slot("map", "id: time since it was published", names="text",
                      values=Slot("duration")),
        "mocks": Slot("map", "answers from outside", many=True, keys=MOCK.keys),
        "tests": Slot("map", "conversations", many=True, keys=TEST.keys, required=True),
    },
)  # fmt: skip
