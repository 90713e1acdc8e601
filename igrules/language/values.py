"""Turn the characters of a scalar into the value its slot takes, or say what is wrong with them.

Nothing here knows files or places: a `Flaw` is a sentence with a remedy, and the reader of the slot
gives it a place. Durations come out in milliseconds, percents in basis points.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from igrules.kinds import Rate

NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
ID = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")
TAG = re.compile(r"[a-z0-9][a-z0-9_:-]{0,47}")

_UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}
_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_LOOSE = re.compile(
    r"(\d+)\s*(w|weeks?|semanas?|d|days?|dias?|h|hrs?|hours?|horas?|m|mins?|minutes?|minutos?|s|secs?|"
    r"seconds?|segundos?)(?![a-z])",
    re.IGNORECASE,
)
_INITIALS = {"semana": "w", "semanas": "w"}
_TRUE = frozenset({"yes", "on", "y", "sim", "true"})
_FALSE = frozenset({"no", "off", "n", "não", "nao", "false"})
_LONGEST = 10 * 365 * 86_400_000
_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]*(?:/[A-Z][A-Za-z0-9_+-]*){0,2}", re.ASCII)
_HOST = re.compile(r"https://[^\s/?#@:\\\[\]]+(?::443)?(?:[/?#]\S*)?\Z")


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a text is no value of its slot. ``better`` may stand in its place; ``safe`` when that is
    certainly what was meant."""

    message: str
    help: str
    better: str = ""
    safe: bool = False
    code: str = "IGR105"


def read_duration(text: str) -> int | Flaw:
    """``1h30m`` in milliseconds; units in falling order, each once."""
    found = _DURATION.fullmatch(text) if text else None
    if found is not None:
        parts = zip(_UNITS.values(), found.groups(default="0"), strict=True)
        total = sum(size * int(count[:12]) for size, count in parts)
        return (
            total if total <= _LONGEST else Flaw(f"'{text}' is too long", "ten years are the most")
        )
    better = _nearest_duration(text)
    remedy = f"write  {better}" if better else "write it like 30s, 5m, 2h, 1d, 1w or 1h30m"
    return Flaw(f"'{text}' is not a duration", remedy, better, safe=True)


def _nearest_duration(text: str) -> str:
    """What was certainly meant by ``30 minutes`` or ``1h 30min``; empty when nobody can tell."""
    rest = _LOOSE.sub("", text)
    if rest.strip(" ,.") not in ("", "e", "and"):
        return ""
    units = [
        (count, _INITIALS.get(unit.lower(), unit[0].lower()))
        for count, unit in _LOOSE.findall(text)
    ]
    better = "".join(count + unit for count, unit in units)
    return better if better and _DURATION.fullmatch(better) else ""


def write_duration(milliseconds: float) -> str:
    """The shortest way to write a duration: 5,400,000 is ``1h30m``."""
    rest, text = int(milliseconds), ""
    for unit, size in _UNITS.items():
        if unit == "w" and rest % size:
            continue  # 30d is easier to read than 4w2d
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _read_bool(text: str) -> bool | Flaw:
    if text in ("true", "false"):
        return text == "true"
    low = text.lower()
    better = "true" if low in _TRUE else "false" if low in _FALSE else ""
    remedy = f"write  {better}" if better else "write  true  or  false"
    return Flaw(f"'{text}' is neither true nor false", remedy, better, safe=True)


def _read_int(text: str) -> int | Flaw:
    if re.fullmatch(r"-?\d{1,15}", text, re.ASCII):
        return int(text)
    better = re.sub(r"(?<=\d)[., _](?=\d{3}\b)", "", text)
    better = better if re.fullmatch(r"-?\d{1,15}", better, re.ASCII) else ""
    remedy = f"write  {better}" if better else "write digits only:  12"
    return Flaw(f"'{text}' is not a whole number", remedy, better)


def _read_number(text: str) -> int | float | Flaw:
    if re.fullmatch(r"-?\d{1,15}", text, re.ASCII):
        return int(text)
    if re.fullmatch(r"-?\d{1,15}\.\d{1,15}", text, re.ASCII):
        return float(text)
    better = text.replace(",", ".") if re.fullmatch(r"-?\d{1,15},\d{1,2}", text, re.ASCII) else ""
    remedy = f"write  {better}" if better else "write it with a decimal point:  4.5"
    return Flaw(f"'{text}' is not a number", remedy, better)


