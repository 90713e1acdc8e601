"""What the phone page shows of the world, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igrules.sandbox.people import buttons_of
from igrules.sandbox.things import ACCOUNT, Account, Comment, Happening, Message, Person, Post
from igrules.sandbox.world import World

_SHOWN_MESSAGES = 100
_SHOWN_COMMENTS = 30
_SHOWN_HAPPENINGS = 14


def view_accounts(world: World) -> list[dict[str, Any]]:
    """The accounts one can write to."""
    with world.lock:
        return [
            {
                "id": account.ig_id,
                "username": account.username,
                "title": account.title or account.username,
                "hints": list(account.hints),
                "comment_hints": list(account.comment_hints),
            }
            for account in world.accounts.values()
        ]


def view_phone(world: World, account: Account, person: Person) -> dict[str, Any]:
    """One person's phone: the conversation with an account, its posts, and the wire."""
    with world.lock:
        thread = world.thread(account.ig_id, person.id)[-_SHOWN_MESSAGES:]
        wire = [one for one in world.happenings if one.account in ("", account.ig_id)]
        return {
            "version": world.version,
            "now": world.now(),
            "account": account.ig_id,
            "person": person.username,
            "follows": bool(person.profile.get("is_user_follow_business")),
            "typing": world.is_typing(account.ig_id, person.id),
            "thread": [_message(world, message) for message in thread],
            "posts": [_post(world, post, person) for post in world.posts_of(account.ig_id)],
            "wire": [_happening(one) for one in wire[-_SHOWN_HAPPENINGS:]],
        }


def _message(world: World, message: Message) -> dict[str, Any]:
    body = message.body
    comment = world.comments.get(message.comment)
    return {
        "mid": message.mid,
        "own": message.author == ACCOUNT,
        "at": message.at,
        "text": message.text or _template_text(body),
        "cards": _cards(body),
        "story": "story" in (body.get("reply_to") or {}),
        "options": [
            {"title": one.get("title", ""), "payload": one.get("payload", "")}
            for one in body.get("quick_replies") or ()
        ],
        "buttons": [] if _elements(body) else [_button(one) for one in buttons_of(message)],
        "comment": comment.text if comment else "",
        "reactions": list(message.reactions.values()),
        "loved": bool(message.reactions.get(message.person)),
        "seen": message.seen,
        "unsent": message.unsent,
    }


def _template_text(body: Mapping[str, Any]) -> str:
    return str(_payload(body).get("text", ""))


def _payload(body: Mapping[str, Any]) -> Mapping[str, Any]:
    attachment = body.get("attachment")
    payload = attachment.get("payload") if isinstance(attachment, Mapping) else None
    return payload if isinstance(payload, Mapping) else {}


def _elements(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(_payload(body).get("elements") or ())


def _cards(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Media and template elements, one card each."""
    elements = _elements(body)
    if elements:
        return [
            {
                "kind": "element",
                "title": str(element.get("title", "")),
                "subtitle": str(element.get("subtitle", "")),
                "url": str(element.get("image_url", "")),
                "link": str((element.get("default_action") or {}).get("url", "")),
                "buttons": [_button(one) for one in element.get("buttons") or ()],
            }
            for element in elements
        ]
    attachments = list(body.get("attachments") or ())
    single = body.get("attachment")
    if isinstance(single, Mapping) and single.get("type") != "template":
        attachments.append(single)
    return [_media(attachment) for attachment in attachments]


def _media(attachment: Mapping[str, Any]) -> dict[str, Any]:
    payload = attachment.get("payload") or {}
    return {
        "kind": str(attachment.get("type", "")).lower(),
        "title": str(payload.get("title", "")),
        "subtitle": "",
        "url": str(payload.get("url", "")),
        "link": "",
        "buttons": [],
    }


def _button(button: Mapping[str, Any]) -> dict[str, str]:
    return {
        "title": str(button.get("title", "")),
        "payload": str(button.get("payload", "")),
        "url": str(button.get("url", "")),
    }


def _post(world: World, post: Post, person: Person) -> dict[str, Any]:
    comments = world.comments_of(post.id)[-_SHOWN_COMMENTS:]
    return {
        "id": post.id,
        "caption": post.caption,
        "kind": post.kind,
        "live": post.live,
        "comments": [_comment(world, comment, person) for comment in comments],
    }


def _comment(world: World, comment: Comment, person: Person) -> dict[str, Any]:
    replies = world.comments_of(comment.post, comment.id)
    return {
        "id": comment.id,
        "username": comment.username,
        "own": comment.author == ACCOUNT,
        "mine": comment.author == person.id,
        "text": comment.text,
        "at": comment.at,
        "hidden": comment.hidden,
        "private": comment.answered,
        "replies": [_comment(world, reply, person) for reply in replies],
    }


def _happening(one: Happening) -> dict[str, Any]:
    return {
        "at": one.at,
        "way": one.way,
        "what": one.what,
        "status": one.status,
        "took": one.took_ms,
    }
