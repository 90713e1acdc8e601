"""Single values of a webhook body: absent is empty, what cannot be is `Malformed`."""

from __future__ import annotations

import re
from typing import Any

LONGEST_ID = 512
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SECONDS_BELOW = 10**11
_FUTURE = 300_000


class Malformed(Exception):
    """A part of an element that cannot be what it should be. Never leaves this folder."""


def identifier(value: Any) -> str:
    """An id as an exact text. Numbers become their digits; absent is empty. Raises `Malformed`."""
    if isinstance(value, str):
        if len(value) > LONGEST_ID or _UNSTORABLE.search(value):
            raise Malformed("an id that cannot be one")
        return value
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Malformed("an id that is neither text nor number")


def optional_id(value: Any) -> str:
    """An id that nothing hangs on: empty where `identifier` would complain."""
    try:
        return identifier(value)
    except Malformed:
        return ""


def text_of(value: Any) -> str:
    """A text that every database takes: NUL and lone surrogates become U+FFFD. Others are empty."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return ""


def mapping_of(value: Any) -> dict[str, Any]:
    """A JSON object; absent is an empty one. Raises `Malformed`."""
    if isinstance(value, dict):
        return value
    if value is None:
        return {}
    raise Malformed("no object where one belongs")


def flag(value: Any) -> bool:
    """Whether a yes stands there."""
    return value is True or value == "true"


def moment(value: Any) -> int | None:
    """A time as milliseconds UTC: above 10^11 it is milliseconds already, else seconds.

    Digits in a text count as a number. ``None`` when it is no time.
    """
    if isinstance(value, str):
        whole = value.partition(".")[0]
        value = int(whole) if whole.isascii() and whole.isdigit() and len(whole) <= 18 else None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**18:
        return None
    return value if value > _SECONDS_BELOW else value * 1000


def plausible(at: int | None, received_at: int) -> int:
    """The time it happened, or the time it came in: nothing happens after it was received."""
    if at is None or at > received_at + _FUTURE:
        return received_at
    return at
