"""Blanks that are none to YAML: tabs, no-break spaces, signs that nobody sees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

from igrules.errors import Edit, Fix
from igrules.language.codes import problem
from igrules.language.outline import Line, levels, lines_above, read_line
from igrules.language.repairs import MAX_PROBLEMS, Repair, wrong_characters
from igrules.language.source import Draft
from igrules.language.survey import Survey, survey

# Signs that end a line or the whole reading for YAML, and that no text needs.
_UNREADABLE = re.compile(
    "[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)"
)
_ODD = "\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000"
_ODD_BLANK = re.compile(f"[{_ODD}]")
# Where a blank is syntax: before the line's content, after a dash, after a key's colon.
_AS_SYNTAX = re.compile(
    rf"^[ \t]*(?:-[ \t]+)*[ \t]*([{_ODD}][ \t{_ODD}]*)"
    rf"|^[ \t]*(?:-[ \t]+)*-([{_ODD}][ \t{_ODD}]*)"
    rf"|^[ \t]*(?:- +)*[\w.$-]+:([{_ODD}][ \t{_ODD}]*)",
    re.MULTILINE,
)


def without_unreadable(draft: Draft) -> Repair | None:
    """Read every sign that YAML refuses, or takes for the end of a line, as a blank."""
    found = _UNREADABLE.search(draft.text)
    if not found:
        return None
    problems = []
    for match in islice(_UNREADABLE.finditer(draft.text), MAX_PROBLEMS):
        name = unicodedata.name(match[0], "control character").lower()
        span = draft.span(match.start(), match.end())
        problems.append(
            problem(
                "IGR002",
                span,
                f"an invisible sign stands here (U+{ord(match[0]):04X}, {name})",
                "delete it, or write a blank",
                fix=Fix(True, (Edit(span, " "),)),
            )
        )
    readable = _UNREADABLE.sub(" ", draft.text)
    return Repair(tuple(problems), draft.with_text(0, len(readable), readable))


def odd_blanks(draft: Draft, known: Survey | None, until: int) -> Repair | None:
    """Read no-break spaces and their like as blanks where a blank is syntax, up to ``until``."""
    if not _ODD_BLANK.search(draft.text):
        return None
    known = known or survey(draft)
    problems = []
    text, after = draft.text, draft
    for match in _AS_SYNTAX.finditer(text, 0, until):
        start, end = match.span(match.lastindex or 0)
        if known.in_text(start):
            continue
        span = draft.span(start, end)
        message = "this is not a blank but a sign that looks like one (a no-break space)"
        fix = Fix(True, (Edit(span, " " * (end - start)),))
        problems.append(problem("IGR002", span, message, "replace it by a blank", fix=fix))
        after = after.with_blanks(start, end)
        if len(problems) >= MAX_PROBLEMS:
            break
    return Repair(tuple(problems), after) if problems else None


def tabs(draft: Draft, line: Line, at: int) -> Repair:
    """Read the tab at ``at`` of a line as a blank; one that indents it as several, and those that
    indent the lines below it, too."""
    first = line.number
    if at >= line.content:
        span = draft.span(at, at + 1)
        after = draft.with_blanks(at, at + 1)
        message, help = "a tab stands where YAML wants a blank", "write a blank"
        return wrong_characters(draft, span, message, help, [Edit(span, " ")], after)
    indents = dict(_indents(draft, line))
    edits = []
    for number, indent in indents.items():
        each = read_line(draft.current, number)
        edits.append(Edit(draft.span(each.start, each.content), " " * indent))
    more = len(edits) - 1
    lines = f"this line and the next {more}" if more > 1 else "this line and the next one"
    what = "a tab indents this line" if not more else f"tabs indent {lines}"
    message, help = f"{what}, YAML takes only blanks", f"begin it with {indents[first]} blanks"
    after = draft.with_indents(indents)
    return wrong_characters(draft, edits[0].span, message, help, edits, after)


def _indents(draft: Draft, first: Line) -> Iterator[tuple[int, int]]:
    """By how many blanks the line and those below it that begin with tabs should be indented."""
    leading = draft.text[first.start : first.content]
    fitting = _fitting(draft, first)
    width = next((n for n in (2, 4, 8, 1) if _expanded(leading, n) in fitting), 2)
    expanded = _expanded(leading, width)
    offset = min(fitting, key=lambda at: abs(at - expanded), default=expanded) - expanded
    for number in range(first.number, len(draft.current.starts)):
        line = read_line(draft.current, number)
        leading = draft.text[line.start : line.content]
        if "\t" not in leading:
            return
        yield number, max(_expanded(leading, width) + offset, 0)


def _expanded(leading: str, width: int) -> int:
    return leading.count(" ") + width * leading.count("\t")


def _fitting(draft: Draft, line: Line) -> set[int]:
    """The columns at which a line may begin, going by the lines above."""
    above = next(lines_above(draft.current, line.number), None)
    if above is None:
        return set()
    if above.value >= above.stop or draft.text[above.value] in "|>":
        return {above.head - above.start + 2, above.indent + 2}
    if above.colon < 0 and not above.has_dash:
        return {above.indent}
    kind = "-" if line.has_dash else "key"
    return {at for at, (other, _) in levels(draft.current, line.number).items() if other == kind}
