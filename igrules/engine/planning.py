"""Ask an action what shall happen, and whether that is something a run can carry out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from igrules.language.kind_shapes import flaw_of_planned
from igrules.language.ruleset import Step
from igrules.model import Effect, Failure, Planned


@dataclass(slots=True)
class Budget:
    """What one event may still cause, over all its runs. ``parks`` is how many of them may be
    parked beside those that are."""

    steps: int = 5
    messages: int = 10
    effects: int = 20
    parks: int = 20


def planned_by(
    step: Step, ask: Callable[[], Iterable[Planned]], budget: Budget
) -> tuple[Planned, ...] | Failure:
    """What the step's action answers to ``ask``, counted against ``budget``; a plugin's mistake
    is a `Failure`, and one failure among the items is the whole answer."""
    action = step.action
    try:
        planned = tuple(ask())
    except Exception as error:  # noqa: BLE001  # one plugin's call
        return Failure(f"action {action.name} raised {type(error).__name__}")
    for item in planned:
        if isinstance(item, Failure):
            return item
        if not isinstance(item, Planned):
            return Failure(f"action {action.name} planned {type(item).__name__}")
        if action.plugin and (flaw := flaw_of_planned(item)):
            return Failure(f"action {action.name} planned {flaw}")
    return _affordable(step, planned, budget)


def _affordable(
    step: Step, planned: tuple[Planned, ...], budget: Budget
) -> tuple[Planned, ...] | Failure:
    """The plan, counted against what one event may cause."""
    effects = [item for item in planned if isinstance(item, Effect)]
    if not effects:
        return planned
    count = step.action.messages
    steps = count(step.options) if count is not None else 0
    messages = sum(effect.counted for effect in effects)
    if steps > budget.steps or messages > budget.messages or len(effects) > budget.effects:
        return Failure("limited: this event has caused as much as one may")
    budget.steps -= steps
    budget.messages -= messages
    budget.effects -= len(effects)
    return planned
