"""Read the value of a slot from what stands in the file.

Everything that can be read is read; every mistake goes to the findings of the place, and the value
becomes `WRONG`. What a slot is compiled to says `igrules.kinds.Slot`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace as changed
from types import MappingProxyType
from typing import Any

from igrules.errors import Span
from igrules.kinds import Secret, Slot
from igrules.language.borrowed import meant_by
from igrules.language.codes import did_you_mean
from igrules.language.contact_fields import is_usable
from igrules.language.grammar import FREE
from igrules.language.literals import check_comparison, check_written, is_path
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.phrasing import read_phrase_item
from igrules.language.place import Place
from igrules.language.references import SORTS, read_reference
from igrules.language.reserved import Sort
from igrules.language.shapes import report_empty, report_shape
from igrules.language.tokens import looks_secret
from igrules.language.typed import read_scalar, read_template, report_flaw
from igrules.language.unknown import report_unknown
from igrules.language.values import READERS, WRONG, Flaw

GUARDS = ("if", "unless")
"""Keys that say when the steps beside them are carried out."""
COMPARISONS = ("is", "not", "gt", "gte", "lt", "lte", "set")
_ORDERED = ("int", "number", "date")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,15})(\.\d{1,15})?", re.ASCII)


def read_slot(node: Node, slot: Slot, label: str, place: Place) -> Any:
    """The value of ``node`` in ``slot``; `WRONG` when nothing of use stands there.

    ``label`` is the key it stands under, as problems name it. A ``many`` slot gives a tuple that
    leaves out what was wrong, as long as something is left.
    """
    return (
        _read_many(node, slot, label, place) if slot.many else _read_one(node, slot, label, place)
    )


def read_entries(
    node: Map,
    slot: Slot,
    label: str,
    place: Place,
    *,
    sort: Sort = "key",
    skip: Collection[str] = (),
) -> dict[str, Any]:
    """The values of the keys of a map; keys in ``skip`` are known, but left to the caller.

    Unknown and missing keys are reported. Values that were wrong are left out, defaults filled in.
    """
    place, values = _below_guards(node, slot, place, skip)
    skip = (*skip, *GUARDS) if _is_branch(slot) else skip
    words = _words(node)
    for entry in node.entries:
        key = entry.key.text
        below = slot.keys.get(key) or _slot_of_free_key(entry, slot, label, place, sort, words)
        if below is not None and key not in skip and not key.startswith(FREE):
            value = read_slot(entry.value, below, key, _named(slot, below, key, place))
            if value is not WRONG:
                values[key] = value
                if below.type == "compare" and below is slot.values:
                    check_comparison(entry, below, slot.names, value, place)
                elif slot.names == "field" and below is slot.values:
                    check_written(entry.key, value, entry.value.span, place)
    for key, below in slot.keys.items():
        if key in words:
            continue
        if below.required:
            _report_missing(node, key, below, label, place)
        elif below.default is not None and key not in skip:
            values[key] = below.default
    return values


def _is_branch(slot: Slot) -> bool:
    """Whether a map says with ``if`` and ``unless`` when its own steps are carried out."""
    types = [below.type for below in slot.keys.values()]
    return "steps" in types and "condition" in types


def _below_guards(
    node: Map, slot: Slot, place: Place, skip: Collection[str]
) -> tuple[Place, dict[str, Any]]:
    """The place below the conditions of a branch, and these conditions."""
    guards = [entry for entry in node.entries if entry.key.text in GUARDS]
    if not guards or not _is_branch(slot) or set(GUARDS) & set(skip):
        return place, {}
    return place.nested.guarded(guards, place)


def _named(slot: Slot, below: Slot, key: str, place: Place) -> Place:
    """The place below a free key that holds a map: steps there are told apart by their path."""
    if below is not slot.values or below.type != "map" or place.lists is None:
        return place
    return place._replace(path=f"{place.path}.{key}")


def _slot_of_free_key(
    entry: Entry, slot: Slot, label: str, place: Place, sort: Sort, taken: Collection[str]
) -> Slot | None:
    """The slot of a key that is not one of the fixed ones, ``None`` when it may not stand here."""
    key = entry.key
    if key.text.startswith(FREE) and FREE in slot.keys:
        return slot.keys[FREE]
    if slot.values is not None and (not slot.keys or "." in key.text):
        return slot.values if _is_free_key(key, slot, place) else None
    report_unknown(place, key, sort, slot.keys, f"'{label}'" if label else "", taken=taken)
    return None


def _is_free_key(key: Scalar, slot: Slot, place: Place) -> bool:
    if slot.keys:
        return True
    if slot.names == "path":
        return is_path(key, place)
    if slot.names not in READERS:
        return True
    flaw = READERS[slot.names](key.text)
    if isinstance(flaw, Flaw):
        report_flaw(key, flaw, place)
        return False
    return slot.names != "field" or is_usable(key, place)


def _report_missing(node: Map, key: str, slot: Slot, label: str, place: Place) -> None:
    if any(did_you_mean(word, [key]) or meant_by(word, [key]) for word in _words(node)):
        return  # it is there, misspelt, and reported as such
    where = label if " " in label or "." in label else f"'{label}'" if label else "this file"
    help = f"add  {key}: {slot.example or '…'}"
    place.problem("IGR102", _start_of(node), f"{where} needs '{key}'", help)


def _words(node: Map) -> list[str]:
    return [entry.key.text for entry in node.entries]


def _start_of(node: Map) -> Span:
    return node.entries[0].key.span if node.entries else node.span


def _read_many(node: Node, slot: Slot, label: str, place: Place) -> Any:
    items: tuple[Node, ...] = node.items if isinstance(node, Sequence) else (node,)
    if not items and slot.empty:
        return ()
    if not items:
        report_empty(place, node, label)
        return WRONG
    if slot.max_items and len(items) > slot.max_items:
        place.problem(
            place.limits,
            items[slot.max_items].span,
            f"'{label}' has {len(items)} items, {slot.max_items} are allowed",
            f"remove {len(items) - slot.max_items}",
        )
        items = items[: slot.max_items]
    if slot.type == "phrase":
        return _read_phrases(items, slot, label, place)
    whole = slot if isinstance(node, Scalar | Map) else changed(slot, many=False)
    good = []
    for number, item in enumerate(items, 1):
        value = _read_one(item, whole, label, _numbered(whole, label, number, place))
        if value is WRONG:
            place.findings.leave_out(item.span)
        else:
            good.append(value)
    return tuple(good) or WRONG


def _numbered(slot: Slot, label: str, number: int, place: Place) -> Place:
    """The place of one item: steps below it are told apart by their path."""
    if slot.type != "map" or place.lists is None:
        return place
    return place._replace(path=f"{place.path}.{label}[{number}]")


def _read_phrases(items: tuple[Node, ...], slot: Slot, label: str, place: Place) -> Any:
    phrases: list[str] = []
    for item in items:
        if isinstance(item, Scalar):
            phrases.extend(read_phrase_item(item, slot, label, place))
        else:
            report_shape(place, item, slot, label)
    return tuple(phrases) or WRONG


def _read_one(node: Node, slot: Slot, label: str, place: Place) -> Any:
    if slot.type == "map":
        return _read_map(node, slot, label, place)
    if slot.type == "compare":
        return _read_comparison(node, slot, label, place)
    if slot.type == "secret":
        return _read_secret(node, slot, label, place)
    if slot.type == "any":
        return _read_any(node, slot, label, place)
    if slot.type in ("steps", "condition"):
        return place.nested.read(slot, node, label, place)
    if slot.type == "json":
        return _read_json(node, slot, label, place._replace(secrets=slot.secrets))
    if not isinstance(node, Scalar):
        report_shape(place, node, slot, label)
        return WRONG
    if slot.type == "phrase":
        return next(iter(read_phrase_item(node, slot, label, place)), WRONG)
    value = read_scalar(node, slot, label, place)
    if slot.type in SORTS and value is not WRONG:
        return read_reference(node, slot.type, place)
    if slot.type == "field" and value is not WRONG and not is_usable(node, place):
        return WRONG
    return value


def _read_map(node: Node, slot: Slot, label: str, place: Place) -> Any:
    if isinstance(node, Map):
        if not node.entries and not slot.empty:
            report_empty(place, node, label)
            return WRONG
        values = read_entries(node, slot, label, place)
        lacks = any(below.required and key not in values for key, below in slot.keys.items())
        empty = not values and not slot.empty
        return WRONG if lacks or empty else MappingProxyType(values)
    short = short_of(slot)
    if short is None or (isinstance(node, Sequence) and not short.many and short.type != "any"):
        if isinstance(node, Scalar) and node.is_empty:
            report_empty(place, node, label)
        else:
            report_shape(place, node, slot, label)
        return WRONG
    value = read_slot(node, short, label, place)
    if value is WRONG:
        return WRONG
    if slot.values is not None and slot.values.default is not None:
        for item in node.items if isinstance(node, Sequence) else (node,):
            if slot.names == "field" and isinstance(item, Scalar):
                check_written(item, slot.values.default, item.span, place)
        return MappingProxyType(dict.fromkeys(value, slot.values.default))
    return MappingProxyType({**_defaults(slot), slot.short: value})


def short_of(slot: Slot) -> Slot | None:
    """What may stand instead of a map; ``None`` when nothing may."""
    if slot.values is not None and slot.short:
        return slot.values if slot.values.default is None else Slot(slot.names, many=True)
    return slot.keys.get(slot.short)


def _defaults(slot: Slot) -> Mapping[str, Any]:
    return {key: below.default for key, below in slot.keys.items() if below.default is not None}


def options_of_bare(slot: Slot) -> Any:
    """The options of a kind that is written as a plain word."""
    return MappingProxyType(dict(_defaults(slot))) if slot.type == "map" else slot.default


def _read_comparison(node: Node, slot: Slot, label: str, place: Place) -> Any:
    literal = slot.values or Slot("text")
    if not isinstance(node, Map):
        value = read_slot(node, changed(literal, many=True), label, place)
        return WRONG if value is WRONG else MappingProxyType({"is": value})
    keys = dict.fromkeys(COMPARISONS[2:6], literal)
    keys |= {key: changed(literal, many=True) for key in ("is", "not")} | {"set": Slot("bool")}
    value = _read_map(node, Slot("map", keys=keys), label, place)
    if value is not WRONG and literal.type in _ORDERED and _is_empty_range(value):
        message = f"no value of '{label}' is as high and as low as this asks for"
        place.problem("IGR204", node.span, message, "correct one of the two ends")
        return WRONG
    return value


def _is_empty_range(value: Mapping[str, Any]) -> bool:
    """Whether the lowest value that is asked for lies above the highest."""
    lows = [(value[key], key == "gt") for key in ("gt", "gte") if key in value]
    highs = [(value[key], key == "lt") for key in ("lt", "lte") if key in value]
    return any(
        low > high or (low == high and (above or below))
        for low, above in lows
        for high, below in highs
    )


def _read_secret(node: Node, slot: Slot, label: str, place: Place) -> Any:
    if isinstance(node, Map) and [entry.key.text for entry in node.entries] == ["secret"]:
        name = read_slot(node.entries[0].value, Slot("name"), "secret", place)
        return name if name is WRONG else Secret(name)
    if isinstance(node, Scalar) and looks_secret(node.text):
        return WRONG  # IGR501 says it with more force
    place.problem(
        "IGR103",
        node.span,
        f"'{label}' takes the name of a stored secret",
        f"write  {label}: {{secret: name}}  and store the value with  igrules secret set",
    )
    return WRONG


def _read_any(node: Node, slot: Slot, label: str, place: Place) -> Any:
    if isinstance(node, Scalar) and node.is_empty and not slot.empty:
        report_empty(place, node, label)
        return WRONG
    return plain(node)


def _read_json(node: Node, slot: Slot, label: str, place: Place) -> Any:
    """Plain JSON whose texts are templates where they hold blanks."""
    if isinstance(node, Map):
        found = {
            entry.key.text: _read_json(entry.value, slot, entry.key.text, place)
            for entry in node.entries
        }
        kept = {key: value for key, value in found.items() if value is not WRONG}
        return MappingProxyType(kept)
    if isinstance(node, Sequence):
        items = (_read_json(item, slot, label, place) for item in node.items)
        return tuple(item for item in items if item is not WRONG)
    if "{{" not in node.text and "[[" not in node.text:
        return plain(node)
    template = read_template(node, place)
    return WRONG if template is None else template


def plain(node: Node) -> Any:
    """What stands there as plain JSON: unquoted ``true``, ``null`` and numbers have their type, and
    ``{secret: name}`` is a `Secret`."""
    if isinstance(node, Map):
        values = {entry.key.text: plain(entry.value) for entry in node.entries}
        name = values.get("secret")
        return Secret(name) if len(values) == 1 and isinstance(name, str) else values
    if isinstance(node, Sequence):
        return tuple(plain(item) for item in node.items)
    if node.style != "plain":
        return node.text
    if node.text in ("true", "false"):
        return node.text == "true"
    if node.text in ("", "null"):
        return None
    if _NUMBER.fullmatch(node.text):
        return float(node.text) if "." in node.text else int(node.text)
    return node.text
