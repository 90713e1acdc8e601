"""Read ``do``: steps, each with one action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence as Many
from dataclasses import dataclass, replace
from typing import Any

from igrules.errors import Edit, Fix, Note, Span
from igrules.kinds import Action, Slot
from igrules.language.bound import accepts, call, is_allowed
from igrules.language.conditions import (
    Tree,
    bound,
    captures_of,
    heard_under,
    never_by,
    opens_window,
    read_condition,
)
from igrules.language.grammar import STEP
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.place import Place
from igrules.language.reach import check_reach
from igrules.language.ruleset import Block, Hears, Step
from igrules.language.shapes import report_empty, report_shape
from igrules.language.slots import options_of_bare, read_entries, read_slot
from igrules.language.unknown import report_unknown
from igrules.language.unless_maps import check_unless
from igrules.language.values import WRONG
from igrules.model import EMPTY

_SLOT = Slot("steps", example="{text: Olá!}")
_NESTED = ("if", "unless")


@dataclass(frozen=True, slots=True)
class Done:
    """A step as written, and what stands around it. ``hears`` are the triggers that get there,
    ``node`` is what stands under the action."""

    step: Step
    test: Tree | None
    unless: Tree | None
    hears: tuple[Hears, ...]
    key: Span
    node: Node


def read_steps(node: Node, place: Place) -> tuple[Done, ...]:
    """The steps under ``do``; those that are wrong are reported and left out."""
    items: tuple[Node, ...] = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        report_empty(place, node, "do")
        return ()
    found = [
        _read_step(item, number, place, isinstance(node, Sequence))
        for number, item in enumerate(items, 1)
    ]
    steps = tuple(done for done in found if done is not None)
    _check_ids(steps, items, place)
    return steps


def _read_step(node: Node, number: int, place: Place, listed: bool) -> Done | None:
    if isinstance(node, Scalar):
        return _read_bare(node, number, place)
    if isinstance(node, Sequence):
        report_shape(place, node, _SLOT, "do")
        return None
    if not node.entries:
        report_empty(place, node, "do")
        return None
    entry = _entry_of_action(node, place, listed)
    more = tuple(found for found in node.entries if found.key.text in STEP.keys)
    beside: dict[str, Any] = {}
    inside, test, unless = place, None, None
    if more:
        inside, test, unless = _read_conditions(more, place)
        beside = read_entries(Map(more, node.span), STEP, "a step", place, skip=_NESTED)
    if entry is None:
        return None
    return _read_action(entry, number, beside, inside, test, unless)


def _read_bare(node: Scalar, number: int, place: Place) -> Done | None:
    name = node.text.strip()
    if not name:
        report_empty(place, node, "do")
        return None
    action = place.registry.actions.get(name)
    if action is not None and action.bare:
        if not is_allowed(node, place):
            return None
        bare = Entry(node, node)
        return _finish(action, bare, options_of_bare(action.options), number, {}, place, None, None)
    if action is not None:
        help = f"for example  {action.examples[0].text}" if action.examples else f"write  {name}: …"
        place.problem("IGR103", node.span, f"'{name}' needs a value", help)
    elif " " in name or "{{" in name:
        help = "write  - text: …  for a message"
        place.problem("IGR103", node.span, "a step is a map with one action, not a text", help)
    else:
        report_unknown(place, node, "action", place.registry.actions, "'do'")
    return None


def _entry_of_action(node: Map, place: Place, listed: bool) -> Entry | None:
    """The entry with the action of a step; every other word in the wrong place is reported."""
    beside = [entry for entry in node.entries if entry.key.text not in STEP.keys]
    actions = [entry for entry in beside if entry.key.text in place.registry.actions]
    for entry in beside:
        if entry.key.text not in place.registry.actions:
            sort: Any = "key" if actions else "action"
            known = STEP.keys if actions else place.registry.actions
            report_unknown(place, entry.key, sort, known, "a step")
    if not beside:
        span = node.entries[0].key.span
        help = "add the action, for example  text: Olá!"
        place.problem("IGR104", span, "this step has no action", help)
    if len(actions) > 1:
        _report_two(node, actions, place, listed)
    first = actions[0] if actions else None
    return first if first is not None and is_allowed(first.key, place) else None


def _report_two(node: Map, actions: list[Entry], place: Place, listed: bool) -> None:
    first, second = actions[0].key, actions[1].key
    in_block = listed and second.span.line > first.span.line
    fix = None
    if in_block and second.span.column == node.entries[0].key.span.column > 2:
        line, column = second.span.line, second.span.column
        gap = Span(second.span.file, line, column - 2, line, column)
        fix = Fix(False, (Edit(gap, "- "),))
    place.problem(
        "IGR104",
        second.span,
        f"this step has two actions, '{first.text}' and '{second.text}'",
        f"put a '-' before '{second.text}', so that it is a step of its own",
        notes=(Note(first.span, "the first one"),),
        fix=fix,
    )


def _read_conditions(entries: Many[Entry], place: Place) -> tuple[Place, Tree | None, Tree | None]:
    """The conditions of a step, and the place below them."""
    trees: dict[str, Tree | None] = {}
    for entry in entries:
        if entry.key.text in _NESTED:
            trees[entry.key.text] = read_condition(entry.value, entry.key.text, place)
        if entry.key.text == "unless":
            check_unless(entry.value, "this step is skipped", place)
    test, unless = trees.get("if"), trees.get("unless")
    return below(place, test, unless), test, unless


def below(place: Place, test: Tree | None, unless: Tree | None) -> Place:
    """The place where ``test`` holds and ``unless`` does not."""
    if test is None and unless is None:
        return place
    some, sure = captures_of(test)
    hears = tuple(
        one for one in heard_under(test, place.hears) if not never_by(unless, one.trigger.name)
    )
    return place._replace(
        hears=hears,
        captures=place.captures | some,
        sure=place.sure | sure,
        window_open=place.window_open or opens_window(test),
    )


def _read_action(
    entry: Entry,
    number: int,
    beside: dict[str, Any],
    place: Place,
    test: Tree | None,
    unless: Tree | None,
) -> Done | None:
    action = place.registry.actions[entry.key.text]
    if action.parks:
        place.problem(
            "IGR110",
            entry.key.span,
            f"this igrules cannot wait for the answer of '{action.name}' yet",
            "leave it out for now; a later igrules can",
        )
        return None
    path = _path(number, beside, place)
    blocks: list[Block] = []
    inside = place._replace(said=action.answers, limits="IGR303", path=path, blocks=blocks)
    slot = _with_typing(action.options, place)
    if isinstance(entry.value, Scalar) and entry.value.text.strip() and _stands_alone(action):
        help = f"write  - {action.name}"
        place.problem("IGR103", entry.value.span, f"'{action.name}' takes no value", help)
        return None
    known = place.findings.errors()
    options = read_slot(entry.value, slot, action.name, inside)
    if options is WRONG:
        check_reach(action, entry.key, place)
        return None
    good = accepts(action.check, options, entry.value, slot, entry.key, inside, known=known)
    done = _finish(action, entry, options, number, beside, place, test, unless, blocks)
    return done if good else None


def _path(number: int, beside: Mapping[str, Any], place: Place) -> str:
    id = beside.get("id", "")
    return f"{place.rule}.{id}" if id else f"{place.path}[{number}]"


def _stands_alone(action: Action) -> bool:
    slot = action.options
    return action.bare and slot.type == "map" and not slot.keys and slot.values is None


def _with_typing(slot: Slot, place: Place) -> Slot:
    """The slot with the file's own default of ``typing``."""
    if "typing" not in place.defaults or "typing" not in slot.keys:
        return slot
    typing = replace(slot.keys["typing"], default=place.defaults["typing"])
    return replace(slot, keys={**slot.keys, "typing": typing})


