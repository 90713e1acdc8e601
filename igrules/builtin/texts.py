"""The action ``text``: a message with variants, quick replies, buttons, typing and overflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from igrules import (
    Action,
    Complaint,
    Effect,
    Example,
    Failure,
    Moment,
    Planned,
    Slot,
    split_text,
)
from igrules.builtin.gestures import TYPING, show_typing
from igrules.builtin.lengths import check_lengths, count_bytes

MESSAGE_BYTES = 1000
PARTS = 3
_WITH_BUTTONS = 640
_TITLE = 20
_PAYLOAD = 1000
_MOST = {"quick_replies": 13, "buttons": 3}


def pick(variants: Sequence[Any], moment: Moment) -> str:
    """The variant whose turn it is, filled in."""
    return moment.render(variants[moment.nth % len(variants)]).strip()


def _plan(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    text = pick(options["text"], moment)
    if not text:
        return [Failure("the text is empty")]
    parts = _parts(text, options)
    if not parts:
        return [Failure(f"the text has {count_bytes(text):,} bytes")]
    person = moment.event.person
    *first, last = [{"text": part} for part in parts]
    return [
        *show_typing(person, options.get("typing")),
        *(Effect("text", person, payload) for payload in first),
        Effect("text", person, last | _options(options)),
    ]


def _parts(text: str, options: Mapping[str, Any]) -> Sequence[str]:
    """The text as messages; none when it does not fit."""
    if options.get("buttons"):
        fits, limit = len(text) <= _WITH_BUTTONS, _WITH_BUTTONS
    else:
        fits, limit = count_bytes(text) <= MESSAGE_BYTES, MESSAGE_BYTES
    if fits:
        return (text,)
    if options.get("overflow", "split") == "error":
        return ()
    return split_text(text, limit, PARTS)


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if options.get("quick_replies"):
        shown["quick_replies"] = [
            {"title": option["title"], "payload": option.get("payload") or option["title"]}
            for option in options["quick_replies"]
        ]
    if options.get("buttons"):
        shown["buttons"] = [dict(button) for button in options["buttons"]]
    return shown


def _check(options: Mapping[str, Any]) -> Iterable[Complaint]:
    if options.get("quick_replies") and options.get("buttons"):
        yield Complaint(
            ("buttons",),
            "IGR109",
            "a message has quick replies or buttons, not both",
            "send two messages, or turn the buttons into quick replies",
        )
    for key in _MOST:
        yield from _check_options(key, options.get(key) or ())
    for place, button in enumerate(options.get("buttons") or ()):
        yield from _check_button(place, button)
    yield from _check_text(options)


def _check_options(key: str, shown: Sequence[Mapping[str, Any]]) -> Iterable[Complaint]:
    if len(shown) > _MOST[key]:
        yield Complaint(
            (key, _MOST[key]),
            "IGR303",
            f"{len(shown)} {key.replace('_', ' ')}, Instagram shows {_MOST[key]}",
            f"leave out {len(shown) - _MOST[key]}, or spread them over two messages",
        )
    for place, option in enumerate(shown):
        if len(option["title"]) > _TITLE:
            yield Complaint(
                (key, place, "title"),
                "IGR303",
                f"this title has {len(option['title'])} characters, Instagram shows {_TITLE}",
                f"shorten it to {_TITLE} characters; the text above it can say more",
            )
        if len(option.get("payload") or "") > _PAYLOAD:
            yield Complaint(
                (key, place, "payload"),
                "IGR303",
                f"this payload has {len(option['payload']):,} characters, at most {_PAYLOAD:,}",
                "shorten it; a payload is a word for rules, nobody sees it",
            )
        if "then" in option:
            yield Complaint(
                (key, place, "then"),
                "IGR110",
                "this igrules has no 'then' yet",
                "give it a payload, and write a rule whose 'when' names that payload",
            )


def _check_button(place: int, button: Mapping[str, Any]) -> Iterable[Complaint]:
    given = [key for key in ("url", "payload", "then") if key in button]
    if not given:
        yield Complaint(
            ("buttons", place),
            "IGR102",
            "this button does nothing",
            "give it a 'url' to open or a 'payload' for a rule",
        )
    if len(given) > 1:
        yield Complaint(
            ("buttons", place, given[1]),
            "IGR109",
            f"a button has one of 'url', 'payload' and 'then', this one has {' and '.join(given)}",
            "keep one of them; a second purpose needs a second button",
        )


def _check_text(options: Mapping[str, Any]) -> Iterable[Complaint]:
    if options.get("buttons"):
        remedy = "shorten it, or send the longer part as a text of its own before the buttons"
        limit = _WITH_BUTTONS
        return check_lengths(options["text"], ("text",), limit, "characters", len, remedy)
    if options.get("overflow", "split") == "error":
        remedy, limit = "shorten it, or let it split: overflow: split", MESSAGE_BYTES
    else:
        remedy, limit = "shorten it, or write several texts", MESSAGE_BYTES * PARTS
    return check_lengths(options["text"], ("text",), limit, "bytes", count_bytes, remedy)


_THEN = Slot("steps", "steps to go on with after the tap")

TEXT = Slot(
    "map",
    keys={
        "text": Slot("template", "the message; a list is a set of variants", True, required=True),
        "quick_replies": Slot(
            "map",
            "at most 13, each a title or a map",
            many=True,
            short="title",
            keys={
                "title": Slot("text", "20 characters at most", required=True),
                "payload": Slot("text", "the word a rule hears; the title unless given"),
                "then": _THEN,
            },
        ),
        "buttons": Slot(
            "map",
            "at most 3",
            many=True,
            keys={
                "title": Slot("text", "20 characters at most", required=True),
                "url": Slot("url", "a page to open"),
                "payload": Slot("text", "the word a rule hears"),
                "then": _THEN,
            },
        ),
        "typing": TYPING,
        "overflow": Slot(
            "text",
            "what happens to a text above 1,000 bytes",
            choices=("split", "error"),
            default="split",
        ),
    },
    short="text",
)

ACTIONS = (
    Action(
        "text",
        "send a message",
        TEXT,
        _plan,
        answers=True,
        needs="message",
        check=_check,
        varies="contact",
        messages=lambda options: 1,
        examples=(
            Example("do: {text: Olá!}"),
            Example("do: {text: [Olá!, Oi! 😊]}", "variants, in turn"),
            Example("do: {text: {text: Qual tamanho?, quick_replies: [P, M, G]}}"),
        ),
    ),
)
