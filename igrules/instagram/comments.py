"""Read the newest comments of a post, as webhooks would have brought them.

Source: Meta, IG Media Comments: newest first, top level only, no filter by time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from igrules.instagram.client import GraphClient
from igrules.instagram.own_account import read
from igrules.instagram.parsing import compose
from igrules.instagram.reader import read as read_body
from igrules.instagram.reads import NotRead, time_of
from igrules.instagram.scalars import text_of
from igrules.model import Account, Event, Refused

_FIELDS = "id,text,timestamp,username,from{id,username},media{id,media_product_type},parent_id"
_MOST = 50


@dataclass(frozen=True, slots=True)
class Found:
    """A comment and the envelope in which a webhook would have brought it."""

    event: Event
    at: int


def read_comments(
    client: GraphClient, account: Account, media: str, now: int
) -> tuple[Found, ...] | NotRead:
    """The newest page of comments, oldest of them first."""
    found = read(client, account, f"{media}/comments", {"fields": _FIELDS, "limit": str(_MOST)})
    if not isinstance(found, Mapping):
        return found
    data = found.get("data")
    if not isinstance(data, list):
        return Refused("nothing")
    comments = [_comment(account, media, one, now) for one in data if isinstance(one, Mapping)]
    return tuple(sorted((one for one in comments if one is not None), key=lambda one: one.at))


def _comment(account: Account, media: str, given: Mapping[str, Any], now: int) -> Found | None:
    at = time_of(text_of(given.get("timestamp")))
    if at is None:
        return None
    value = {name: given[name] for name in ("id", "text", "parent_id") if name in given}
    author = given.get("from")
    value["from"] = author if isinstance(author, Mapping) else {"username": given.get("username")}
    post = given.get("media")
    value["media"] = post if isinstance(post, Mapping) else {"id": media}
    change = {"field": "comments", "value": value}
    entry = {"id": account.ig_id, "time": at // 1000, "changes": [change]}
    (event,) = read_body(compose({"object": "instagram", "entry": [entry]}), now)
    return Found(event, at) if event.kind in ("comment", "live_comment", "own") else None
