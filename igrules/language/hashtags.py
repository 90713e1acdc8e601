"""Hashtags that YAML takes for comments.

Why they are errors: ``- #promo`` is an empty item to YAML, and a text loses its end without a word.
A comment is ``#`` with a blank after it, or a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from igrules.errors import Edit, Fix, Problem
from igrules.language.codes import problem
from igrules.language.comments import Comment
from igrules.language.outline import (
    Line,
    after_quotes,
    item_at,
    open_brackets,
    read_line,
    value_end,
)
from igrules.language.quoting import quoted, quotes_fix, shown, write_quoted
from igrules.language.repairs import MAX_PROBLEMS, Repair
from igrules.language.source import Draft
from igrules.language.survey import Survey, survey

_HASHTAG = re.compile(r"(?<=[\s\[{,])#(?=[^\s#])")
# Values behind which a comment was meant, because no text goes on there.
_NO_TEXT = re.compile(r"true|false|[\d.:,%-]+(?:[smhdw][\dsmhdw]*)?")
_WORD = re.compile(r"#+[^\s#]")
"""``#promo``, and neither ``# remark`` nor a line of ``####``."""
_END_OF_ITEM = re.compile(r"[,\]}]")


def hashtags(draft: Draft, comments: Iterable[Comment]) -> Repair | None:
    """Read hashtags that YAML took for comments as texts; ``None`` when there are none."""
    candidates = [
        comment for comment in comments if _WORD.match(draft.text, comment.start, comment.end)
    ]
    if not candidates:
        return None
    known = survey(draft)
    problems: list[Problem] = []
    after = draft
    for comment in candidates[:MAX_PROBLEMS]:
        one = _read(draft, after, comment, known)
        if one is not None:
            problems += one.problems
            after = one.draft
    return Repair(tuple(problems), after) if problems else None


def swallowed(draft: Draft, outer: int, end: int, known: Survey) -> Repair | None:
    """Read the first hashtag behind the bracket at ``outer`` as a text; it swallowed the rest."""
    for match in _HASHTAG.finditer(draft.text, outer, end):
        at = match.start()
        if known.in_text(at):
            continue
        brackets = open_brackets(draft.text, outer, at)
        if not brackets:
            return None
        item = item_at(draft.text, brackets[-1], at)
        stop = min(item.end, draft.current.line_end(draft.current.line_of(at)))
        if not item.value <= at < stop or at < after_quotes(draft.text, item.value):
            continue
        return hashtag_as_text(
            draft, draft, at, item.value, stop, "what follows on this line is lost"
        )
    return None


def _read(draft: Draft, after: Draft, comment: Comment, known: Survey) -> Repair | None:
    text, at = draft.text, comment.start
    line = read_line(draft.current, draft.current.line_of(at))
    before = len(text[:at].rstrip())
    stop = value_end(text, at, comment.end)
    if known.in_brackets(at):
        cut = _END_OF_ITEM.search(text, at, stop)
        stop = cut.start() if cut else stop
        if text[before - 1] in "[{,":
            return hashtag_as_text(draft, after, at, at, stop, "this item is empty")
    elif after_quotes(text, line.head) <= at < line.colon and line.head < at:
        effect = "this key ends before it"
        return hashtag_as_text(draft, after, at, line.head, line.colon, effect)
    elif at == line.content and not _goes_on_above(draft, line, known, before):
        return None
    if before in known.plain:
        start = known.plain[before]
        if _NO_TEXT.fullmatch(text[start:before]):
            return _as_comment(draft, after, comment, "follows a value")
        return hashtag_as_text(draft, after, at, start, stop, "this text ends before it")
    if at == line.value and before > line.start:
        if _goes_on_below(draft, line):
            return _as_comment(draft, after, comment, "has no blank behind '#'")
        what = "value" if line.colon >= 0 else "item"
        return hashtag_as_text(draft, after, at, at, stop, f"this {what} is empty")
    return None


def _goes_on_above(draft: Draft, line: Line, known: Survey, before: int) -> bool:
    """A hashtag on a line of its own that is indented like the rest of the text above."""
    if before not in known.plain:
        return False
    above = read_line(draft.current, draft.current.line_of(known.plain[before]))
    return above.colon >= 0 and line.indent > above.head - above.start


def _goes_on_below(draft: Draft, line: Line) -> bool:
    for number in range(line.number + 1, len(draft.current.starts)):
        below = read_line(draft.current, number)
        if below.is_blank or draft.text[below.content] == "#":
            continue
        if line.colon >= 0 and below.has_dash and not line.has_dash:
            return below.indent >= line.indent
        return below.indent > (line.head - line.start if line.colon >= 0 else line.indent)
    return False


def hashtag_as_text(
    draft: Draft, after: Draft, at: int, start: int, stop: int, effect: str
) -> Repair:
    """Read ``start`` to ``stop`` as one text.

    The hashtag begins at ``at``; ``effect`` tells what YAML makes of it.
    """
    text = " ".join(draft.meant(draft.text[start:stop]).split())
    found = problem(
        "IGR003",
        draft.span(at, stop),
        f"{shown(draft.text[at:stop])} is a comment to YAML, so {effect}",
        f"write {quoted(text)} in quotes" if len(text) <= 80 else write_quoted(text),
        fix=quotes_fix(draft.span(start, stop), text),
    )
    return Repair((found,), after.with_stand_in(start, stop, text))


def _as_comment(draft: Draft, after: Draft, comment: Comment, why: str) -> Repair:
    sign = draft.span(comment.start, comment.start + 1)
    found = problem(
        "IGR003",
        draft.span(comment.start, comment.end),
        f"{shown(draft.text[comment.start : comment.end])} {why}, so YAML takes it for a comment",
        "write a blank after '#' when it is one, else put the text in quotes",
        fix=Fix(True, (Edit(sign, "# "),)),
    )
    return Repair((found,), after.with_blanks(comment.start, comment.end))
