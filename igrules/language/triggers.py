"""Read ``when``: what a rule hears."""

from __future__ import annotations

from types import MappingProxyType

from igrules.errors import Note
from igrules.kinds import Slot, Trigger
from igrules.language.bound import accepts, is_allowed
from igrules.language.nodes import Map, Node, Scalar, Sequence
from igrules.language.place import Place
from igrules.language.ruleset import Hears
from igrules.language.shapes import report_empty, report_shape
from igrules.language.slots import options_of_bare, read_entries
from igrules.language.unknown import report_unknown

_SLOT = Slot("trigger", many=True, example="dm")


def read_triggers(node: Node, place: Place) -> tuple[Hears, ...]:
    """The triggers under ``when``; those that are wrong are reported and left out."""
    items: tuple[Node, ...] = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        report_empty(place, node, "when")
    found = [_read_trigger(item, place) for item in items]
    return tuple(hears for hears in found if hears is not None)


def _read_trigger(node: Node, place: Place) -> Hears | None:
    if isinstance(node, Scalar):
        if not node.text.strip():
            report_empty(place, node, "when")
            return None
        trigger = _find(node, place)
        return None if trigger is None else Hears(trigger, options_of_bare(trigger.options))
    if isinstance(node, Sequence):
        report_shape(place, node, _SLOT, "when")
        return None
    if not node.entries:
        report_empty(place, node, "when")
        return None
    if len(node.entries) > 1:
        _report_several(node, place)
        return None
    return _read_with_parameters(node, place)


def _read_with_parameters(node: Map, place: Place) -> Hears | None:
    name, value = node.entries[0].key, node.entries[0].value
    trigger = _find(name, place)
    if trigger is None:
        return None
    if not isinstance(value, Map):
        if isinstance(value, Scalar) and value.is_empty:
            report_empty(place, value, name.text)
        else:
            report_shape(place, value, trigger.options, name.text)
        return None
    known = place.findings.errors()
    slot = trigger.options
    options = MappingProxyType(read_entries(value, slot, name.text, place, sort="parameter"))
    if not accepts(trigger.check, options, value, slot, name, place, known=known):
        return None
    return Hears(trigger, options)


def _find(name: Scalar, place: Place) -> Trigger | None:
    trigger = place.registry.triggers.get(name.text.strip())
    if trigger is None:
        report_unknown(place, name, "trigger", place.registry.triggers)
        return None
    return trigger if is_allowed(name, place) else None


def _report_several(node: Map, place: Place) -> None:
    first, second = node.entries[0].key, node.entries[1].key
    place.problem(
        "IGR103",
        second.span,
        f"no event is both '{first.text}' and '{second.text}'",
        f"write a list, which means any of them:  when: [{first.text}, {second.text}]",
        notes=(Note(first.span, "the first one"),),
    )
