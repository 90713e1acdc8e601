"""Write down why an event got its answer, as JSON.

Why facts are kept and not the reasons alone: what was known then is known nowhere else later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from igrules.engine.judging import Judgement
from igrules.engine.known import facts_to_json
from igrules.engine.running import Ran
from igrules.engine.scene import Scene
from igrules.language.ruleset import Rule
from igrules.model import EMPTY, Effect, Outcome
from igrules.runs import Run


def written(
    scene: Scene,
    version: int,
    outcomes: Sequence[Outcome] = (),
    judged: Mapping[str, Judgement] = EMPTY,
    ran: Mapping[str, tuple[Rule, Ran]] = EMPTY,
    effects: Sequence[Effect] = (),
    continued: Sequence[Ran] = (),
    ended: Sequence[tuple[Run, str]] = (),
) -> Mapping[str, Any]:
    """The trace of a decision. What is empty is left out."""
    trace: dict[str, Any] = {
        "version": version,
        "now": scene.now,
        "facts": facts_to_json(scene.facts),
    }
    if judged:
        found = {
            "triggers": sorted({name for one in judged.values() for name in one.heard}),
            "rules": [[one.rule, one.reason, one.why] for one in outcomes],
        }
        trace.update((key, value) for key, value in found.items() if value)
    if ran or continued or ended:
        _write_runs(trace, judged, ran, continued, ended)
    if effects:
        trace["effects"] = {effect.key: effect.kind for effect in effects}
    return trace


def _write_runs(
    trace: dict[str, Any],
    judged: Mapping[str, Judgement],
    ran: Mapping[str, tuple[Rule, Ran]],
    continued: Sequence[Ran],
    ended: Sequence[tuple[Run, str]],
) -> None:
    every = [*continued, *(one for _, one in ran.values())]
    parked = [
        one for rule, one in ran.values() if rule.status != "shadow" and one.run.state != "ended"
    ]
    found = {
        "captures": {
            rule: dict(judged[rule].captures)
            for rule in ran
            if rule in judged and judged[rule].captures
        },
        "steps": [step for one in every for step in one.steps],
        "notes": [list(note) for one in every for note in one.notes],
        "continued": [one.run.rule for one in continued],
        "ended": {
            one.run.rule: [one.reason, one.run.why]
            for one in every
            if one.reason != "done" and one.run.state == "ended"
        },
        "runs": [[one.run.rule, one.reason, one.run.step] for one in (*continued, *parked)]
        + [[run.rule, reason, run.step] for run, reason in ended],
        "shadow": [
            {"rule": rule.id, "kind": effect.kind, "payload": effect.payload}
            for rule, one in ran.values()
            if rule.status == "shadow"
            for effect in one.effects
        ],
    }
    trace.update((key, value) for key, value in found.items() if value)
