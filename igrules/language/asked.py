"""Find the questions of rules and flows before these are read: what they declare.

Why before: a condition may compare an answer or a field that is saved further below, in a flow, or
in another file, and it needs to know what type it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from igrules.kinds import Action
from igrules.language.bound import call
from igrules.language.contact_fields import BUILT_IN, READ_ONLY
from igrules.language.findings import Findings
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.place import Place
from igrules.language.slots import read_slot
from igrules.language.values import WRONG

TEXT: Mapping[str, Any] = {"type": "text"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: the id of its step, the field that keeps the answer, and the answer's type."""

    id: str
    save: Scalar | None
    declared: Mapping[str, Any]


def find_questions(nodes: Iterable[Node], place: Place) -> list[Asked]:
    """Every question below the nodes; nothing is reported."""
    silent = place._replace(findings=Findings(), fill=lambda *_: None, lists=[])
    return [one for node in nodes for one in _below(node, silent)]


def _below(node: Node, place: Place) -> Iterator[Asked]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Sequence):
            waiting.extend(node.items)
        elif isinstance(node, Map):
            for entry in node.entries:
                action = place.registry.actions.get(entry.key.text)
                if action is not None and action.answer is not None:
                    yield _asked(action, entry, node, place)
                waiting.append(entry.value)


def _asked(action: Action, entry: Entry, step: Map, place: Place) -> Asked:
    options = read_slot(entry.value, action.options, action.name, place)
    declared = None if options is WRONG else call(action.answer, options, entry.key, place)
    id = step.get("id")
    save = entry.value.get("save") if isinstance(entry.value, Map) else None
    return Asked(
        id.text.strip() if isinstance(id, Scalar) else "",
        save if isinstance(save, Scalar) else None,
        declared if isinstance(declared, Mapping) else TEXT,
    )


def saved_fields(asked: Iterable[Asked]) -> dict[str, Mapping[str, Any]]:
    """The fields that questions declare, with the type of the first one."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in asked:
        name = one.save.text.strip() if one.save is not None else ""
        if name and name not in READ_ONLY and name not in BUILT_IN:
            found.setdefault(name, one.declared)
    return found


def answer_types(asked: Iterable[Asked]) -> dict[str, Mapping[str, Any]]:
    """The types of answers by step id; one that is used for different types has none."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in asked:
        first = found.setdefault(one.id, one.declared)
        if first != one.declared:
            found[one.id] = TEXT
    return found
