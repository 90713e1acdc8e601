"""Collect the problems of one compilation.

Why a collector: everything is reported at once, so a mistake never ends the reading; whoever finds
one adds it here and goes on with what can still be read.
"""

from __future__ import annotations

from collections.abc import Iterable

from igrules.errors import Edit, Fix, Note, Problem, Severity, Span
from igrules.language.codes import problem

_NOT_YAML = "IGR008"
_LACKING = frozenset({"IGR102", "IGR111"})


class Findings:
    """The problems found so far, in the order they were found."""

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._errors = 0
        self._left_out: set[Span] = set()

    def add(
        self,
        code: str,
        span: Span,
        message: str,
        help: str,
        *,
        notes: tuple[Note, ...] = (),
        fix: Fix | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Note a problem; ``severity`` overrides the one of the catalogue."""
        self.extend((problem(code, span, message, help, notes, fix, severity),))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take over problems that somebody else made."""
        for found in problems:
            self._found.append(found)
            self._errors += found.severity == "error"

    def errors(self) -> int:
        """How many errors there are; a difference tells whether a reading failed."""
        return self._errors

    def errors_since(self, count: int) -> tuple[Problem, ...]:
        """The errors that were found after `errors` gave ``count``."""
        return tuple(found for found in self._found if found.severity == "error")[count:]

    def leave_out(self, item: Span) -> None:
        """Note that an item of a list could not be read, so that those behind it move up."""
        self._left_out.add(item)

    def is_left_out(self, item: Span) -> bool:
        """Whether the item that stands here could not be read."""
        return item in self._left_out

    def ordered(self) -> tuple[Problem, ...]:
        """Every problem once, by place; those of one place in the order of their codes.

        What seems to be missing in a file YAML could only guess at is left out: it is mostly there,
        in the line that could not be read.
        """
        guessed = {found.span.file for found in self._found if found.code == _NOT_YAML}
        said = [
            found
            for found in reversed(self._found)
            if found.code not in _LACKING or found.span.file not in guessed
        ]
        unique = {_key(found): found for found in said}
        return tuple(unique[key] for key in sorted(unique))


def _key(found: Problem) -> tuple[str | int, ...]:
    """What makes two problems the same; one of a blueprint stands once for each use of it."""
    span, via = found.span, found.span.via
    used = (via.file, via.line, via.column) if via is not None else ("", 0, 0)
    return (span.file, span.line, span.column, found.code, found.message, *used)


def replace(span: Span, text: str, *, safe: bool = False) -> Fix:
    """A fix that puts ``text`` in the place of ``span``."""
    return Fix(safe, (Edit(span, text),))
