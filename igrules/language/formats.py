"""How values read in a message: numbers, moments, days and bools in Portuguese, Spanish, English.

A moment is an aware `datetime` in the zone of the tenant, a day a `date`. A language that is none
of the three reads as English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

MOST_DECIMALS = 6
_LARGEST = Decimal(10) ** 30
_WIDE = Context(prec=60)
"""Room for the largest number with all its decimals."""
_NUMBER = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,10})?")
_TOKEN = re.compile(
    r"(?<!y)yyyy(?!y)|(?<!M)M{2,4}(?!M)|(?<!d)dd(?!d)|(?<!H)HH(?!H)|(?<!m)mm(?!m)|(?<!E)E{3,4}(?!E)"
    r"|(?<![^\W\d_])[dM](?![^\W\d_])"
)


@dataclass(frozen=True, slots=True)
class Locale:
    """The words and signs of one language. Weeks begin on Monday."""

    yes: str
    no: str
    decimal: str
    group: str
    money_gap: str
    closed: str
    today: str
    tomorrow: str
    on: str
    """Before a weekday or date."""
    at: str
    """Before a time of day, and ``at_one`` before one that begins with one o'clock."""
    at_one: str
    months: tuple[str, ...]
    days: tuple[str, ...]


_PT = Locale(
    "sim", "não", ",", ".", " ", "fechado", "hoje", "amanhã", "", "às", "à",
    ("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro",
     "outubro", "novembro", "dezembro"),
    ("segunda", "terça", "quarta", "quinta", "sexta", "sábado", "domingo"),
)  # fmt: skip
_ES = Locale(
    "sí", "no", ",", ".", " ", "cerrado", "hoy", "mañana", "el ", "a las", "a la",
    ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
     "octubre", "noviembre", "diciembre"),
    ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
)  # fmt: skip
_EN = Locale(
    "yes", "no", ".", ",", "", "closed", "today", "tomorrow", "", "at", "at",
    ("January", "February", "March", "April", "May", "June", "July", "August", "September",
     "October", "November", "December"),
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)  # fmt: skip
_LOCALES: Mapping[str, Locale] = MappingProxyType({"pt": _PT, "es": _ES, "en": _EN})


class Coming(datetime):
    """A moment soon to come, which reads as people say it: ``amanhã às 09:00``. A filter that
    formats moments formats it like any other."""

    seen_from: date

    @classmethod
    def of(cls, moment: datetime, seen_from: date) -> Coming:
        """``moment`` as it is said on the day ``seen_from``."""
        coming = cls.fromtimestamp(moment.timestamp(), moment.tzinfo)
        coming.seen_from = seen_from
        return coming


def locale(language: str) -> Locale:
    """The words of a language, by its first two letters."""
    return _LOCALES.get(language[:2].lower(), _EN)


def is_empty(value: Any) -> bool:
    """Whether a blank with this value is empty: nothing, an empty text, list or map. ``0`` and
    ``False`` are values."""
    if value is None:
        return True
    return isinstance(value, (str, list, tuple, Mapping)) and not value


def spoken(value: Any, language: str) -> str:
    """A value as it reads in a message when no filter says otherwise."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return locale(language).yes if value else locale(language).no
    if isinstance(value, Coming):
        return _soon(value, locale(language), language)
    if isinstance(value, datetime):
        return format_moment(value, "dd/MM/yyyy HH:mm", language)
    if isinstance(value, date):
        return format_moment(value, "dd/MM/yyyy", language)
    if isinstance(value, (int, float, Decimal)):
        return _plain_number(value, language)
    if isinstance(value, (list, tuple)):
        return ", ".join(spoken(item, language) for item in value if not is_empty(item))
    return ""


def as_number(value: Any) -> Decimal | None:
    """The value as a number, or ``None``. A text counts when it is one with a decimal point."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value.strip())
        return Decimal(match[0]) if match else None
    if not isinstance(value, (int, float, Decimal)):
        return None
    try:
        number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    except (InvalidOperation, ValueError):
        return None
    return number if number.is_finite() and abs(number) < _LARGEST else None


def format_number(number: Decimal, decimals: int, language: str) -> str:
    """``1.234,50``: thousands grouped, so many decimals, half rounded up."""
    words = locale(language)
    places = max(0, min(decimals, MOST_DECIMALS))
    rounded = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _WIDE)
    text = f"{rounded:,.{places}f}"
    return text.translate({ord(","): words.group, ord("."): words.decimal})


def format_moment(value: date, pattern: str, language: str) -> str:
    """Format a moment or day. A day has no ``HH`` and ``mm``: they read ``00``."""
    words = locale(language)
    hour, minute = (value.hour, value.minute) if isinstance(value, datetime) else (0, 0)
    month, day = words.months[value.month - 1], words.days[value.weekday()]
    tokens = {
        "d": str(value.day), "dd": f"{value.day:02}", "M": str(value.month),
        "MM": f"{value.month:02}", "MMM": month[:3], "MMMM": month,
        "yyyy": f"{value.year:04}", "HH": f"{hour:02}", "mm": f"{minute:02}",
        "EEE": day[:3], "EEEE": day,
    }  # fmt: skip
    return _TOKEN.sub(lambda match: tokens[match[0]], pattern)


def _soon(value: Coming, words: Locale, language: str) -> str:
    """``hoje às 13:00``, ``quarta às 09:00`` within a week, then ``02/01 às 09:00``."""
    days = (value.date() - value.seen_from).days
    at = words.at_one if value.hour == 1 else words.at
    if days in (0, 1):
        day = words.tomorrow if days else words.today
    else:
        day = words.on + format_moment(value, "EEEE" if 1 < days < 7 else "dd/MM", language)
    return f"{day} {at} {value:%H:%M}"


def _plain_number(value: int | float | Decimal, language: str) -> str:
    number = as_number(value)
    if number is None:
        return str(value)[:100] if not isinstance(value, int) else ""
    text = f"{number.normalize(_WIDE):f}"
    return text.replace(".", locale(language).decimal)
