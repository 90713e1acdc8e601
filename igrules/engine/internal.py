"""Events that a decision causes itself: a contact received a tag, a handoff ended."""

from __future__ import annotations

from igrules.model import Event

LONGEST_CHAIN = 5
"""So many of them may follow from one another; then the chain ends."""
_KINDS = frozenset({"tag_added", "handoff_ended"})


def tag_added(cause: Event, tag: str, now: int) -> Event | None:
    """The event that ``tag`` is new on the contact, ``None`` when the chain is at its end."""
    return _follow(cause, "tag_added", tag, now)


def handoff_ended(cause: Event, now: int) -> Event | None:
    """The event that a handoff ended, ``None`` when the chain is at its end."""
    return _follow(cause, "handoff_ended", "", now)


def _follow(cause: Event, kind: str, tag: str, now: int) -> Event | None:
    depth = _depth(cause) + 1
    if depth > LONGEST_CHAIN:
        return None
    return Event(
        kind,
        cause.account,
        cause.person,
        sub=str(depth),
        entry=cause.entry,
        key=f"{cause.id or cause.key}:{kind}:{tag}",
        username=cause.username,
        tag=tag,
        occurred_at=now,
        received_at=now,
    )


def _depth(event: Event) -> int:
    """How many internal events led to this one."""
    return int(event.sub) if event.kind in _KINDS and event.sub.isdigit() else 0