def _read_clock(text: str) -> str | Flaw:
    found = re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", text, re.ASCII)
    if found:
        return text
    loose = re.fullmatch(r"(\d{1,2})(?:[:h.](\d{2})?)?h?", text, re.ASCII)
    better = f"{int(loose[1]):02}:{loose[2] or '00'}" if loose else ""
    if better and int(better[:2]) < 24 and int(better[3:]) < 60:
        return Flaw(
            f"'{text}' is not a time of day", f'write  "{better}"', f'"{better}"', safe=True
        )
    return Flaw(f"'{text}' is not a time of day", 'write it like  "09:00", "00:00" to "24:00"')


def _read_date(text: str) -> str | Flaw:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        return Flaw(f"'{text}' is not a day of the calendar", "write year, month, day:  2026-12-25")
    return Flaw(f"'{text}' is not a date", "write year, month, day:  2026-12-25")


def _read_percent(text: str) -> int | Flaw:
    found = re.fullmatch(r"(\d{1,3})(?:\.(\d))?%", text, re.ASCII)
    if found:
        points = int(found[1]) * 100 + int(found[2] or 0) * 10
        return points if points <= 10_000 else Flaw(f"'{text}' is above 100%", "write 0% to 100%")
    better = text + "%" if re.fullmatch(r"\d{1,2}|100", text, re.ASCII) else ""
    remedy = f"write  {better}" if better else "write it like  20%, one decimal at most"
    return Flaw(f"'{text}' is not a percentage", remedy, better)


def _read_rate(text: str) -> Rate | Flaw:
    found = re.fullmatch(r"(\d{1,9})\s+per\s+(\S+)", text)
    window = read_duration(found[2]) if found else None
    if found and isinstance(window, int) and window and int(found[1]):
        return Rate(int(found[1]), window)
    return Flaw(
        f"'{text}' is not a rate", 'write a count above zero, per, and a duration:  "3 per 7d"'
    )


def _read_zone(text: str) -> str | Flaw:
    if _is_zone(text):
        return text
    tail = text.replace(" ", "_").lower()
    near = sorted(zone for zone in available_timezones() if zone.lower().endswith(tail))
    better = near[0] if len(near) == 1 and len(tail) > 3 else ""
    remedy = f"write  {better}" if better else "write a name like  America/Sao_Paulo"
    return Flaw(f"'{text}' is not a time zone", remedy, better)


def _is_zone(text: str) -> bool:
    """Whether there is such a zone. The list of all is made of hundreds of files, one zone is not;
    the expression keeps out what lies beside the zones on some machines."""
    if not _ZONE.fullmatch(text):
        return False
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError):  # a directory, no zone file, no such file
        return False
    return True


def read_url(text: str) -> str | Flaw:
    """An address as it may stand in a rule file: https, a host, no user, no port."""
    if _HOST.match(text):
        return text
    if text.startswith("http://"):
        better = "https://" + text.removeprefix("http://")
        return Flaw(f"'{text}' is not https", f"write  {better}", better, code="IGR503")
    if text.startswith("https://"):
        return Flaw(
            f"'{text}' is not an address that may stand here",
            "write https://, a host and a path; no user name, port or blank",
            code="IGR503",
        )
    return Flaw(f"'{text}' is not an address", "begin with https://", code="IGR503")


def plain_spelling(text: str, allowed: str) -> str:
    """``Preço alto`` in the letters a name may have: ``preco-alto`` or ``preco_alto``."""
    joint = "-" if "-" in allowed else "_"
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(rf"[^a-z0-9{re.escape(allowed)}]+", joint, letters).strip(joint)[:48]


def _named(pattern: re.Pattern[str], what: str, allowed: str) -> Callable[[str], str | Flaw]:
    letters = " ".join(["a-z", "0-9", *allowed])

    def read(text: str) -> str | Flaw:
        if pattern.fullmatch(text):
            return text
        better = plain_spelling(text, allowed)
        better = better if pattern.fullmatch(better) else ""
        remedy = f"write  {better}" if better else f"{what} has {letters}, 48 characters at most"
        return Flaw(f"'{text}' is not {what}", remedy, better, code="IGR106")

    return read


READERS: Mapping[str, Callable[[str], Any]] = {
    "bool": _read_bool,
    "int": _read_int,
    "number": _read_number,
    "duration": read_duration,
    "clock": _read_clock,
    "date": _read_date,
    "percent": _read_percent,
    "rate": _read_rate,
    "zone": _read_zone,
    "url": read_url,
    "name": _named(NAME, "a name", "_"),
    "field": _named(NAME, "a field name", "_"),
    "id": _named(ID, "an id", "-"),
    "tag": _named(TAG, "a tag", "_:-"),
}
"""Slot type to its reader; a reader gives the value or a `Flaw`."""


class _Wrong:
    """What a value becomes that could not be read; why is among the findings."""

    def __repr__(self) -> str:
        return "WRONG"


WRONG: Final = _Wrong()
