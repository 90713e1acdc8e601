"""Times of day in a time zone, as moments in milliseconds UTC.

A local time that does not exist, because the clock was put forward over it, is the next existing
minute; one that exists twice is the first. So a later time of day is never an earlier moment.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WHOLE_DAY = 24 * 60
"""Minutes."""


def local_time(now: int, zone: str) -> datetime:
    """The moment on the clocks of a zone."""
    return datetime.fromtimestamp(now / 1000, ZoneInfo(zone))


def moment_of(day: date, minute: int, zone: str) -> int:
    """The moment at which it is so many minutes after midnight of a day; 1,440 is the next one."""
    later, minute = divmod(minute, WHOLE_DAY)
    wall = datetime.combine(
        day + timedelta(days=later), time(minute // 60, minute % 60), ZoneInfo(zone)
    )
    before, after = wall.utcoffset(), wall.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    if before >= after:
        return round(wall.timestamp() * 1000)
    return _end_of_gap(wall, before, after) * 1000


def _end_of_gap(wall: datetime, before: timedelta, after: timedelta) -> int:
    """The second in which the clock jumps over ``wall``."""
    late = round(wall.timestamp())
    early = late - round((after - before).total_seconds())
    while late - early > 1:
        middle = (early + late) // 2
        if datetime.fromtimestamp(middle, wall.tzinfo).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late


def minutes_of(clock: str) -> int:
    """``09:30`` in minutes after midnight."""
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


def clock_of(minute: int) -> str:
    """Minutes after midnight as ``09:30``; those of the next day read as its clock."""
    if minute > WHOLE_DAY:
        minute -= WHOLE_DAY
    return f"{minute // 60:02}:{minute % 60:02}"


def next_time(clock: str, now: int, zone: str) -> int:
    """The next moment at which the clocks of a zone show ``clock``, later than ``now``."""
    today, minute = local_time(now, zone).date(), minutes_of(clock)
    day = today - timedelta(days=1)
    while (moment := moment_of(day, minute, zone)) <= now:
        day += timedelta(days=1)
    return moment


def next_midnight(now: int, zone: str) -> int:
    """When the present day of a zone ends."""
    return moment_of(local_time(now, zone).date(), WHOLE_DAY, zone)
