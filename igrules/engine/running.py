"""Carry out the steps of a rule that fires: what shall be sent and changed, nothing done yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from igrules.engine.contacts import changed
from igrules.engine.expiry import expires_at, needs_window
from igrules.engine.fields import read_field
from igrules.engine.internal import tag_added
from igrules.engine.judging import Judgement
from igrules.engine.scene import Scene
from igrules.engine.truth import weigh
from igrules.engine.variants import turn_of
from igrules.instagram.windows import window_end
from igrules.kinds import Moment
from igrules.language.kind_shapes import flaw_of_planned
from igrules.language.ruleset import Rule, Step
from igrules.model import (
    EMPTY,
    Change,
    Effect,
    Event,
    Facts,
    Failure,
    Halt,
    Mark,
    Planned,
    Remark,
)


@dataclass(slots=True)
class Budget:
    """What one event may still cause, over all its rules."""

    steps: int = 5
    messages: int = 10
    effects: int = 20


@dataclass(slots=True)
class Ran:
    """What the run of a rule came to. ``reason`` says how it ended."""

    effects: list[Effect] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    """Step and remark, for the trace."""
    reason: str = "done"
    why: str = ""


class Run:
    """One firing of a rule, from its first step to its end."""

    def __init__(self, scene: Scene, rule: Rule, judgement: Judgement, budget: Budget) -> None:
        self._scene = scene
        self._rule = rule
        self._judgement = judgement
        self._budget = budget
        self._facts: Facts = scene.facts
        self._delay = 0
        self._counts: dict[str, int] = {}
        self.ran = Ran(marks=[Mark(rule.id, scene.now, scene.event.post)])

    def to_its_end(self) -> Ran:
        """Carry out the steps in order."""
        for step in self._rule.steps:
            if not self._step(step):
                break
        return self.ran

    def _step(self, step: Step) -> bool:
        """Carry out one step; false ends the run."""
        nth, mark = turn_of(self._scene, step)
        moment = self._scene.moment(
            self._judgement.heard,
            self._rule.id,
            facts=self._facts,
            captures=self._judgement.captures,
            step=step.path,
            nth=nth,
        )
        entered = self._entered(step, moment)
        if entered is None:
            return True
        planned = self._plan(step, entered)
        if mark is not None and not isinstance(planned, Failure):
            self.ran.marks.append(mark)
        if isinstance(planned, Failure):
            return self._failed(step, planned.reason)
        return all(self._carry_out(step, item) for item in planned)

    def _entered(self, step: Step, moment: Moment) -> Moment | None:
        """The moment with what the step's own conditions found; ``None`` when it is skipped."""
        watch = self._scene.stopwatch
        if step.test is not None:
            found = weigh(step.test, moment, watch)
            if not found.holds:
                self._note_failure(step, found.holds, found.why)
                return None
            if found.captures:
                moment = replace(moment, captures={**moment.captures, **found.captures})
        if step.unless is not None:
            spared = weigh(step.unless, moment, watch)
            if spared.holds is not False:
                self._note_failure(step, spared.holds, spared.why)
                return None
        return moment

    def _note_failure(self, step: Step, holds: bool | None, why: str) -> None:
        if holds is None:
            self.ran.notes.append((step.path, f"skipped: {why}"))

    def _plan(self, step: Step, moment: Moment) -> tuple[Planned, ...] | Failure:
        action = step.action
        if action.plugin:
            settings = moment.settings.plugins.get(action.plugin) or EMPTY
            moment = replace(moment, plugin=settings)
        try:
            planned = tuple(action.plan(moment, step.options))
        except Exception as error:  # noqa: BLE001  # one plugin's call
            return Failure(f"action {action.name} raised {type(error).__name__}")
        for item in planned:
            if isinstance(item, Failure):
                return item
            if not isinstance(item, Planned):
                return Failure(f"action {action.name} planned {type(item).__name__}")
            if action.plugin and (flaw := flaw_of_planned(item)):
                return Failure(f"action {action.name} planned {flaw}")
        return self._affordable(step, planned)

    def _affordable(
        self, step: Step, planned: tuple[Planned, ...]
    ) -> tuple[Planned, ...] | Failure:
        """The plan, counted against what one event may cause."""
        effects = [item for item in planned if isinstance(item, Effect)]
        if not effects:
            return planned
        budget, count = self._budget, step.action.messages
        steps = count(step.options) if count is not None else 0
        messages = sum(effect.counted for effect in effects)
        if steps > budget.steps or messages > budget.messages or len(effects) > budget.effects:
            return Failure("limited: this event has caused as much as one may")
        budget.steps -= steps
        budget.messages -= messages
        budget.effects -= len(effects)
        return planned

    def _failed(self, step: Step, reason: str) -> bool:
        self.ran.notes.append((step.path, f"failed: {reason}"))
        if step.on_error == "continue":
            return True
        return self._end("failed", reason)

    def _end(self, reason: str, why: str = "") -> bool:
        self.ran.reason, self.ran.why = reason, why
        return False

    def _carry_out(self, step: Step, item: Planned) -> bool:
        if isinstance(item, Effect):
            return self._send(step, item)
        if isinstance(item, Change):
            return self._change(step, item)
        if isinstance(item, Remark):
            self.ran.notes.append((step.path, item.text))
            return True
        assert isinstance(item, Halt)
        return self._end(item.reason)

    def _send(self, step: Step, effect: Effect) -> bool:
        scene = self._scene
        contact = self._facts.contact
        if needs_window(effect) and (window_end(scene.event, contact) or 0) <= scene.now:
            return self._end("window_closed")
        number = self._counts[step.path] = self._counts.get(step.path, 0) + 1
        after, settings = effect.after + self._delay, scene.ruleset.settings
        placed = replace(
            effect,
            key=f"{scene.event.id}:{self._rule.id}:{step.path}:{number}",
            rule=self._rule.id,
            step=step.path,
            after=after,
            expires_at=expires_at(effect, scene.event, contact, scene.now + after, settings),
            on_doubt=step.on_doubt or effect.on_doubt,
            on_error="continue" if step.on_error == "continue" else "stop",
        )
        self.ran.effects.append(placed)
        if effect.kind == "typing":
            self._delay += effect.payload.get("ms", 0)
        return True

    def _change(self, step: Step, change: Change) -> bool:
        scene, contact = self._scene, self._facts.contact
        if change.kind == "tag" and change.name in contact.tags:
            return True
        if change.kind == "untag" and change.name not in contact.tags:
            return True
        if change.kind == "set" and isinstance(change.value, str):
            declared = scene.ruleset.names.fields.get(change.name)
            prefix = scene.ruleset.settings.phone_prefix
            value = read_field(change.value, declared, prefix)
            if value is None:
                return self._failed(step, f"the text does not fit the field '{change.name}'")
            change = replace(change, value=value)
        if change.kind == "tag":
            self._announce(step, change.name)
        self._facts = replace(self._facts, contact=changed(contact, change))
        self.ran.changes.append(change)
        return True

    def _announce(self, step: Step, tag: str) -> None:
        event = tag_added(self._scene.event, tag, self._scene.now)
        if event is None:
            self.ran.notes.append((step.path, f"limited: the chain of tags ends at '{tag}'"))
        else:
            self.ran.events.append(event)


def companions_in_order(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """The effects with every public reply behind the private reply to the same comment.

    It waits for that one to be sent, unless its step says ``on_error: continue``.
    """
    effects = tuple(effects)
    private: dict[str, Effect] = {}
    for effect in effects:
        if effect.kind == "private_reply":
            private.setdefault(effect.track, effect)
    if not private:
        return effects
    first, then = [], []
    for effect in effects:
        ahead = private.get(effect.track) if effect.kind == "reply" else None
        if ahead is None:
            first.append(effect)
        elif ahead.on_error == "continue":
            then.append(effect)
        else:
            then.append(replace(effect, companion=ahead.key))
    return (*first, *then)
