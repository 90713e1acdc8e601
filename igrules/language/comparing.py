"""Comparisons: ``is``, ``not``, ``gt``, ``gte``, ``lt``, ``lte``, ``set``.

What the author wrote is text until the type of the value is known: ``10`` is a number beside
a number and two letters beside a text. A value that is not set satisfies only ``set: false``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import product
from types import MappingProxyType
from typing import Any

from igrules.kinds import Word
from igrules.language.answers import read_whole
from igrules.language.folding import fold, folded_text
from igrules.language.formats import as_number, is_empty
from igrules.language.written_values import whole_number, whole_yes_no

ORDERED: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "gt": lambda value, bound: bool(value > bound),
        "gte": lambda value, bound: bool(value >= bound),
        "lt": lambda value, bound: bool(value < bound),
        "lte": lambda value, bound: bool(value <= bound),
    }
)
_LISTS = ("is", "not")
_NO_DIGIT = re.compile(r"\D")
_SHORTEST_PHONE = 8


def compares(
    comparison: Mapping[str, Any], value: Any, declared: Mapping[str, Any] | None = None
) -> bool:
    """Whether the value satisfies every key of the comparison.

    ``declared`` is ``{"type": …}`` as of a contact field; without it two numbers compare as
    numbers, two days as days, and everything else as text.
    """
    if is_empty(value):
        return set(comparison) == {"set"} and not comparison["set"]
    kind = declared["type"] if declared is not None else ""
    return all(_holds(key, wanted, value, kind) for key, wanted in comparison.items())


def _holds(key: str, wanted: Any, value: Any, kind: str) -> bool:
    if key == "set":
        return bool(wanted)
    if key in _LISTS:
        found = any(_is_same(value, literal, kind) for literal in wanted)
        return found if key == "is" else not found
    pair = _ordered_pair(value, wanted, kind)
    return pair is not None and ORDERED[key](*pair)


def _is_same(value: Any, literal: Any, kind: str) -> bool:
    if isinstance(value, bool) or kind == "yes_no":
        return _yes_no(value) is not None and _yes_no(value) == _yes_no(literal)
    pair = _ordered_pair(value, literal, kind)
    if pair is not None:
        return bool(pair[0] == pair[1])
    if kind in ("number", "date") or isinstance(value, (list, tuple, Mapping)):
        return False
    if kind in ("email", "phone"):
        literal = read_whole(str(literal), {"type": kind}) or literal
    return is_same_text(str(value), str(literal))


def _ordered_pair(value: Any, literal: Any, kind: str) -> tuple[Any, Any] | None:
    """Both sides as numbers, or as days; ``None`` when they are not two of a kind."""
    if kind in ("", "number"):
        numbers = _number(value, kind), _number(literal, kind)
        if None not in numbers:
            return numbers
    if kind in ("", "date"):
        days = _day(value), _day(literal)
        if None not in days:
            return days
    return None


def _number(value: Any, kind: str) -> Decimal | None:
    """A number as it is, or a text that is one; in a field of numbers also ``1.234,5``."""
    number = as_number(value)
    if number is None and kind and isinstance(value, str):
        return as_number(whole_number(value.strip()))
    return number


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        is_iso = isinstance(value, str) and len(value) == 10
        return date.fromisoformat(value) if is_iso else None
    except ValueError:
        return None


def _yes_no(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return whole_yes_no(value) if isinstance(value, str) else None


def is_same_text(value: str, literal: str) -> bool:
    """Whether two texts are the same, folded and whole; a hashtag is also its word."""
    words, wanted = fold(value).words, fold(literal).words
    if not words or not wanted:
        return not words and not wanted and folded_text(value) == folded_text(literal)
    return len(words) == len(wanted) and all(map(_is_same_word, words, wanted))


def _is_same_word(word: Word, wanted: Word) -> bool:
    return wanted.mark in ("", word.mark) and not set(word.forms).isdisjoint(wanted.forms)


def may_be_equal(one: Any, other: Any) -> bool:
    """Whether two literals might be the same value, whatever its type; ``False`` is certain."""
    if _is_same(one, other, "") or (_yes_no(one) is not None and _yes_no(one) == _yes_no(other)):
        return True
    numbers = _number(one, "number"), _number(other, "number")
    digits = [_NO_DIGIT.sub("", str(value)) for value in (one, other)]
    return (None not in numbers and numbers[0] == numbers[1]) or (
        min(map(len, digits)) >= _SHORTEST_PHONE and digits[0][-8:] == digits[1][-8:]
    )


def misfits(
    comparison: Mapping[str, Any], declared: Mapping[str, Any]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What was written and is no value of the declared type, each with its path."""
    for key, wanted in comparison.items():
        if key in _LISTS:
            for number, literal in enumerate(wanted):
                if not fits(literal, declared):
                    yield (key, number), literal
        elif key in ORDERED and not fits(wanted, declared):
            yield (key,), wanted


def fits(literal: Any, declared: Mapping[str, Any]) -> bool:
    """Whether a literal is a value of the declared type. Numbers are written with a decimal point,
    days as ``2026-12-25``."""
    kind = declared["type"]
    if kind == "number":
        return as_number(literal) is not None
    if kind == "date":
        return _day(literal) is not None
    if kind == "yes_no":
        return _yes_no(literal) is not None
    if kind == "choice" and declared.get("options"):
        return any(is_same_text(option, str(literal)) for option in declared["options"])
    return True


def is_contradiction(comparison: Mapping[str, Any]) -> bool:
    """Whether no number and no day is as high and as low as the comparison asks for."""
    lows = [(key, comparison[key]) for key in ("gt", "gte") if key in comparison]
    highs = [(key, comparison[key]) for key in ("lt", "lte") if key in comparison]
    for (below, low), (above, high) in product(lows, highs):
        pair = _ordered_pair(low, high, "")
        if pair is not None and (
            pair[0] > pair[1] or (pair[0] == pair[1] and (below, above) != ("gte", "lte"))
        ):
            return True
    return False
