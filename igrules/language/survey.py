"""How far YAML could read a draft: what it needs to tell one mistake from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from igrules.language.outline import open_brackets
from igrules.language.parsing import open_parser
from igrules.language.scalars import MAX_DEPTH, Misread, TooBig, too_deep
from igrules.language.source import Draft

_TOO_DEEP = "maximum nesting depth"


@dataclass(frozen=True, slots=True)
class Survey:
    """What the events of a draft have shown, by places in its text.

    ``error`` is what YAML stopped at; ``end`` is where the last event ends, ``brackets`` those open
    there; ``texts`` are the stretches of quoted and block texts, ``quoted`` of those in quotes over
    more than one line, ``closed`` of brackets; ``plain`` maps the end of a plain text to its start.
    """

    error: yaml.YAMLError | Misread | None
    end: int
    brackets: tuple[int, ...]
    texts: tuple[tuple[int, int], ...]
    quoted: tuple[tuple[int, int], ...]
    closed: tuple[tuple[int, int], ...]
    plain: Mapping[int, int]

    def brackets_at(self, draft: Draft, index: int) -> tuple[int, ...]:
        """Return the brackets open at ``index``, which no event has reached yet."""
        return open_brackets(draft.text, self.end, index, self.brackets)

    def in_brackets(self, index: int) -> bool:
        """Whether ``index`` stands between brackets that were closed."""
        return any(start < index < end for start, end in self.closed)

    def in_text(self, index: int) -> bool:
        """Whether ``index`` stands in a quoted or block text."""
        return any(start <= index < end for start, end in self.texts)


def survey(draft: Draft, *, slow: bool = False) -> Survey:
    """Read events until YAML cannot go on, or the file ends. Raises `TooBig`."""
    reading = _Reading(draft)
    following = open_parser(draft.text, slow=slow).get_event
    error: yaml.YAMLError | Misread | None = None
    try:
        while type(event := following()) is not StreamEndEvent:
            reading.take(event)
    except (yaml.YAMLError, Misread) as stopped:
        error = stopped
        _check_depth(draft, stopped)
    return Survey(
        error,
        reading.end,
        tuple(at for at in reading.opened if at >= 0),
        tuple(reading.texts),
        tuple((at, end) for at, end in reading.texts if reading.is_quoted_over_lines(at, end)),
        tuple(reading.closed),
        reading.plain,
    )


def _check_depth(draft: Draft, error: Any) -> None:
    """Raise `TooBig` where the parser gave up because of the depth: newer ones look ahead over all
    brackets, and stop there before any event shows how deep it is."""
    if _TOO_DEEP in str(getattr(error, "problem", "")):
        at = min(error.problem_mark.index, max(len(draft.text) - 1, 0))
        raise TooBig(too_deep(draft.span(at, at + 1))) from error


class _Reading:
    """What the events so far have shown."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._text = draft.text
        self.end = 0
        self.opened: list[int] = []  # the place of its bracket, -1 without one
        self._keys: list[bool | None] = []  # whether a key comes next, None in a list
        self.texts: list[tuple[int, int]] = []
        self.closed: list[tuple[int, int]] = []
        self.plain: dict[int, int] = {}

    def take(self, event: Any) -> None:
        kind, start = type(event), event.start_mark.index
        stop = event.end_mark.index
        if kind is ScalarEvent:
            self._scalar(event.style, start, stop)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            self._open(event, start, stop)
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._keys.pop()
            bracket = self.opened.pop()
            if bracket >= 0:
                self.closed.append((bracket, stop))
            self._next()
        elif kind is AliasEvent:
            self._next()
        self.end = max(self.end, stop)

    def is_quoted_over_lines(self, start: int, end: int) -> bool:
        return self._text[start] in "\"'" and self._text.find("\n", start, end) >= 0

    def _scalar(self, style: str | None, start: int, stop: int) -> None:
        if style:
            self.texts.append((start, stop))
        elif start < stop:
            self.plain[stop] = start
        self._next()

    def _open(self, event: Any, start: int, stop: int) -> None:
        kind = type(event)
        is_bracket = event.flow_style and self._text[start:stop][-1:] in ("[", "{")
        is_asked = kind is MappingStartEvent and self._text.startswith("? ", start)
        if is_asked or (self._keys and self._keys[-1]):
            raise Misread(start)
        if len(self.opened) > 2 * MAX_DEPTH:
            raise TooBig(too_deep(self._draft.span(start, start)))
        self.opened.append(stop - 1 if is_bracket else -1)
        self._keys.append(True if kind is MappingStartEvent else None)

    def _next(self) -> None:
        """A key is followed by its value, a value by the next key."""
        if self._keys and self._keys[-1] is not None:
            self._keys[-1] = not self._keys[-1]
