"""Read ``if`` and ``unless``: a map means all, a list means any.

Why a tree of its own: what a kind's ``prepare`` makes of its options is the kind's business. `Said`
keeps the options as they were written beside it, so that reach, shadowing and the remarks can
compare them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from igrules.errors import Span
from igrules.kinds import Condition, Slot
from igrules.language.bound import accepts, call, is_allowed
from igrules.language.grammar import GROUPS
from igrules.language.nodes import Entry, Node, Scalar, Sequence
from igrules.language.place import Place
from igrules.language.ruleset import Ask, Group, Hears, Test
from igrules.language.shapes import report_empty, report_shape
from igrules.language.slots import read_slot
from igrules.language.unknown import report_unknown
from igrules.language.unknown_facts import check_known
from igrules.language.values import WRONG

DEEPEST = 8
DEEP = 3
_DEFAULTED = ("fuzzy", "case", "accents")
_SLOT = Slot("condition", example="{keywords: [preço, valor]}")


@dataclass(frozen=True, slots=True)
class Said:
    """One condition as written. ``captures`` are the names it may set below ``match.``."""

    condition: Condition
    value: Any
    ask: Ask
    span: Span
    captures: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions joined by a map (``all``), a list (``any``) or a group."""

    mode: Literal["all", "any", "none"]
    parts: tuple[Said | Joined, ...]
    span: Span


Tree = Said | Joined


def read_condition(node: Node, label: str, place: Place, depth: int = 0) -> Tree | None:
    """The conditions under ``label``, ``None`` when none of them could be read."""
    if depth > DEEPEST:
        place.problem(
            "IGR112",
            node.span,
            f"conditions are nested deeper than {DEEPEST}",
            "write two rules, or name the phrases in one list",
        )
        return None
    if isinstance(node, Scalar):
        if node.text.strip():
            report_shape(place, node, _SLOT, label)
        else:
            report_empty(place, node, label)
        return None
    if isinstance(node, Sequence):
        return _read_list(node, "any", label, place, depth)
    if not node.entries:
        report_empty(place, node, label)
        return None
    found = [_read_entry(entry, place, depth) for entry in node.entries]
    return _join("all", [part for part in found if part is not None], node.span)


def _read_list(
    node: Sequence, mode: Literal["all", "any", "none"], label: str, place: Place, depth: int
) -> Tree | None:
    if not node.items:
        report_empty(place, node, label)
        return None
    if depth == DEEP:
        place.problem(
            "IGR603",
            node.span,
            f"conditions are nested deeper than {DEEP}",
            "write two rules: each is easier to read",
        )
    found = [read_condition(item, label, place, depth + 1) for item in node.items]
    return _join(mode, [part for part in found if part is not None], node.span)


def _join(mode: Literal["all", "any", "none"], parts: list[Tree], span: Span) -> Tree | None:
    if len(parts) == 1 and mode != "none":
        return parts[0]
    return Joined(mode, tuple(parts), span) if parts else None


def _read_entry(entry: Entry, place: Place, depth: int) -> Tree | None:
    name = entry.key
    if name.text in GROUPS:
        if isinstance(entry.value, Sequence):
            mode: Any = name.text
            return _read_list(entry.value, mode, name.text, place, depth)
        slot = Slot("condition", many=True, example=f"[{_SLOT.example}]")
        help = f"write  {name.text}: {slot.example}"
        place.problem("IGR103", entry.value.span, f"'{name.text}' takes a list of conditions", help)
        return None
    condition = place.registry.conditions.get(name.text)
    if condition is None:
        known = [*place.registry.conditions, *GROUPS]
        report_unknown(place, name, "condition", known, "'if'")
        return None
    return _read_kind(condition, name, entry.value, place) if is_allowed(name, place) else None


def _read_kind(condition: Condition, name: Scalar, node: Node, place: Place) -> Tree | None:
    place = place._replace(tests=True)
    slot = _with_defaults(condition.options, place)
    known = place.findings.errors()
    value = read_slot(node, slot, name.text, place)
    if value is WRONG:
        return None
    if not accepts(condition.check, value, node, slot, name, place, known=known):
        return None
    options = value
    if condition.prepare is not None:
        known = place.findings.errors()
        options = call(condition.prepare, value, name, place)
        if place.findings.errors() > known:
            return None
    captures = call(_captures(condition), options, name, place) or frozenset()
    _note(condition, value, name, place)
    return Said(condition, value, Ask(condition, options, name.span, value), name.span, captures)


def _note(condition: Condition, value: Any, name: Scalar, place: Place) -> None:
    """Note what the condition needs to be fetched with an event."""
    needs_profile = "profile" in condition.facts and (
        condition.facts_of is None or bool(call(condition.facts_of, value, name, place))
    )
    if needs_profile:
        check_known(condition, value, name, place)
    if place.unit is None:
        return
    if needs_profile:
        place.unit.profile = True
    place.unit.fired.extend(_fired(condition.options, value))


