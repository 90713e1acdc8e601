"""Find rules that add the tag they are started by, directly or through others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from igrules.language.calls import flows_below
from igrules.language.done import Done, every
from igrules.language.flows import WrittenFlow
from igrules.language.place import Place
from igrules.language.rules import Written

_TRIGGER = "tag_added"
_ACTION = "tag"


def check_tag_cycles(
    rules: Iterable[Written], flows: Mapping[str, WrittenFlow], place: Place
) -> None:
    """Report every circle once, at the first of its rules."""
    started = [one for one in rules if any(_hears_tags(one))]
    added = [(one, _added(one, flows)) for one in started]
    following = {
        one.rule.id: [other for other in started if _starts(tags, other)] for one, tags in added
    }
    told: set[str] = set()
    for one in started:
        chain = _back_to(one, following)
        if chain and told.isdisjoint(chain):
            told.update(chain)
            shown = " -> ".join([*chain, chain[0]])
            message = f"rules add the tags that start them: {shown}"
            help = "take one of the tags out: a circle of rules would never end by itself"
            place.problem("IGR207", one.rule.span, message, help)


def _hears_tags(one: Written) -> Iterable[bool]:
    return (hears.trigger.name == _TRIGGER for hears in one.rule.hears)


def _added(one: Written, flows: Mapping[str, WrittenFlow]) -> set[str]:
    """The tags a rule adds when it was started by one, also in the flows it starts."""
    lists: list[tuple[Done, ...]] = [one.steps]
    lists += [flow.steps for flow in flows_below(one.unit, flows)]
    return {
        tag
        for steps in lists
        for done in every(steps)
        if done.step.action.name == _ACTION
        and any(hears.trigger.name == _TRIGGER for hears in done.hears)
        for tag in done.step.options
    }


def _starts(tags: set[str], other: Written) -> bool:
    """Whether one of the tags starts a rule; one that names none is started by every tag."""
    wanted = [
        hears.options.get("tag", ()) for hears in other.rule.hears if hears.trigger.name == _TRIGGER
    ]
    return bool(tags) and any(not names or not tags.isdisjoint(names) for names in wanted)


def _back_to(one: Written, following: Mapping[str, list[Written]]) -> list[str]:
    """The ids of a shortest circle from this rule back to it; none when there is none."""
    waiting = [[one.rule.id]]
    seen: set[str] = set()
    while waiting:
        chain = waiting.pop(0)
        for other in following[chain[-1]]:
            id = other.rule.id
            if id == one.rule.id:
                return chain
            if id not in seen:
                seen.add(id)
                waiting.append([*chain, id])
    return []
