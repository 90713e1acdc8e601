"""Events that a decision causes itself: a contact received a tag."""

from __future__ import annotations

from igrules.model import Event

LONGEST_CHAIN = 5
"""So many tags may follow from one another; then the chain ends."""


def tag_added(cause: Event, tag: str, now: int) -> Event | None:
    """The event that ``tag`` is new on the contact, ``None`` when the chain is at its end."""
    depth = _depth(cause) + 1
    if depth > LONGEST_CHAIN:
        return None
    return Event(
        "tag_added",
        cause.account,
        cause.person,
        sub=str(depth),
        entry=cause.entry,
        key=f"{cause.id or cause.key}:tag_added:{tag}",
        username=cause.username,
        tag=tag,
        occurred_at=now,
        received_at=now,
    )


def _depth(event: Event) -> int:
    """How many tags led to this event."""
    return int(event.sub) if event.kind == "tag_added" and event.sub.isdigit() else 0
