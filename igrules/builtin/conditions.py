"""Conditions about the event and the contact: trigger, payload, emoji, attachment, tag, window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from igrules import Condition, Example, Moment, Slot, Verdict, window_end
from igrules.builtin.parameters import ATTACHMENTS, carries, matches_text, plain_emoji


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


def _has_tag(moment: Moment, options: Mapping[str, Sequence[str]]) -> Verdict:
    event = moment.event
    if event.kind.startswith("mention_"):
        return Verdict(None, "who mentioned us is known by user name only")
    tags = moment.facts.contact.tags
    if "any" in options and tags.isdisjoint(options["any"]):
        return Verdict(False, "has none of the tags")
    if "all" in options and not tags.issuperset(options["all"]):
        return Verdict(False, "lacks a tag")
    if "none" in options and not tags.isdisjoint(options["none"]):
        return Verdict(False, "has a tag it must not have")
    return Verdict(True, "tags")


def _is_window(moment: Moment, wanted: str) -> Verdict:
    end = window_end(moment.event, moment.facts.contact)
    found = "open" if end is not None and moment.now < end else "closed"
    return Verdict(found == wanted, f"the window is {found}")


_TAGS = Slot("tag", many=True)

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
        "tag",
        "the contact has one of these tags",
        Slot(
            "map",
            keys={"any": _TAGS, "all": _TAGS, "none": _TAGS},
            short="any",
        ),
        _has_tag,
        examples=(
            Example("if: {tag: vip}"),
            Example("if: {tag: {all: [vip, sp], none: [atacado]}}"),
        ),
    ),
    Condition(
        "window",
        "whether Instagram accepts messages to this contact now",
        Slot("text", choices=("open", "closed")),
        _is_window,
        examples=(Example("if: {window: open}"),),
    ),
)
