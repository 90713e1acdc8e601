"""Times of test files: local to the tenant."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from igrules.engine.scope import zone_of
from igrules.language.ruleset import Ruleset

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
USUAL = "2026-03-10T12:00:00"
"""When a test begins that does not say when: a Tuesday at noon."""


def read_time(text: str, ruleset: Ruleset, now: int | None = None) -> int | None:
    """Milliseconds of a time local to the tenant, ``2026-03-10T14:00``, or of the next ``14:00``
    after ``now``; ``None`` when it is neither."""
    own = ruleset.settings.timezone
    zone = ZoneInfo(own) if own else zone_of(ruleset)
    clock = _CLOCK.fullmatch(text)
    if clock and now is not None:
        local = datetime.fromtimestamp(now / 1000, zone)
        wanted = local.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        if wanted < local:
            wanted = (wanted.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
        return int(wanted.timestamp() * 1000)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=zone)).timestamp() * 1000)
