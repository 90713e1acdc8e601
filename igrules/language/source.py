"""The text of one file: its lines, and the spans of its characters.

Why two texts: after a syntax error the loader reads on, and for that it changes the text in memory
only. `Draft` is that changed text; it keeps every line where it was and remembers by how much a
line was shifted, so that every span still points into the text as the author wrote it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from igrules.errors import Span
from igrules.model import EMPTY

# Where nobody writes: the private use plane. A run of one such character stands for a text.
_FIRST_STAND_IN = 0xF0000
_NO_BREAK = re.compile(r"[^\r\n]")
_STAND_INS = re.compile("([\U000f0000-\U0010fffd])\\1*")


@dataclass(frozen=True)
class Source:
    """A text and the name of its file. Lines end with a line feed; a span's end is exclusive."""

    file: str
    text: str

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each line begins."""
        starts, at = [0], self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return tuple(starts)

    def line_of(self, index: int) -> int:
        """Return the number of the line that holds ``index``, counted from 0."""
        return bisect_right(self.starts, index) - 1

    def line_end(self, line: int) -> int:
        """Return where ``line`` (from 0) ends, before its line break."""
        if line + 1 >= len(self.starts):
            return len(self.text)
        end = self.starts[line + 1] - 1
        return end - 1 if end > self.starts[line] and self.text[end - 1] == "\r" else end

    def line(self, line: int) -> str:
        """Return the text of ``line`` (from 0) without its line break."""
        return self.text[self.starts[line] : self.line_end(line)]

    def with_text(self, start: int, end: int, text: str) -> Source:
        """Replace characters by equally many; line breaks stay where they are."""
        other = Source(self.file, self.text[:start] + text + self.text[end:])
        # A file may need a hundred repairs, and its lines begin where they began.
        other.__dict__["starts"] = self.starts
        return other

    def span(self, start: int, end: int) -> Span:
        """Return the span of the characters ``start`` to ``end``."""
        first, last = self.line_of(start), self.line_of(end)
        return Span(
            self.file,
            first + 1,
            start - self.starts[first] + 1,
            last + 1,
            end - self.starts[last] + 1,
        )


@dataclass(frozen=True)
class Draft:
    """The text that is parsed. ``written`` is what the author wrote.

    ``stand_ins`` maps a character to the text that a run of it stands for; ``shifts`` maps a line
    (from 0) to the places where characters were added (or, negative, taken away).
    """

    written: Source
    current: Source
    stand_ins: Mapping[str, str] = EMPTY
    shifts: Mapping[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text as it is parsed now."""
        return self.current.text

    def column(self, line: int, column: int) -> int:
        """Return the written column for a column of the current text, all from 0."""
        for at, added in reversed(self.shifts.get(line, ())):
            if column >= at + max(added, 0):
                column -= added
            elif column > at:
                column = at
        return column

    def span(self, start: int, end: int) -> Span:
        """Return the span, in the written text, of the characters ``start`` to ``end``."""
        span = self.current.span(start, end)
        if not self.shifts:
            return span
        return replace(
            span,
            column=self.column(span.line - 1, span.column - 1) + 1,
            end_column=self.column(span.end_line - 1, span.end_column - 1) + 1,
        )

    def meant(self, text: str) -> str:
        """Return ``text`` with every stand-in replaced by what it stands for."""
        return _STAND_INS.sub(lambda run: self.stand_ins.get(run[1], run[0]), text)

    def with_stand_in(self, start: int, end: int, meant: str | None = None) -> Draft:
        """Let a plain word stand for the characters ``start`` to ``end``.

        ``meant`` is the text that is read in their place, the characters themselves when ``None``.
        """
        codes = range(_FIRST_STAND_IN + len(self.stand_ins), 0x10FFFE)
        sign = next(chr(code) for code in codes if chr(code) not in self.text)
        if meant is None:
            meant = " ".join(self.meant(self.text[start:end]).split())
        first = min(end, self.current.line_end(self.current.line_of(start)))
        draft = self.with_text(start, first, sign * (first - start)).with_blanks(first, end)
        return replace(draft, stand_ins=MappingProxyType({sign: meant, **self.stand_ins}))

    def with_blanks(self, start: int, end: int) -> Draft:
        """Blank out the characters ``start`` to ``end``; line breaks stay."""
        return self.with_text(start, end, _NO_BREAK.sub(" ", self.text[start:end]))

    def with_text(self, start: int, end: int, text: str) -> Draft:
        """Replace characters by equally many; line breaks stay where they are."""
        return replace(self, current=self.current.with_text(start, end, text))

    def with_blank_at(self, at: int) -> Draft:
        """Add a blank at ``at``."""
        line = self.current.line_of(at)
        text = f"{self.text[:at]} {self.text[at:]}"
        return self._shifted(text, {line: (at - self.current.starts[line], 1)})

    def with_indents(self, indents: Mapping[int, int]) -> Draft:
        """Let lines (from 0) begin with so many blanks instead of what they begin with."""
        parts: list[str] = []
        done = 0
        shifts: dict[int, tuple[int, int]] = {}
        for number, indent in sorted(indents.items()):
            start = self.current.starts[number]
            line = self.current.line(number)
            before = len(line) - len(line.lstrip(" \t"))
            parts += [self.text[done:start], " " * indent]
            done = start + before
            shifts[number] = (0, indent - before)
        return self._shifted("".join([*parts, self.text[done:]]), shifts)

    def _shifted(self, text: str, shifts: Mapping[int, tuple[int, int]]) -> Draft:
        known = {line: (*self.shifts.get(line, ()), one) for line, one in shifts.items()}
        return replace(
            self,
            current=Source(self.current.file, text),
            shifts=MappingProxyType({**self.shifts, **known}),
        )
