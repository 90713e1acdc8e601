"""Turn a scalar event into the text that was typed, and say what is wrong with how it stands."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any, NoReturn

from igrules.errors import Edit, Fix, Problem, Span
from igrules.language.codes import problem
from igrules.language.nodes import Scalar, Style
from igrules.language.quoting import (
    TYPOGRAPHIC_OPEN,
    inside_typographic,
    quoted,
    quotes_fix,
    shown,
    write_quoted,
)
from igrules.language.source import Draft

MAX_DEPTH = 32
MAX_SCALAR = 16 * 1024  # bytes
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_STYLES: MappingProxyType[str | None, Style] = MappingProxyType(
    {None: "plain", "": "plain", "'": "single", '"': "double", "|": "literal", ">": "folded"}
)


class TooBig(Exception):
    """A cap is exceeded; ``problem`` is all there is to say about the file."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.message)
        self.problem = found


class Misread(Exception):
    """YAML reads something else where a text was meant; it begins at ``start`` of the draft."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


class Scalars:
    """Reads the scalars of one draft.

    ``hashes`` are the stretches of the draft where a scalar holds a ``#``. ``flow`` is how many
    brackets are open, ``prose`` how many keys around have a text that only the team reads.
    """

    def __init__(self, draft: Draft, problems: list[Problem]) -> None:
        self.hashes: list[tuple[int, int]] = []
        self.flow = 0
        self.prose = 0
        self._draft = draft
        self._is_repaired = bool(draft.stand_ins or draft.shifts)
        self._file = draft.written.file
        self._lines = draft.text.count("\n") + 1
        self._problems = problems

    def read(self, event: Any) -> Scalar:
        """Return the scalar of an event. Raises `TooBig` and `Misread`."""
        value: str = event.value
        if len(value) > MAX_SCALAR // 4 and len(value.encode()) > MAX_SCALAR:
            too_big(self.span(event), "this text is longer than 16 KB", "split it")
        if "#" in value:
            self._remember(event)
        if event.anchor:
            return self._anchored(event)
        style = event.style
        if event.tag:
            if not style:
                return self._tagged(event)
            self.tag(event)
        if not style:
            if value and value[0] in TYPOGRAPHIC_OPEN:
                return self._typographic(event)
        elif style == ">" and not self.prose:
            self._folded(event)
        elif style == '"' and (control := _CONTROL.search(value)):
            self._say(
                "IGR002",
                self.span(event),
                f"this text holds the control character U+{ord(control[0]):04X}",
                "take the escape that stands for it out of the text",
            )
        if self._is_repaired:
            value = self._draft.meant(value)
        return Scalar(value.strip(), self.span(event), _STYLES[style])

    def _anchored(self, event: Any) -> Scalar:
        """A text with an anchor, which only maps and lists may have."""
        start, end = event.start_mark.index, event.end_mark.index
        if event.style:
            text = event.value.strip()
        else:
            text = self._draft.text[start:end].strip()
        found = Scalar(text, self._draft.span(start, end), _STYLES[event.style])
        if not event.value:
            self._problems.append(needs_quotes(found.span, text, "begins with '&'"))
            return found
        self._say(
            "IGR005",
            found.span,
            f"'&{event.anchor}' names a text, YAML calls it an anchor",
            f"write the text where it is used; when '&' belongs to it:  {quoted(text)}",
        )
        return found

    def tag(self, event: Any) -> None:
        """Report the tag of an event."""
        start = event.start_mark.index
        rest = self._draft.text[start : event.end_mark.index + 1]
        written = rest.split()[0] if rest.split() else "!"
        self._say(
            "IGR005",
            self._draft.span(start, start + len(written)),
            f"{shown(written)} is a YAML tag",
            "delete it: the place decides the type",
        )

    def span(self, event: Any) -> Span:
        """Return where an event stands in the text as written."""
        start, end = event.start_mark, event.end_mark
        style = event.style
        if style and style in "|>":
            written = self._draft.text[start.index : end.index].rstrip()
            return self._draft.span(start.index, start.index + len(written))
        if self._is_repaired or end.line >= self._lines:
            return self._draft.span(start.index, end.index)
        return Span(self._file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def _remember(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        if event.style and event.style in "|>":
            start = self._draft.text.find("\n", start)
        self.hashes.append((start, end))

    def _tagged(self, event: Any) -> Scalar:
        start, end = event.start_mark.index, event.end_mark.index
        text = self._draft.meant(self._draft.text[start:end]).strip()
        span = self._draft.span(start, end)
        self._say(
            "IGR005",
            span,
            f"{shown(text.split()[0])} is a YAML tag",
            f"delete it; when '!' belongs to the text:  {quoted(text)}",
        )
        return Scalar(text, span)

    def _typographic(self, event: Any) -> Scalar:
        text = self._draft.meant(event.value).strip()
        span = self.span(event)
        inside = inside_typographic(text)
        if inside is not None:
            self._problems.append(typographic(span, text, inside))
            return Scalar(inside, span)
        if self.flow:
            raise Misread(event.start_mark.index)
        return Scalar(text, span)

    def _folded(self, event: Any) -> None:
        start = event.start_mark.index
        sign = self._draft.span(start, start + 1)
        self._problems.append(
            problem(
                "IGR007",
                sign,
                "'>' joins the lines of this text, so its line breaks vanish",
                "write '|' to keep them",
                fix=Fix(True, (Edit(sign, "|"),)),
            )
        )

    def _say(self, code: str, span: Span, message: str, help: str) -> None:
        self._problems.append(problem(code, span, message, help))


def needs_quotes(span: Span, text: str, why: str) -> Problem:
    """Return the problem of a text that YAML does not read without quotes."""
    return problem(
        "IGR001",
        span,
        f"this text {why}, so YAML cannot read it without quotes",
        write_quoted(text),
        fix=quotes_fix(span, text),
    )


def typographic(span: Span, text: str, inside: str) -> Problem:
    """Return the problem of a text between typographic quotes."""
    return problem(
        "IGR002",
        span,
        f"YAML does not know the quotes {text[0]} and {text[-1]}",
        write_quoted(inside),
        fix=quotes_fix(span, inside),
    )


def too_deep(span: Span) -> Problem:
    """Return the problem of brackets or lines that are nested too deep."""
    message = f"this is nested deeper than {MAX_DEPTH} levels"
    help = "close the brackets that stay open, or move the inner steps into a flow"
    return problem("IGR006", span, message, help)


def too_big(span: Span, message: str, help: str) -> NoReturn:
    """Raise `TooBig`."""
    raise TooBig(problem("IGR006", span, message, help))