def _finish(
    action: Action,
    entry: Entry,
    options: Any,
    number: int,
    beside: dict[str, Any],
    place: Place,
    test: Tree | None,
    unless: Tree | None,
    blocks: Many[Block] = (),
) -> Done:
    check_reach(action, entry.key, place)
    step = Step(
        action,
        options,
        _path(number, beside, place),
        entry.key.span,
        id=beside.get("id", ""),
        test=bound(test),
        unless=bound(unless),
        on_error=beside.get("on_error", "stop"),
        on_doubt=beside.get("on_doubt", ""),
        blocks=tuple(blocks),
        varies=bool(action.varies) and variants(action.options, options) > 1,
    )
    return Done(step, test, unless, place.hears, entry.key.span, entry.value)


def variants(slot: Slot, options: Any) -> int:
    """Among how many texts the action takes turns; 0 when it has none."""
    if slot.type == "template" and slot.many:
        return len(options)
    if slot.type != "map" or slot.many or not hasattr(options, "get"):
        return 0
    return max(
        (variants(below, options[key]) for key, below in slot.keys.items() if key in options),
        default=0,
    )


def messages_of(step: Step, place: Place, key: Scalar) -> int:
    """How many message steps a step counts as."""
    count = call(step.action.messages, step.options or EMPTY, key, place)
    return count if isinstance(count, int) else 0


def _check_ids(steps: Many[Done], items: Many[Node], place: Place) -> None:
    """Report a step id that stands twice."""
    seen: dict[str, Span] = {}
    for item in items:
        node = item.get("id") if isinstance(item, Map) else None
        if not isinstance(node, Scalar) or not node.text.strip():
            continue
        id = node.text.strip()
        if id in seen:
            place.problem(
                "IGR106",
                node.span,
                f"step '{id}' already exists on line {seen[id].line}",
                "rename one of them",
                notes=(Note(seen[id], "the first one"),),
            )
        seen.setdefault(id, node.span)
