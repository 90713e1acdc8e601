"""Read one messaging element: message, tap, reaction, handover, ….

Source: Meta, Webhooks for Instagram Messaging.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from igrules.instagram.attachments import attachments_of, template_text
from igrules.instagram.scalars import (
    Malformed,
    flag,
    identifier,
    mapping_of,
    moment,
    optional_id,
    text_of,
)

Fields = dict[str, Any]
"""The fields of an `Event` that an element determines."""

KEYS = frozenset(
    {
        "sender", "recipient", "message", "message_edit", "reaction", "read", "delivery", "optin",
        "postback", "referral", "pass_thread_control", "take_thread_control",
        "request_thread_control", "app_roles",
    }
)  # fmt: skip
_HANDOVER = ("pass_thread_control", "take_thread_control", "request_thread_control", "app_roles")
_OUTGOING = frozenset({"echo", "self"})
_OF_THE_ACCOUNT = frozenset(
    {"message", "postback", "reaction", "referral", "seen", "message_edit", "message_deleted"}
)
"""Kinds that are the account's own act when the account is the sender."""
_NEEDS_A_PERSON = frozenset({"message", "postback", "reaction", "referral"})
_HEART = "\u2764\ufe0f"


def read_messaging(value: Mapping[str, Any], entry: str, standby: bool) -> Fields:
    """Give the event's fields. Raises `Malformed` when the element cannot be one."""
    sender = identifier(mapping_of(value.get("sender")).get("id"))
    recipient = identifier(mapping_of(value.get("recipient")).get("id"))
    kind = "standby" if standby else _kind(value)
    fields = _READ[kind](value, sender)
    fields["kind"] = kind
    outgoing = kind in _OUTGOING
    if kind in _OF_THE_ACCOUNT and sender and sender == entry:
        fields["kind"], fields["sub"], outgoing = "own", kind, True
    account, person = (sender, recipient) if outgoing else (recipient, sender)
    if fields["kind"] in _NEEDS_A_PERSON and not person:
        raise Malformed("nobody sent it")
    fields["account"], fields["person"] = account or entry, person
    fields["at"] = moment(value.get("timestamp"))
    if kind == "self" and recipient != sender:
        fields["own_igsid"] = recipient
    return fields


def is_sample(value: Mapping[str, Any]) -> bool:
    """Whether these are the names the dashboard's test button uses."""
    sender, recipient = value.get("sender"), value.get("recipient")
    if isinstance(sender, dict) and isinstance(recipient, dict):
        return str(sender.get("id")) == "12334" and str(recipient.get("id")) == "23245"
    message = value.get("message")
    return isinstance(message, dict) and message.get("mid") == "random_mid"


def _kind(value: Mapping[str, Any]) -> str:
    message = mapping_of(value.get("message"))
    if flag(value.get("is_self")) or flag(message.get("is_self")):
        return "self"
    if flag(message.get("is_echo")):
        return "echo"
    if flag(message.get("is_deleted")):
        return "message_deleted"
    if "message_edit" in value:
        return "message_edit"
    if "reaction" in value:
        return "reaction"
    if "read" in value or "delivery" in value:
        return "seen"
    if any(key in value for key in _HANDOVER):
        return "handover"
    for key in ("optin", "postback", "message", "referral"):
        if key in value:
            return key
    raise Malformed("none of the known keys")


def _message(value: Mapping[str, Any], sender: str) -> Fields:
    message = mapping_of(value.get("message"))
    mid = identifier(message.get("mid"))
    fields: Fields = {"ref": mid, "text": text_of(message.get("text"))}
    if mid:
        fields["key"] = f"mid {mid}"
    reply = message.get("reply_to")
    reply = reply if isinstance(reply, dict) else {}
    fields["reply_to"] = optional_id(reply.get("mid"))
    story = reply.get("story")
    tap = message.get("quick_reply")
    found = attachments_of(message)
    fields["attachments"] = found
    if flag(message.get("is_unsupported")):
        fields["sub"] = "unsupported"
    elif isinstance(tap, dict):
        fields["sub"], fields["payload"] = "quick_reply", text_of(tap.get("payload"))
        fields["title"] = fields["text"]
    elif isinstance(story, dict):
        fields["sub"], fields["story"] = "story_reply", optional_id(story.get("id"))
    elif any(item.raw == "story_mention" for item in found):
        fields["sub"] = "story_mention"
    else:
        fields["sub"] = "attachment" if found else "text"
    fields.update(_referral_of(message))
    return fields


