"""Recognise a send in its echo, when the echo comes before the answer or instead of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from igrules.ledger.deployment import Deployment
from igrules.model import Event

_MEDIA = {
    "image": "image", "images": "image", "video": "video", "audio": "audio", "file": "file",
    "post": "post", "reel": "post",
}  # fmt: skip

_BESIDE = ("urls", "id", "cards", "quick_replies", "buttons")
"""What tells two messages apart whose echoes look alike."""

Look = tuple[str, str]
"""``text`` or ``media``, and which."""


def of_effect(deployment: Deployment, payload: Mapping[str, Any]) -> bytes | None:
    """16 bytes for what a person will see of this payload; ``None`` when nothing can be
    compared."""
    return _hashed(deployment, look_of_effect(payload))


def of_event(deployment: Deployment, event: Event) -> bytes | None:
    """The same for an echo or a comment of our own."""
    kind = event.attachments[0].kind if event.attachments else ""
    return _hashed(deployment, look_of(event.text, kind))


def look_of_effect(payload: Mapping[str, Any]) -> Look | None:
    """What a person will see of this payload; ``None`` when nothing can be compared."""
    text, cards = payload.get("text"), payload.get("cards")
    if isinstance(text, str) and text.strip():
        return look_of(text)
    if isinstance(cards, Sequence) and cards:
        return look_of("\n".join(str(card.get("title")) for card in cards))
    return look_of("", str(payload.get("type")))


def looks_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a person would take both for the same: the words, and what they come with."""
    look = look_of_effect(one)
    if look is None or look != look_of_effect(other):
        return False
    return all(one.get(name) == other.get(name) for name in _BESIDE)


def look_of(text: str, media: str = "") -> Look | None:
    """What a person sees of a message: its words or, when it has none, what is attached."""
    if text.strip():
        return "text", " ".join(unicodedata.normalize("NFC", text).split())
    kind = _MEDIA.get(media)
    return ("media", kind) if kind else None


def _hashed(deployment: Deployment, look: Look | None) -> bytes | None:
    if look is None:
        return None
    what, value = look
    return deployment.hashed(b"fingerprint", what.encode(), value.encode("utf-8", "surrogatepass"))
