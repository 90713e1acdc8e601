"""The local day a tenant's daily limit counts in.

Why the date itself: a new day is a new row, so nothing has to reset a counter, and a day of 23 or
25 hours needs no rule.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY = 86_400_000
"""Milliseconds of a day by the clock; a local one may have an hour more or less."""


def local_day(zone: str, now: int) -> str:
    """The date in a zone at a time, such as ``2026-03-01``."""
    return _local(zone, now).date().isoformat()


def next_midnight(zone: str, now: int) -> int:
    """When the next local day begins, in milliseconds."""
    local = _local(zone, now)
    tomorrow = local.date() + timedelta(days=1)
    begins = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=local.tzinfo)
    return int(begins.timestamp() * 1000)


def clock_words(zone: str, at: int, now: int) -> str:
    """A time as people of a zone say it: ``14:26``, with the day where it is another one."""
    local = _local(zone, at)
    words = local.strftime("%H:%M")
    if local_day(zone, at) == local_day(zone, now):
        return words
    return f"{words} on {local.date().isoformat()}"


def begins(zone: str, day: str) -> int:
    """When a local day such as ``2026-03-01`` begins, in milliseconds."""
    wanted = date.fromisoformat(day)
    local = datetime(wanted.year, wanted.month, wanted.day, tzinfo=_zone(zone))
    return int(local.timestamp() * 1000)


def zone_at(zone: str, zone_next: str, zone_from: int | None, now: int) -> str:
    """The zone that counts at a time, when one is to follow another."""
    return zone_next if zone_from is not None and now >= zone_from else zone


def switched(
    zone: str, zone_next: str, zone_from: int | None, wanted: str, now: int
) -> tuple[str, str, int | None]:
    """Zone, next zone and when it takes over, after ``wanted`` was published.

    A change takes effect at the next midnight of the old zone, else a day could be counted twice.
    """
    current = zone_at(zone, zone_next, zone_from, now)
    if not current or current == wanted:
        return wanted, "", None
    return current, wanted, next_midnight(current, now)


def _local(zone: str, now: int) -> datetime:
    return datetime.fromtimestamp(now / 1000, UTC).astimezone(_zone(zone))


def _zone(zone: str) -> tzinfo:
    """A zone by its name; UTC for none, and for one this machine does not know."""
    try:
        return ZoneInfo(zone) if zone else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