def _sent(value: Mapping[str, Any], sender: str) -> Fields:
    """An echo, or what the account wrote or tapped with itself as the other side."""
    if "postback" in value:
        return _postback(value, sender)
    fields = _message(value, sender)
    if not fields["text"]:
        # Without its words our own template would look like a person writing by hand.
        fields["text"] = template_text(mapping_of(value.get("message")))
    return fields


def _deleted(value: Mapping[str, Any], sender: str) -> Fields:
    mid = identifier(mapping_of(value.get("message")).get("mid"))
    return {"ref": mid, "key": f"deleted {mid}" if mid else ""}


def _edit(value: Mapping[str, Any], sender: str) -> Fields:
    edit = mapping_of(value.get("message_edit"))
    mid, count = identifier(edit.get("mid")), text_of(edit.get("num_edit"))
    key = f"edit {mid} {count}" if mid and count else ""
    return {"ref": mid, "text": text_of(edit.get("text")), "key": key}


def _reaction(value: Mapping[str, Any], sender: str) -> Fields:
    reaction = mapping_of(value.get("reaction"))
    mid, action = identifier(reaction.get("mid")), text_of(reaction.get("action"))
    emoji = text_of(reaction.get("emoji"))
    if not emoji and reaction.get("reaction") == "love":
        emoji = _HEART
    return {
        "ref": mid,
        "emoji": emoji,
        "removed": action == "unreact",
        "key": f"reaction {mid} {sender} {action} {moment(value.get('timestamp'))}",
    }


def _seen(value: Mapping[str, Any], sender: str) -> Fields:
    read = mapping_of(value.get("read", value.get("delivery")))
    mid = optional_id(read.get("mid"))
    mark = mid or text_of(read.get("watermark"))
    return {"ref": mid, "key": f"seen {sender} {mark}" if mark else ""}


def _postback(value: Mapping[str, Any], sender: str) -> Fields:
    postback = mapping_of(value.get("postback"))
    mid, title = identifier(postback.get("mid")), text_of(postback.get("title"))
    payload = text_of(postback.get("payload"))
    key = f"postback {sender} {moment(value.get('timestamp'))} {payload}"
    fields: Fields = {"ref": mid, "text": title, "title": title, "payload": payload}
    return {**fields, "key": f"mid {mid}" if mid else key, **_referral_of(postback)}


def _referral(value: Mapping[str, Any], sender: str) -> Fields:
    fields = _referral_of({"referral": mapping_of(value.get("referral"))})
    ref = fields["referral"]
    return {**fields, "key": f"referral {sender} {moment(value.get('timestamp'))} {ref}"}


def _referral_of(holder: Mapping[str, Any]) -> Fields:
    referral = holder.get("referral")
    if not isinstance(referral, dict):
        return {}
    source = "ad" if referral.get("source") == "ADS" or referral.get("ad_id") else "link"
    return {"referral": text_of(referral.get("ref")), "referral_source": source}


def _nothing(value: Mapping[str, Any], sender: str) -> Fields:
    """Kinds of which nothing but their being there is ever used."""
    return {}


_READ: Mapping[str, Callable[[Mapping[str, Any], str], Fields]] = {
    "standby": _nothing,
    "self": _sent,
    "echo": _sent,
    "message_deleted": _deleted,
    "message_edit": _edit,
    "reaction": _reaction,
    "seen": _seen,
    "handover": _nothing,
    "optin": _nothing,
    "postback": _postback,
    "message": _message,
    "referral": _referral,
}
