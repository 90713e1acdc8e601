"""Whether an event is the account's own act, which no rule may answer."""

from __future__ import annotations

from collections.abc import Collection

from igrules.instagram.parsing import parse
from igrules.instagram.scalars import optional_id
from igrules.model import Event

_COMMENTS = frozenset({"comment", "live_comment"})
_PUBLIC = _COMMENTS | {"mention_comment", "mention_caption"}


def is_own(event: Event, ids: Collection[str], username: str = "") -> bool:
    """Whether the account itself caused this event.

    ``ids`` are all ids known for the account: IG_ID, app-scoped id, its own scoped id. The user
    name decides for comments and mentions only. That a comment carries ``self_ig_scoped_id`` proves
    nothing, only that it equals a known id.
    """
    if event.kind == "own" or (event.person and event.person in ids):
        return True
    if event.kind not in _PUBLIC:
        return False
    if username and event.username.casefold() == username.removeprefix("@").casefold():
        return True
    if event.kind not in _COMMENTS:
        return False
    return b'"self_ig_scoped_id"' in event.raw and _self_id(event) in ids


def _self_id(event: Event) -> str:
    entry = parse(event.raw)["entry"][0]
    change = entry["changes"][0] if "changes" in entry else entry
    author = change["value"].get("from")
    return optional_id(author.get("self_ig_scoped_id")) if isinstance(author, dict) else ""
