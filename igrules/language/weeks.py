"""Read opening hours from the days, ranges and exceptions an author wrote.

Plain values come in, as ``hours`` compiles to; what is wrong with them comes back beside the hours,
each with the path of keys that leads to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

from igrules.kinds import Complaint
from igrules.language.hours import Hours, Range, Ranges
from igrules.language.local_time import WHOLE_DAY, minutes_of
from igrules.language.spelling import did_you_mean
from igrules.language.values import READERS

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOSED = "closed"
EXCEPT = "except"

_LEAP_YEAR = 2024
_FOREIGN = {
    "seg": "mon", "segunda": "mon", "ter": "tue", "terca": "tue", "terça": "tue", "qua": "wed",
    "quarta": "wed", "qui": "thu", "quinta": "thu", "sex": "fri", "sexta": "fri", "sab": "sat",
    "sabado": "sat", "sábado": "sat", "dom": "sun", "domingo": "sun", "lun": "mon", "lunes": "mon",
    "mar": "tue", "martes": "tue", "mie": "wed", "miercoles": "wed", "miércoles": "wed",
    "jue": "thu", "jueves": "thu", "vie": "fri", "viernes": "fri",
}  # fmt: skip

Path = tuple[str | int, ...]


class _Reading:
    """The days read so far, and what was wrong with them."""

    def __init__(self) -> None:
        self.complaints: list[Complaint] = []
        self.named: dict[str, str] = {}
        """Day to the key that named it."""
        self.week: dict[str, Ranges] = {}
        self.exceptions: dict[str, Ranges] = {}

    def complain(self, path: Path, code: str, message: str, help: str) -> None:
        self.complaints.append(Complaint(path, code, message, help))


def read_hours(week: Mapping[str, Any], zone: str) -> tuple[Hours, tuple[Complaint, ...]]:
    """The hours, and everything that is wrong with them; what is wrong is left out.

    ``week`` maps keys as written (``mon-fri``, ``"fri,sat"``) to ranges as written, one or several;
    ``except`` in it maps dates alike. ``zone`` is the time zone of the file.
    """
    reading = _Reading()
    for key, ranges in week.items():
        if key == EXCEPT:
            continue
        read = _read_ranges(ranges, (key,), reading)
        for day in _days_of(key, reading):
            _name(day, key, reading)
            reading.week.setdefault(day, read)
    for key, ranges in week.get(EXCEPT, {}).items():
        read = _read_ranges(ranges, (EXCEPT, key), reading)
        if _is_date(key, reading):
            reading.exceptions[key] = read
    days = tuple(reading.week.get(day, ()) for day in DAYS)
    hours = Hours(days, MappingProxyType(reading.exceptions), zone)
    return hours, tuple(reading.complaints)


def _name(day: str, key: str, reading: _Reading) -> None:
    """Note that a key names a day; a day is named once."""
    first = reading.named.setdefault(day, key)
    if first != key:
        reading.complain(
            (key,),
            "IGR106",
            f"'{key}' names '{day}', and '{first}' does so too",
            f'write the ranges of one day together:  {day}: ["09:00-12:00", "13:00-18:00"]',
        )


def _days_of(key: str, reading: _Reading) -> Iterator[str]:
    """The days a key names: one, a range of them, or several with commas."""
    seen: set[str] = set()
    for part in key.split(","):
        ends = [end.strip() for end in part.split("-")]
        unknown = next((end for end in ends if end not in DAYS), None)
        if unknown is not None or len(ends) > 2:
            _refuse_day(key, unknown, reading)
            return
        for day in _from_to(ends[0], ends[-1]):
            if day in seen:
                message = f"'{key}' names '{day}' twice"
                reading.complain((key,), "IGR106", message, "name each day once")
                return
            seen.add(day)
            yield day


def _from_to(first: str, last: str) -> Iterator[str]:
    """The days of a range; one that ends before it begins goes over Sunday."""
    start, count = DAYS.index(first), (DAYS.index(last) - DAYS.index(first)) % 7 + 1
    return (DAYS[(start + number) % 7] for number in range(count))


def _refuse_day(key: str, unknown: str | None, reading: _Reading) -> None:
    if _looks_like_date(key):
        message, help = f"'{key}' is a date", f"dates stand under  {EXCEPT}: {{{key}: {CLOSED}}}"
        reading.complain((key,), "IGR101", message, help)
        return
    low = (unknown or "").lower()
    near = low if low in DAYS else _FOREIGN.get(low) or did_you_mean(low, DAYS)
    help = f"did you mean '{near}'?" if near else "write days like  mon, mon-fri  or  fri,sat"
    reading.complain((key,), "IGR101", f"'{unknown or key}' is not a day", help)


def _looks_like_date(key: str) -> bool:
    return re.fullmatch(r"(\d{4}-)?\d{1,2}-\d{1,2}", key, re.ASCII) is not None


def _is_date(key: str, reading: _Reading) -> bool:
    """Whether a key of ``except`` is a date, or a day of every year."""
    whole = re.fullmatch(r"(?:(\d{4})-)?(\d{2})-(\d{2})", key, re.ASCII)
    try:
        if whole is not None:
            date(int(whole[1] or _LEAP_YEAR), int(whole[2]), int(whole[3]))
            return True
    except ValueError:
        message, help = f"'{key}' is not a day of the calendar", "write month, then day:  12-25"
        reading.complain((EXCEPT, key), "IGR105", message, help)
        return False
    help = "write  2026-12-24  for one day, or  12-25  for every year"
    reading.complain((EXCEPT, key), "IGR105", f"'{key}' is not a date", help)
    return False


def _read_ranges(written: Any, path: Path, reading: _Reading) -> Ranges:
    """The ranges of a day, in order; none when it is closed."""
    texts: Sequence[str] = (written,) if isinstance(written, str) else tuple(written)
    if texts == (CLOSED,):
        return ()
    found = []
    for number, text in enumerate(texts):
        place = path if isinstance(written, str) else (*path, number)
        if text == CLOSED:
            message = f"'{CLOSED}' stands beside a range"
            help = f"write  {path[-1]}: {CLOSED}  or the ranges alone"
            reading.complain(place, "IGR109", message, help)
            continue
        read = _read_range(text, place, reading)
        if read is not None:
            found.append(read)
    return tuple(sorted(found))


def _read_range(text: str, path: Path, reading: _Reading) -> Range | None:
    """``22:00-02:00`` in minutes; an end that is not later than the begin is of the next day."""
    clocks = [clock.strip() for clock in re.split(r"\s*[-–]\s*", text.strip())]
    read = [READERS["clock"](clock) for clock in clocks]
    flaw = next((one for one in read if not isinstance(one, str)), None)
    if len(clocks) != 2 or flaw is not None:
        better = _better(clocks)
        help = f'write  "{better}"' if better else 'write it like  "09:00-18:00", or  closed'
        reading.complain(path, "IGR105", f"'{text}' is not a range of hours", help)
        return None
    begin, end = minutes_of(read[0]), minutes_of(read[1])
    if begin in (end, WHOLE_DAY):
        message = f"'{text}' lasts no time"
        reading.complain(path, "IGR105", message, 'for the whole day write  "00:00-24:00"')
        return None
    return (begin, end) if end > begin else (begin, end + WHOLE_DAY)


def _better(clocks: Sequence[str]) -> str:
    """The range that was certainly meant by ``9-18`` or ``9h-18h30``; empty when none was."""
    read = [READERS["clock"](clock) for clock in clocks]
    meant = [one if isinstance(one, str) else one.better.strip('"') for one in read]
    return "-".join(meant) if len(meant) == 2 and all(meant) else ""
