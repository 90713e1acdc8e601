"""What a rule file says, before anything is understood: maps, lists and scalars with their places.

Scalars are the characters the author typed; nothing here knows numbers, booleans or null.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from igrules.errors import Span

Style = Literal["plain", "single", "double", "literal", "folded"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text as typed. An empty value (``key:``) is a plain scalar without characters."""

    text: str
    span: Span
    style: Style = "plain"

    @property
    def is_empty(self) -> bool:
        """Nothing stands here (``key:``); a quoted empty text counts as well."""
        return self.text == ""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list, in order."""

    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a map with its value."""

    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True)
class Map:
    """A map in the order it was written; keys are unique, duplicates were reported and dropped."""

    entries: tuple[Entry, ...]
    span: Span

    def get(self, key: str) -> Node | None:
        """The value of ``key``, ``None`` when it is not there."""
        return next((entry.value for entry in self.entries if entry.key.text == key), None)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)


Node = Scalar | Sequence | Map
