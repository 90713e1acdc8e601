"""Times as the API writes them: RFC 3339 with offset; inside they are milliseconds UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from igrules.errors import UsageError
from igrules.language import values

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CALENDAR_ENDS = 253_402_214_400_000
# A plus sign in an address that was not encoded arrives as a space.
_FORM = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(?:\.(\d+))?(?:[Zz]|([+\- ])(\d\d):(\d\d))", re.ASCII
)


def shown(ms: int) -> str:
    """Write a time: ``2026-03-10T14:00:00.123+00:00``."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")


def shown_or_none(ms: int | None) -> str | None:
    """Write a time that may be missing."""
    return None if ms is None else shown(ms)


def told(ms: int | None) -> str | None:
    """Write a time that others have told; ``None`` for none, and for one no calendar has."""
    return shown(ms) if ms is not None and 0 < ms < _CALENDAR_ENDS else None


def read_or_none(text: str | None) -> int | None:
    """Read a time that may be missing. Raises `UsageError`."""
    return None if text is None else read(text)


def read_duration(name: str, text: str) -> int:
    """Read how long something lasts, such as ``1h30m``, in milliseconds. Raises `UsageError` with
    the name of the field."""
    found = values.read_duration(text)
    if isinstance(found, values.Flaw):
        raise UsageError(f"{name}: {found.message}", found.help)
    return found


def read(text: str) -> int:
    """Read a time. Raises `UsageError` for one without offset, or that no calendar has."""
    found = _FORM.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        return _milliseconds(found)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"'{text[:60]}' is no time", "write it like 2026-03-10T14:00:00+00:00"
        ) from error


def _milliseconds(found: re.Match[str]) -> int:
    day, minutes, seconds, fraction, sign, hours, rest = found.groups()
    # A leap second is the last moment of its minute.
    at = datetime.fromisoformat(f"{day}T{minutes}{'59' if seconds == '60' else seconds}+00:00")
    if sign is not None:
        offset = timedelta(hours=int(hours), minutes=int(rest))
        if int(hours) > 23 or int(rest) > 59:
            raise ValueError
        at = at + offset if sign == "-" else at - offset
    thousandths = int((fraction or "0")[:3].ljust(3, "0"))
    return (at - _EPOCH) // timedelta(milliseconds=1) + thousandths
