"""Change fields of a value by what somebody sent as JSON.

Why checked here: what does not fit would break the thread that uses it, long after it was sent, and
a local Instagram that fell silent looks like one that has nothing to say.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from igrules.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def changed(value: T, fields: Mapping[str, Any], what: str) -> T:
    """``value``, a dataclass, with these fields; ``what`` it is called in messages.

    Raises `UsageError` for a field there is not, one of another type, and a number below 0.
    """
    known = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    for name in fields:
        if name not in known:
            raise UsageError(f"{what} has no '{name}'", f"it has {', '.join(sorted(known))}")
    read = {name: _read(known[name], given, f"{what}: '{name}'") for name, given in fields.items()}
    return dataclasses.replace(value, **read)


def _read(before: Any, given: Any, name: str) -> Any:
    if isinstance(before, tuple):
        if not isinstance(given, list | tuple):
            raise UsageError(f"{name} does not fit", "give a list of whole numbers")
        return tuple(_read(0, one, name) for one in given)
    kind = type(before)
    fits = type(given) is kind or (kind is float and type(given) is int)
    if not fits or (kind in (int, float) and given < 0):
        raise UsageError(f"{name} does not fit", f"give {_WORDS[kind]}")
    return given
