"""Which marks deciding looks at, so that no others are fetched with an event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from igrules.language.ruleset import Block, Rule

Marks = Mapping[str, int]


def marks_of(
    rules: Iterable[Rule], blocks: Iterable[Block], fired: Iterable[tuple[str, int]] = ()
) -> tuple[Marks, Marks, Marks]:
    """Names of marks and how many of the newest matter: of the contact, of posts, of everyone.

    ``fired`` are rules whose firing some condition looks at, and how many times at most.
    """
    rules = tuple(rules)
    contact: dict[str, int] = {}
    post: dict[str, int] = {}
    everyone: dict[str, int] = {}
    by_scope = {"contact": contact, "contact_post": contact, "post": post, "everyone": everyone}
    for rule in rules:
        for scope, count in _needed(rule):
            _need(rule, count, by_scope[scope])
    by_id = {rule.id: rule for rule in rules}
    for id, times in fired:
        if id in by_id:
            _need(by_id[id], times, contact)
    for step in (step for block in blocks for step in block.steps):
        if step.varies:
            # The newest mark says which turn it was.
            (post if step.action.varies == "post" else contact)[f"text:{step.path}"] = 1
    return MappingProxyType(contact), MappingProxyType(post), MappingProxyType(everyone)


def _need(rule: Rule, count: int, marks: dict[str, int]) -> None:
    """Note the marks of a rule under its id and its former ones."""
    for name in (rule.id, *rule.was):
        marks[name] = max(count, marks.get(name, 0))


def _needed(rule: Rule) -> Iterator[tuple[str, int]]:
    """Each scope the rule counts in, and how many of its marks matter there."""
    counts = [(scope, 1) for scope in rule.cooldown]
    counts += [(scope, rate.count) for scope, rate in rule.limit.items()]
    if rule.once:
        counts.append((rule.once, 1))
    yield from counts
