"""Change single values of a tenant.yaml that somebody wrote, and leave all the rest as it is."""

from __future__ import annotations

from collections.abc import Mapping

from igrules.language.loading import load
from igrules.language.nodes import Map, Node, Scalar
from igrules.language.source import Source

Place = tuple[str, ...]
"""The keys that lead to a value: ``("limits", "per_day")``."""


def with_values(data: bytes, values: Mapping[Place, str]) -> bytes | None:
    """The file with these values, as YAML writes them, at these places; ``None`` when that is not
    possible without writing the file anew."""
    text: str | None = data.decode("utf-8-sig")
    for place, value in values.items():
        if text is None:
            return None
        text = _with_value(text, place, value)
    return None if text is None else text.encode()


def _with_value(text: str, place: Place, value: str) -> str | None:
    root = load(text.encode(), "tenant.yaml").node
    if root is None or not root.entries:
        return None
    source = Source("tenant.yaml", text)
    parent: Node | None = root.get(place[0]) if len(place) == 2 else root
    if parent is None:
        end = "" if text.endswith("\n") else "\n"
        return f"{text}{end}{place[0]}: {{{place[1]}: {value}}}\n"
    if not isinstance(parent, Map) or not parent.entries:
        return None
    there = parent.get(place[-1])
    if there is None:
        return _inserted(source, parent, place[-1], value, nested=len(place) == 2)
    if not isinstance(there, Scalar) or there.style not in ("plain", "single", "double"):
        return None
    return text[: _place(source, there, 0)] + value + text[_place(source, there, 1) :]


def _inserted(source: Source, parent: Map, key: str, value: str, *, nested: bool) -> str | None:
    """Before the first key of a map in lines, or in braces."""
    text = source.text
    span = parent.entries[0].key.span
    start = source.starts[span.line - 1]
    at = start + span.column - 1
    before = text[start:at]
    if not before.strip():
        return f"{text[:at]}{key}: {value}\n{before}{text[at:]}"
    return f"{text[:at]}{key}: {value}, {text[at:]}" if nested else None


def _place(source: Source, node: Scalar, side: int) -> int:
    span = node.span
    line, column = (span.line, span.column) if side == 0 else (span.end_line, span.end_column)
    return source.starts[line - 1] + column - 1
