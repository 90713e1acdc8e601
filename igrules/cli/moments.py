"""Times in commands: what a person types, and what the API says shown in the machine's zone."""

from __future__ import annotations

from datetime import UTC, datetime

from igrules.cli.store import now, shown_time
from igrules.errors import UsageError
from igrules.language.values import Flaw, read_duration


def local_time(text: str | None) -> str:
    """A time of the API as people read it; empty for ``None``."""
    if text is None:
        return ""
    return shown_time(int(datetime.fromisoformat(text).timestamp() * 1000))


def time_left(text: str | None) -> str:
    """How long it is until a time of the API, such as ``5h 12m``; empty for ``None``."""
    if text is None:
        return ""
    minutes = (int(datetime.fromisoformat(text).timestamp() * 1000) - now()) // 60_000
    if minutes < 0:
        return "over"
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes % 60}m" if hours else f"{minutes}m"


def read_since(text: str | None) -> str | None:
    """``1h30m`` ago, a day, or a time, as the API takes it. Raises `UsageError`."""
    if text is None:
        return None
    duration = read_duration(text)
    if not isinstance(duration, Flaw):
        return datetime.fromtimestamp((now() - duration) / 1000, UTC).isoformat()
    try:
        # Without a zone it is meant in this machine's.
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"'{text}' is no time", "write 2h, 7d, 2026-03-10 or 2026-03-10T14:00"
        ) from error


def read_end(option: str, lasts: str | None) -> str | None:
    """When something ends that lasts ``90d`` from now on, as the API takes it; ``None`` for
    ``None``. Raises `UsageError`, which names the option."""
    if lasts is None:
        return None
    duration = read_duration(lasts)
    if isinstance(duration, Flaw):
        raise UsageError(f"{option}: {duration.message}", duration.help)
    return datetime.fromtimestamp((now() + duration) / 1000, UTC).isoformat()
