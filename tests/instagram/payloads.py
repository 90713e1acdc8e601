"""Webhook bodies for the tests of the reader."""

from __future__ import annotations

import json
from typing import Any

ME = "17841400000000101"
PERSON = "7000000000000001"
NOW = 1_790_000_009_000
AT = 1_790_000_000_001
SENT_AT = 1_790_000_000_123


def body(*entries: Any, object: str = "instagram") -> bytes:
    return json.dumps({"object": object, "entry": list(entries)}).encode()


def entry(**what: Any) -> dict[str, Any]:
    return {"id": ME, "time": SENT_AT, **what}


def element(**what: Any) -> dict[str, Any]:
    return {"sender": {"id": PERSON}, "recipient": {"id": ME}, "timestamp": AT, **what}


def reversed_element(**what: Any) -> dict[str, Any]:
    return element(**what) | {"sender": {"id": ME}, "recipient": {"id": PERSON}}


def change(field: str, value: Any) -> dict[str, Any]:
    return {"field": field, "value": value}


COMMENT_VALUE = {
    "id": "18000000000000001",
    "from": {"id": PERSON, "username": "maria_k"},
    "text": "LINK please",
    "media": {"id": "17950000000000001", "media_product_type": "FEED"},
}
