"""Conditions have three values: true, false, and ``None`` when it cannot be known.

Why not two: a condition that failed must never let a rule fire, not even under ``none`` or
``unless``; a broken plugin would else message everybody it meant to spare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from igrules.kinds import Condition, Verdict
from igrules.language.kind_shapes import is_plain
from igrules.language.ruleset import Ask, Group, Test
from igrules.model import EMPTY


class Found(NamedTuple):
    """What weighing a condition gave; ``holds`` is ``None`` when it failed."""

    holds: bool | None
    why: str = ""
    captures: Mapping[str, Any] = EMPTY


Asking = Callable[[Ask], Found]
"""Answers one condition."""


def weighed(test: Test, ask: Asking) -> Found:
    """Weigh a condition and everything below it, in order and no further than needed."""
    if isinstance(test, Ask):
        return ask(test)
    return _GROUPS[test.mode](test, ask)


def found_by(condition: Condition, verdict: Any) -> Found:
    """What a condition's own answer says; anything but an answer has failed."""
    name = condition.name
    if isinstance(verdict, Verdict):
        if condition.plugin and not _is_sound(verdict):
            return Found(None, f"condition {name} gave a Verdict with wrong values")
        why = f"{name}: {verdict.why}" if verdict.why else name
        return Found(verdict.holds, why, verdict.captures)
    if isinstance(verdict, bool):
        return Found(verdict, name)
    return Found(None, f"condition {name} returned {type(verdict).__name__}")


def _is_sound(verdict: Verdict) -> bool:
    captures = verdict.captures
    is_answer = verdict.holds is None or isinstance(verdict.holds, bool)
    return is_answer and isinstance(captures, Mapping) and is_plain(captures)


def _all(group: Group, ask: Asking) -> Found:
    failed: Found | None = None
    reasons: list[str] = []
    captures: dict[str, Any] = {}
    for part in group.parts:
        found = weighed(part, ask)
        if found.holds is False:
            return found
        if found.holds is None:
            failed = failed or found
        elif found.why:
            reasons.append(found.why)
        captures = {**found.captures, **captures}
    return failed or Found(True, " · ".join(reasons), captures)


def _any(group: Group, ask: Asking) -> Found:
    failed: Found | None = None
    reasons: list[str] = []
    for part in group.parts:
        found = weighed(part, ask)
        if found.holds:
            return found
        if found.holds is None:
            failed = failed or found
        elif found.why:
            reasons.append(found.why)
    return failed or Found(False, " · ".join(reasons))


def _none(group: Group, ask: Asking) -> Found:
    found = _any(group, ask)
    if found.holds is None:
        return found
    return Found(not found.holds, found.why)


_GROUPS = {"all": _all, "any": _any, "none": _none}
