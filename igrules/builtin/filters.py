"""The template filters. Each gives back what it cannot use, unchanged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from igrules import (
    Example,
    Filter,
    as_number,
    format_moment,
    format_number,
    is_empty,
    locale,
    spoken,
)

Arguments = Sequence[str | int]

LONGEST = 1_000
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_SYMBOLS: Mapping[str, str] = {
    "BRL": "R$", "USD": "US$", "EUR": "€", "GBP": "£", "ARS": "AR$", "CLP": "CLP$", "COP": "COL$",
    "MXN": "MX$", "PEN": "S/", "UYU": "$U", "PYG": "₲", "JPY": "¥",
}  # fmt: skip


def _default(value: Any, arguments: Arguments, language: str) -> Any:
    return arguments[0] if is_empty(value) else value


def _upper(value: Any, arguments: Arguments, language: str) -> Any:
    return value.upper() if isinstance(value, str) else value


def _lower(value: Any, arguments: Arguments, language: str) -> Any:
    return value.lower() if isinstance(value, str) else value


def _title(value: Any, arguments: Arguments, language: str) -> Any:
    if not isinstance(value, str):
        return value
    return re.sub(r"\S+", lambda word: word[0][:1].upper() + word[0][1:].lower(), value)


def _trim(value: Any, arguments: Arguments, language: str) -> Any:
    return " ".join(value.split()) if isinstance(value, str) else value


def _first_word(value: Any, arguments: Arguments, language: str) -> Any:
    return (value.split() or [""])[0] if isinstance(value, str) else value


def _digits(value: Any, arguments: Arguments, language: str) -> Any:
    if not isinstance(value, str):
        return value
    return "".join(char for char in value if char.isdecimal())


def _truncate(value: Any, arguments: Arguments, language: str) -> Any:
    most = arguments[0]
    if not isinstance(value, str) or not isinstance(most, int) or most < 1 or len(value) <= most:
        return value
    room = value[:most]
    cut = max(room.rfind(" "), room.rfind("\n"))
    return (value[:cut].rstrip() if cut > 0 else value[: most - 1]) + "…"


def _mask(value: Any, arguments: Arguments, language: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return value
    text = str(value)
    if len(text) <= 4:
        return "•" * len(text)
    return text[:2] + "•" * (len(text) - 4) + text[-2:]


def _urlencode(value: Any, arguments: Arguments, language: str) -> Any:
    out: list[str] = []
    size = 0
    for char in spoken(value, "en"):
        coded = char if char in _SAFE else _percent(char)
        size += len(coded)
        if size > LONGEST:
            break
        out.append(coded)
    return "".join(out)


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))


def _number(value: Any, arguments: Arguments, language: str) -> Any:
    number = as_number(value)
    if number is None:
        return value
    exponent = number.normalize().as_tuple().exponent
    written = max(0, -exponent) if isinstance(exponent, int) else 0
    decimals = arguments[0] if arguments else written
    return format_number(number, decimals, language) if isinstance(decimals, int) else value


def _money(value: Any, arguments: Arguments, language: str) -> Any:
    number, currency = as_number(value), arguments[0]
    if number is None or not isinstance(currency, str):
        return value
    code = currency.upper()
    symbol = "$" if code == "USD" and language.startswith("en") else _SYMBOLS.get(code, code)
    gap = " " if symbol == code else locale(language).money_gap
    sign = "-" if number < 0 else ""
    return f"{sign}{symbol}{gap}{format_number(abs(number), 2, language)}"


def _date(value: Any, arguments: Arguments, language: str) -> Any:
    pattern = arguments[0]
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            return value
    if not isinstance(value, date) or not isinstance(pattern, str):
        return value
    return format_moment(value, pattern, language)


def _plural(value: Any, arguments: Arguments, language: str) -> Any:
    number = as_number(value)
    if number is None:
        return value
    return arguments[0] if number == 1 else arguments[1]


def _yes_no(value: Any, arguments: Arguments, language: str) -> Any:
    if not isinstance(value, bool):
        return value
    return arguments[0] if value else arguments[1]


def _join(value: Any, arguments: Arguments, language: str) -> Any:
    if not isinstance(value, (list, tuple)):
        return value
    return str(arguments[0]).join(spoken(item, language) for item in value)


FILTERS = (
    Filter("default", "this text when the value is empty", _default, 1, 1,
           (Example("{{ contact.first_name | default('amigo') }}"),)),
    Filter("upper", "in capital letters", _upper, examples=(Example("{{ match.code | upper }}"),)),
    Filter("lower", "in small letters", _lower, examples=(Example("{{ match.code | lower }}"),)),
    Filter("title", "each word with a capital letter", _title,
           examples=(Example("{{ contact.name | title }}"),)),
    Filter("trim", "without blank space around it and twice inside it", _trim,
           examples=(Example("{{ event.text | trim }}"),)),
    Filter("first_word", "up to the first blank", _first_word,
           examples=(Example("{{ contact.name | first_word }}"),)),
    Filter("digits", "its digits only", _digits, examples=(Example("{{ match.phone | digits }}"),)),
    Filter("truncate", "at most so many characters, cut at a word, with …", _truncate, 1, 1,
           (Example("{{ event.text | truncate(20) }}"),), takes=int),
    Filter("mask", "all but the first and last two characters become •", _mask,
           examples=(Example("{{ contact.cpf | mask }}"),)),
    Filter("urlencode", "for an address: everything but letters, digits and -._~ is encoded",
           _urlencode, examples=(Example("{{ event.text | urlencode }}"),)),
    Filter("number", "with thousands grouped and so many decimals", _number, 0, 1,
           (Example("{{ contact.points | number(2) }}", "1.234,50"),), takes=int),
    Filter("money", "with the sign of the currency", _money, 1, 1,
           (Example("{{ contact.total | money('BRL') }}", "R$ 1.234,50"),), takes=str),
    Filter("date", "a moment or day, by tokens d dd M MM MMM MMMM yyyy HH mm EEE EEEE", _date, 1, 1,
           (Example("{{ now | date('dd/MM') }}"),), takes=str),
    Filter("plural", "the first text for 1, else the second", _plural, 2, 2,
           (Example("{{ contact.orders | plural('item', 'itens') }}"),)),
    Filter("yes_no", "the first text when it is true, else the second", _yes_no, 2, 2,
           (Example("{{ contact.vip | yes_no('sim', 'não') }}"),)),
    Filter("join", "the items of a list with this between them", _join, 1, 1,
           (Example("{{ result.cart.items | join(', ') }}"),), takes=str),
)  # fmt: skip
