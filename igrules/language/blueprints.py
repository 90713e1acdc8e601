"""Read ``use``: a blueprint of ``_shared/`` with its inputs, compiled once for every instance.

What comes out is a rule file as the author could have written it, so there is one way to compile
rules. Its names are private to the instance; every place knows where it is used from.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from igrules.errors import Span
from igrules.language.codes import did_you_mean
from igrules.language.defined import report_twice
from igrules.language.filling import Filler, Input
from igrules.language.findings import replace as fixed
from igrules.language.grammar import ADJUSTABLE, BLUEPRINT, INPUT_TYPES, USE
from igrules.language.homes import Home
from igrules.language.markers import RULES, marker_of
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.place import Place
from igrules.language.shapes import report_empty, report_shape
from igrules.language.shared_files import SharedFiles, file_of
from igrules.language.slots import read_entries, read_slot
from igrules.language.unknown import report_unknown
from igrules.language.values import WRONG

_NAME = re.compile(r"([a-z0-9][a-z0-9_-]{0,47})@(\d{1,9})")
_APART = ("include", "use", "fallback")
_PRIVATE = ("vars", "texts", "words", "hours", "flows")
_TAKEN = frozenset({"flows", "replies", "comments", "fallback"})


class Uses:
    """The instances of a tenant; their names are unique."""

    def __init__(self, shared: SharedFiles) -> None:
        self._shared = shared
        self._names: dict[str, tuple[Span, bool]] = {}
        self._told: set[str] = set()

    def take(self, node: Map, place: Place, *, included: bool = False) -> list[Home]:
        """The instances of one file, in order; an included one gives way to the tenant's own."""
        below = node.get("use")
        if below is None:
            return []
        items: tuple[Node, ...] = below.items if isinstance(below, Sequence) else (below,)
        if not items:
            report_empty(place, below, "use")
        return [home for item in items if (home := self._read(item, place, included)) is not None]

    def _read(self, item: Node, place: Place, included: bool) -> Home | None:
        if not isinstance(item, Map):
            report_shape(place, item, USE, "use")
            return None
        if not item.entries:
            report_empty(place, item, "use")
            return None
        values = read_entries(item, USE, "an instance", place, skip=("with", "adjust"))
        use = item.entries[0].key.span
        name = values.get("as", "")
        if not name or "blueprint" not in values or not self._is_free(name, item, place, included):
            return None
        written = item.get("blueprint")
        assert isinstance(written, Scalar)
        node = self._find(written, use, place)
        return None if node is None else _instance(node, item, name, place)

    def _is_free(self, name: str, item: Map, place: Place, included: bool) -> bool:
        node = item.get("as")
        span = node.span if node is not None else item.span
        if name in _TAKEN:
            help = "take another name: rules of short forms begin with this one"
            place.problem("IGR106", span, f"'{name}' is no name for an instance", help)
            return False
        first, was_included = self._names.setdefault(name, (span, included))
        if first != span and (was_included or not included):
            report_twice(place, f"the instance '{name}'", span, first)
        return first == span

    def _find(self, written: Scalar, use: Span, place: Place) -> Map | None:
        """The file of a blueprint in the version that is named."""
        found = _NAME.fullmatch(written.text.strip())
        if found is None:
            message = f"'{written.text.strip()}' is not a blueprint with its version"
            place.problem("IGR105", written.span, message, "write its name, @, version:  guia@1")
            return None
        name, version = found[1], int(found[2])
        path = self._shared.path_of(file_of(name))
        if not path:
            near = self._shared.like(file_of(name))
            shown = near.rpartition(".")[0] if near else ""
            help = f"did you mean '{shown}'?" if near else f"create _shared/{file_of(name)}"
            place.problem("IGR207", written.span, f"there is no blueprint '{name}'", help)
            return None
        loaded = self._shared.read(path)
        if path not in self._told:
            self._told.add(path)
            place.findings.extend(
                replace(one, span=replace(one.span, via=use)) for one in loaded.problems
            )
        if loaded.node is None or marker_of(path, loaded.node, place.findings) != RULES:
            return None
        return _in_version(loaded.node, name, version, written, place)


def _in_version(node: Map, name: str, version: int, written: Scalar, place: Place) -> Map | None:
    head = node.get("blueprint")
    if not isinstance(head, Map):
        help = f"it has no key 'blueprint'; for a plain file write  include: {file_of(name)}"
        place.problem("IGR207", written.span, f"'{name}' is no blueprint", help)
        return None
    stands = head.get("version")
    text = stands.text.strip() if isinstance(stands, Scalar) else ""
    if text.isdecimal() and int(text[:9]) != version:
        help = f"read what has changed, then write  {name}@{text}"
        fix = fixed(written.span, f"{name}@{text}")
        message = f"blueprint '{name}' is version {text}, not {version}"
        place.problem("IGR207", written.span, message, help, fix=fix)
        return None
    return node


