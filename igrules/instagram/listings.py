"""List what is there: the conversation with a person, its newest messages, replies to a comment.

Sources: Meta, Conversations API, IG Comment Replies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from igrules.instagram.attachments import KINDS, template_text
from igrules.instagram.client import GraphClient
from igrules.instagram.reads import READ_MS, NotRead, time_of
from igrules.instagram.scalars import optional_id, text_of
from igrules.instagram.sends import Impossible, node_of
from igrules.listings import Listed, Listing
from igrules.model import Account, Refused, Sent

NEWEST = 20
"""Messages of a conversation that Instagram still shows."""

_ID = re.compile(r"[A-Za-z0-9_=-]{1,512}", re.ASCII)
_FIELDS = "id,created_time,from,to,message"
_PAGES = 10
_PAGE = 50


def find_conversation(client: GraphClient, account: Account, person: str) -> str | NotRead:
    """The id of the conversation with a person; empty when none is listed."""
    if not _ID.fullmatch(person):
        return Refused("invalid")
    try:
        node = node_of(account)
    except Impossible:
        return Refused("invalid")
    query = {"platform": "instagram", "user_id": person, "fields": "id"}
    content = _get(client, account, f"{node}/conversations", query)
    if not isinstance(content, Mapping):
        return content
    return next((id for one in _rows(content) if (id := optional_id(one.get("id")))), "")


def read_messages(
    client: GraphClient, account: Account, conversation: str, person: str
) -> Listing | NotRead:
    """The newest messages of a conversation, newest first.

    What is attached is asked for although the documentation shows no field for it; where that is
    refused, the words alone are.
    """
    if not _ID.fullmatch(conversation):
        return Refused("invalid")
    found: Mapping[str, Any] | NotRead = Refused("invalid")
    for fields in (f"{_FIELDS},attachments,shares", _FIELDS):
        wanted = {"fields": f"messages.limit({NEWEST}){{{fields}}}"}
        found = _get(client, account, conversation, wanted)
        if not (isinstance(found, Refused) and found.answer.cls == "INVALID"):
            break
    if not isinstance(found, Mapping):
        return found
    messages = found.get("messages")
    messages = messages if isinstance(messages, Mapping) else {}
    items = [_message(one, person) for one in _rows(messages)]
    # Without the sign of a next page only a short list is known to be all there is.
    whole = len(items) < NEWEST and not _next(messages)
    items.sort(key=lambda one: one.at, reverse=True)
    return Listing(tuple(items), whole)


def read_replies(client: GraphClient, account: Account, comment: str) -> Listing | NotRead:
    """The replies below a comment, all pages of them. An answer to a reply stands below the first
    comment, so that is where it is looked for."""
    if not _ID.fullmatch(comment):
        return Refused("invalid")
    about = _get(client, account, comment, {"fields": "id,parent_id"})
    if not isinstance(about, Mapping):
        return about
    top = optional_id(about.get("parent_id")) or comment
    found: list[Listed] = []
    after = ""
    for _ in range(_PAGES):
        query = {"fields": "id,text,timestamp,username,from", "limit": str(_PAGE)}
        page = _get(client, account, f"{top}/replies", {**query, **_cursor(after)})
        if not isinstance(page, Mapping):
            return page
        found += [_comment(one, account) for one in _rows(page)]
        after = _next(page)
        if not after:
            break
    return Listing(tuple(found), not after)


def _cursor(after: str) -> Mapping[str, str]:
    return {"after": after} if after else {}


def _next(page: Mapping[str, Any]) -> str:
    """The cursor of the next page, empty on the last."""
    paging = page.get("paging")
    if not isinstance(paging, Mapping) or not paging.get("next"):
        return ""
    cursors = paging.get("cursors")
    return text_of(cursors.get("after")) if isinstance(cursors, Mapping) else ""


def _rows(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = page.get("data")
    return [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []


def _message(one: Mapping[str, Any], person: str) -> Listed:
    author = one.get("from")
    writer = optional_id(author.get("id")) if isinstance(author, Mapping) else ""
    attached = one.get("attachments")
    attachments = _rows(attached) if isinstance(attached, Mapping) else []
    text = text_of(one.get("message")) or _template(attachments)
    media = [_kind(item) for item in attachments]
    if isinstance(one.get("shares"), Mapping):
        media.append("post")
    at = time_of(text_of(one.get("created_time"))) or 0
    return Listed(optional_id(one.get("id")), writer != person, text, tuple(media), at)


def _template(attachments: list[Mapping[str, Any]]) -> str:
    """The words of a template, which a listing holds below its kind."""
    listed = [
        {"type": "template", "payload": one["generic_template"]}
        if "generic_template" in one
        else one
        for one in attachments
    ]
    return template_text({"attachments": listed})


def _kind(item: Mapping[str, Any]) -> str:
    """What is attached, by the keys of the Conversations API or the word of a webhook."""
    for kind in ("image", "video"):
        if f"{kind}_data" in item:
            return kind
    sort = text_of(item.get("mime_type")).partition("/")[0]
    if sort in ("audio", "video", "image"):
        return sort
    return "file" if item.get("file_url") else KINDS.get(text_of(item.get("type")), "other")


def _comment(one: Mapping[str, Any], account: Account) -> Listed:
    author = one.get("from")
    writer = optional_id(author.get("id")) if isinstance(author, Mapping) else ""
    name = text_of(one.get("username"))
    ids = {account.ig_id, account.page_id} - {""}
    # Of whom nothing is told may be us.
    own = writer in ids or (bool(name) and name == account.username) or not (writer or name)
    at = time_of(text_of(one.get("timestamp"))) or 0
    return Listed(optional_id(one.get("id")), own, text_of(one.get("text")), (), at)


def _get(
    client: GraphClient, account: Account, path: str, query: Mapping[str, str]
) -> Mapping[str, Any] | NotRead:
    receipt = client.call(account, "GET", path, query=query, expects="read", deadline_ms=READ_MS)
    if not isinstance(receipt, Sent):
        return receipt
    return receipt.result if isinstance(receipt.result, Mapping) else Refused("nothing")
