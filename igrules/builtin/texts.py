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
from igrules.builtin.options import (
    BUTTON,
    QUICK_REPLY,
    buttons,
    check_buttons,
    check_options,
    quick_replies,
)

MESSAGE_BYTES = 1000
PARTS = 3
_WITH_BUTTONS = 640


def pick(variants: Sequence[Any], moment: Moment) -> str:
    """The variant whose turn it is, filled in."""
    return moment.render(variants[moment.nth % len(variants)]).strip()


def _plan(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    text, person = pick(options["text"], moment), moment.event.person
    if not text:
        return [Failure("the text is empty")]
    said = say(person, text, _options(options, moment), options.get("overflow", "split"))
    if not said:
        return [Failure(f"the text has {count_bytes(text):,} bytes")]
    return [*show_typing(person, options.get("typing")), *said]


def say(
    person: str, text: str, shown: Mapping[str, Any], overflow: str = "split"
) -> Sequence[Effect]:
    """A text as messages, what is ``shown`` with the last; none when it is empty or too long."""
    parts = _parts(text, "buttons" in shown, overflow) if text else ()
    return [
        Effect("text", person, {"text": part} | (dict(shown) if number == len(parts) else {}))
        for number, part in enumerate(parts, 1)
    ]


def _parts(text: str, has_buttons: bool, overflow: str) -> Sequence[str]:
    """The text as messages; none when it does not fit."""
    if has_buttons:
        fits, limit = len(text) <= _WITH_BUTTONS, _WITH_BUTTONS
    else:
        fits, limit = count_bytes(text) <= MESSAGE_BYTES, MESSAGE_BYTES
    if fits:
        return (text,)
    return () if overflow == "error" else split_text(text, limit, PARTS)


def _options(options: Mapping[str, Any], moment: Moment) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if options.get("quick_replies"):
        shown["quick_replies"] = quick_replies(options["quick_replies"], moment)
    if options.get("buttons"):
        shown["buttons"] = buttons(options["buttons"], moment)
    return shown


def _check(options: Mapping[str, Any]) -> Iterable[Complaint]:
    if options.get("quick_replies") and options.get("buttons"):
        yield Complaint(
            ("buttons",),
            "IGR109",
            "a message has quick replies or buttons, not both",
            "send two messages, or turn the buttons into quick replies",
        )
    for key in ("quick_replies", "buttons"):
        yield from check_options(key, options.get(key) or ())
    yield from check_buttons(options.get("buttons") or ())
    yield from _check_text(options)


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


TEXT = Slot(
    "map",
    keys={
        "text": Slot("template", "the message; a list is a set of variants", True, required=True),
        "quick_replies": QUICK_REPLY,
        "buttons": BUTTON,
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
