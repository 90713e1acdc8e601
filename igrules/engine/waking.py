"""Let a parked run go on because its time came, or because the call it waited for has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from igrules.engine.conversation import Conversation, ended_as
from igrules.engine.outgoing import companions_in_order
from igrules.engine.planning import Budget
from igrules.engine.record import written
from igrules.engine.running import Ran, Running
from igrules.engine.scene import Scene
from igrules.language.ruleset import Ruleset
from igrules.model import Decision, Facts, Refused, Sent
from igrules.runs import LATEST_WAKE, Run

HELD_BACK = 60_000
"""Milliseconds after which a run that a pause holds back is looked at again."""


def wake(
    run: Run,
    outcome: Sent | Refused | None,
    ruleset: Ruleset,
    facts: Facts,
    now: int,
    *,
    stopwatch: Callable[[], float] = time.perf_counter,
) -> Decision:
    """Return what shall happen now that ``run`` goes on.

    ``outcome`` is what became of the call it waited for; ``None``: its time has come. ``ruleset``
    is the version the run began with. ``facts`` are those of its contact at this moment, with all
    its parked runs.
    """
    scene = Scene(run.event, ruleset, facts, now, stopwatch)
    if outcome is None and facts.paused:
        late = run.late_after if run.late_after is not None else run.wake_at
        held = replace(run, wake_at=now + HELD_BACK, late_after=late)
        return Decision("skipped", "paused", runs=(held,), trace=written(scene, run.version))
    conversation = Conversation(facts)
    conversation.take(run)
    budget = Budget(parks=conversation.room(facts))
    reason, why = _end_of(run, outcome, scene)
    if reason:
        ran = Ran(ended_as(run, reason, why))
    else:
        ran = _carried_out(Running(scene, run, budget, since=now), outcome)
    conversation.keep(ran)
    effects = companions_in_order(ran.effects)
    return Decision(
        "answered" if effects else "listened",
        effects=effects,
        changes=tuple(ran.changes),
        marks=tuple(ran.marks),
        events=tuple({event.key: event for event in ran.events}.values()),
        runs=conversation.changed(),
        trace=written(
            scene, run.version, effects=effects, continued=[ran], ended=conversation.ended
        ),
    )


def _carried_out(running: Running, outcome: Sent | Refused | None) -> Ran:
    if isinstance(outcome, Refused):
        return running.after_refusal(outcome.reason)
    return running.go_on(None if outcome is None else outcome.result)


def _end_of(run: Run, outcome: Sent | Refused | None, scene: Scene) -> tuple[str, str]:
    """Why the run ends instead of going on; empty when it goes on."""
    facts, now = scene.facts, scene.now
    contact, settings = facts.contact, scene.ruleset.settings
    due = run.late_after if run.late_after is not None else run.wake_at
    if run.expires_at and now >= run.expires_at:
        return "expired", "it has lived as long as a run may"
    if contact.opted_out and not run.mutes:
        return "opted_out", ""
    if outcome is not None:
        return "", ""
    if due is not None and now > due + LATEST_WAKE:
        return "expired", "its time was more than 6 hours ago"
    if not settings.enabled:
        return "cancelled", "the tenant is not enabled"
    if _is_held(run, scene):
        return "handed_off", ""
    if facts.sent_in_window >= settings.per_contact.count:
        return "limited", "per_contact"
    return "", ""


def _is_held(run: Run, scene: Scene) -> bool:
    """Whether a person holds the conversation; a run that handed it over itself goes on."""
    contact, now = scene.facts.contact, scene.now
    if contact.quiet_reason == "human_pause" and (contact.quiet_until or 0) > now:
        return True
    return (contact.handoff_until or 0) > now and not run.mutes
