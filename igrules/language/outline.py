"""Where on a line the key and the value stand, and which brackets are open: YAML by the look of it.

Why a second reading: where YAML stops, its events say nothing about what the author meant, so a
mistake is found by looking at the line like a person does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from igrules.language.quoting import TYPOGRAPHIC_CLOSE, TYPOGRAPHIC_OPEN
from igrules.language.source import Source

_DASHES = re.compile(r"(?:-[ \t]+)*(?:-$)?")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\n]|\'\')*\'')
_COLON = re.compile(r":(?=[ \t]|$)")
_COMMENT = re.compile(r"(?:(?<=[ \t])|^)#(?=[ \t#]|$)")
_NEXT_KEY = re.compile(r"\s*(?:\"[^\"\n]*\"|'[^'\n]*'|[\w.$-]+)\s*:(?=\s|$)|\s*[\]}]|\s*\n")
_BLOCK = re.compile(r"([ \t]*)(?:- |[\w.$-]+:(?:[ \t\r\n]|$))")
_BLANKS = " \t"


@dataclass(frozen=True, slots=True)
class Line:
    """One line by places in the text: where it begins, its content (after blanks), its head (after
    dashes), its colon (-1 without a key), its value, the end of the value, its end."""

    number: int
    start: int
    content: int
    head: int
    colon: int
    value: int
    stop: int
    end: int

    @property
    def indent(self) -> int:
        """How many characters stand before the content."""
        return self.content - self.start

    @property
    def has_dash(self) -> bool:
        """It begins a list item."""
        return self.head > self.content

    @property
    def is_blank(self) -> bool:
        """Nothing stands on it, not even a comment."""
        return self.content >= self.end


def read_line(source: Source, number: int) -> Line:
    """Return the outline of line ``number``, counted from 0."""
    text, start, end = source.text, source.starts[number], source.line_end(number)
    content = start
    while content < end and text[content] in _BLANKS:
        content += 1
    dashes = _DASHES.match(text, content, end)
    head = dashes.end() if dashes else content
    colon = _find_colon(text, head, end)
    value = head if colon < 0 else colon + 1
    while value < end and text[value] in _BLANKS:
        value += 1
    return Line(number, start, content, head, colon, value, value_end(text, value, end), end)


def _find_colon(text: str, head: int, end: int) -> int:
    if text[head : head + 1] in ("[", "{", "#", ""):
        return -1
    quoted = _QUOTED.match(text, head, end)
    if quoted:
        after = re.compile(r"[ \t]*:(?=[ \t]|$)").match(text, quoted.end(), end)
        return after.end() - 1 if after else -1
    colon = _COLON.search(text, head, end)
    if not colon:
        return -1
    comment = _COMMENT.search(text, head, colon.start())
    return -1 if comment else colon.start()


def value_end(text: str, value: int, end: int) -> int:
    """Return where the value that begins at ``value`` ends: before a comment and blanks."""
    quoted = _QUOTED.match(text, value, end)
    comment = _COMMENT.search(text, quoted.end() if quoted else value, end)
    stop = comment.start() if comment else end
    while stop > value and text[stop - 1] in _BLANKS:
        stop -= 1
    return stop


def lines_above(source: Source, number: int) -> Iterator[Line]:
    """Yield the lines that are open above line ``number``, from the nearest, each less indented
    than the one before; blank lines and comments are none."""
    lowest = 1 << 30
    for above in range(number - 1, -1, -1):
        line = read_line(source, above)
        if line.is_blank or source.text[line.content] == "#" or line.indent >= lowest:
            continue
        yield line
        lowest = line.indent
        if lowest == 0:
            return


def levels(source: Source, number: int) -> dict[int, tuple[str, int]]:
    """Return the columns at which line ``number`` may begin: ``"-"`` or ``"key"``, and the line
    (from 0) that begins there."""
    found: dict[int, tuple[str, int]] = {}
    for line in lines_above(source, number):
        if line.colon >= 0:
            found.setdefault(line.head - line.start, ("key", line.number))
        if line.has_dash:
            found.setdefault(line.indent, ("-", line.number))
    return found


def open_brackets(text: str, start: int, end: int, before: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Return where the brackets open at ``end`` stand; ``before`` are those open at ``start``."""
    stack, at, fresh = list(before), start, True
    while at < end:
        sign = text[at]
        if fresh and (sign in "\"'" or (stack and sign in TYPOGRAPHIC_OPEN)):
            at, fresh = skip_quoted(text, at), False
            continue
        if sign == "#" and (at == 0 or text[at - 1] in " \t\r\n"):
            at = _line_break(text, at)
            continue
        if sign in "[{" and (stack or fresh):
            stack.append(at)
            fresh = True
        elif sign in "]}" and stack:
            stack.pop()
            fresh = False
        elif sign in " \t":
            fresh = fresh or text[at - 1] in ":-"
        else:
            fresh = sign in "\r\n" or (sign == "," and bool(stack))
        at += 1
    return tuple(stack)


