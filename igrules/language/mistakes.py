"""Find the mistake that YAML stopped at, and how to read on.

Why by the look of the line: YAML's own words ("did not find expected key") name neither the mistake
nor its place. Each check looks at the draft around the place and answers with a repair or nothing;
the first that knows better than YAML is taken.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

import yaml

from igrules.language.blanks import odd_blanks, tabs
from igrules.language.brackets import between_brackets, reason
from igrules.language.codes import problem
from igrules.language.hashtags import hashtag_as_text
from igrules.language.indentation import misplaced, without_block
from igrules.language.outline import (
    Line,
    after_quotes,
    item_at,
    lines_above,
    open_brackets,
    read_line,
    skip_quoted,
)
from igrules.language.quoting import TYPOGRAPHIC_CLOSE, shown, write_quoted
from igrules.language.repairs import Repair, as_text, told
from igrules.language.scalars import Misread, typographic
from igrules.language.source import Draft
from igrules.language.survey import Survey

_NO_BLANK = re.compile(r"[ \t]*(?:-[ \t]+)*([A-Za-z_][\w.-]*):(?!//)[^\s:]")
_BRACKETS_AS_KEY = re.compile(r"(?:\[[^\n]*?\]|\{[^\n]*?\})\s*:(?=\s|$)")
_LONGEST_KEY = 1024  # characters; YAML looks no further for the colon
_HASHTAG_IN_KEY = re.compile(r"[ \t]#(?=[^\s#])")


def repair(draft: Draft, error: yaml.YAMLError | Misread, known: Survey) -> Repair:
    """Return what is wrong where YAML stopped, and a draft without it."""
    if isinstance(error, Misread):
        return _misread(draft, error.start, known)
    index, began, said = _places(draft, error)
    if "could not find expected ':'" in said or draft.text[began : began + 1] == "%":
        here = began
    else:
        here = index
    line = read_line(draft.current, draft.current.line_of(here))
    blanks = odd_blanks(draft, known, line.end)
    if blanks is not None:
        return blanks
    if draft.text[index : index + 1] == "\t":
        return tabs(draft, line, index)
    ended = _document_end(draft, index, said)
    if ended is not None:
        return ended
    found = _escape(draft, index, began, said) or _open_quote(draft, index, began, said, known)
    if found is not None:
        return found
    brackets = known.brackets_at(draft, here)
    if brackets:
        return between_brackets(draft, brackets, here, known)
    return (
        _missing_blank(draft, line)
        or _value(draft, line, here)
        or _key(draft, line, here, said)
        or misplaced(draft, line)
        or _unknown(draft, line)
    )


def _places(draft: Draft, error: Any) -> tuple[int, int, str]:
    """Where YAML stopped, where what it was reading began, and what it says."""
    stopped = getattr(error, "problem_mark", None)
    began = getattr(error, "context_mark", None)
    last = max(len(draft.text.rstrip()) - 1, 0)
    index = min(stopped.index if stopped else 0, last)
    return index, min(began.index, last) if began else index, str(getattr(error, "problem", ""))


def _misread(draft: Draft, start: int, known: Survey) -> Repair:
    """A map or a list where a text was meant: ``{{ … }}``, or a key that begins with a bracket."""
    text = draft.text
    if text[start] in "[{" and text[start - 1 : start] == text[start]:
        start -= 1
    around = [*known.brackets, *(at for at, end in known.closed if start < end)]
    brackets = tuple(sorted(at for at in around if at < start))
    if brackets:
        return between_brackets(draft, brackets, start, known)
    line = read_line(draft.current, draft.current.line_of(start))
    key = _BRACKETS_AS_KEY.match(text, start, line.end)
    end = key.end() - 1 if key else max(line.stop, start + 1)
    return as_text(draft, start, end, reason(draft.meant(text[start:end].strip())))


def _open_quote(draft: Draft, index: int, began: int, said: str, known: Survey) -> Repair | None:
    """A quote that is closed by the next text's quote, or by none."""
    if "end of stream" in said or "document indicator" in said:
        start = began
    else:
        crossing = [
            at for at, end in known.quoted if end <= index and "\n" not in draft.text[end:index]
        ]
        if not crossing:
            return None
        start = crossing[-1]
    line = read_line(draft.current, draft.current.line_of(start))
    brackets = open_brackets(draft.text, line.start, start) or tuple(
        at for at in known.brackets if at < start
    )
    end = line.end
    if brackets:
        end = max(min(end, item_at(draft.text, brackets[-1], start).end), start + 1)
    while end > start + 1 and draft.text[end - 1] in " \t":
        end -= 1
    inside = draft.meant(draft.text[start + 1 : end]).strip()
    after = draft.with_stand_in(start, end, inside)
    if inside[-1:] and inside[-1] in TYPOGRAPHIC_CLOSE:
        text = inside[:-1].strip()
        found = typographic(draft.span(start, end), draft.text[start] + inside, text)
        return Repair((found,), draft.with_stand_in(start, end, text))
    message = "the quote that opens here is not closed on its line"
    help = write_quoted(inside) if inside else "close it, or delete it"
    return told(draft, start, end, message, help, after)


