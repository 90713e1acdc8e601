"""What conditions say about values: which ones are surely there where they hold.

A value that is not set satisfies nothing but ``set: false``, so every other comparison proves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igrules.language.conditions import Said, Tree

_NOTHING: frozenset[str] = frozenset()
_BEFORE = {"path": "", "field": "contact."}
"""What stands before the names that a condition compares, by their type."""
_FACTS = ("follows_us", "followers", "username")


def given_by(tree: Tree | None) -> frozenset[str]:
    """The values that are there where the tree holds, named as in blanks."""
    if tree is None:
        return _NOTHING
    if isinstance(tree, Said):
        return _compared(tree, holds=True) | _told(tree)
    found = [given_by(part) for part in tree.parts]
    if tree.mode == "all":
        return _NOTHING.union(*found)
    if tree.mode == "any":
        return found[0].intersection(*found[1:]) if found else _NOTHING
    return _NOTHING.union(*(given_without(part) for part in tree.parts))


def given_without(tree: Tree | None) -> frozenset[str]:
    """The values that are there where the tree does not hold."""
    if tree is None:
        return _NOTHING
    if isinstance(tree, Said):
        return _compared(tree, holds=False)
    found = [given_without(part) for part in tree.parts]
    if tree.mode == "any":
        return _NOTHING.union(*found)
    if tree.mode == "all":
        return found[0].intersection(*found[1:]) if found else _NOTHING
    given = [given_by(part) for part in tree.parts]
    return given[0].intersection(*given[1:]) if given else _NOTHING


def _compared(said: Said, *, holds: bool) -> frozenset[str]:
    slot = said.condition.options
    before = _BEFORE.get(slot.names)
    if before is None or slot.values is None or slot.values.type != "compare":
        return _NOTHING
    if not holds and len(said.value) != 1:
        return _NOTHING  # nobody knows which of them does not hold
    return frozenset(
        before + name
        for name, comparison in said.value.items()
        if _asks_for_nothing(comparison) is not holds
    )


def _asks_for_nothing(comparison: Mapping[str, Any]) -> bool:
    """Whether the comparison is ``set: false`` and nothing else."""
    return set(comparison) == {"set"} and not comparison["set"]


def _told(said: Said) -> frozenset[str]:
    """What is known of the person where ``contact`` holds without its way out."""
    if said.condition.name != "contact" or "else" in said.value:
        return _NOTHING
    return frozenset(f"contact.{name}" for name in _FACTS if name in said.value)
