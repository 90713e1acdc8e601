"""``POST /{node}/messages``: messages, private replies, reactions, typing and seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igrules.sandbox.calls import Asked, Done, Plan, act_of, not_there
from igrules.sandbox.people import echo_element
from igrules.sandbox.refusals import Refusal
from igrules.sandbox.shapes import check_message, check_upload
from igrules.sandbox.things import ACCOUNT, Comment, Message, Person
from igrules.sandbox.world import DAY, World

_SENDER_ACTIONS = ("typing_on", "typing_off", "mark_seen", "react", "unreact")


def plan_send(asked: Asked) -> Plan:
    """Understand a call of the messages edge."""
    recipient = asked.params.get("recipient")
    if not isinstance(recipient, Mapping):
        raise Refusal(100, 0, "(#100) The parameter recipient is required")
    message, action = asked.params.get("message"), asked.params.get("sender_action")
    if message is not None and action is not None:
        raise Refusal(100, 2018014)
    if action is not None:
        return _plan_action(asked, _id(recipient.get("id")), action)
    if message is None:
        raise Refusal(100, 0, "(#100) The parameter message is required")
    text = _text_hint(message)
    if "comment_id" in recipient:
        comment = _id(recipient["comment_id"])
        return Plan(
            "private_reply", lambda world: _reply_privately(world, asked, comment), comment, text
        )
    person = _id(recipient.get("id"))
    kind = "text" if isinstance(message, Mapping) and "text" in message else "media"
    return Plan(kind, lambda world: _send(world, asked, person), person, text)


def plan_upload(asked: Asked) -> Plan:
    """``POST /{node}/message_attachments``: have a file fetched now, to be sent by its id."""

    def perform(world: World) -> Done:
        kind, url = check_upload(asked.params.get("message"))
        number = world.new_number("185")
        world.uploads[number] = (asked.account.ig_id, kind)
        act = act_of(world, asked, ("upload", asked.account.ig_id, url), id=number)
        return Done({"attachment_id": number}, act)

    return Plan("upload", perform)


def _plan_action(asked: Asked, person: str, action: Any) -> Plan:
    if action not in _SENDER_ACTIONS:
        raise Refusal(100, 0, "(#100) Param sender_action is not a known action")
    if action in ("react", "unreact"):
        return Plan(action, lambda world: _react(world, asked, person, action), person)
    kind = "mark_seen" if action == "mark_seen" else "typing"
    return Plan(kind, lambda world: _act(world, asked, person, action), person)


def _send(world: World, asked: Asked, person_id: str) -> Done:
    message = asked.params["message"]
    kind, text = check_message(world, asked.account.ig_id, message)
    person = _reachable(world, asked, person_id)
    _check_window(world, asked, person)
    _check_reply_to(world, asked, person)
    return _deliver(world, asked, person, (kind, person.id, text))


def _reply_privately(world: World, asked: Asked, comment_id: str) -> Done:
    _, text = check_message(world, asked.account.ig_id, asked.params["message"])
    comment = _answerable(world, asked, comment_id)
    person = _reachable(world, asked, comment.author)
    world.change_comment(comment, answered=True)
    return _deliver(world, asked, person, ("private_reply", comment.id, text), comment.id)


def _deliver(
    world: World, asked: Asked, person: Person, plan: tuple[str, str, str], comment: str = ""
) -> Done:
    """Put the message into the conversation; ``plan`` is kind, target and text of the act."""
    body = dict(asked.params["message"])
    mid, now = world.new_mid(), world.now()
    account = asked.account
    message = Message(mid, account.ig_id, person.id, ACCOUNT, now, body, comment)
    world.add_message(message)
    act = act_of(world, asked, plan, id=mid, person=person.id, message=body)
    echo = {"mid": mid, **_as_received(body), "is_echo": True}
    answer = {"recipient_id": person.id, "message_id": mid}
    return Done(answer, act, (echo_element(account, person.id, now, echo),))


def _as_received(body: Mapping[str, Any]) -> dict[str, Any]:
    """A sent message as a webhook shows it: attachments are always a list, options are left out."""
    shown: dict[str, Any] = {"text": body["text"]} if "text" in body else {}
    attachments = body.get("attachments") or [body[key] for key in ("attachment",) if key in body]
    if attachments:
        shown["attachments"] = [_attachment(one) for one in attachments]
    if "metadata" in body:
        shown["metadata"] = body["metadata"]
    return shown


def _attachment(sent: Mapping[str, Any]) -> dict[str, Any]:
    payload = sent.get("payload")
    if sent.get("type") == "template" and isinstance(payload, Mapping):
        kind = str(payload.get("template_type"))
        inner = {name: value for name, value in payload.items() if name != "template_type"}
        return {"type": "template", "payload": {kind: inner}}
    return dict(sent)


def _react(world: World, asked: Asked, person_id: str, action: str) -> Done:
    person = _reachable(world, asked, person_id)
    _check_window(world, asked, person)
    payload = asked.params.get("payload")
    if not isinstance(payload, Mapping) or not isinstance(payload.get("message_id"), str):
        raise Refusal(100, 0, "(#100) Param payload[message_id] is required")
    message = world.messages.get(payload["message_id"])
    if message is None or (message.account, message.person) != (asked.account.ig_id, person.id):
        raise Refusal(100, 0, "(#100) Param payload[message_id] is not a message of this thread")
    if message.unsent:
        raise Refusal(9000001)
    emoji = str(payload.get("reaction") or "")
    if action == "react" and not emoji:
        raise Refusal(100, 0, "(#100) Param payload[reaction] is required")
    reactions = {who: what for who, what in message.reactions.items() if who != ACCOUNT}
    if action == "react":
        reactions[ACCOUNT] = "❤️" if emoji == "love" else emoji
    world.change_message(message, reactions=reactions)
    act = act_of(world, asked, (action, person.id, emoji), message=message.mid)
    return Done({"recipient_id": person.id}, act)


def _act(world: World, asked: Asked, person_id: str, action: str) -> Done:
    person = _reachable(world, asked, person_id)
    _check_window(world, asked, person)
    kind = "mark_seen" if action == "mark_seen" else "typing"
    if kind == "typing":
        world.set_typing(asked.account.ig_id, person.id, action == "typing_on")
    else:
        for message in world.thread(asked.account.ig_id, person.id):
            if message.author != ACCOUNT and not message.seen:
                world.change_message(message, seen=True)
    act = act_of(world, asked, (kind, person.id, ""), action=action)
    return Done({"recipient_id": person.id}, act)


def _reachable(world: World, asked: Asked, person_id: str) -> Person:
    person = world.person_by_id(asked.account.ig_id, person_id)
    if person is None:
        raise Refusal(100, 2534014)
    if not person.available:
        raise Refusal(551, 1545041)
    return person


def _check_window(world: World, asked: Asked, person: Person) -> None:
    """24 hours after the person's last act; 7 days with the tag for people at work."""
    tag = asked.params.get("tag")
    if tag not in (None, "HUMAN_AGENT"):
        raise Refusal(100, 0, "(#100) Param tag is not a supported message tag")
    allowed = 7 * DAY if tag else DAY
    if person.last_in_at is None or world.now() - person.last_in_at > allowed:
        raise Refusal(10, 2534022)


def _check_reply_to(world: World, asked: Asked, person: Person) -> None:
    reply_to = asked.params.get("reply_to")
    if reply_to is None:
        return
    mid = reply_to.get("mid") if isinstance(reply_to, Mapping) else None
    message = world.messages.get(str(mid))
    if message is None or message.person != person.id:
        raise Refusal(100, 0, "(#100) Param reply_to[mid] is not a message of this thread")


def _answerable(world: World, asked: Asked, comment_id: str) -> Comment:
    """The comment, if it may have its private reply now."""
    comment = world.comments.get(comment_id)
    if comment is None or comment.account != asked.account.ig_id:
        raise Refusal(100, 2534025)
    post = world.posts[comment.post]
    late = world.now() - comment.at > 7 * DAY
    over = post.kind == "LIVE" and not post.live
    if comment.author == ACCOUNT or comment.deleted or comment.answered or late or over:
        raise Refusal(100, 2534025)
    return comment


def _text_hint(message: Any) -> str:
    """The text a script may look at before the message was checked."""
    text = message.get("text", "") if isinstance(message, Mapping) else ""
    return text if isinstance(text, str) else ""


def _id(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise not_there()
    return value
