"""Until when an effect may go out. Set once, never extended: nothing goes out late."""

from __future__ import annotations

from igrules.instagram.windows import window_end
from igrules.kinds import Settings
from igrules.model import Contact, Effect, Event

_HOUR = 3_600_000
_WEEK = 7 * 24 * _HOUR
_LIVE = 600_000
_GESTURE = 60_000
_GESTURES = frozenset({"react", "typing", "mark_seen"})
_ON_COMMENTS = frozenset({"reply", "private_reply", "hide_comment", "delete_comment"})


def needs_window(effect: Effect) -> bool:
    """Whether Instagram takes this only inside the 24-hour window."""
    return effect.channel == "instagram" and effect.kind not in _ON_COMMENTS


def expires_at(
    effect: Effect, event: Event, contact: Contact, due: int, settings: Settings, since: int = 0
) -> int:
    """The last moment at which it may leave, ``due`` being the first; milliseconds UTC.

    ``since`` is when what it answers came in or came due; 0: when ``event`` did.
    """
    received = event.received_at or due
    if needs_window(effect):
        end = window_end(event, contact) or due
        if effect.kind in _GESTURES:
            end = min(end, due + _GESTURE)
    elif effect.channel != "instagram":
        end = due + 24 * _HOUR
    elif effect.kind == "private_reply":
        end = received + (_LIVE if event.kind == "live_comment" else _WEEK - _HOUR)
    else:
        end = received + _WEEK
    if settings.answer_within is not None:
        end = min(end, (since or received) + settings.answer_within)
    return min(end, effect.expires_at) if effect.expires_at else end
