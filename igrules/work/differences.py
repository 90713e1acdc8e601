"""What differs between two versions: lines of files, and rules by their ids.

Why rules are compared as they were written and not as compiled: what plugins make of their options
need not be comparable. Moved rules, comments and layout are no change.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from igrules.errors import Span
from igrules.kinds import Registry
from igrules.language.compiler import compile_tenant
from igrules.language.loading import load
from igrules.language.nodes import Map, Node, Sequence
from igrules.language.slots import plain

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that differs. ``change`` is ``added``, ``removed`` or ``changed``; ``diff`` is
    unified."""

    path: str
    change: str
    diff: str


@dataclass(frozen=True, slots=True)
class RuleChanges:
    """Ids of rules."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def of_files(before: Files, after: Files) -> list[FileChange]:
    """The files that differ, by path."""
    return [
        _of_file(path, before.get(path), after.get(path))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    ]


def _of_file(path: str, before: bytes | None, after: bytes | None) -> FileChange:
    change = "added" if before is None else "removed" if after is None else "changed"
    lines = difflib.unified_diff(
        _lines(before),
        _lines(after),
        "/dev/null" if before is None else f"a/{path}",
        "/dev/null" if after is None else f"b/{path}",
        lineterm="",
    )
    return FileChange(path, change, "\n".join(lines))


def _lines(data: bytes | None) -> list[str]:
    return [] if data is None else data.decode("utf-8-sig", "replace").splitlines()


def of_rules(before: Files, after: Files, registry: Registry, slug: str) -> RuleChanges | None:
    """The rules that differ; ``None`` when one of the two does not compile."""
    old, new = (_written(files, registry, slug) for files in (before, after))
    if old is None or new is None:
        return None
    return RuleChanges(
        tuple(rule for rule in new if rule not in old),
        tuple(rule for rule in old if rule not in new),
        tuple(rule for rule in new if rule in old and new[rule] != old[rule]),
    )


def _written(files: Files, registry: Registry, slug: str) -> dict[str, Any] | None:
    """Id of every rule to what stands in the file about it."""
    ruleset = compile_tenant(files, registry, slug=slug).ruleset
    if ruleset is None:
        return None
    places: dict[Span, Any] = {}
    for name, data in files.items():
        node = load(data, name).node
        if node is not None:
            for span, value in _places(node):
                places.setdefault(span, value)
    return {rule.id: (rule.source, rule.id, places.get(rule.span)) for rule in ruleset.rules}


def _places(node: Node) -> Iterator[tuple[Span, Any]]:
    """What stands under each span a rule may have: its map, its id, or the key of a short form."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _places(item)
        yield node.span, plain(node)
    elif isinstance(node, Map):
        for entry in node:
            if entry.key.text == "id":
                yield entry.value.span, plain(node)
        for entry in node:
            yield entry.key.span, (entry.key.text, plain(entry.value))
            yield from _places(entry.value)
        yield node.span, plain(node)
    else:
        yield node.span, plain(node)
