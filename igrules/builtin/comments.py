"""Triggers for what people write in public: comments, live comments, mentions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from igrules import Complaint, Event, Example, Slot, Trigger
from igrules.builtin.parameters import check_ids

_PERSON = "example-person"
_POST = Slot(
    "text",
    "ids or links of posts, or next for the one published next; an ad counts under its original",
    many=True,
)


def _is_on(event: Event, posts: Sequence[str]) -> bool:
    return not posts or event.media in posts or event.original_media in posts


def _check_posts(options: Mapping[str, Any]) -> Iterable[Complaint]:
    return check_ids("post", options.get("post", ()), next=True)


def _is_comment(event: Event, options: Mapping[str, Any]) -> bool:
    if event.parent and not options.get("replies", False):
        return False
    wanted = options.get("media", ())
    if wanted and event.media_kind not in wanted:
        return False
    return _is_on(event, options.get("post", ()))


def _comment(account: str, text: str) -> Event:
    return Event("comment", account, _PERSON, ref="1", text=text, media="2", media_kind="post")


def _is_live_comment(event: Event, options: Mapping[str, Any]) -> bool:
    return _is_on(event, options.get("post", ()))


def _live_comment(account: str, text: str) -> Event:
    return Event("live_comment", account, _PERSON, ref="1", text=text, media="2", media_kind="live")


def _is_mention(event: Event, options: Mapping[str, Any]) -> bool:
    wanted = options.get("in", ())
    return not wanted or event.kind.removeprefix("mention_") in wanted


def _mention(account: str, text: str) -> Event:
    return Event("mention_comment", account, "@example", ref="1", text=text, media="2")


TRIGGERS = (
    Trigger(
        "comment",
        "a comment on the account's own media",
        frozenset({"comment"}),
        _is_comment,
        Slot(
            "map",
            keys={
                "post": _POST,
                "media": Slot(
                    "text", "what was commented on", many=True, choices=("post", "reel", "ad")
                ),
                "replies": Slot("bool", "answers to other comments, too", default=False),
            },
            empty=True,
        ),
        reaches={
            "message": "window",
            "reply": "yes",
            "private_reply": "once",
            "moderate": "yes",
            "contact": "yes",
        },
        text=True,
        example_event=_comment,
        examples=(Example("when: {comment: {media: [post, reel]}}"),),
        check=_check_posts,
    ),
    Trigger(
        "live_comment",
        "a comment during a live broadcast",
        frozenset({"live_comment"}),
        _is_live_comment,
        Slot("map", keys={"post": _POST}, empty=True),
        reaches={"message": "window", "private_reply": "once", "contact": "yes"},
        text=True,
        example_event=_live_comment,
        examples=(Example("when: live_comment"),),
        check=_check_posts,
    ),
    Trigger(
        "mention",
        "@account in somebody's comment or caption",
        frozenset({"mention_comment", "mention_caption"}),
        _is_mention,
        Slot(
            "map",
            keys={
                "in": Slot("text", "where it stands", many=True, choices=("comment", "caption")),
            },
            empty=True,
        ),
        reaches={"reply": "yes"},
        text=True,
        example_event=_mention,
        examples=(Example("when: {mention: {in: caption}}"),),
    ),
)