def _document_end(draft: Draft, index: int, said: str) -> Repair | None:
    """``...`` at the beginning of a line ends the file for YAML, whatever follows."""
    start = draft.text.rfind("\n...", 0, index + 1) + 1
    if "document start" not in said or not draft.text.startswith("...", start):
        return None
    message = "'...' at the beginning of a line ends the file for YAML"
    help = "delete it; when it belongs to a text, put the text in quotes"
    found = problem("IGR005", draft.span(start, start + 3), message, help)
    return Repair((found,), draft.with_blanks(start, start + 3))


def _escape(draft: Draft, index: int, began: int, said: str) -> Repair | None:
    if "escape" not in said and "hexdecimal" not in said:
        return None
    start = draft.text.rfind("\\", began, index + 1)
    if draft.text[began] != '"' or start < 0:
        return None
    end = max(skip_quoted(draft.text, began), start + 2)
    inside = draft.meant(draft.text[began + 1 : end - 1])
    stop = min(start + 2, draft.current.line_end(draft.current.line_of(start)))
    message = f"{shown(draft.text[start:stop])} means nothing between double quotes"
    help = "write two backslashes for one, or put the text in single quotes"
    after = draft.with_stand_in(began, end, inside)
    return told(draft, start, stop, message, help, after)


def _missing_blank(draft: Draft, line: Line) -> Repair | None:
    """``key:value``, on this line or on the one above that it was joined with."""
    for candidate in (line, *islice(lines_above(draft.current, line.number), 1)):
        found = _NO_BLANK.match(draft.text, candidate.start, candidate.end)
        if not found or candidate.colon >= 0:
            continue
        colon = found.end(1)
        written = draft.text[candidate.head : candidate.stop]
        name, value = draft.text[candidate.head : colon], draft.text[colon + 1 : candidate.stop]
        return told(
            draft,
            candidate.head,
            candidate.stop,
            f"{shown(written)} lacks a blank after the colon",
            f"write  {name}: {value}",
            draft.with_blank_at(colon + 1),
        )
    return None


def _value(draft: Draft, line: Line, index: int) -> Repair | None:
    """A value on this line that needs quotes."""
    if (line.colon < 0 and not line.has_dash) or not line.value <= index or line.value >= line.stop:
        return None
    value = draft.text[line.value : line.stop]
    if not value.startswith("- "):
        return as_text(draft, line.value, line.stop, reason(draft.meant(value)))
    return told(
        draft,
        line.value,
        line.stop,
        "a list cannot begin behind its key",
        f"write it on the next line, or as  [{value[2:]}]; a text that begins with '-' in quotes",
        draft.with_stand_in(line.value, line.stop, value[2:].strip()),
    )


def _key(draft: Draft, line: Line, index: int, said: str) -> Repair | None:
    """A key that needs quotes, is too long, or is none."""
    text = draft.text
    if index == line.head and text[index] in "@`%&*!" and (line.colon >= 0 or line.has_dash):
        end = line.stop if line.has_dash else line.colon
        return as_text(draft, index, end, reason(draft.meant(text[index:end])))
    if index == line.colon and line.colon - line.head > _LONGEST_KEY:
        message = "this key is longer than 1,024 characters"
        help = "make it a rule with  keywords: […]"
        return told(draft, line.head, line.colon, message, help, without_block(draft, line))
    if index == line.colon:
        line = next(lines_above(draft.current, line.number), line)
        if line.colon >= 0 or line.has_dash or not line.start <= line.content < line.stop:
            return None
    elif "could not find expected ':'" not in said:
        return None
    hashtag = _HASHTAG_IN_KEY.search(text, after_quotes(text, line.head), line.end)
    colon = text.find(": ", hashtag.end(), line.end) if hashtag else -1
    if hashtag and colon >= 0:
        effect = "this key ends before it"
        return hashtag_as_text(draft, draft, hashtag.end() - 1, line.head, colon, effect)
    message = f"{shown(text[line.content : line.stop])} stands where a key with ':' is expected"
    help = "write  key: value, or put the whole text above and this line in quotes"
    after = draft.with_blanks(line.content, line.end)
    return told(draft, line.content, line.stop, message, help, after)


def _unknown(draft: Draft, line: Line) -> Repair:
    after = draft.with_blanks(line.content, line.end)
    help = "check the quotes, brackets and blanks of this line and of the one above"
    return told(draft, line.content, line.stop, "YAML cannot read this line", help, after)
