"""Recognise a send in its echo, when the echo comes before the answer or instead of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from igrules.ledger.deployment import Deployment
from igrules.model import Event

_MEDIA = {"image": "image", "images": "image", "video": "video", "audio": "audio", "file": "file"}


def of_effect(deployment: Deployment, payload: Mapping[str, Any]) -> bytes | None:
    """16 bytes for what a person will see of this payload; ``None`` when nothing can be
    compared."""
    text = payload.get("text")
    if isinstance(text, str) and text.strip():
        return _hashed(deployment, "text", text)
    cards = payload.get("cards")
    if isinstance(cards, Sequence) and cards:
        return _hashed(deployment, "text", "\n".join(str(card.get("title")) for card in cards))
    kind = _MEDIA.get(str(payload.get("type")))
    return _hashed(deployment, "media", kind) if kind else None


def of_event(deployment: Deployment, event: Event) -> bytes | None:
    """The same for an echo or a comment of our own."""
    if event.text.strip():
        return _hashed(deployment, "text", event.text)
    kind = _MEDIA.get(event.attachments[0].kind) if event.attachments else None
    return _hashed(deployment, "media", kind) if kind else None


def _hashed(deployment: Deployment, what: str, value: str) -> bytes:
    plain = " ".join(unicodedata.normalize("NFC", value).split())
    return deployment.hashed(b"fingerprint", what.encode(), plain.encode("utf-8", "surrogatepass"))
