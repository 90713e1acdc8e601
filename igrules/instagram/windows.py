"""When Instagram still accepts an automatic message to a person.

The time counts from what the person did last: a message, a story reply or mention, a tap. Comments,
reactions and reads do not open the window.
"""

from __future__ import annotations

from igrules.model import Contact, Event

WINDOW = 24 * 3_600_000
"""Milliseconds in which any message may follow."""
MARGIN = 5 * 60_000
"""Milliseconds kept back, since our clock and the platform's are not one."""

_OPENING = frozenset({"message", "postback"})


def happened_at(event: Event) -> int:
    """When it happened, or where the platform does not say, when it came in."""
    return event.occurred_at or event.received_at


def opens_window(event: Event) -> bool:
    """Whether this event lets us write for the next 24 hours."""
    return event.kind in _OPENING


def window_end(event: Event, contact: Contact) -> int | None:
    """The last moment an automatic message may leave, in milliseconds UTC.

    The present event counts with what the person did before. ``None``: the person never wrote.
    """
    latest = contact.last_in_at
    if event.kind in _OPENING:
        latest = max(latest or 0, happened_at(event))
    return None if latest is None else latest + WINDOW - MARGIN
