"""Give effects their place: whose they are, what makes them the same again, what they wait for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from igrules.language.ruleset import Step
from igrules.model import Effect
from igrules.runs import Run


def placed_in(
    run: Run, step: Step, effect: Effect, number: int, after: int, expires_at: int
) -> Effect:
    """The effect as the ``number``-th of this step in this run, ``after`` milliseconds from now."""
    start = f"run:{run.id}" if run.id else f"{run.event.id}:{run.rule}"
    return replace(
        effect,
        key=f"{start}:{step.path}:{number}",
        rule=run.rule,
        step=step.path,
        after=after,
        expires_at=expires_at,
        on_doubt=step.on_doubt or effect.on_doubt,
        on_error="continue" if step.on_error == "continue" else "stop",
        run=run.id,
    )


def said_by(run: Run, companion: str, effect: Effect) -> Effect:
    """The effect with what only the whole stretch of its run tells: whether the run has muted the
    others, and the key of a private reply it sent in an earlier stretch."""
    if run.mutes:
        effect = replace(effect, unmuted=True)
    if effect.kind == "reply" and companion and not effect.companion:
        effect = replace(effect, companion=companion)
    return effect


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
