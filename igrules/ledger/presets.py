"""How fast an account may do what, by preset, and what each act counts against.

A bucket of burst B and one more each interval lets at most B + window / interval through in a
window of any length, so that sum is what stays below the platform's limit.

Sources: Meta, Instagram Platform Overview and Messenger Platform Rate Limits. What the platform
does not document is the careful guess of those who run such accounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from igrules.model import STEP_API, Effect

_SECOND, _HOUR = 1_000_000, 3_600_000_000


@dataclass(frozen=True, slots=True)
class Pace:
    """Microseconds: ``step`` from one to the next, ``slow`` the same while the platform asks to
    slow down, ``room`` how far ahead of its steps a bucket may be."""

    step: int
    room: int
    slow: int

    def scaled(self, scale: float) -> Pace:
        """This pace where everything goes ``scale`` times as fast, and as much more at once."""
        if scale == 1:
            return self
        step = -int(-self.step // scale)
        burst = self.room / self.step + 1 if self.step else 1.0
        return Pace(step, max(0, int(step * (burst * scale - 1))), -int(-self.slow // scale))


def _pace(count: int, window: int, burst: int) -> Pace:
    step = -(-window // count)
    return Pace(step, step * (burst - 1), 2 * step)


_BY_HEADER = Pace(0, 0, _SECOND)
"""The platform gives no number, only how much is used: one a second once that is much."""

PRESETS: Mapping[str, Mapping[str, Pace]] = {
    "careful": {
        "text": _pace(4, _SECOND, 4),
        "media": _pace(2, _SECOND, 1),
        "dm_hour": _pace(180, _HOUR, 20),
        "private_reply": _pace(180, _HOUR, 20),
        "comment_reply": _pace(50, _HOUR, 10),
        "conversations": _pace(1, _SECOND, 1),
        "other": _BY_HEADER,
    },
    "documented": {
        "text": _pace(90, _SECOND, 10),
        "media": _pace(8, _SECOND, 2),
        "private_reply": _pace(700, _HOUR, 50),
        "comment_reply": _pace(240, _HOUR, 10),
        "conversations": _pace(1, _SECOND, 1),
        "other": _BY_HEADER,
    },
}

LIVE = "live private_reply"
"""Stands for the kind of a private reply to a comment on a live video."""

_COUNTS: Mapping[str, tuple[str, ...]] = {
    "text": ("dm_hour", "text"),
    "cards": ("dm_hour", "text"),
    "media": ("dm_hour", "media"),
    "react": ("text",),
    "typing": ("text",),
    "mark_seen": ("text",),
    LIVE: ("dm_hour", "text"),
    "private_reply": ("private_reply", "dm_hour"),
    "reply": ("comment_reply",),
    "read conversations": ("conversations",),
}
"""The buckets of each kind, the one first in whose line it waits. All others are ``other``."""

_AUTOMATIC = "dm_hour"


def platform_buckets(kind: str) -> tuple[str, ...]:
    """The buckets of an act that stand for a limit of the platform."""
    return tuple(name for name in _COUNTS.get(kind, ("other",)) if name != _AUTOMATIC)


def kinds_of(bucket: str) -> tuple[str, ...]:
    """The kinds of sends that count against a bucket."""
    return tuple(kind for kind, names in _COUNTS.items() if bucket in names) or ("hide_comment",)


WORDS: Mapping[str, str] = {
    "text": "messages a second",
    "media": "media a second",
    "dm_hour": "automatic messages an hour",
    "private_reply": "private replies",
    "comment_reply": "public replies",
    "conversations": "reads of conversations",
    "other": "other calls",
}
"""What people call the buckets."""


def by_person(effect: Effect) -> bool:
    """Whether somebody asked for it through the API; no rule did."""
    return not effect.rule and effect.step == STEP_API


def paces_for(
    kind: str, preset: str, scale: float, asked: bool = False
) -> tuple[tuple[str, Pace], ...]:
    """What an act counts against at this preset, the bucket first in whose line it waits.
    ``asked``: a person did, so it is no automatic message."""
    paces = PRESETS[preset]
    names = [
        name
        for name in _COUNTS.get(kind, ("other",))
        if name in paces and not (asked and name == _AUTOMATIC)
    ]
    return tuple((name, paces[name].scaled(scale)) for name in names)
