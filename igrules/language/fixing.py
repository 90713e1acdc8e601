"""Write the fixes of problems into a text."""

from __future__ import annotations

from collections.abc import Iterable

from igrules.errors import Fix, Problem
from igrules.language.source import Source


def is_fixable(problem: Problem, *, unsafe: bool = False) -> bool:
    """Whether a problem has a fix that may be written; ``unsafe`` allows offered ones, too."""
    return problem.fix is not None and (problem.fix.safe or unsafe)


def apply_fixes(text: str, problems: Iterable[Problem], unsafe: bool = False) -> str:
    """Return ``text`` with the fixes of its problems, which are all of one file.

    Everything that no edit touches stays as it is. Of fixes that overlap the first is written; the
    others find the text changed, so read the result again and apply what is left.
    """
    source = Source("", text)
    taken: list[tuple[int, int, str]] = []
    for problem in problems:
        if problem.fix is None or not is_fixable(problem, unsafe=unsafe):
            continue
        edits = _edits(source, problem.fix)
        if edits is not None and not _overlap(edits, taken):
            taken += [edit for edit in edits if edit not in taken]
    for start, end, new in sorted(taken, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _edits(source: Source, fix: Fix) -> list[tuple[int, int, str]] | None:
    """The edits of a fix by places in the text, ``None`` when one of them lies outside of it."""
    edits = []
    for edit in fix.edits:
        start = _place(source, edit.span.line, edit.span.column)
        end = _place(source, edit.span.end_line, edit.span.end_column)
        if start is None or end is None or end < start:
            return None
        edits.append((start, end, edit.text))
    return edits


def _place(source: Source, line: int, column: int) -> int | None:
    if not 1 <= line <= len(source.starts):
        return None
    place = source.starts[line - 1] + column - 1
    return place if column >= 1 and place <= len(source.text) else None


def _overlap(edits: list[tuple[int, int, str]], taken: list[tuple[int, int, str]]) -> bool:
    """Two that are the same do not overlap: they are one."""
    return any(
        (start < other_end and other_start < end) or (start, end) == (other_start, other_end)
        for start, end, new in edits
        for other_start, other_end, other_new in taken
        if (start, end, new) != (other_start, other_end, other_new)
    )
