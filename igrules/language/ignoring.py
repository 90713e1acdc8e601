"""Comments in a rule file that silence warnings and hints."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from igrules.errors import Edit, Fix, Problem, Span
from igrules.language.codes import CODES, problem
from igrules.language.comments import Comment
from igrules.language.outline import read_line
from igrules.language.source import Draft, Source

_IGNORE = re.compile(r"#\s*igr:\s*(\w*)\s*(?:\[([^\]]*)\])?\s*(.*)")


@dataclass(frozen=True, slots=True)
class Ignore:
    """``# igr: ignore[IGR203] reason``: it silences ``codes`` on the lines ``first`` to ``last``.

    ``complaint`` says what is wrong with the comment itself; such a one silences nothing.
    """

    span: Span
    codes: tuple[str, ...]
    reason: str
    first: int
    last: int
    complaint: str = ""


def read_ignores(draft: Draft, comments: Iterable[Comment]) -> tuple[Ignore, ...]:
    """Return the suppressions among the comments of a text."""
    found = (_read(draft, comment) for comment in comments)
    return tuple(ignore for ignore in found if ignore is not None)


def apply_ignores(problems: Iterable[Problem], ignores: Iterable[Ignore]) -> tuple[Problem, ...]:
    """Return the problems that are not silenced, and IGR602 for comments that silence nothing."""
    kept = list(problems)
    told: list[Problem] = []
    for ignore in ignores:
        meant = [found for found in kept if _is_meant(ignore, found)]
        errors = [found for found in meant if found.severity == "error"]
        kept = [found for found in kept if found not in meant or found.severity == "error"]
        if ignore.complaint:
            told.append(_useless(ignore, ignore.complaint))
        elif errors:
            told.append(
                _useless(ignore, f"{errors[0].code} is an error here and cannot be silenced")
            )
        elif not meant:
            told.append(_useless(ignore, f"no {' or '.join(ignore.codes)} is reported here"))
    return (*kept, *told)


def _read(draft: Draft, comment: Comment) -> Ignore | None:
    match = _IGNORE.fullmatch(draft.text, comment.start, comment.end)
    if not match:
        return None
    codes = tuple(code.strip() for code in (match[2] or "").split(",") if code.strip())
    reason = match[3].strip()
    unknown = next((code for code in codes if code.startswith("IGR") and code not in CODES), "")
    complaint = ""
    if match[1] != "ignore":
        complaint = f"'{match[1]}' is no word of a comment for igrules"
    elif not codes:
        complaint = "this comment does not say which code it silences"
    elif unknown:
        complaint = f"there is no code '{unknown}'"
    elif not reason:
        complaint = "this comment does not say why"
    first, last = _lines(draft.current, comment)
    span = draft.span(comment.start, comment.end)
    return Ignore(span, codes, reason, first, last, complaint)


def _lines(source: Source, comment: Comment) -> tuple[int, int]:
    """The lines, from 1, that a comment speaks of: its own, or the item on the line below it."""
    number = source.line_of(comment.start)
    if source.text[source.starts[number] : comment.start].strip():
        return number + 1, number + 1
    first = number + 1
    while first < len(source.starts) and source.line(first).lstrip()[:1] == "#":
        first += 1
    if first >= len(source.starts):
        return first + 1, first + 1
    indent = read_line(source, first).indent
    last = below = first
    while (below := below + 1) < len(source.starts):
        line = read_line(source, below)
        if line.is_blank:
            continue
        if line.indent <= indent:
            break
        last = below
    return first + 1, last + 1


def _is_meant(ignore: Ignore, found: Problem) -> bool:
    return (
        not ignore.complaint
        and found.span.file == ignore.span.file
        and ignore.first <= found.span.line <= ignore.last
        and found.code in ignore.codes
    )


def _useless(ignore: Ignore, message: str) -> Problem:
    help = "delete it, or write  # igr: ignore[CODE] reason  on the line of a warning or above it"
    return problem("IGR602", ignore.span, message, help, fix=Fix(True, (Edit(ignore.span, ""),)))
