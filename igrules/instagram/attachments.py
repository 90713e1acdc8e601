"""What came with a message, in the words of the rule file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igrules.instagram.scalars import optional_id, text_of
from igrules.model import Attachment

_KINDS: Mapping[str, str] = {
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
    return Attachment(_KINDS.get(word, "other"), word, text_of(payload.get("url")), id)


def _is_twin(share: Attachment, posts: set[tuple[str, str]]) -> bool:
    return any(
        (share.id and share.id == id) or (share.url and share.url == url) for id, url in posts
    )
