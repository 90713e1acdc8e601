"""What came with a message, in the words of the rule file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igrules.instagram.scalars import optional_id, text_of
from igrules.model import Attachment

KINDS: Mapping[str, str] = {
    "image": "image",
    "video": "video",
    "audio": "audio",
    "file": "file",
    "share": "post",
    "ig_post": "post",
    "ig_reel": "reel",
    "reel": "reel",
    "ig_story": "story",
    "story": "story",
    "story_mention": "story",
    "like_heart": "sticker",
}
"""Instagram's words for what is attached, in those of the rule file."""
_IDS = ("ig_post_media_id", "reel_video_id", "story_media_id")
_MOST = 50


def attachments_of(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """The attachments of a message in their order, at most 50; kinds nobody knows are ``other``.

    For a while a shared post came twice, as ``share`` and as ``ig_post``; the twin is left out.
    """
    listed = message.get("attachments")
    if isinstance(listed, dict):
        listed = [listed]
    if not isinstance(listed, list) or not listed:
        return ()
    found = tuple(_attachment(item) for item in listed[:_MOST] if isinstance(item, dict))
    posts = {(item.id, item.url) for item in found if item.raw == "ig_post"}
    return tuple(item for item in found if item.raw != "share" or not _is_twin(item, posts))


def _attachment(item: Mapping[str, Any]) -> Attachment:
    payload = item.get("payload")
    payload = payload if isinstance(payload, dict) else {}
    word = text_of(item.get("type"))
    id = next((optional_id(payload[key]) for key in _IDS if payload.get(key)), "")
    return Attachment(KINDS.get(word, "other"), word, text_of(payload.get("url")), id)


def _is_twin(share: Attachment, posts: set[tuple[str, str]]) -> bool:
    return any(
        (share.id and share.id == id) or (share.url and share.url == url) for id, url in posts
    )


def template_text(message: Mapping[str, Any]) -> str:
    """The words of a template in an echo: the text above its buttons, or the titles of its cards,
    one to a line. Empty for other messages.

    An echo holds the template below its kind (Meta, Webhooks for Instagram Messaging) or, as it
    was sent, beside it; both are read.
    """
    listed = message.get("attachments")
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict) and item.get("type") == "template":
            payload = item.get("payload")
            return _words_of(payload if isinstance(payload, dict) else {})
    return ""


def _words_of(payload: Mapping[str, Any]) -> str:
    for shape in (payload, *payload.values()):
        if not isinstance(shape, dict):
            continue
        elements = shape.get("elements")
        if isinstance(elements, list):
            titles = [
                text_of(one.get("title")) for one in elements[:_MOST] if isinstance(one, dict)
            ]
            return "\n".join(titles)
        if text := text_of(shape.get("text")):
            return text
    return ""
