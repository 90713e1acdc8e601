"""Read one change: a comment, a mention, the figures of a story.

Source: Meta, Webhook Notification Examples, and the payloads that deployments really receive.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igrules.instagram.messaging import Fields
from igrules.instagram.parsing import compose, parse
from igrules.instagram.scalars import Malformed, identifier, mapping_of, optional_id, text_of

_MEDIA_KINDS: Mapping[str, str] = {
    "FEED": "post",
    "REELS": "reel",
    "STORY": "story",
    "LIVE": "live",
    "AD": "ad",
}
_SAMPLE_PERSON = "232323232"
_SAMPLE_MEDIA = "17887498072083520"


def read_change(field: Any, value: Mapping[str, Any], entry: str) -> Fields:
    """Give the event's fields. Raises `Malformed` for a field nobody knows."""
    if field in ("comments", "live_comments"):
        return _comment(field, value, entry)
    if field == "mentions":
        return _mention(value, entry)
    if field == "story_insights":
        media = identifier(value.get("media_id"))
        key = f"story_insights {media}" if media else ""
        return {"kind": "story_insights", "account": entry, "media": media, "key": key}
    raise Malformed("a field nobody knows")


def mention_with(body: bytes, text: str, username: str) -> bytes:
    """The envelope of a mention with its words and its author, as a comment has them."""
    whole = parse(body)
    entry = whole["entry"][0]
    change = entry["changes"][0] if "changes" in entry else entry
    change["value"] = {**change["value"], "text": text, "from": {"username": username}}
    return compose(whole)


def is_sample(field: Any, value: Mapping[str, Any]) -> bool:
    """Whether these are the ids the dashboard's test button uses."""
    author = value.get("from")
    if isinstance(author, dict) and str(author.get("id")) == _SAMPLE_PERSON:
        return True
    return field in ("mentions", "story_insights") and str(value.get("media_id")) == _SAMPLE_MEDIA


def _comment(field: str, value: Mapping[str, Any], entry: str) -> Fields:
    id = identifier(value.get("id")) or identifier(value.get("comment_id"))
    if not id:
        raise Malformed("a comment without an id")
    author, media = mapping_of(value.get("from")), mapping_of(value.get("media"))
    kind_of_media = _media_kind(media)
    live = field == "live_comments" or kind_of_media == "live"
    fields: Fields = {
        "kind": "live_comment" if live else "comment",
        "account": entry,
        "ref": id,
        "key": f"comment {id}",
        "username": text_of(author.get("username")),
        "text": text_of(value.get("text")),
        "media": optional_id(media.get("id")),
        "media_kind": kind_of_media,
        "original_media": optional_id(media.get("original_media_id")),
        "parent": optional_id(value.get("parent_id")),
    }
    person = identifier(author.get("id"))
    fields["person"] = person or (f"@{fields['username']}" if fields["username"] else "")
    if person and person == entry:
        fields["sub"], fields["kind"] = fields["kind"], "own"
        fields["own_igsid"] = optional_id(author.get("self_ig_scoped_id"))
    return fields


def _media_kind(media: Mapping[str, Any]) -> str:
    if media.get("ad_id"):
        return "ad"
    return _MEDIA_KINDS.get(text_of(media.get("media_product_type")), "")


def _mention(value: Mapping[str, Any], entry: str) -> Fields:
    comment, media = identifier(value.get("comment_id")), identifier(value.get("media_id"))
    if not comment and not media:
        raise Malformed("a mention without an id")
    # Neither words nor author travel in the webhook; `mention_with` puts in what was read.
    author = mapping_of(value.get("from"))
    username = text_of(author.get("username"))
    return {
        "kind": "mention_comment" if comment else "mention_caption",
        "person": f"@{username}" if username else "",
        "username": username,
        "text": text_of(value.get("text")),
        "account": entry,
        "ref": comment,
        "media": media,
        "key": f"mention {comment}" if comment else f"mention media {media}",
    }
