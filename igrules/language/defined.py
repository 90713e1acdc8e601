"""Collect the names of one sort over all files of a tenant.

Why here: all sorts follow the same three rules. A name stands once; a tenant's own replaces, whole,
an included one; those of a blueprint are private to its instance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from igrules.errors import Note, Span
from igrules.language.homes import Home, own_first
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.place import Place
from igrules.language.shapes import report_empty
from igrules.language.typed import report_flaw
from igrules.language.values import READERS, Flaw


@dataclass(frozen=True, slots=True)
class Definition:
    """A name with its value and the file it stands in."""

    entry: Entry
    home: Home

    @property
    def place(self) -> Place:
        """The place of the value."""
        return self.home.place

    @property
    def span(self) -> Span:
        """Where the name stands."""
        return self.entry.key.span


def definitions(kind: str, homes: Iterable[Home], *, shared: bool = False) -> dict[str, Definition]:
    """The names under ``kind`` as the ruleset keeps them. ``shared``: those of blueprints are the
    tenant's as well."""
    found: dict[str, Definition] = {}
    for home in own_first(homes):
        below = home.node.get(kind)
        for entry in _entries(kind, below, home.place) if below is not None else ():
            name = entry.key.text if shared else home.place.resolve(kind, entry.key.text)
            first = found.setdefault(name, Definition(entry, home))
            if first.entry is not entry and not _is_replaced(first.home, home, shared):
                report_twice(home.place, f"'{kind}.{entry.key.text}'", entry.key.span, first.span)
    return found


def _is_replaced(first: Home, home: Home, shared: bool) -> bool:
    """Whether the second of two definitions gives way without a word."""
    if shared and "used" in (first.origin, home.origin):
        return True
    return home.origin == "included" and first.origin != "included"


def _entries(kind: str, node: Node, place: Place) -> Iterator[Entry]:
    """The names of one map."""
    if not isinstance(node, Map):
        if is_empty(node):
            report_empty(place, node, kind)
        else:
            help = f"write  {kind}: {{name: …}}"
            place.problem("IGR103", node.span, f"'{kind}' takes a map of names", help)
        return
    if not node.entries:
        report_empty(place, node, kind)
    for entry in node.entries:
        flaw = READERS["name"](entry.key.text)
        if isinstance(flaw, Flaw):
            report_flaw(entry.key, flaw, place)
        yield entry


def is_empty(node: Node) -> bool:
    """Whether nothing stands there: no text, no item."""
    if isinstance(node, Scalar):
        return not node.text.strip()
    return isinstance(node, Sequence) and not node.items


def report_twice(place: Place, what: str, span: Span, first: Span) -> None:
    """Report a name that stands twice; a note shows the first place."""
    where = f"on line {first.line}"
    if first.file != span.file:
        where = f"in {first.file}:{first.line}"
    place.problem(
        "IGR106",
        span,
        f"{what} already exists {where}",
        "rename one of them, or remove it",
        notes=(Note(first, "the first one"),),
    )