def skip_quoted(text: str, at: int) -> int:
    """Return the place after the quoted text that begins at ``at``, or the end of its line when the
    quote is not closed there."""
    if text[at] in TYPOGRAPHIC_OPEN:
        stop = _line_break(text, at)
        closing = [i for i in range(at + 1, stop) if text[i] in TYPOGRAPHIC_CLOSE]
        return closing[0] + 1 if closing else at + 1
    quoted = _QUOTED.match(text, at)
    return quoted.end() if quoted else at + 1


def after_quotes(text: str, at: int) -> int:
    """Return the place behind the quoted text that begins at ``at``; ``at`` when none does."""
    quoted = _QUOTED.match(text, at)
    return quoted.end() if quoted else at


def after_brackets(text: str, at: int) -> int:
    """Return the place behind the bracket that closes the one at ``at``; the end of the text when
    none does on its line."""
    depth, stop = 0, _line_break(text, at)
    for place in range(at, stop):
        depth += (text[place] in "[{") - (text[place] in "]}")
        if depth == 0:
            return place + 1
    return len(text)


def _line_break(text: str, at: int) -> int:
    stop = text.find("\n", at)
    return len(text) if stop < 0 else stop


@dataclass(frozen=True, slots=True)
class Item:
    """One item between brackets: where it begins, where its value begins (after a key), where it
    ends; ``closed`` tells whether a comma or a bracket ends it."""

    start: int
    value: int
    end: int
    closed: bool


def item_at(text: str, bracket: int, index: int) -> Item:
    """Return the item of the bracket at ``bracket`` that holds ``index``."""
    start = bracket + 1
    while True:
        end, closed = _item_end(text, start, bracket)
        if end >= index or not closed or text[end] != ",":
            break
        start = end + 1
    while start < end and text[start].isspace():
        start += 1
    stop = end
    while stop > start and text[stop - 1].isspace():
        stop -= 1
    value = start
    if text[bracket] == "{":
        quoted = _QUOTED.match(text, start, stop)
        colon = re.compile(r":(?=\s|$)").search(text, quoted.end() if quoted else start, stop)
        value = colon.end() if colon else start
        while value < stop and text[value].isspace():
            value += 1
    return Item(start, value, stop, closed)


def _item_end(text: str, at: int, bracket: int) -> tuple[int, bool]:
    """Where an item ends, and whether a comma or a bracket stands there."""
    depth, fresh, in_map = 0, True, text[bracket] == "{"
    indent = _indent(text, bracket)
    while at < len(text):
        sign = text[at]
        if fresh and (sign in "\"'" or sign in TYPOGRAPHIC_OPEN):
            at, fresh = skip_quoted(text, at), False
            continue
        if sign == "\n" and _block_goes_on(text, at + 1, indent):
            return at, False
        if sign in "[{":
            depth += 1
        elif sign in "]}":
            if depth == 0:
                return at, True
            depth -= 1
        elif sign == "," and depth == 0 and (not in_map or _NEXT_KEY.match(text, at + 1)):
            return at, True
        fresh = sign in ",[{" or (sign.isspace() and (fresh or text[at - 1] == ":"))
        at += 1
    return at, False


def _indent(text: str, at: int) -> int:
    start = text.rfind("\n", 0, at) + 1
    return len(text[start:at]) - len(text[start:at].lstrip(_BLANKS))


def _block_goes_on(text: str, at: int, indent: int) -> bool:
    """The line at ``at`` is no part of brackets that were opened ``indent`` blanks deep."""
    line = _BLOCK.match(text, at)
    return line is not None and len(line[1]) <= indent
