"""What a repair is: the problem that was found, and the draft in which it is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from igrules.errors import Edit, Fix, Problem, Span
from igrules.language.codes import problem
from igrules.language.outline import after_quotes
from igrules.language.quoting import inside_typographic, shown
from igrules.language.scalars import needs_quotes, typographic
from igrules.language.source import Draft

MAX_PROBLEMS = 100  # of one file


@dataclass(frozen=True, slots=True)
class Repair:
    """``problems`` say what was wrong in the draft before, ``draft`` is how reading goes on."""

    problems: tuple[Problem, ...]
    draft: Draft


def as_text(draft: Draft, start: int, end: int, why: str) -> Repair:
    """Read the characters ``start`` to ``end`` as one text, for want of quotes."""
    span = draft.span(start, end)
    text = " ".join(draft.meant(draft.text[start:end]).split())
    if after_quotes(draft.text, start) == end:
        message = f"{shown(text)} does not fit here"
        help = "check the quotes, brackets and blanks around it"
        return told(draft, start, end, message, help, draft.with_stand_in(start, end, text[1:-1]))
    inside = inside_typographic(text)
    if inside is not None:
        found = typographic(span, text, inside)
        return Repair((found,), draft.with_stand_in(start, end, inside))
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'":
        text, why = text[1:-1], f"holds {text[0]} inside of its quotes"
    found = needs_quotes(span, text, why)
    return Repair((found,), draft.with_stand_in(start, end, text))


def told(draft: Draft, start: int, end: int, message: str, help: str, after: Draft) -> Repair:
    """A repair of a syntax error that has no code of its own."""
    return Repair((problem("IGR008", draft.span(start, end), message, help),), after)


def wrong_characters(
    draft: Draft, span: Span, message: str, help: str, edits: Iterable[Edit], after: Draft
) -> Repair:
    """A repair of characters that are no syntax, with the edits that replace them."""
    fix = Fix(True, tuple(edits))
    return Repair((problem("IGR002", span, message, help, fix=fix),), after)
