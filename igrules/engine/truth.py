"""Conditions have three values: true, false, and ``None`` when it cannot be known.

Why not two: a condition that failed must never let a rule fire, not even under ``none`` or
``unless``; a broken plugin would else message everybody it meant to spare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from igrules.kinds import Moment, Verdict
from igrules.language.ruleset import Ask, Group, Test
from igrules.model import EMPTY

SLOWEST = 0.050
"""Seconds a plugin's condition may take."""


class Found(NamedTuple):
    """What weighing a condition gave; ``holds`` is ``None`` when it failed."""

    holds: bool | None
    why: str = ""
    captures: Mapping[str, Any] = EMPTY


def weigh(test: Test, moment: Moment, stopwatch: Callable[[], float]) -> Found:
    """Weigh a condition and everything below it."""
    if isinstance(test, Ask):
        return _ask(test, moment, stopwatch)
    return _GROUPS[test.mode](test, moment, stopwatch)


def _all(group: Group, moment: Moment, stopwatch: Callable[[], float]) -> Found:
    failed: Found | None = None
    reasons: list[str] = []
    captures: dict[str, Any] = {}
    for part in group.parts:
        found = weigh(part, moment, stopwatch)
        if found.holds is False:
            return found
        if found.holds is None:
            failed = failed or found
        elif found.why:
            reasons.append(found.why)
        captures = {**found.captures, **captures}
    return failed or Found(True, " · ".join(reasons), captures)


def _any(group: Group, moment: Moment, stopwatch: Callable[[], float]) -> Found:
    failed: Found | None = None
    reasons: list[str] = []
    for part in group.parts:
        found = weigh(part, moment, stopwatch)
        if found.holds:
            return found
        if found.holds is None:
            failed = failed or found
        elif found.why:
            reasons.append(found.why)
    return failed or Found(False, " · ".join(reasons))


def _none(group: Group, moment: Moment, stopwatch: Callable[[], float]) -> Found:
    found = _any(group, moment, stopwatch)
    if found.holds is None:
        return found
    return Found(not found.holds, found.why)


_GROUPS = {"all": _all, "any": _any, "none": _none}


def _ask(ask: Ask, moment: Moment, stopwatch: Callable[[], float]) -> Found:
    condition = ask.condition
    name, plugin = condition.name, condition.plugin
    if plugin:
        moment = replace(moment, plugin=moment.settings.plugins.get(plugin) or EMPTY)
        started = stopwatch()
    try:
        verdict = condition.test(moment, ask.options)
    except Exception as error:  # noqa: BLE001  # one plugin's call
        return Found(None, f"condition {name} raised {type(error).__name__}")
    if plugin and stopwatch() - started > SLOWEST:
        return Found(None, f"condition {name} took longer than {SLOWEST * 1000:.0f} ms")
    if isinstance(verdict, Verdict):
        why = f"{name}: {verdict.why}" if verdict.why else name
        return Found(verdict.holds, why, verdict.captures)
    if isinstance(verdict, bool):
        return Found(verdict, name)
    return Found(None, f"condition {name} returned {type(verdict).__name__}")