def _fired(slot: Slot, value: Any) -> Iterator[tuple[str, int]]:
    """The rules whose firing options look at, each with how many times."""
    if slot.type != "map":
        return
    keys = [key for key, below in slot.keys.items() if below.type == "rule"]
    for one in value if isinstance(value, tuple) else (value,):
        for named in (one[key] for key in keys if key in one):
            for id in named if isinstance(named, tuple) else (named,):
                yield id, one.get("times", 1)


def _captures(condition: Condition) -> Callable[[Any], frozenset[str]]:
    """What tells the names a condition may set."""
    names = condition.captures
    return lambda options: frozenset(names(options)) if names is not None else frozenset()


def _with_defaults(slot: Slot, place: Place) -> Slot:
    """The slot with the file's own defaults in the keys that have one."""
    keys = [key for key in _DEFAULTED if key in place.defaults and key in slot.keys]
    if not keys:
        return slot
    filled = {key: replace(slot.keys[key], default=place.defaults[key]) for key in keys}
    return replace(slot, keys={**slot.keys, **filled})


def bound(tree: Tree | None) -> Test | None:
    """The form the engine evaluates."""
    if tree is None or isinstance(tree, Said):
        return None if tree is None else tree.ask
    parts = tuple(part for part in map(bound, tree.parts) if part is not None)
    return Group(tree.mode, parts)


def conjuncts(tree: Tree | None) -> tuple[Tree, ...]:
    """The conditions that must all hold for a tree to hold."""
    if tree is None:
        return ()
    if isinstance(tree, Joined) and tree.mode == "all":
        return tuple(part for below in tree.parts for part in conjuncts(below))
    return (tree,)


def said(tree: Tree | None) -> Iterator[Said]:
    """Every single condition of a tree."""
    if isinstance(tree, Said):
        yield tree
    elif tree is not None:
        for part in tree.parts:
            yield from said(part)


def captures_of(tree: Tree | None) -> tuple[frozenset[str], frozenset[str]]:
    """Names below ``match.`` that may be set when the tree holds, and those surely set."""
    if tree is None:
        return frozenset(), frozenset()
    if isinstance(tree, Said):
        return tree.captures, tree.captures
    if tree.mode == "none":
        return frozenset(), frozenset()
    pairs = [captures_of(part) for part in tree.parts]
    some = frozenset[str]().union(*(pair[0] for pair in pairs))
    sure = [pair[1] for pair in pairs]
    if tree.mode == "all":
        return some, frozenset[str]().union(*sure)
    return some, frozenset.intersection(*sure) if sure else frozenset()


def heard_under(tree: Tree | None, hears: Iterable[Hears]) -> tuple[Hears, ...]:
    """The triggers by which an event can pass the tree."""
    return tuple(one for one in hears if _may_pass(tree, one.trigger.name))


def _may_pass(tree: Tree | None, trigger: str) -> bool:
    if tree is None:
        return True
    if isinstance(tree, Said):
        return tree.condition.name != "trigger" or trigger in tree.value
    if tree.mode == "none":
        return not any(_must_pass(part, trigger) for part in tree.parts)
    found = [_may_pass(part, trigger) for part in tree.parts]
    return all(found) if tree.mode == "all" else any(found)


def _must_pass(tree: Tree, trigger: str) -> bool:
    """Whether every event of the trigger passes; false when nobody can tell."""
    if isinstance(tree, Said):
        return tree.condition.name == "trigger" and trigger in tree.value
    found = [_must_pass(part, trigger) for part in tree.parts]
    if tree.mode == "none":
        return False
    return all(found) if tree.mode == "all" else any(found)


def never_by(tree: Tree | None, trigger: str) -> bool:
    """Whether an ``unless`` keeps every event of the trigger out."""
    return tree is not None and _must_pass(tree, trigger)


def opens_window(tree: Tree | None, trigger: str = "") -> bool:
    """Whether the tree holds only inside the 24-hour window, for events of this trigger or all."""
    if tree is None:
        return False
    if isinstance(tree, Said):
        return tree.condition.name == "window" and tree.value == "open"
    if tree.mode == "none":
        return False
    if tree.mode == "all":
        return any(opens_window(part, trigger) for part in tree.parts)
    parts = [part for part in tree.parts if not trigger or _may_pass(part, trigger)]
    return all(opens_window(part, trigger) for part in parts)


def sense(tree: Tree | None) -> Any:
    """What a tree says, without its places: equal trees hold for the same events."""
    if tree is None:
        return None
    if isinstance(tree, Said):
        return (tree.condition.name, frozen(tree.value))
    parts = tuple(sorted((sense(part) for part in tree.parts), key=repr))
    return (tree.mode, parts)


def frozen(value: Any) -> Any:
    """A plain value that can be compared: maps and lists as tuples."""
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, tuple | list):
        return tuple(frozen(item) for item in value)
    if hasattr(value, "items"):
        return tuple(sorted((key, frozen(item)) for key, item in value.items()))
    return getattr(value, "source", repr(value))
