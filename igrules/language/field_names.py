"""Read ``fields``: what is kept of a contact, declared in a file or by a question that saves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from igrules.language.asked import Asked, saved_fields
from igrules.language.contact_fields import BUILT_IN, READ_ONLY
from igrules.language.defined import Definition
from igrules.language.grammar import FIELD
from igrules.language.place import Place
from igrules.language.slots import read_slot
from igrules.language.values import WRONG


def read_fields(
    defined: Mapping[str, Definition], asked: Iterable[Asked], place: Place
) -> dict[str, Mapping[str, Any]]:
    """The fields by name, each with its type."""
    asked = tuple(asked)
    declared = _read_declared(defined)
    for one in asked:
        if one.save is not None:
            _check_saved(one, declared, place)
    return {**saved_fields(asked), **declared}


def _read_declared(defined: Mapping[str, Definition]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for name, one in defined.items():
        if name in READ_ONLY or name in BUILT_IN:
            help = "every contact has it; remove this line, or give it another name"
            one.place.problem("IGR106", one.span, f"field '{name}' is built in", help)
            continue
        value = read_slot(one.entry.value, FIELD, name, one.place)
        found[name] = {"type": "text"} if value is WRONG else value
        _check_options(name, found[name], one)
    return found


def _check_options(name: str, value: Mapping[str, Any], one: Definition) -> None:
    is_choice, has_options = value["type"] == "choice", "options" in value
    if is_choice and not has_options:
        help = f"write  {name}: {{type: choice, options: [P, M, G]}}"
        one.place.problem("IGR102", one.span, f"the choice '{name}' needs 'options'", help)
    elif has_options and not is_choice:
        message = f"'options' belong to a choice, and '{name}' is {value['type']}"
        help = "write  type: choice  or remove 'options'"
        one.place.problem("IGR109", one.span, message, help)


def _check_saved(asked: Asked, declared: Mapping[str, Mapping[str, Any]], place: Place) -> None:
    """Report a question whose answer has another type than the field that keeps it."""
    assert asked.save is not None
    name = asked.save.text.strip()
    wanted = declared.get(name, {"type": "text"})["type"]
    if wanted not in ("text", asked.declared["type"]):
        message = f"the answer is {asked.declared['type']}, and the field '{name}' is {wanted}"
        help = f"write  expect: {wanted}  or give the field the type of the question"
        place.problem("IGR219", asked.save.span, message, help)
