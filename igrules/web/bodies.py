"""Read the body of a request: so many bytes, UTF-8, and JSON that means one thing only.

Why so strict: a field that stands twice, a number beyond all digits or a body of another type is
read differently by every program on the way, and one of them decides what is allowed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, Protocol
from urllib.parse import parse_qsl

from igrules.errors import UsageError
from igrules.web.refusals import TooLarge, WrongType

DEEPEST = 64
"""Levels of lists and maps."""
LONGEST_NUMBER = 64
_EXACT = 2**53
_FIELDS = 100
_JSON = re.compile(r"application/(?:json|[\w.+-]+\+json)", re.ASCII | re.IGNORECASE)
_FORM = re.compile(r"application/x-www-form-urlencoded", re.ASCII | re.IGNORECASE)


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Give at most ``size`` bytes."""


def read_bytes(stream: Readable, largest: int) -> bytes:
    """Give what came. Raises `TooLarge` above ``largest`` bytes, whatever the request claimed."""
    body = stream.read(largest + 1)
    if len(body) > largest:
        raise TooLarge(f"a body has at most {_size(largest)} here", "send less at once")
    return body


def check_type(content_type: str | None, encoding: str | None, *, form: bool = False) -> None:
    """Raises `WrongType` for a body that is not ours to read."""
    wanted = "application/x-www-form-urlencoded" if form else "application/json"
    kind, _, rest = (content_type or "").partition(";")
    charset = re.search(r"charset\s*=\s*\"?([\w-]+)", rest, re.IGNORECASE)
    if not (_FORM if form else _JSON).fullmatch(kind.strip()):
        raise WrongType("the body is of another type", f"send 'Content-Type: {wanted}'")
    if charset and charset.group(1).lower() not in ("utf-8", "utf8", "us-ascii"):
        raise WrongType(f"the body is in {charset.group(1)[:40]}", "send UTF-8")
    if encoding and encoding.strip().lower() != "identity":
        raise WrongType("the body is compressed", "send it as it is")


def read_json(body: bytes) -> Any:
    """Give the value ``body`` stands for. Raises `UsageError` that says what is wrong, and where.

    Refused: other encodings, more than `DEEPEST` levels, numbers of more than `LONGEST_NUMBER`
    characters, NaN and Infinity, a field twice, anything after the value.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"the body is no UTF-8: byte {error.start} cannot be read", "send UTF-8"
        ) from error
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_int=lambda digits: int(_short(digits)),
            parse_float=_number,
        )
    except json.JSONDecodeError as error:
        raise UsageError(
            f"line {error.lineno}, column {error.colno}: the body is no JSON", "send one JSON value"
        ) from error
    except RecursionError as error:
        raise _too_deep() from error
    if body.count(b"[") + body.count(b"{") > DEEPEST:
        _check_depth(value)
    return value


def read_form(body: bytes) -> dict[str, str]:
    """Give the fields of a form. Raises `UsageError`; a field twice is refused."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_FIELDS,
        )
    except ValueError as error:
        raise UsageError("the body is no form", "send name=value, percent-encoded") from error
    return _once(pairs)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise UsageError(f"'{twice[:60]}' stands twice in the body", "send it once")
    return found


def _no_number(word: str) -> Any:
    raise UsageError(f"{word} is no number in JSON", "leave the field out, or send null")


def _short(digits: str) -> str:
    if len(digits) > LONGEST_NUMBER:
        raise UsageError(
            f"the number {digits[:12]}… has {len(digits)} characters",
            f"{LONGEST_NUMBER} are allowed; send it as text",
        )
    return digits


def _number(digits: str) -> float:
    """A whole number is one however it is written: ``5.0`` is 5, as far as that is exact."""
    number = float(_short(digits))
    if number.is_integer() and abs(number) < _EXACT:
        return int(number)
    if number in (float("inf"), float("-inf")):
        raise UsageError(f"the number {digits} is too large", "send it as text")
    return number


def _check_depth(value: Any) -> None:
    """Go down level by level, since a function that calls itself could go down too far."""
    level = [value]
    for _ in range(DEEPEST + 1):
        inner = [one for one in level if isinstance(one, dict | list)]
        if not inner:
            return
        level = [part for one in inner for part in (one.values() if type(one) is dict else one)]
    raise _too_deep()


def _too_deep() -> UsageError:
    return UsageError(f"the body is nested too deeply: {DEEPEST} levels are allowed", "flatten it")


def _size(count: int) -> str:
    mega, kilo = 1024 * 1024, 1024
    return f"{count // mega} MiB" if count >= mega else f"{count // kilo} KiB"
