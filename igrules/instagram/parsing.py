"""Read JSON that others wrote, without trusting its numbers or its depth.

Why numbers with a point, ``NaN`` and numbers of more than 64 digits become texts: an id must never
pass through a float, and a number that Python refuses would cost the neighbours of its element.
"""

from __future__ import annotations

import json
from typing import Any

DEPTH = 60
"""Levels of an element that are kept; nothing igrules looks at lies deeper than six."""
_LONGEST_NUMBER = 64


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits


_DECODER = json.JSONDecoder(
    parse_int=_integer, parse_float=str, parse_constant=str, strict=False
)  # fmt: skip
_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def parse(data: bytes) -> Any:
    """Read JSON in UTF-8. Raises `ValueError` for anything else, also for far too deep nesting."""
    try:
        # A tenth of the time that "utf-8-sig" takes, which is written in Python.
        return _DECODER.decode(data.decode().removeprefix("\ufeff"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def compose(value: Any) -> bytes:
    """Write JSON in ASCII, as `parse` reads it. Raises `RecursionError` for a very deep value."""
    return _ENCODER.encode(value).encode("ascii")


def prune(value: Any, depth: int = DEPTH) -> Any:
    """The same value with everything below ``depth`` levels replaced by null."""
    if isinstance(value, dict):
        return {key: prune(item, depth - 1) for key, item in value.items()} if depth else None
    if isinstance(value, list):
        return [prune(item, depth - 1) for item in value] if depth else None
    return value
