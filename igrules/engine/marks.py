"""How often a rule fired already: ``once``, ``cooldown`` and ``limit``."""

from __future__ import annotations

from collections.abc import Iterator

from igrules.engine.scene import Scene
from igrules.language.ruleset import Rule
from igrules.language.values import write_duration
from igrules.model import Mark


def held_back(scene: Scene, rule: Rule) -> tuple[str, str] | None:
    """The first of the three that keeps the rule from firing now, and why; ``None`` when free."""
    if not (rule.once or rule.cooldown or rule.limit):
        return None
    if rule.once and any(True for _ in _marks(scene, rule, rule.once)):
        return "once", f"fired before for this {rule.once.replace('_', ' and ')}"
    for scope, length in rule.cooldown.items():
        last = max((mark.at for mark in _marks(scene, rule, scope)), default=None)
        if last is not None and last > scene.now - length:
            return "cooldown", f"{scope}: {_left(last + length - scene.now)} left"
    for scope, rate in rule.limit.items():
        since = scene.now - rate.window
        count = sum(mark.at > since for mark in _marks(scene, rule, scope))
        if count >= rate.count:
            return "limit", f"{scope}: {count} times"
    return None


def _left(milliseconds: int) -> str:
    """A time to go, in whole seconds."""
    return write_duration(-(-milliseconds // 1_000) * 1_000)


def _marks(scene: Scene, rule: Rule, scope: str) -> Iterator[Mark]:
    """The marks of this rule that count in a scope; none in a scope of posts without a post."""
    facts, post = scene.facts, scene.event.post
    found = {"post": facts.marks_post, "everyone": facts.marks_all}.get(scope, facts.marks)
    for mark in found:
        if mark.name != rule.id and mark.name not in rule.was:
            continue
        if scope in ("post", "contact_post") and (not post or mark.post != post):
            continue
        yield mark
