"""Read what a person wrote as a number, a day, an address, a telephone, yes or no.

An answer may stand anywhere in a message: ``first`` finds it. A text that was put together for a
field must be the value and nothing else: ``whole``.

Why one reader for both: an answer that is saved, and ``set`` with the same text, store the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from types import MappingProxyType

from igrules.language.folding import fold

_NUMBER = re.compile(r"(?<![^\W_])[+-]?\d+(?:[.,]\d+)*|\d+(?:[.,]\d+)*")
_LONGEST_NUMBER = 15
"""Digits before the decimal sign; what is longer is a code, no number."""
_MOST_DECIMALS = 10
_MOST_GROUPS = 8
"""Groups of digits that are tried as one number."""
_EMAIL = re.compile(r"[^\s@<>,;:\"()]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_PHONE = re.compile(r"(?<!\d)\+?\s?\(?\d(?:[\s().-]{0,3}\d){7,}\)?")
_FEWEST, _MOST = 8, 15
"""Digits of a telephone."""
_DAY = re.compile(
    r"(?<![\d/])(\d{1,2})/(\d{1,2})(?:/(\d{4}))?(?![\d/])|(?<![\d-])(\d{4})-(\d{2})-(\d{2})(?![\d-])"
)
_DAY_WORDS = MappingProxyType(
    {"hoje": 0, "hoy": 0, "today": 0, "amanha": 1, "manana": 1, "tomorrow": 1}
)
_NOT_THEN = frozenset({"de", "pasado", "after"})
"""Before a word for tomorrow they make another day of it: ``depois de amanhã``."""
_YES = frozenset({"sim", "s", "claro", "quero", "ok", "yes", "y", "si", "true"})
_NO = frozenset({"nao", "n", "no", "nope", "nunca", "false"})
_SEARCHED_YEARS = 9
"""The 29th of February comes after eight years at most."""


def first_number(text: str) -> int | float | None:
    """The first number of a text. One separator before exactly three digits groups thousands."""
    for found in _NUMBER.finditer(text):
        number = _as_number(found[0])
        if number is not None:
            return number
    return None


def whole_number(text: str) -> int | float | None:
    """The number a text is; ``None`` when it is something else or something more."""
    found = _NUMBER.fullmatch(text)
    return _as_number(text, whole=True) if found else None


def _as_number(written: str, whole: bool = False) -> int | float | None:
    """The number that is written, or unless it is ``whole``, that it begins with."""
    sign = -1 if written.startswith("-") else 1
    groups = re.split(r"[.,]", written.lstrip("+-"))
    signs = re.findall(r"[.,]", written)
    for count in range(len(groups) if whole else min(len(groups), _MOST_GROUPS), 0, -1):
        digits = _joined(groups[:count], signs[: count - 1])
        if digits:
            head, _, decimals = digits.partition(".")
            if len(head) > _LONGEST_NUMBER or len(decimals) > _MOST_DECIMALS:
                return None
            return sign * (float(digits) if decimals else int(head))
        if whole:
            return None
    return None


def _joined(groups: list[str], signs: list[str]) -> str:
    """Groups of digits as one number with a decimal point, empty when they are none."""
    if not signs:
        return groups[0]
    *thousands, last = groups
    if len(set(signs)) == 1 and _are_thousands(groups):
        return "".join(groups)
    is_decimal = signs[-1] not in signs[:-1] and len(set(signs[:-1])) == 1
    if len(signs) == 1 or (is_decimal and _are_thousands(thousands)):
        return "".join(thousands) + "." + last
    return ""


def _are_thousands(groups: list[str]) -> bool:
    """Whether digits are grouped as thousands are; nought and no digits head no group."""
    head, *rest = groups
    is_head = 1 <= len(head) <= 3 and int(head) > 0
    return is_head and all(len(group) == 3 for group in rest)


def first_email(text: str) -> str | None:
    """The first address of a text, its domain in small letters."""
    found = _EMAIL.search(text)
    return _as_email(found[0]) if found else None


def whole_email(text: str) -> str | None:
    """The address a text is."""
    return _as_email(text) if _EMAIL.fullmatch(text) else None


def _as_email(written: str) -> str:
    name, _, domain = written.rpartition("@")
    return f"{name}@{domain.lower()}"


def first_phone(text: str, prefix: str) -> str | None:
    """The first telephone of a text; ``prefix`` is put before one without ``+``."""
    numbers = (_as_phone(found[0], prefix) for found in _PHONE.finditer(text))
    return next((number for number in numbers if number), None)


def whole_phone(text: str, prefix: str) -> str | None:
    """The telephone a text is."""
    return _as_phone(text, prefix) if _PHONE.fullmatch(text) else None


def _as_phone(written: str, prefix: str) -> str | None:
    digits = "".join(str(int(sign)) for sign in written if sign.isdecimal())
    if not _FEWEST <= len(digits) <= _MOST:
        return None
    number = f"+{digits}" if "+" in written else prefix + digits
    return number if len(number.lstrip("+")) <= _MOST else None


def first_day(text: str, today: date | None) -> date | None:
    """The first day of a text. ``today`` tells what a day without a year and "tomorrow" are;
    without it they are none."""
    found = sorted(_days(text, today), key=lambda pair: pair[0])
    return found[0][1] if found else None


def whole_day(text: str, today: date | None) -> date | None:
    """The day a text is."""
    found = _DAY.fullmatch(text)
    if found:
        return _as_day(found, today)
    words = fold(text).words
    return first_day(text, today) if len(words) == 1 and not _DAY.search(text) else None


def _days(text: str, today: date | None) -> Iterator[tuple[int, date]]:
    """Every day of a text with its place."""
    for found in _DAY.finditer(text):
        day = _as_day(found, today)
        if day is not None:
            yield found.start(), day
    before: tuple[str, ...] = ()
    for word in fold(text).words:
        later = next((_DAY_WORDS[form] for form in word.forms if form in _DAY_WORDS), None)
        if (
            later is not None
            and today is not None
            and _NOT_THEN.isdisjoint(before if later else ())
        ):
            yield word.start, today + timedelta(days=later)
        before = word.forms


def _as_day(found: re.Match[str], today: date | None) -> date | None:
    day, month, year, iso_year, iso_month, iso_day = found.groups()
    if iso_year:
        return _day_of(int(iso_year), int(iso_month), int(iso_day))
    if year:
        return _day_of(int(year), int(month), int(day))
    if today is None:
        return None
    days = (_day_of(today.year + more, int(month), int(day)) for more in range(_SEARCHED_YEARS))
    return next((one for one in days if one is not None and one >= today), None)


def _day_of(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def first_yes_no(text: str) -> bool | None:
    """What the first word of a text says; emoji before it do not count."""
    words = [word for word in fold(text).words if not word.emoji]
    return _as_yes_no(words[0].forms) if words else None


def whole_yes_no(text: str) -> bool | None:
    """What a text of one word says."""
    words = fold(text).words
    return _as_yes_no(words[0].forms) if len(words) == 1 else None


def _as_yes_no(forms: tuple[str, ...]) -> bool | None:
    for form in forms:
        if form in _YES or form in _NO:
            return form in _YES
    return None
