"""Whether one rule may fire: the checks in their order, up to the first reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from igrules.engine.marks import held_back
from igrules.engine.posts import with_posts
from igrules.engine.scene import Scene
from igrules.engine.truth import weigh
from igrules.language.buckets import bucket
from igrules.language.logic import Found
from igrules.language.ruleset import Hears, Rule
from igrules.model import EMPTY
from igrules.runs import Run

ORDER = (
    "disabled", "rollout", "trigger", "if", "unless", "failed", "once", "cooldown", "limit",
    "running", "not_tried", "fired",
)  # fmt: skip
"""The reasons, in the order in which they are looked for."""
_RANK = {reason: rank for rank, reason in enumerate(ORDER)}


class Judgement(NamedTuple):
    """What was found about a rule: ``fired`` or the first reason why not, and by which of its
    triggers it heard the event."""

    reason: str
    why: str = ""
    heard: tuple[str, ...] = ()
    captures: Mapping[str, Any] = EMPTY


class Heard(NamedTuple):
    """A rule whose trigger heard the event and whose ``if`` is not false."""

    heard: tuple[str, ...]
    found: Found


_TRUE = Found(True)


def judge(scene: Scene, rule: Rule) -> Judgement:
    """Carry out all checks of a rule."""
    heard = hears(scene, rule)
    return heard if isinstance(heard, Judgement) else allows(scene, rule, heard)


def hears(scene: Scene, rule: Rule) -> Heard | Judgement:
    """Carry out the checks up to ``if``."""
    if rule.status == "disabled":
        return Judgement("disabled")
    if rule.id in scene.facts.paused_rules:
        return Judgement("disabled", "paused")
    if rule.rollout < 10_000:
        tenant, person = scene.ruleset.settings.slug, scene.event.person
        if bucket(tenant, f"rollout:{rule.id}", person) >= rule.rollout:
            return Judgement("rollout", f"not among the {rule.rollout / 100:g}%")
    heard = tuple(each.trigger.name for each in rule.hears if _hears(each, scene, rule))
    if not heard:
        return Judgement("trigger")
    if rule.test is None:
        return Heard(heard, _TRUE)
    found = weigh(rule.test, scene.moment(heard, rule), scene.stopwatch)
    if found.holds is False:
        return Judgement("if", found.why, heard)
    return Heard(heard, found)


def _hears(each: Hears, scene: Scene, rule: Rule) -> bool:
    event, options = scene.event, each.options
    if event.kind not in each.trigger.events:
        return False
    if not each.trigger.plugin and ("post" in options or "story" in options):
        options = with_posts(options, event, scene.facts, rule)
    try:
        return each.trigger.match(event, options)
    except Exception:  # noqa: BLE001  # one plugin's call: what cannot tell does not hear
        return False


def allows(scene: Scene, rule: Rule, heard: Heard) -> Judgement:
    """Carry out the checks after ``if``."""
    triggers, found = heard
    if rule.unless is not None:
        moment = scene.moment(triggers, rule, found.captures)
        spared = weigh(rule.unless, moment, scene.stopwatch)
        if spared.holds:
            return Judgement("unless", spared.why, triggers)
        if found.holds and spared.holds is None:
            found = spared
    if found.holds is None:
        return Judgement("failed", found.why, triggers)
    if held := held_back(scene, rule):
        return Judgement(*held, triggers)
    if rule.if_running == "ignore" and any(is_run_of(run, rule) for run in scene.facts.runs):
        return Judgement("running", "a run of this rule waits", triggers)
    return Judgement("fired", found.why, triggers, found.captures)


def is_run_of(run: Run, rule: Rule) -> bool:
    """Whether a run belongs to this rule, also under a former id."""
    return run.rule == rule.id or run.rule in rule.was


def further(one: Judgement, other: Judgement) -> Judgement:
    """The judgement that came further, when a rule was tried twice; the first when both did."""
    return other if _RANK[other.reason] > _RANK[one.reason] else one
