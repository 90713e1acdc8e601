"""Webhook bodies: elements in their three entry forms, escaped and signed as Meta does it.

Why not `igrules.instagram`: the sandbox is the other side. A mistake shared by both sides would be
invisible, so nothing here is shared with the reader or the signature check.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from igrules.sandbox.things import as_json

FORMS = ("plain", "changes", "flat")
"""``plain``: ``messaging[]`` for messages, ``changes[]`` for the rest. ``changes``: everything as
``changes[]``. ``flat``: what is no message as a bare ``field`` and ``value`` on the entry."""

_FIELDS = {
    "message": "messages", "message_edit": "message_edit", "reaction": "message_reactions",
    "postback": "messaging_postbacks", "read": "messaging_seen", "referral": "messaging_referral",
    "pass_thread_control": "messaging_handover", "take_thread_control": "messaging_handover",
    "request_thread_control": "messaging_handover",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Element:
    """One update. ``field`` is empty for a messaging element, else the field of the change.

    ``entry`` overrides the id of the entry (the dashboard's test button sends ``"0"``).
    """

    account: str
    value: Mapping[str, Any]
    field: str = ""
    entry: str = ""
    standby: bool = False


def envelope(elements: Sequence[Element], now: int, form: str = "plain") -> bytes:
    """The body of one webhook. Neighbouring elements of one account share an entry."""
    entries: list[dict[str, Any]] = []
    for element in elements:
        where, item = _place(element, form)
        last = entries[-1] if entries else {}
        if where and last.get("id") == (element.entry or element.account) and where in last:
            last[where].append(item)
        else:
            entries.append(_entry(element, where, item, now))
    return escape({"object": "instagram", "entry": entries})


def escape(value: Any) -> bytes:
    """JSON in which every non-ASCII character is ``\\uXXXX`` and every slash ``\\/``."""
    return as_json(value).replace(b"/", b"\\/")


def signature(body: bytes, secret: bytes) -> str:
    """The value of ``X-Hub-Signature-256``."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def _place(element: Element, form: str) -> tuple[str, Mapping[str, Any]]:
    if element.standby:
        return "standby", element.value
    if not element.field and form != "changes":
        return "messaging", element.value
    change = {"field": element.field or _field_of(element.value), "value": element.value}
    return ("", change) if form == "flat" else ("changes", change)


def _entry(element: Element, where: str, item: Mapping[str, Any], now: int) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": element.entry or element.account,
        "time": now if where in ("messaging", "standby") else now // 1000,
    }
    if where:
        entry[where] = [item]
    else:
        entry.update(item)
    return entry


def _field_of(value: Mapping[str, Any]) -> str:
    return next((field for key, field in _FIELDS.items() if key in value), "messages")
