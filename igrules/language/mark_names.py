"""Which marks deciding looks at, so that no others are fetched with an event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from igrules.language.ruleset import Rule

Marks = Mapping[str, int]


def marks_of(rules: Iterable[Rule]) -> tuple[Marks, Marks, Marks]:
    """Names of marks and how many of the newest matter: of the contact, of posts, of everyone."""
    contact: dict[str, int] = {}
    post: dict[str, int] = {}
    everyone: dict[str, int] = {}
    by_scope = {"contact": contact, "contact_post": contact, "post": post, "everyone": everyone}
    for rule in rules:
        for scope, count in _needed(rule):
            for name in (rule.id, *rule.was):
                by_scope[scope][name] = max(count, by_scope[scope].get(name, 0))
        for step in rule.steps:
            if step.varies:
                # The newest mark says which turn it was.
                (post if step.action.varies == "post" else contact)[f"text:{step.path}"] = 1
    return MappingProxyType(contact), MappingProxyType(post), MappingProxyType(everyone)


def _needed(rule: Rule) -> Iterator[tuple[str, int]]:
    """Each scope the rule counts in, and how many of its marks matter there."""
    counts = [(scope, 1) for scope in rule.cooldown]
    counts += [(scope, rate.count) for scope, rate in rule.limit.items()]
    if rule.once:
        counts.append((rule.once, 1))
    yield from counts
