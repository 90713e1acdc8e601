"""When igrules does not answer, whatever the rules say: the first five steps of the order."""

from __future__ import annotations

from typing import NamedTuple

from igrules.engine.scene import Scene
from igrules.model import NOT_FOR_RULES, Change, Event

MOST_ANSWERS = 8
"""Events of one contact that may be answered within a minute."""
LOOP_SILENCE = 600_000

_DAY = 86_400_000
_COMMENTS = frozenset({"comment", "live_comment", "mention_comment", "mention_caption"})
_INTERNAL = frozenset({"tag_added", "handoff_ended"})


class Silence(NamedTuple):
    """Why answers are muted; ``changes`` follow from finding it out."""

    reason: str
    changes: tuple[Change, ...] = ()


def ends_at_once(event: Event, now: int) -> str:
    """Why no rule at all sees this event; empty when rules do."""
    if event.kind in NOT_FOR_RULES:
        return event.kind
    if event.kind in _INTERNAL:
        return ""
    oldest = now - (7 * _DAY if event.kind in _COMMENTS else _DAY)
    return "too_old" if (event.occurred_at or event.received_at or now) < oldest else ""


def silence_of(scene: Scene) -> Silence | None:
    """Why only listening rules run now, the first reason; ``None`` when answers are allowed."""
    facts, now = scene.facts, scene.now
    contact, settings = facts.contact, scene.ruleset.settings
    if not settings.enabled:
        return Silence("not_enabled")
    if contact.opted_out:
        return Silence("opted_out")
    if contact.handoff_until is not None and contact.handoff_until > now:
        return Silence("handed_off")
    if contact.quiet_until is not None and contact.quiet_until > now:
        return Silence(contact.quiet_reason or "human_pause")
    if facts.answered_last_minute >= MOST_ANSWERS:
        return Silence("loop", (Change("quiet", "loop", now + LOOP_SILENCE),))
    if facts.sent_in_window >= settings.per_contact.count:
        return Silence("limited")
    return None
