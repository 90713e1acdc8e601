"""Triggers for what a person does in the conversation: messages, taps, reactions, referrals.

Why a tap and a story reply are no ``dm``: rules usually treat them apart, and a tap nobody answers
is offered once more as the message its title says. The engine does that, not the trigger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from igrules import Attachment, Complaint, Event, Example, Slot, Trigger
from igrules.builtin.parameters import (
    ATTACHMENTS,
    carries,
    check_ids,
    matches_text,
    plain_emoji,
)

_PLAIN = frozenset({"text", "attachment", "reply"})
_CONTACT = {"contact": "yes"}
_OPEN = {"message": "yes", "react": "yes", **_CONTACT}
_TAPPED = {"message": "yes", **_CONTACT}
_IN_WINDOW = {"message": "window", **_CONTACT}
_PERSON = "example-person"


def _is_dm(event: Event, options: Mapping[str, Any]) -> bool:
    wanted = options.get("attachment", ())
    if event.sub in _PLAIN:
        return not wanted or carries(event.sub, event.attachments, wanted)
    return event.sub == "unsupported" and "unsupported" in wanted


def _dm(account: str, text: str) -> Event:
    return Event("message", account, _PERSON, sub="text", text=text)


def _is_story_reply(event: Event, options: Mapping[str, Any]) -> bool:
    wanted = options.get("story", ())
    return event.sub == "story_reply" and (not wanted or event.story in wanted)


def _check_stories(options: Mapping[str, Any]) -> Iterable[Complaint]:
    return check_ids("story", options.get("story", ()))


def _story_reply(account: str, text: str) -> Event:
    return Event("message", account, _PERSON, sub="story_reply", text=text, story="1")


def _is_story_mention(event: Event, options: Mapping[str, Any]) -> bool:
    return event.sub == "story_mention"


def _story_mention(account: str, text: str) -> Event:
    story = (Attachment("story", "story_mention"),)
    return Event("message", account, _PERSON, sub="story_mention", attachments=story)


def _is_quick_reply(event: Event, options: Mapping[str, Any]) -> bool:
    wanted = options.get("payload", ())
    return event.sub == "quick_reply" and (not wanted or matches_text(event.payload, wanted))


def _quick_reply(account: str, text: str) -> Event:
    return Event(
        "message", account, _PERSON, sub="quick_reply", text=text, title=text, payload=text
    )


def _is_postback(event: Event, options: Mapping[str, Any]) -> bool:
    wanted = options.get("payload", ())
    return not wanted or matches_text(event.payload, wanted)


def _postback(account: str, text: str) -> Event:
    return Event("postback", account, _PERSON, text=text, title=text, payload=text)


def _is_reaction(event: Event, options: Mapping[str, Any]) -> bool:
    wanted = options.get("emoji", ())
    if event.removed != options.get("removed", False):
        return False
    return not wanted or plain_emoji(event.emoji) in map(plain_emoji, wanted)


def _reaction(account: str, text: str) -> Event:
    return Event("reaction", account, _PERSON, emoji="❤️")


def _is_referral(event: Event, options: Mapping[str, Any]) -> bool:
    if event.kind != "referral" and not event.referral_source:
        return False
    refs, sources = options.get("ref", ()), options.get("source", ())
    if refs and not matches_text(event.referral, refs):
        return False
    return not sources or event.referral_source in sources


def _referral(account: str, text: str) -> Event:
    kind, sub = ("message", "text") if text else ("referral", "")
    return Event(kind, account, _PERSON, sub=sub, text=text, referral_source="link")


def _is_tag_added(event: Event, options: Mapping[str, Any]) -> bool:
    wanted = options.get("tag", ())
    return not wanted or event.tag in wanted


def _tag_added(account: str, text: str) -> Event:
    return Event("tag_added", account, _PERSON, tag="vip")


def _is_handoff_ended(event: Event, options: Mapping[str, Any]) -> bool:
    return True


def _handoff_ended(account: str, text: str) -> Event:
    return Event("handoff_ended", account, _PERSON)


_PAYLOAD = Slot(
    "map",
    keys={"payload": Slot("text", "exact texts; a trailing * means begins with", many=True)},
    empty=True,
)

TRIGGERS = (
    Trigger(
        "dm",
        "a direct message",
        frozenset({"message"}),
        _is_dm,
        Slot(
            "map",
            keys={
                "attachment": Slot("text", "what it carries", many=True, choices=ATTACHMENTS),
            },
            empty=True,
        ),
        reaches=_OPEN,
        text=True,
        example_event=_dm,
        examples=(
            Example("when: dm", "any direct message"),
            Example("when: {dm: {attachment: [image, video]}}", "one with a picture or a video"),
        ),
    ),
    Trigger(
        "story_reply",
        "a reply or emoji reaction to a story of the account",
        frozenset({"message"}),
        _is_story_reply,
        Slot("map", keys={"story": Slot("text", "ids or links of stories", many=True)}, empty=True),
        reaches=_OPEN,
        text=True,
        example_event=_story_reply,
        examples=(Example("when: story_reply"),),
        check=_check_stories,
    ),
    Trigger(
        "story_mention",
        "somebody mentioned the account in a story",
        frozenset({"message"}),
        _is_story_mention,
        Slot("map", empty=True),
        reaches=_OPEN,
        example_event=_story_mention,
        examples=(Example("when: story_mention"),),
    ),
    Trigger(
        "quick_reply",
        "a tap on a quick reply",
        frozenset({"message"}),
        _is_quick_reply,
        _PAYLOAD,
        reaches=_OPEN,
        text=True,
        example_event=_quick_reply,
        examples=(Example("when: {quick_reply: {payload: [SIZE_P, SIZE_M]}}"),),
    ),
    Trigger(
        "postback",
        "a tap on a button, ice breaker or menu item",
        frozenset({"postback"}),
        _is_postback,
        _PAYLOAD,
        reaches=_TAPPED,
        text=True,
        example_event=_postback,
        examples=(Example("when: {postback: {payload: MENU*}}", "payloads that begin with MENU"),),
    ),
    Trigger(
        "reaction",
        "a reaction to one of our messages",
        frozenset({"reaction"}),
        _is_reaction,
        Slot(
            "map",
            keys={
                "emoji": Slot("emoji", "one of these", many=True),
                "removed": Slot("bool", "taking it back instead", default=False),
            },
            empty=True,
        ),
        reaches=_IN_WINDOW,
        example_event=_reaction,
        examples=(Example("when: {reaction: {emoji: [❤️, 🔥]}}"),),
    ),
    Trigger(
        "referral",
        "the person came by an ig.me link or an ad",
        frozenset({"referral", "message", "postback"}),
        _is_referral,
        Slot(
            "map",
            keys={
                "ref": Slot("text", "exact texts; a trailing * means begins with", many=True),
                "source": Slot("text", "where it came from", many=True, choices=("link", "ad")),
            },
            empty=True,
        ),
        reaches=_IN_WINDOW,
        text=True,
        example_event=_referral,
        examples=(Example("when: {referral: {ref: natal*, source: link}}"),),
    ),
    Trigger(
        "tag_added",
        "a contact received a tag it did not have",
        frozenset({"tag_added"}),
        _is_tag_added,
        Slot("map", keys={"tag": Slot("tag", "one of these", many=True)}, empty=True),
        reaches=_IN_WINDOW,
        example_event=_tag_added,
        examples=(Example("when: {tag_added: {tag: vip}}"),),
    ),
    Trigger(
        "handoff_ended",
        "a handoff ended: by a person, by resume_bot, by time",
        frozenset({"handoff_ended"}),
        _is_handoff_ended,
        Slot("map", empty=True),
        reaches=_IN_WINDOW,
        example_event=_handoff_ended,
        examples=(Example("when: handoff_ended"),),
    ),
)
