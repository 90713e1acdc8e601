"""Whether a step is carried out at all: its own ``if`` and ``unless``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from igrules.engine.truth import weigh
from igrules.kinds import Moment
from igrules.language.ruleset import Step


def enter(step: Step, moment: Moment, stopwatch: Callable[[], float]) -> tuple[Moment | None, str]:
    """The moment with what the step's own conditions found; ``None`` when it is skipped.

    The text says which condition failed, so that nobody can tell; empty when they did not hold.
    """
    if step.test is not None:
        found = weigh(step.test, moment, stopwatch)
        if not found.holds:
            return None, found.why if found.holds is None else ""
        if found.captures:
            moment = replace(moment, captures={**moment.captures, **found.captures})
    if step.unless is not None:
        spared = weigh(step.unless, moment, stopwatch)
        if spared.holds is not False:
            return None, spared.why if spared.holds is None else ""
    return moment, ""
