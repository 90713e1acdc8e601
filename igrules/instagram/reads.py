"""Read what no webhook tells: a person's profile, a post, the text that mentions the account.

Sources: Meta, User Profile API, IG Media, IG User Mentioned Comment, IG User Mentioned Media.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from igrules.instagram.client import GraphClient
from igrules.instagram.scalars import flag, text_of
from igrules.model import Account, Event, Media, NotDone, Receipt, Refused, Sent, Unknown

READ_MS = 4_000
"""Milliseconds a read may take: somebody waits for the answer that depends on it."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,512}", re.ASCII)
_PROFILE = (
    "name", "username", "follower_count", "is_user_follow_business", "is_business_follow_user",
    "is_verified_user",
)  # fmt: skip
_FLAGS = {
    "follows_us": "is_user_follow_business",
    "we_follow": "is_business_follow_user",
    "verified": "is_verified_user",
}
_LONGEST = 200
"""Characters of a name."""

NotRead = NotDone | Refused | Unknown
"""Why nothing was read: the other side said no (`Refused`), or nobody could answer."""


@dataclass(frozen=True, slots=True)
class Mention:
    """The comment or caption that mentions the account. ``username`` is empty where Instagram does
    not tell whose it is."""

    text: str
    username: str = ""


def read_profile(client: GraphClient, account: Account, person: str) -> Mapping[str, Any] | NotRead:
    """The profile facts of somebody who has written: ``name``, ``username``, ``followers``,
    ``follows_us``, ``we_follow``, ``verified``. What the answer leaves out is not in it."""
    if not _ID.fullmatch(person):
        return Refused("invalid")
    content = _read(client, account, person, ",".join(_PROFILE))
    if not isinstance(content, Mapping):
        return content
    words = {name: text_of(content.get(name))[:_LONGEST] for name in ("name", "username")}
    known: dict[str, Any] = {name: word for name, word in words.items() if word}
    followers = content.get("follower_count")
    if isinstance(followers, int) and not isinstance(followers, bool):
        known["followers"] = followers
    for name, field in _FLAGS.items():
        # A missing flag is unknown, not false.
        if content.get(field) is not None:
            known[name] = flag(content[field])
    return known


def read_post(client: GraphClient, account: Account, media: str) -> Media | NotRead:
    """The address of an own post, reel or story, and when it was published."""
    if not _ID.fullmatch(media):
        return Refused("invalid")
    content = _read(client, account, media, "id,permalink,timestamp")
    if not isinstance(content, Mapping):
        return content
    return Media(
        media, text_of(content.get("permalink")), time_of(text_of(content.get("timestamp")))
    )


def read_mention(client: GraphClient, account: Account, event: Event) -> Mention | NotRead:
    """The words of a mention, and who wrote them.

    The documentation does not list a comment's ``username``, deployments read it; so it is asked
    for, and where that is refused the words alone are.
    """
    in_comment = event.kind == "mention_comment"
    id = event.ref if in_comment else event.media
    if not _ID.fullmatch(id) or not account.ig_id:
        return Refused("invalid")
    if not in_comment:
        return _mention(client, account, "mentioned_media", f"media_id({id}){{caption,username}}")
    named = _mention(client, account, "mentioned_comment", f"comment_id({id}){{text,username}}")
    if isinstance(named, Refused) and named.answer.cls == "INVALID":
        return _mention(client, account, "mentioned_comment", f"comment_id({id}){{text}}")
    return named


def _mention(client: GraphClient, account: Account, what: str, selection: str) -> Mention | NotRead:
    content = _read(client, account, account.ig_id, f"{what}.{selection}")
    if not isinstance(content, Mapping):
        return content
    found = content.get(what)
    if not isinstance(found, Mapping):
        return Refused("nothing")
    text = text_of(found.get("text" if what == "mentioned_comment" else "caption"))
    return Mention(text, text_of(found.get("username"))[:_LONGEST]) if text else Refused("nothing")


def _read(
    client: GraphClient, account: Account, node: str, fields: str
) -> Mapping[str, Any] | NotRead:
    receipt: Receipt = client.call(
        account, "GET", node, query={"fields": fields}, expects="read", deadline_ms=READ_MS
    )
    if not isinstance(receipt, Sent):
        return receipt
    return receipt.result if isinstance(receipt.result, Mapping) else Refused("nothing")


def time_of(text: str) -> int | None:
    """Milliseconds of a time such as ``2026-09-21T14:13:20+0000``; ``None`` for anything else."""
    try:
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp() * 1000)
    except ValueError:
        return None
