"""What limits hold a send back by, in words."""

from __future__ import annotations

from igrules.ledger.buckets import REASON, THROTTLED
from igrules.ledger.presets import WORDS

_KNOWN = {
    THROTTLED: "limited by Instagram, which asks to wait",
    "daily_limit": "limited by messages a day",
}


def in_words(reason: str, preset: str = "") -> str:
    """The reason of a send that a limit keeps back, or ended; empty for all others. ``preset``
    is named where it decides."""
    if reason.startswith(REASON):
        name = reason.removeprefix(REASON)
        return f"limited by {WORDS.get(name, name)}" + (f" ({preset})" if preset else "")
    return _KNOWN.get(reason, "")
