"""Which messages the platform takes: shapes, counts and lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from igrules.sandbox.refusals import Refusal
from igrules.sandbox.world import World

MAX_TEXT_BYTES = 1_000
MAX_QUICK_REPLIES = 13
MAX_TITLE = 20
MAX_PAYLOAD = 1_000
MAX_BUTTON_TEXT = 640
MAX_BUTTONS = 3
MAX_ELEMENTS = 10
MAX_ELEMENT_TEXT = 80
MAX_IMAGES = 10
_MEDIA = ("image", "video", "audio", "file")


def check_message(world: World, account: str, message: Any) -> tuple[str, str]:
    """Check a ``message`` object; gives the kind of the act and its text. Raises `Refusal`."""
    if not isinstance(message, Mapping) or not message:
        raise Refusal(100, 0, "(#100) Param message must be a non-empty object")
    given = [name for name in ("text", "attachment", "attachments") if name in message]
    if len(given) != 1:
        raise Refusal(100, 2534015)
    if given == ["text"]:
        _check_text(message)
        return "text", str(message["text"])
    if "quick_replies" in message:
        _check_quick_replies(message["quick_replies"])
    if given == ["attachment"]:
        return _check_attachment(world, account, message["attachment"])
    return _check_images(world, account, message["attachments"])


def check_upload(message: Any) -> tuple[str, str]:
    """Check what is to be uploaded; gives its type and address. Raises `Refusal`."""
    attachment = message.get("attachment") if isinstance(message, Mapping) else None
    if not isinstance(attachment, Mapping) or attachment.get("type") not in _MEDIA:
        raise Refusal(100, 2534015)
    return attachment["type"], _check_url(attachment.get("payload"))


def _check_text(message: Mapping[str, Any]) -> None:
    text = message["text"]
    if not isinstance(text, str) or not text.strip():
        raise Refusal(100, 0, "(#100) Param message[text] must be a non-empty UTF-8 encoded string")
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise Refusal(
            100, 0, "(#100) Length of param message[text] must be less than or equal to 1000"
        )
    if "quick_replies" in message:
        _check_quick_replies(message["quick_replies"])


def _check_quick_replies(replies: Any) -> None:
    _check_count(replies, "message[quick_replies]", MAX_QUICK_REPLIES)
    for reply in replies:
        if not isinstance(reply, Mapping) or reply.get("content_type") != "text":
            raise Refusal(100, 0, "(#100) quick_replies[content_type] must be text")
        _check_words(reply.get("title"), "quick_replies[title]", MAX_TITLE)
        _check_words(reply.get("payload"), "quick_replies[payload]", MAX_PAYLOAD)


def _check_attachment(world: World, account: str, attachment: Any) -> tuple[str, str]:
    if not isinstance(attachment, Mapping):
        raise Refusal(100, 2534015)
    kind, payload = attachment.get("type"), attachment.get("payload")
    if kind == "like_heart":
        return "media", ""
    if not isinstance(payload, Mapping):
        raise Refusal(100, 2534015)
    if kind == "template":
        return _check_template(payload)
    if kind == "MEDIA_SHARE":
        post = world.posts.get(str(payload.get("id", "")))
        if post is None or post.account != account:
            raise Refusal(24, 2207006, "The requested resource does not exist")
        return "media", post.id
    if kind not in _MEDIA:
        raise Refusal(100, 2534015)
    return "media", _check_file(world, account, kind, payload)


def _check_images(world: World, account: str, attachments: Any) -> tuple[str, str]:
    _check_count(attachments, "message[attachments]", MAX_IMAGES)
    for one in attachments:
        fits = isinstance(one, Mapping) and isinstance(one.get("payload"), Mapping)
        if not fits or one.get("type") != "image":
            raise Refusal(100, 2534015)
    payloads = [one["payload"] for one in attachments]
    return "media", " ".join(_check_file(world, account, "image", one) for one in payloads)


def _check_file(world: World, account: str, kind: str, payload: Mapping[str, Any]) -> str:
    """A file by its address, or by the id of an upload of this account."""
    id = payload.get("attachment_id")
    if id is None:
        return _check_url(payload)
    if world.uploads.get(str(id)) != (account, kind):
        raise Refusal(100, 2018074, "(#100) The attachment id is invalid")
    return str(id)


def _check_url(payload: Any) -> str:
    url = payload.get("url") if isinstance(payload, Mapping) else None
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise Refusal(100, 2018008, "(#100) Failed to fetch the file from the url")
    return url


def _check_template(payload: Mapping[str, Any]) -> tuple[str, str]:
    kind = payload.get("template_type")
    if kind == "button":
        _check_words(payload.get("text"), "payload[text]", MAX_BUTTON_TEXT)
        _check_buttons(payload.get("buttons"), 1)
        return "template", str(payload["text"])
    if kind == "generic":
        elements = payload.get("elements")
        _check_count(elements, "payload[elements]", MAX_ELEMENTS)
        return "cards", "\n".join(_check_element(element) for element in elements or ())
    raise Refusal(100, 2534015)


def _check_element(element: Any) -> str:
    if not isinstance(element, Mapping):
        raise Refusal(100, 2534015)
    _check_words(element.get("title"), "elements[title]", MAX_ELEMENT_TEXT)
    if len(element) < 2:
        raise Refusal(100, 0, "(#100) elements[] needs another property besides title")
    if "subtitle" in element:
        _check_words(element["subtitle"], "elements[subtitle]", MAX_ELEMENT_TEXT)
    if "image_url" in element:
        _check_url({"url": element["image_url"]})
    if "default_action" in element:
        _check_action(element["default_action"])
    if "buttons" in element:
        _check_buttons(element["buttons"], 1)
    return str(element["title"])


def _check_action(action: Any) -> None:
    """What a tap on the card itself opens: a url button without a title."""
    if not isinstance(action, Mapping) or action.get("type") != "web_url" or "title" in action:
        raise Refusal(100, 0, "(#100) elements[default_action] must be a web_url without a title")
    _check_url(action)


def _check_buttons(buttons: Any, least: int) -> None:
    _check_count(buttons, "buttons", MAX_BUTTONS, least)
    for button in buttons:
        if not isinstance(button, Mapping):
            raise Refusal(100, 2534015)
        _check_words(button.get("title"), "buttons[title]", MAX_TITLE)
        if button.get("type") == "web_url":
            _check_url(button)
        elif button.get("type") == "postback":
            _check_words(button.get("payload"), "buttons[payload]", MAX_PAYLOAD)
        else:
            raise Refusal(100, 0, "(#100) buttons[type] must be web_url or postback")


def _check_count(items: Any, name: str, most: int, least: int = 1) -> None:
    if not isinstance(items, Sequence) or isinstance(items, str):
        raise Refusal(100, 0, f"(#100) Param {name} must be an array")
    if not least <= len(items) <= most:
        raise Refusal(100, 0, f"(#100) Param {name} must have {least} to {most} items")


def _check_words(text: Any, name: str, most: int) -> None:
    if not isinstance(text, str) or not text:
        raise Refusal(100, 0, f"(#100) Param {name} must be a non-empty string")
    if len(text) > most:
        raise Refusal(100, 0, f"(#100) Param {name} must have at most {most} characters")
