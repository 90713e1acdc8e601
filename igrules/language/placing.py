"""The place of a stretch inside of a scalar's text."""

from __future__ import annotations

from dataclasses import replace

from igrules.errors import Span
from igrules.language.nodes import Scalar


def place_in(scalar: Scalar, start: int, end: int) -> Span:
    """Return the span of the characters ``start`` to ``end`` of a scalar's text.

    Where that cannot be told (escapes, folded lines, space that was taken away) it is the span of
    the scalar.
    """
    span = scalar.span
    if scalar.style == "literal":
        return _in_block(scalar, start, end)
    quotes = 1 if scalar.style in ("single", "double") else 0
    width = span.end_column - span.column - 2 * quotes
    if span.line != span.end_line or width != len(scalar.text) or scalar.style == "folded":
        return span
    first = span.column + quotes
    return replace(span, column=first + start, end_column=first + end)


def _in_block(scalar: Scalar, start: int, end: int) -> Span:
    """The lines of a ``|`` block begin below its sign and all at one column."""
    span, lines = scalar.span, scalar.text.split("\n")
    margin = span.end_column - len(lines[-1])
    if span.end_line - span.line != len(lines) or margin < 1:
        return span
    first, at = _line_and_column(scalar.text, start)
    last, to = _line_and_column(scalar.text, end)
    top = span.line + 1
    return replace(
        span,
        line=top + first,
        column=margin + at,
        end_line=top + last,
        end_column=margin + to,
    )


def _line_and_column(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index), index - (text.rfind("\n", 0, index) + 1)
