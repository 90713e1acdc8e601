"""Write compiled values as plain JSON, and read them again.

A value is itself when JSON has it; everything else is a list whose first item says what it is. A
frozen value is written field by field, those that have their default left out, and once only: where
it stands again, its number does. Kinds are written by their names. Of a condition the options as
they were written are kept, and the kind's ``prepare`` is called again.

Why by fields: what a ruleset consists of grows, and nothing has to be told here. Only the classes
of a few modules are read, so nothing that is stored can name any other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import igrules.errors as errors
import igrules.kinds as kinds
import igrules.language.hours as hours
import igrules.language.ruleset as ruleset
import igrules.language.segments as segments
import igrules.language.templates as templates
from igrules.errors import IgrulesError, Span
from igrules.kinds import Action, Condition, Registry, Trigger
from igrules.language.ruleset import Ask
from igrules.model import EMPTY

_TUPLE, _LIST, _SET, _EMPTY, _DICT, _PROXY, _PAIRS, _KIND, _AGAIN, _SPAN = range(10)
_FIRST_CLASS = 10
_SORTS: tuple[tuple[type, str], ...] = (
    (Trigger, "triggers"),
    (Condition, "conditions"),
    (Action, "actions"),
)
_SORT_OF = {one: place for place, (one, _) in enumerate(_SORTS)}
_NOT_WRITTEN = (Span, *_SORT_OF, kinds.Registry)


def _classes() -> tuple[type, ...]:
    """The frozen values a ruleset may consist of."""
    found = {
        one
        for module in (errors, kinds, ruleset, segments, templates, hours)
        for one in vars(module).values()
        if isinstance(one, type) and dataclasses.is_dataclass(one) and one not in _NOT_WRITTEN
    }
    return tuple(sorted(found, key=lambda one: (one.__module__, one.__name__)))


_CLASSES = _classes()
_CODES = {one: code for code, one in enumerate(_CLASSES, _FIRST_CLASS)}


class NotPlain(IgrulesError):
    """A value that cannot be written; it only means that the ruleset is compiled when needed."""


def _fields(one: Any) -> tuple[tuple[str, Any], ...]:
    """The names of the fields, each with its default."""
    skipped = ("options",) if one is Ask else ()
    fields = dataclasses.fields(one)
    return tuple((field.name, field.default) for field in fields if field.name not in skipped)


_FIELDS = tuple(map(_fields, _CLASSES))
"""By the place of the class."""


@lru_cache(4096)
def _given(code: int, mask: int) -> tuple[str, ...]:
    """The names of the fields a mask stands for."""
    fields = _FIELDS[code - _FIRST_CLASS]
    return tuple(name for place, (name, _) in enumerate(fields) if mask >> place & 1)


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and bool(value == default))


class Writer:
    """Writes the values of one line. ``files`` are the names spans are in, which it adds to."""

    def __init__(self, registry: Registry, files: dict[str, int]) -> None:
        self._registry = registry
        self._files = files
        self._written: dict[int, int] = {}

    def write(self, value: Any) -> Any:
        """The value as JSON has it. Raises `NotPlain`."""
        if value is None or type(value) in (str, int, float, bool):
            return value
        if value is EMPTY:
            return [_EMPTY]
        if isinstance(value, tuple | list):
            code = _TUPLE if type(value) is tuple else _LIST
            return [code, *map(self.write, value)]
        if isinstance(value, frozenset):
            return [_SET, *map(self.write, sorted(value))]
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, Span):
            file = self._files.setdefault(value.file, len(self._files))
            place = [_SPAN, file, value.line, value.column, value.end_line, value.end_column]
            return place if value.via is None else [*place, self.write(value.via)]
        if type(value) in _SORT_OF:
            return self._kind(_SORT_OF[type(value)], value)
        if type(value) in _CODES:
            return self._fielded(value)
        raise NotPlain(f"a {type(value).__name__} cannot be stored", "it is compiled when needed")

    def _mapping(self, value: Mapping[Any, Any]) -> Any:
        if all(type(key) is str for key in value):
            code = _DICT if type(value) is dict else _PROXY
            return [code, {key: self.write(item) for key, item in value.items()}]
        pairs = [(self.write(key), self.write(item)) for key, item in value.items()]
        return [_PAIRS, *pairs]

    def _kind(self, sort: int, kind: Any) -> Any:
        if getattr(self._registry, _SORTS[sort][1]).get(kind.name) is not kind:
            raise NotPlain(f"'{kind.name}' is not registered", "it is compiled when needed")
        return [_KIND, sort, kind.name]

    def _fielded(self, value: Any) -> Any:
        known = self._written.get(id(value))
        if known is not None:
            return [_AGAIN, known]
        code = _CODES[type(value)]
        mask, given = 0, []
        for place, (name, default) in enumerate(_FIELDS[code - _FIRST_CLASS]):
            item = getattr(value, name)
            if not _is_default(item, default):
                mask |= 1 << place
                given.append(self.write(item))
        self._written[id(value)] = len(self._written)
        return [code, mask, *given]


class Reader:
    """Reads the values of one line."""

    def __init__(self, registry: Registry, files: list[str]) -> None:
        self._registry = registry
        self._files = files
        self._read: list[Any] = []

    def read(self, value: Any) -> Any:
        """The value that was written."""
        if type(value) is not list:
            return value
        code = value[0]
        if code >= _FIRST_CLASS:
            return self._fielded(code, value)
        return _READERS[code](self, value)

    def _fielded(self, code: int, value: list[Any]) -> Any:
        one = _CLASSES[code - _FIRST_CLASS]
        read = self.read
        items = [item if type(item) is not list else read(item) for item in value[2:]]
        given = dict(zip(_given(code, value[1]), items, strict=True))
        if one is Ask:
            prepare, written = given["condition"].prepare, given["written"]
            given["options"] = written if prepare is None else prepare(written)
        made = one(**given)
        self._read.append(made)
        return made

    def _items(self, value: list[Any]) -> list[Any]:
        read = self.read
        return [item if type(item) is not list else read(item) for item in value[1:]]

    def _dict(self, value: list[Any]) -> dict[str, Any]:
        return {key: self.read(item) for key, item in value[1].items()}

    def _kind(self, value: list[Any]) -> Any:
        return getattr(self._registry, _SORTS[value[1]][1])[value[2]]

    def _span(self, value: list[Any]) -> Span:
        _, file, line, column, end_line, end_column, *rest = value
        via = self.read(rest[0]) if rest else None
        return Span(self._files[file], line, column, end_line, end_column, via)


_READERS: Mapping[int, Callable[[Reader, list[Any]], Any]] = {
    _TUPLE: lambda reader, value: tuple(reader._items(value)),
    _LIST: Reader._items,
    _SET: lambda reader, value: frozenset(reader._items(value)),
    _EMPTY: lambda reader, value: EMPTY,
    _DICT: Reader._dict,
    _PROXY: lambda reader, value: MappingProxyType(reader._dict(value)),
    _PAIRS: lambda reader, value: {reader.read(key): reader.read(item) for key, item in value[1:]},
    _KIND: Reader._kind,
    _AGAIN: lambda reader, value: reader._read[value[1]],
    _SPAN: Reader._span,
}
