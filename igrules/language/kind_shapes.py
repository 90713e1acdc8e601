"""Whether a kind, and what it gives back, is what the public interface says.

Why it is looked at: what a plugin got wrong must be said of the plugin. Met later, in the middle of
a file or an event, it would look like a fault of the tenant or of igrules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, get_args

from igrules.kinds import Slot, SlotType
from igrules.model import Answered, Change, Effect, Park, Resulted

_CHANGES = frozenset(
    {"tag", "untag", "set", "unset", "increment", "opt_out", "opt_in", "quiet", "handoff"}
)
_DEEPEST = 16


def flaw_of_kind(kind: Any) -> str:
    """What is wrong with the fields of a kind, empty when nothing is."""
    for field in fields(kind):
        value = getattr(kind, field.name)
        if field.name in ("name", "summary") and not isinstance(value, str):
            return f"'{field.name}' is {type(value).__name__}, not a text"
        is_absent = value is None and field.default is not MISSING
        if str(field.type).startswith("Callable") and not (callable(value) or is_absent):
            return f"'{field.name}' is {type(value).__name__}, not a function"
        if field.name == "events" and not _is_set_of_texts(value):
            return "'events' is not a frozenset of event kinds"
        if field.name == "options" and (flaw := _flaw_of_slot(value, "options")):
            return flaw
    return ""


def _is_set_of_texts(value: Any) -> bool:
    return isinstance(value, frozenset) and all(isinstance(one, str) for one in value)


def _flaw_of_slot(slot: Any, where: str) -> str:
    if not isinstance(slot, Slot):
        return f"'{where}' is {type(slot).__name__}, not a Slot"
    for type_ in (slot.type, slot.names):
        if type_ not in get_args(SlotType):
            return f"'{where}' has the type '{type_}', which is none of a Slot"
    if not isinstance(slot.keys, Mapping):
        return f"the keys of '{where}' are {type(slot.keys).__name__}, not a map"
    if slot.short and slot.short not in slot.keys and slot.values is None:
        return f"'{where}' has no key '{slot.short}' for its short form"
    below = {**slot.keys, **({"*": slot.values} if slot.values is not None else {})}
    flaws = (_flaw_of_slot(one, f"{where}.{key}") for key, one in below.items())
    return next((flaw for flaw in flaws if flaw), "")


def flaw_of_planned(item: Any) -> str:
    """Why what an action planned cannot be stored, empty when it can."""
    if isinstance(item, Effect) and not is_plain(item.payload):
        return "an effect whose payload is no plain JSON"
    if isinstance(item, Change) and (item.kind not in _CHANGES or not is_plain(item.value)):
        return f"a change '{item.kind}' that nobody can make"
    if isinstance(item, (Answered, Resulted)) and not is_plain(item.value):
        return "a value that is no plain JSON"
    if isinstance(item, Park) and not is_plain(item.memory):
        return "a memory that is no plain JSON"
    return ""


def is_plain(value: Any, deep: int = 0) -> bool:
    """Whether a value is texts, numbers, bools and ``None``, in lists and maps by text."""
    if value is None or isinstance(value, (str, int, float)):
        return True
    if deep > _DEEPEST:
        return False
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_plain(value[key], deep + 1) for key in value)
    return isinstance(value, (list, tuple)) and all(is_plain(one, deep + 1) for one in value)
