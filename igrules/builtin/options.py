"""What a person can tap: quick replies and buttons, with their payloads and caps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from igrules import Complaint, Moment, Slot, tap_payload

TITLE = 20
PAYLOAD = 1000
QUICK_REPLIES = 13
BUTTONS = 3
_MOST = {"quick_replies": QUICK_REPLIES, "buttons": BUTTONS, "options": QUICK_REPLIES}

_THEN = Slot("steps", "steps to go on with after the tap")
_TITLE = Slot("text", f"{TITLE} characters at most", required=True)

QUICK_REPLY = Slot(
    "map",
    "at most 13, each a title or a map",
    many=True,
    short="title",
    keys={
        "title": _TITLE,
        "payload": Slot("text", "the word a rule hears; the title unless given"),
        "then": _THEN,
    },
)
BUTTON = Slot(
    "map",
    "at most 3",
    many=True,
    keys={
        "title": _TITLE,
        "url": Slot("url", "a page to open"),
        "payload": Slot("text", "the word a rule hears"),
        "then": _THEN,
    },
)


def quick_replies(options: Iterable[Mapping[str, Any]], moment: Moment) -> list[dict[str, str]]:
    """Quick replies as a message carries them."""
    return [{"title": one["title"], "payload": _payload(one, moment)} for one in options]


def buttons(options: Iterable[Mapping[str, Any]], moment: Moment) -> list[dict[str, str]]:
    """Buttons as a message carries them: each opens a page or sends a payload."""
    return [
        {"title": one["title"], "url": one["url"]}
        if "url" in one
        else {"title": one["title"], "payload": _payload(one, moment)}
        for one in options
    ]


def _payload(option: Mapping[str, Any], moment: Moment) -> str:
    """What a tap sends: where its steps stand, the payload as written, or the title."""
    if "then" in option:
        return tap_payload(moment.version, moment.rule, option["then"].path)
    return str(option.get("payload") or option["title"])


def check_options(
    key: str, shown: Sequence[Mapping[str, Any]], path: tuple[str | int, ...] = ()
) -> Iterable[Complaint]:
    """Complain about more options than are shown, and about what is too long in one."""
    most = _MOST[key]
    if len(shown) > most:
        yield Complaint(
            (*path, key, most),
            "IGR303",
            f"{len(shown)} {key.replace('_', ' ')}, Instagram shows {most}",
            f"leave out {len(shown) - most}, or spread them over two messages",
        )
    for place, option in enumerate(shown):
        yield from _check_option(option, (*path, key, place))


def _check_option(option: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterable[Complaint]:
    if len(option["title"]) > TITLE:
        yield Complaint(
            (*path, "title"),
            "IGR303",
            f"this title has {len(option['title'])} characters, Instagram shows {TITLE}",
            f"shorten it to {TITLE} characters; the text above it can say more",
        )
    if len(option.get("payload") or "") > PAYLOAD:
        yield Complaint(
            (*path, "payload"),
            "IGR303",
            f"this payload has {len(option['payload']):,} characters, at most {PAYLOAD:,}",
            "shorten it; a payload is a word for rules, nobody sees it",
        )
    if "payload" in option and "then" in option:
        yield Complaint(
            (*path, "then"),
            "IGR109",
            "an option has a 'payload' for other rules or a 'then' of its own, not both",
            "keep one of them",
        )


def check_buttons(
    shown: Sequence[Mapping[str, Any]], path: tuple[str | int, ...] = ()
) -> Iterable[Complaint]:
    """Complain about buttons that do nothing, or two things."""
    for place, button in enumerate(shown):
        given = [key for key in ("url", "payload", "then") if key in button]
        if not given:
            yield Complaint(
                (*path, "buttons", place),
                "IGR102",
                "this button does nothing",
                "give it a 'url' to open, a 'then' with steps, or a 'payload' for a rule",
            )
        if len(given) > 1 and "url" in given:
            yield Complaint(
                (*path, "buttons", place, given[1]),
                "IGR109",
                "a button has one of 'url', 'payload' and 'then', this one has "
                f"{' and '.join(given)}",
                "keep one of them; a second purpose needs a second button",
            )
