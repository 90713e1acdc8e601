"""Which call of the Graph API performs an effect, in both flavours.

Sources: Meta, Send Messages, Generic Template, Send a Private Reply to a Commenter, IG Comment
Replies, Comment Moderation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from igrules.instagram.client import GraphClient
from igrules.instagram.codes import Expects
from igrules.instagram.limits import CALL_MS, MEDIA_CALL_MS
from igrules.model import HUMAN_AGENT, STEP_API, Account, Answer, Effect, Receipt, Refused

_ID = re.compile(r"[A-Za-z0-9_-]{1,512}", re.ASCII)
_HEARTS = ("", "❤", "❤️")
_IDEMPOTENT = frozenset({"react", "typing", "mark_seen", "hide_comment", "delete_comment"})


@dataclass(frozen=True, slots=True)
class GraphCall:
    """One call: the path behind the version, its JSON and query, and what tells success."""

    path: str
    body: Mapping[str, Any] | None = None
    expects: Expects = "id"
    method: str = "POST"
    query: Mapping[str, str] | None = None


class Impossible(Exception):
    """An effect that no call can perform; the message says why. Never leaves this folder."""


def deliver(client: GraphClient, effect: Effect, account: Account) -> Receipt:
    """Perform one effect by one call. Never raises for what the platform or the network does."""
    try:
        call = graph_call(effect, account)
    except Impossible as error:
        return Refused("invalid", Answer("INVALID", message=str(error)))
    return client.call(
        account,
        call.method,
        call.path,
        call.body,
        call.query,
        expects=call.expects,
        deadline_ms=deadline_of(effect),
        start_by=effect.start_by,
    )


def deadline_of(effect: Effect) -> int:
    """Milliseconds a call may take: more for media by URL, since Meta fetches it first."""
    by_url = effect.kind == "media" and bool(effect.payload.get("urls"))
    return MEDIA_CALL_MS if by_url else CALL_MS


def is_idempotent(effect: Effect) -> bool:
    """Whether doing it twice changes nothing."""
    return effect.kind in _IDEMPOTENT


def graph_call(effect: Effect, account: Account) -> GraphCall:
    """Give the call for an effect. Raises `Impossible` for one that cannot be made."""
    build = _CALLS.get(effect.kind)
    if build is None:
        raise Impossible(f"Instagram has no act '{effect.kind}'")
    return build(effect, account)


def node_of(account: Account) -> str:
    """Whose messages: the Page with Facebook Login, else the account itself. Raises `Impossible`
    for an account whose id is none."""
    id = account.page_id if account.api == "facebook_login" else account.ig_id
    return _checked(id, "account") if id else "me"


def _checked(id: Any, of: str) -> str:
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise Impossible(f"this {of} has no id that a call could name")
    return id


def _send(
    account: Account,
    recipient: Mapping[str, str],
    message: Mapping[str, Any],
    by_human: bool = False,
) -> GraphCall:
    body: dict[str, Any] = {"recipient": recipient, "message": message}
    if by_human:
        body |= {"messaging_type": "MESSAGE_TAG", "tag": HUMAN_AGENT}
    elif account.api == "facebook_login":
        body["messaging_type"] = "RESPONSE"
    return GraphCall(f"{node_of(account)}/messages", body)


def _by_human(effect: Effect) -> bool:
    """Whether a person answers. Never true for automation, whatever its payload says."""
    asked = effect.payload.get("tag") == HUMAN_AGENT
    return asked and effect.step == STEP_API and not effect.rule


def _person(effect: Effect) -> Mapping[str, str]:
    return {"id": _checked(effect.target, "contact")}


def _text(effect: Effect, account: Account) -> GraphCall:
    text = effect.payload["text"]
    buttons = effect.payload.get("buttons")
    if buttons:
        template = {
            "template_type": "button",
            "text": text,
            "buttons": [_button(button) for button in buttons],
        }
        attachment = {"attachment": {"type": "template", "payload": template}}
        return _send(account, _person(effect), attachment, _by_human(effect))
    message: dict[str, Any] = {"text": text}
    replies = effect.payload.get("quick_replies")
    if replies:
        message["quick_replies"] = [_quick_reply(reply) for reply in replies]
    return _send(account, _person(effect), message, _by_human(effect))


def _button(button: Mapping[str, str]) -> Mapping[str, str]:
    if button.get("url"):
        return {"type": "web_url", "url": button["url"], "title": button["title"]}
    payload = button.get("payload") or button["title"]
    return {"type": "postback", "title": button["title"], "payload": payload}


def _quick_reply(reply: Mapping[str, str]) -> Mapping[str, str]:
    payload = reply.get("payload") or reply["title"]
    return {"content_type": "text", "title": reply["title"], "payload": payload}


def _cards(effect: Effect, account: Account) -> GraphCall:
    elements = [_card(card) for card in effect.payload["cards"]]
    template = {"template_type": "generic", "elements": elements}
    attachment = {"attachment": {"type": "template", "payload": template}}
    return _send(account, _person(effect), attachment, _by_human(effect))


def _card(card: Mapping[str, Any]) -> Mapping[str, Any]:
    element: dict[str, Any] = {"title": card["title"]}
    if card.get("subtitle"):
        element["subtitle"] = card["subtitle"]
    if card.get("image"):
        element["image_url"] = card["image"]
    if card.get("url"):
        # A tap on the card itself; unlike a button it has no title.
        element["default_action"] = {"type": "web_url", "url": card["url"]}
    if card.get("buttons"):
        element["buttons"] = [_button(button) for button in card["buttons"]]
    return element


def _media(effect: Effect, account: Account) -> GraphCall:
    return _send(account, _person(effect), _attached(effect.payload), _by_human(effect))


def _attached(media: Mapping[str, Any]) -> Mapping[str, Any]:
    kind, id = media["type"], media.get("id")
    if kind == "post":
        return {"attachment": {"type": "MEDIA_SHARE", "payload": {"id": id}}}
    type_ = "image" if kind == "images" else kind
    if id:
        return {"attachment": {"type": type_, "payload": {"attachment_id": id}}}
    files = [{"type": type_, "payload": {"url": url}} for url in media.get("urls", ())]
    if not files:
        raise Impossible("media without a url or an id")
    return {"attachment": files[0]} if len(files) == 1 else {"attachments": files}


def _reply(effect: Effect, account: Account) -> GraphCall:
    text = effect.payload["text"]
    if "media" not in effect.payload:
        return GraphCall(f"{_checked(effect.target, 'comment')}/replies", {"message": text})
    body = {"media_id": effect.payload["media"], "message": text}
    if effect.payload.get("comment"):
        body["comment_id"] = effect.payload["comment"]
    return GraphCall(f"{_checked(account.ig_id, 'account')}/mentions", body)


def _private_reply(effect: Effect, account: Account) -> GraphCall:
    # Plain text only: a refused template would use up the comment's one private reply.
    recipient = {"comment_id": _checked(effect.target, "comment")}
    return _send(account, recipient, {"text": effect.payload["text"]})


def _hide(effect: Effect, account: Account) -> GraphCall:
    # In the query: the platform does not read it from a JSON body.
    hide = "true" if effect.payload.get("hide", True) else "false"
    return GraphCall(_checked(effect.target, "comment"), query={"hide": hide})


def _delete(effect: Effect, account: Account) -> GraphCall:
    return GraphCall(_checked(effect.target, "comment"), method="DELETE")


def _act(effect: Effect, account: Account, act: str, **more: Any) -> GraphCall:
    body = {"recipient": _person(effect), "sender_action": act, **more}
    return GraphCall(f"{node_of(account)}/messages", body, "act")


def _react(effect: Effect, account: Account) -> GraphCall:
    emoji = effect.payload.get("emoji", "")
    reaction = "love" if emoji in _HEARTS else emoji
    payload = {"message_id": effect.payload["message"], "reaction": reaction}
    return _act(effect, account, "react", payload=payload)


def _typing(effect: Effect, account: Account) -> GraphCall:
    return _act(effect, account, "typing_on")


def _mark_seen(effect: Effect, account: Account) -> GraphCall:
    return _act(effect, account, "mark_seen")


_CALLS: Mapping[str, Callable[[Effect, Account], GraphCall]] = {
    "text": _text,
    "media": _media,
    "cards": _cards,
    "reply": _reply,
    "private_reply": _private_reply,
    "react": _react,
    "typing": _typing,
    "mark_seen": _mark_seen,
    "hide_comment": _hide,
    "delete_comment": _delete,
}
