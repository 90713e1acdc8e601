"""Read one rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from igrules.errors import Span
from igrules.language.conditions import Tree, bound
from igrules.language.done import Done, every, every_tree
from igrules.language.flows import WrittenFlow
from igrules.language.grammar import EXAMPLES, RULE
from igrules.language.nodes import Map, Node, Scalar, Sequence
from igrules.language.place import Place, Unit, Use
from igrules.language.ruleset import Rule
from igrules.language.shapes import report_empty, report_shape
from igrules.language.slots import read_entries
from igrules.language.steps import below, read_steps, read_tests
from igrules.language.triggers import read_triggers
from igrules.language.typed import report_braces
from igrules.language.unless_maps import check_unless
from igrules.language.written_sizes import count_values
from igrules.model import EMPTY

Source = Literal["rules", "replies", "comments", "fallback"]
_OWN = ("when", "if", "unless", "do", "examples")
_MADE = replace(RULE, keys={**RULE.keys, "id": replace(RULE.keys["id"], required=False)})
"""The shape of a rule that is made of a short form, which brings its id along."""


@dataclass(frozen=True, slots=True)
class Written:
    """A rule, and what was said in it as far as the engine does not need it.

    ``keys`` are the places of its keys, ``place`` what its steps may name. ``sound``: all of it was
    read, so that more can be said about it.
    """

    rule: Rule
    test: Tree | None
    unless: Tree | None
    steps: tuple[Done, ...]
    keys: Mapping[str, Span]
    values: Mapping[str, Any]
    """Values of keys; what they mean depends on whether the rule answers."""
    unit: Unit
    place: Place
    sound: bool
    phrases: int
    """How many stand in its conditions; ``patterns`` are those of ``like`` and ``regex``."""
    patterns: int
    uses: tuple[Use, ...] = ()
    """The values of the run that its conditions name."""


def read_rule(
    node: Map, place: Place, *, id: str = "", source: Source = "rules", span: Span | None = None
) -> Written:
    """The rule a map says, as far as it can be read; short forms bring ``id`` and ``span``.

    What depends on the flows it starts is left to `completed`.
    """
    before = place.findings.errors()
    slot = _MADE if id else RULE
    values = read_entries(node, slot, "a rule", place, skip=_OWN)
    nodes = {entry.key.text: entry.value for entry in node.entries}
    keys = {entry.key.text: entry.key.span for entry in node.entries}
    if span is None:
        span = nodes["id"].span if "id" in nodes else node.span
    id = place.named(id or values.get("id", "")) or "?"
    heard = read_triggers(nodes["when"], place) if "when" in nodes else ()
    unit = Unit()
    place = place._replace(rule=id, stem=id, path=f"{id}.do", hears=heard, unit=unit, uses=[])
    test, unless = read_tests(nodes, place)
    check_unless(nodes.get("unless"), "this rule stays silent", place)
    uses = tuple(place.uses or ())
    inside = below(place, test, unless)
    steps = read_steps(nodes["do"], inside) if "do" in nodes else ()
    rule = Rule(
        id=id,
        number=0,
        span=span,
        hears=heard,
        steps=tuple(done.step for done in steps),
        answers=False,
        source=source,
        test=bound(test),
        unless=bound(unless),
        examples=_examples(nodes.get("examples"), place),
        zone=place.zone,
        was=tuple(map(place.named, values.get("was", ()))),
        **_plain(values),
    )
    sound = place.findings.errors() == before
    sizes = count_values([test, unless, *every_tree(steps)])
    return Written(rule, test, unless, steps, keys, values, unit, inside, sound, *sizes, uses)


def completed(written: Written, flows: Iterable[WrittenFlow]) -> Written:
    """The rule with what only is known together with the ``flows`` it starts, at any depth."""
    flows = tuple(flows)
    inside = [written.steps, *(flow.steps for flow in flows)]
    answers = any(done.step.action.answers for steps in inside for done in every(steps))
    final = written.values.get("final", "auto")
    rule = replace(
        written.rule,
        answers=answers,
        final=answers if final == "auto" else final == "true",
        cooldown=_cooldown(written.values, answers, written.rule.source, written.place),
        profile=written.unit.profile or any(flow.unit.profile for flow in flows),
    )
    return replace(written, rule=rule)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that need no second look."""
    once = values.get("once", "false")
    return {
        "priority": values.get("priority", 50),
        "interrupt": values.get("interrupt", "false"),
        "once": {"false": "", "true": "contact"}.get(once, once),
        "limit": values.get("limit", EMPTY),
        "if_running": values.get("if_running", "restart"),
        "status": values.get("status", "live"),
        "rollout": values.get("rollout", 10_000),
        "labels": values.get("labels", ()),
        "note": values.get("note", ""),
    }


def _cooldown(
    values: Mapping[str, Any], answers: bool, source: Source, place: Place
) -> Mapping[str, int]:
    """What is written, else the file's own default for rules that answer."""
    written: Mapping[str, int] = values.get("cooldown", EMPTY)
    if written or not answers or source == "fallback":
        return written
    return place.defaults.get("cooldown", EMPTY) or EMPTY


def _examples(node: Node | None, place: Place) -> tuple[tuple[str, str, Span], ...]:
    if node is None:
        return ()
    if not isinstance(node, Map):
        report_shape(place, node, EXAMPLES, "examples")
        return ()
    if not node.entries:
        report_empty(place, node, "examples")
        return ()
    read_entries(node, EXAMPLES, "examples", place, skip=tuple(EXAMPLES.keys))
    found: list[tuple[str, str, Span]] = []
    for entry in node.entries:
        if entry.key.text in EXAMPLES.keys:
            found.extend(_texts(entry.key.text, entry.value, place))
    return tuple(found)


def _texts(key: str, node: Node, place: Place) -> Iterator[tuple[str, str, Span]]:
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        report_empty(place, node, key)
    for item in items:
        if not isinstance(item, Scalar):
            report_shape(place, item, EXAMPLES.keys[key], key)
        elif not item.text.strip():
            report_empty(place, item, key)
        elif "{{" in item.text:
            report_braces(item, key, place)
        else:
            yield key, item.text.strip(), item.span