def _instance(node: Map, item: Map, name: str, place: Place) -> Home | None:
    """The rule file that stands for one instance."""
    use = item.entries[0].key.span
    via = Filler({}, use, place).located(node)
    assert isinstance(via, Map)
    head = via.get("blueprint")
    assert head is not None
    _check_apart(via, place)
    declared = read_slot(head, BLUEPRINT, "blueprint", place)
    if declared is WRONG:
        return None
    inputs = _inputs(declared.get("inputs", {}), head, item, place)
    if inputs is None:
        return None
    body = Map(tuple(one for one in node if one.key.text not in (*_APART, "blueprint")), node.span)
    filled = Filler(inputs, use, place).filled(body)
    whole = _adjusted(filled, item.get("adjust"), place)
    return Home(whole, place._replace(instance=name, private=_private_names(whole)), "used")


def _check_apart(node: Map, place: Place) -> None:
    for entry in node.entries:
        if entry.key.text in _APART:
            message = f"'{entry.key.text}' in a blueprint"
            help = "take it out: it belongs to the file of a tenant"
            place.problem("IGR109", entry.key.span, message, help)


def _private_names(node: Map) -> Mapping[str, frozenset[str]]:
    """The names a blueprint defines, by sort."""
    found = {}
    for sort in _PRIVATE:
        below = node.get(sort)
        if isinstance(below, Map):
            found[sort] = frozenset(entry.key.text for entry in below.entries)
    found["rules"] = frozenset(id for rule in _rules(node) if (id := _id(rule)))
    return MappingProxyType(found)


def _rules(node: Map) -> tuple[Node, ...]:
    below = node.get("rules")
    if below is None:
        return ()
    return below.items if isinstance(below, Sequence) else (below,)


def _id(rule: Node) -> str:
    id = rule.get("id") if isinstance(rule, Map) else None
    return id.text.strip() if isinstance(id, Scalar) else ""


def _inputs(
    declared: Mapping[str, Any], head: Node, item: Map, place: Place
) -> dict[str, Input] | None:
    """The inputs with the values of the use, else their defaults; ``None`` when one is wrong."""
    errors = place.findings.errors()
    defaults = head.get("inputs") if isinstance(head, Map) else None
    written = [one.key.text for one in defaults] if isinstance(defaults, Map) else []
    given = _given(item, written, place)
    inputs: dict[str, Input] = {}
    for name, one in declared.items():
        below = defaults.get(name) if isinstance(defaults, Map) else None
        default = below.get("default") if isinstance(below, Map) else None
        node = given.get(name, default)
        if node is None:
            span = item.entries[0].key.span
            help = f"add  {name}: …  under 'with'" + (f": {one['help']}" if "help" in one else "")
            place.problem("IGR102", span, f"this blueprint needs the input '{name}'", help)
            continue
        slot = INPUT_TYPES[one["type"]]
        if read_slot(node, slot, name, place) is not WRONG:
            inputs[name] = Input(one["type"], node)
    return inputs if place.findings.errors() == errors else None


def _given(item: Map, written: Collection[str], place: Place) -> dict[str, Node]:
    """The values under ``with``. ``written`` are the inputs the blueprint names, also those it
    says wrong."""
    node = item.get("with")
    if node is None:
        return {}
    if not isinstance(node, Map):
        report_shape(place, node, USE.keys["with"], "with")
        return {}
    if not node.entries:
        report_empty(place, node, "with")
    for entry in node.entries:
        if entry.key.text not in written:
            report_unknown(place, entry.key, "input", written, "this blueprint")
    return {entry.key.text: entry.value for entry in node.entries}


def _adjusted(node: Map, adjust: Node | None, place: Place) -> Map:
    """The file with other keys in its rules."""
    if adjust is None:
        return node
    if not isinstance(adjust, Map) or not adjust.entries:
        report_shape(place, adjust, USE.keys["adjust"], "adjust")
        return node
    known = {_id(rule) for rule in _rules(node)}
    changes: dict[str, Map] = {}
    for entry in adjust.entries:
        id = entry.key.text
        if id not in known:
            near = did_you_mean(id, known)
            help = f"did you mean '{near}'?" if near else f"it has {', '.join(sorted(known))}"
            place.problem("IGR207", entry.key.span, f"this blueprint has no rule '{id}'", help)
        elif _is_change(entry, place):
            assert isinstance(entry.value, Map)
            changes[id] = entry.value
    rules = tuple(_with(rule, changes.get(_id(rule))) for rule in _rules(node))
    entries = (
        Entry(one.key, Sequence(rules, one.value.span)) if one.key.text == "rules" else one
        for one in node.entries
    )
    return Map(tuple(entries), node.span)


def _is_change(entry: Entry, place: Place) -> bool:
    """Whether only keys stand there that a use may change."""
    if not isinstance(entry.value, Map) or not entry.value.entries:
        report_shape(place, entry.value, USE.keys["adjust"].values or USE, entry.key.text)
        return False
    unknown = [one.key for one in entry.value.entries if one.key.text not in ADJUSTABLE]
    for key in unknown:
        report_unknown(place, key, "key", ADJUSTABLE, "'adjust'")
    return not unknown


def _with(rule: Node, change: Map | None) -> Node:
    if change is None or not isinstance(rule, Map):
        return rule
    changed = {entry.key.text for entry in change.entries}
    kept = tuple(entry for entry in rule.entries if entry.key.text not in changed)
    return Map((*kept, *change.entries), rule.span)
