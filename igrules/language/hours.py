"""Opening hours: whether it is open now, and when that changes.

A range belongs to the day it begins, also when it crosses midnight; what touches is one stretch. An
exception replaces its day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from igrules.language.local_time import WHOLE_DAY, clock_of, local_time, moment_of
from igrules.model import EMPTY

Range = tuple[int, int]
"""Minutes after midnight; an end after 1,440 lies on the next day."""
Ranges = tuple[Range, ...]

_FARTHEST = 400
"""Days looked ahead: past the exceptions of a year, which may close every day of the week."""
_WEEK = 7 * WHOLE_DAY
_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Hours:
    """When something is open. ``week`` has the ranges of seven days, Monday first; ``exceptions``
    those of a date (``2026-12-24``) or of a day of every year (``12-25``), none for closed."""

    week: tuple[Ranges, ...]
    exceptions: Mapping[str, Ranges] = EMPTY
    zone: str = "UTC"

    @property
    def is_ever_open(self) -> bool:
        """Whether a plain week has a range."""
        return any(self.week)


def ranges_on(hours: Hours, day: date) -> Ranges:
    """The ranges that begin on a day, in order."""
    if hours.exceptions:
        written = day.isoformat()
        for name in (written, written[5:]):
            if name in hours.exceptions:
                return hours.exceptions[name]
    return hours.week[day.weekday()]


def today(hours: Hours, now: int) -> tuple[str, ...]:
    """The ranges of the present day as they are written; none when it is closed."""
    ranges = ranges_on(hours, local_time(now, hours.zone).date())
    return tuple(f"{clock_of(begin)}-{clock_of(end)}" for begin, end in ranges)


def is_open(hours: Hours, now: int) -> bool:
    """Whether it is open."""
    return any(begin <= now < end for begin, end in _spans(hours, now, 1))


def next_open(hours: Hours, now: int) -> int | None:
    """When it opens next, later than ``now``; ``None`` when it never does.

    What is always open opens anew with its next range.
    """
    for begin, _ in _stretches(hours, now):
        if begin > now:
            return begin
    return next((begin for begin, _ in _spans(hours, now, _FARTHEST) if begin > now), None)


def next_close(hours: Hours, now: int) -> int | None:
    """When it closes next; ``None`` when it never opens, or never closes."""
    latest = moment_of(local_time(now, hours.zone).date(), (_FARTHEST - 1) * WHOLE_DAY, hours.zone)
    end = next((end for _, end in _stretches(hours, now)), None)
    return end if end is not None and end < latest else None


def opening(hours: Hours, now: int) -> int | None:
    """``now`` when it is open, else when it opens; ``None`` when it never does."""
    return now if is_open(hours, now) else next_open(hours, now)


def longest_closed(hours: Hours) -> int | None:
    """Milliseconds of the longest closed stretch of a plain week; ``None``: it never opens."""
    spans = sorted(
        (number * WHOLE_DAY + begin, number * WHOLE_DAY + end)
        for number, ranges in enumerate(hours.week)
        for begin, end in ranges
    )
    if not spans:
        return None
    longest, latest = 0, max(end for _, end in spans) - _WEEK
    for begin, end in spans:
        longest, latest = max(longest, begin - latest), max(latest, end)
    return longest * _MINUTE


def _spans(hours: Hours, now: int, ahead: int) -> Iterator[tuple[int, int]]:
    """The ranges that have not ended, as moments, up to so many days ahead."""
    first = local_time(now, hours.zone).date()
    for number in range(-1, ahead + 1):
        day = first + timedelta(days=number)
        for begin, end in ranges_on(hours, day):
            span = moment_of(day, begin, hours.zone), moment_of(day, end, hours.zone)
            if span[0] < span[1] and span[1] > now:
                yield span


def _stretches(hours: Hours, now: int) -> Iterator[tuple[int, int]]:
    """The ranges that have not ended, those that touch as one."""
    begin = end = None
    for span in _spans(hours, now, _FARTHEST):
        if end is not None and span[0] <= end:
            end = max(end, span[1])
            continue
        if begin is not None and end is not None:
            yield begin, end
        begin, end = span
    if begin is not None and end is not None:
        yield begin, end
