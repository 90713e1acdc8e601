"""Count the phrases and patterns that stand in conditions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from igrules.kinds import Slot
from igrules.language.conditions import Tree, said
from igrules.language.values import WRONG

_PHRASES = frozenset({"phrase"})
_PATTERNS = frozenset({"like", "regex"})


def count_values(trees: Iterable[Tree | None]) -> tuple[int, int]:
    """How many phrases and how many patterns stand in conditions."""
    kept = tuple(trees)
    return _count(kept, _PHRASES), _count(kept, _PATTERNS)


def _count(trees: Iterable[Tree | None], types: frozenset[str]) -> int:
    return sum(
        _count_values(one.condition.options, one.value, types)
        for tree in trees
        if tree is not None
        for one in said(tree)
    )


def _count_values(slot: Slot, value: Any, types: frozenset[str]) -> int:
    """How many values of these types stand in what was read for a slot."""
    if value is WRONG or value is None:
        return 0
    if slot.type in types:
        return len(value) if isinstance(value, tuple) else 1
    if slot.type != "map":
        return 0
    maps = value if isinstance(value, tuple) else (value,)
    return sum(
        _count_values(below, one[key], types)
        for one in maps
        for key, below in slot.keys.items()
        if key in one
    )
