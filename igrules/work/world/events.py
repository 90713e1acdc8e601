"""Make events from a word and a few values: ``dm`` and its text, ``comment`` and its post.

The values are those of a step in a test file, `igrules.language.scenarios.EVENT`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from igrules.language.permalinks import post_code
from igrules.model import Attachment, Event

POST = "17900000000000001"
"""The post of a comment that names none."""
STORY = "17900000000000002"


@dataclass(frozen=True, slots=True)
class Author:
    """Who does something, at which account: an id, and a user name where one is known."""

    account: str
    person: str
    username: str = ""


def event_of(word: str, given: Mapping[str, Any], author: Author, number: int) -> Event:
    """The event of a trigger's word. ``number`` makes its ids other than those before."""
    return _MAKERS[word](given, author, number)


def tap_on(title: str, payload: str, author: Author, number: int, *, button: bool) -> Event:
    """A tap on a quick reply or a button that was offered."""
    given = {"title": title, "payload": payload}
    return _postback(given, author, number) if button else _quick_reply(given, author, number)


def _message(given: Mapping[str, Any], author: Author, number: int, **more: Any) -> Event:
    return Event(
        "message",
        author.account,
        author.person,
        ref=f"m{number}",
        key=f"m{number}",
        text=given.get("text", ""),
        referral=given.get("ref", ""),
        referral_source=given.get("source", "link" if "ref" in given else ""),
        **more,
    )


def _attachments(given: Mapping[str, Any]) -> tuple[Attachment, ...]:
    kind = given.get("attachment", "")
    if not kind or kind in ("none", "unsupported"):
        return ()
    return (Attachment(kind, kind, f"https://cdn.example/{kind}"),)


def _dm(given: Mapping[str, Any], author: Author, number: int) -> Event:
    carried = _attachments(given)
    sub = "attachment" if carried else "text"
    if given.get("attachment") == "unsupported":
        sub = "unsupported"
    return _message(given, author, number, sub=sub, attachments=carried)


def _story_reply(given: Mapping[str, Any], author: Author, number: int) -> Event:
    story = given.get("story", STORY)
    carried = _attachments(given)
    return _message(
        given, author, number, sub="story_reply", story=story, attachments=carried,
        emoji=given.get("emoji", ""),
    )  # fmt: skip


def _story_mention(given: Mapping[str, Any], author: Author, number: int) -> Event:
    story = Attachment("story", "story_mention", "https://cdn.example/story")
    return _message(given, author, number, sub="story_mention", attachments=(story,))


def _quick_reply(given: Mapping[str, Any], author: Author, number: int) -> Event:
    title, payload = given["title"], given["payload"]
    said = {**given, "text": title}
    return _message(said, author, number, sub="quick_reply", title=title, payload=payload)


def _comment(given: Mapping[str, Any], author: Author, number: int) -> Event:
    return _commented("comment", given, author, number)


def _live_comment(given: Mapping[str, Any], author: Author, number: int) -> Event:
    return _commented("live_comment", {"media": "live", **given}, author, number)


def _commented(kind: str, given: Mapping[str, Any], author: Author, number: int) -> Event:
    return Event(
        kind,
        author.account,
        author.person,
        ref=f"c{number}",
        key=f"c{number}",
        text=given.get("text", ""),
        username=author.username,
        media=_post(given),
        media_kind=given.get("media", "post"),
        parent=given.get("reply_to_comment", ""),
    )


def _post(given: Mapping[str, Any]) -> str:
    """The id of a post that is given by it, or by an address."""
    written = str(given.get("post", POST))
    return post_code(written).partition(" ")[2] or written


def _mention(given: Mapping[str, Any], author: Author, number: int) -> Event:
    place = given.get("in", "comment")
    username = author.username or author.person
    return Event(
        f"mention_{place}",
        author.account,
        f"@{username}",
        ref=f"c{number}" if place == "comment" else "",
        key=f"c{number}",
        text=given.get("text", ""),
        username=username,
        media=_post(given),
    )


def _reaction(given: Mapping[str, Any], author: Author, number: int) -> Event:
    return Event(
        "reaction",
        author.account,
        author.person,
        ref=f"m{number}",
        key=f"r{number}",
        emoji=given.get("emoji", "❤️"),
        removed=given.get("removed", False),
    )


def _referral(given: Mapping[str, Any], author: Author, number: int) -> Event:
    if given.get("text"):
        return _message({"source": "link", **given}, author, number, sub="text")
    return Event(
        "referral",
        author.account,
        author.person,
        key=f"f{number}",
        referral=given.get("ref", ""),
        referral_source=given.get("source", "link"),
    )


def _postback(given: Mapping[str, Any], author: Author, number: int) -> Event:
    payload = given.get("payload") or given.get("title", "")
    return Event(
        "postback",
        author.account,
        author.person,
        ref=f"m{number}",
        key=f"m{number}",
        title=given.get("title", payload),
        payload=payload,
        referral=given.get("ref", ""),
        referral_source=given.get("source", ""),
    )


_MAKERS: Mapping[str, Callable[[Mapping[str, Any], Author, int], Event]] = MappingProxyType(
    {
        "dm": _dm,
        "comment": _comment,
        "live_comment": _live_comment,
        "mention": _mention,
        "story_reply": _story_reply,
        "story_mention": _story_mention,
        "quick_reply": _quick_reply,
        "reaction": _reaction,
        "referral": _referral,
        "postback": _postback,
    }
)
