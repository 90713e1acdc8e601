"""Point at an ``unless`` with two keys: it holds only when both do, which is seldom meant."""

from __future__ import annotations

from itertools import pairwise

from igrules.errors import Edit, Fix, Span
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.place import Place


def check_unless(node: Node | None, what: str, place: Place) -> None:
    """Point at an ``unless`` with two keys: it holds only when both do."""
    if not isinstance(node, Map) or len(node.entries) < 2:
        return
    keys = ", ".join(entry.key.text for entry in node.entries)
    place.problem(
        "IGR217",
        node.span,
        f"{what} only when all of {keys} hold",
        'for "when one of them holds" write a list:  '
        f"[{', '.join('{' + _shown(entry) + '}' for entry in node.entries)}]",
        fix=_as_list(node),
    )


def _shown(entry: Entry) -> str:
    """The condition as it would be written in one line; what is longer is left out."""
    value = entry.value
    if isinstance(value, Scalar):
        return f"{entry.key.text}: {value.text}"
    if isinstance(value, Sequence) and all(isinstance(item, Scalar) for item in value.items):
        texts = ", ".join(item.text for item in value.items if isinstance(item, Scalar))
        return f"{entry.key.text}: [{texts}]"
    return f"{entry.key.text}: …"


def _as_list(node: Map) -> Fix | None:
    """Edits that make each key an item of a list; ``None`` when the layout is not simple."""
    entries = node.entries
    if any(entry.key.span.line != entry.value.span.end_line for entry in entries):
        return None
    first = entries[0].key.span
    in_braces = (node.span.line, node.span.column) != (first.line, first.column)
    if not in_braces:
        return Fix(False, tuple(Edit(_before(entry.key.span), "- ") for entry in entries))
    span = node.span
    end = Span(span.file, span.end_line, span.end_column, span.end_line, span.end_column)
    between = [
        Edit(_gap(one.value.span, other.key.span), "}, {") for one, other in pairwise(entries)
    ]
    return Fix(False, (Edit(_before(span), "["), *between, Edit(end, "]")))


def _before(span: Span) -> Span:
    return Span(span.file, span.line, span.column, span.line, span.column)


def _gap(one: Span, other: Span) -> Span:
    return Span(one.file, one.end_line, one.end_column, other.line, other.column)
