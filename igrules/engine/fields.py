"""Read a text as the type of a contact field, as ``set`` does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from igrules.language.folding import fold

LONGEST = 1_000
"""Characters of a field; what is longer is cut."""

_NUMBER = re.compile(r"[+-]?\d{1,15}(?:[.,]\d{1,10})?")
_EMAIL = re.compile(r"[^\s@<>,;:\"()]{1,64}@[\w-]+(?:\.[\w-]+)+")
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_YES = frozenset({"true", "sim", "s", "si", "yes", "y"})
_NO = frozenset({"false", "nao", "n", "no"})


def read_field(text: str, declared: Mapping[str, Any] | None, phone_prefix: str = "") -> Any:
    """The value of a field, ``None`` when the text does not fit its type.

    A field that is not declared holds text. Days are kept as ``yyyy-mm-dd``.
    """
    kind = declared["type"] if declared is not None else "text"
    if kind == "choice" and declared is not None:
        return _choice(text, declared.get("options", ()))
    if kind == "phone":
        return _phone(text, phone_prefix)
    return _READERS[kind](text)


def _text(text: str) -> str:
    return text[:LONGEST]


def _number(text: str) -> int | float | None:
    if not _NUMBER.fullmatch(text):
        return None
    plain = text.replace(",", ".")
    return float(plain) if "." in plain else int(plain)


def _yes_no(text: str) -> bool | None:
    word = fold(text).joined
    return True if word in _YES else False if word in _NO else None


def _date(text: str) -> str | None:
    written = _DAY.fullmatch(text)
    try:
        if written:
            day, month, year = map(int, written.groups())
            return date(year, month, day).isoformat()
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _email(text: str) -> str | None:
    if not _EMAIL.fullmatch(text):
        return None
    name, _, domain = text.rpartition("@")
    return f"{name}@{domain.lower()}"


def _phone(text: str, prefix: str) -> str | None:
    digits = re.sub(r"[\s().-]", "", text)
    if not digits.startswith("+"):
        digits = prefix + digits
    return digits if re.fullmatch(r"\+?[0-9]{8,15}", digits) else None


def _choice(text: str, options: tuple[str, ...]) -> str | None:
    wanted = fold(text).joined
    return next((option for option in options if fold(option).joined == wanted), None)


_READERS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {"text": _text, "number": _number, "yes_no": _yes_no, "date": _date, "email": _email}
)
