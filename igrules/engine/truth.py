"""Weigh conditions on a real event: call what a kind brings, and take its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from igrules.kinds import Moment
from igrules.language.logic import Found, found_by, weighed
from igrules.language.ruleset import Ask, Test
from igrules.model import EMPTY

SLOWEST = 0.050
"""Seconds a plugin's condition may take."""


def weigh(test: Test, moment: Moment, stopwatch: Callable[[], float]) -> Found:
    """Weigh a condition and everything below it."""
    return weighed(test, lambda ask: _ask(ask, moment, stopwatch))


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
    return found_by(condition, verdict)
