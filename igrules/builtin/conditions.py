"""Conditions about the event: trigger, payload, emoji, attachment, and window."""

from __future__ import annotations

from collections.abc import Sequence

from igrules import Condition, Example, Moment, Slot, Verdict, window_end
from igrules.builtin.parameters import ATTACHMENTS, carries, matches_text, plain_emoji


def without_text(moment: Moment) -> Verdict:
    """What a condition on the text finds when there is none: a mention has one that could not be
    fetched."""
    if not moment.facts.text_is_known or moment.event.kind.startswith("mention_"):
        return Verdict(None, "the text of the mention could not be fetched")
    return Verdict(False, "no text")


def _came_by(moment: Moment, names: Sequence[str]) -> Verdict:
    heard = moment.heard or (moment.via,)
    return Verdict(any(name in names for name in heard), f"came by {', '.join(heard)}")


def _has_payload(moment: Moment, texts: Sequence[str]) -> Verdict:
    written = moment.event.payload
    return Verdict(bool(written) and matches_text(written, texts), "the payload of the tap")


def _has_emoji(moment: Moment, emoji: Sequence[str]) -> Verdict:
    written = plain_emoji(moment.event.emoji)
    return Verdict(bool(written) and written in map(plain_emoji, emoji), "the emoji")


def _has_attachment(moment: Moment, kinds: Sequence[str]) -> Verdict:
    event = moment.event
    if event.kind != "message":
        return Verdict(False, "no message")
    return Verdict(carries(event.sub, event.attachments, kinds), "what the message carries")


def _is_window(moment: Moment, wanted: str) -> Verdict:
    end = window_end(moment.event, moment.facts.contact)
    found = "open" if end is not None and moment.now < end else "closed"
    return Verdict(found == wanted, f"the window is {found}")


CONDITIONS = (
    Condition(
        "trigger",
        "the event came by one of these triggers",
        Slot("text", "names of triggers", many=True),
        _came_by,
        offline=True,
        examples=(Example("if: {trigger: [dm, story_reply]}"),),
    ),
    Condition(
        "payload",
        "the payload of the tap is one of these",
        Slot("text", "exact texts; a trailing * means begins with", many=True),
        _has_payload,
        offline=True,
        examples=(Example("if: {payload: MENU}"),),
    ),
    Condition(
        "emoji",
        "the emoji of the reaction is one of these",
        Slot("emoji", many=True),
        _has_emoji,
        offline=True,
        examples=(Example("if: {emoji: [❤️, 🔥]}"),),
    ),
    Condition(
        "attachment",
        "the message carries one of these",
        Slot("text", many=True, choices=ATTACHMENTS),
        _has_attachment,
        offline=True,
        examples=(Example("if: {attachment: [image, video]}"),),
    ),
    Condition(
        "window",
        "whether Instagram accepts messages to this contact now",
        Slot("text", choices=("open", "closed")),
        _is_window,
        examples=(Example("if: {window: open}"),),
    ),
)
