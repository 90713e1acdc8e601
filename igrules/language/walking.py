"""Build the nodes of a file from the events of YAML's parser.

Why events: YAML's own constructor recurses as deep as a file says, expands aliases without end and
gives words a type. Here everything is counted before it is built, and a scalar stays the characters
that the author typed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from igrules.errors import Note, Problem, Span
from igrules.language.codes import problem
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.parsing import open_parser
from igrules.language.quoting import shown
from igrules.language.scalars import (
    MAX_DEPTH,
    Misread,
    Scalars,
    TooBig,
    needs_quotes,
    too_big,
    too_deep,
)
from igrules.language.source import Draft

MAX_NODES = 50_000
MAX_ALIASES = 100

# Texts that only the team reads: there a folded block does no harm.
_PROSE = frozenset({"description", "note", "summary", "help"})


@dataclass(frozen=True, slots=True)
class _Anchor:
    node: Node
    nodes: int
    height: int


class Walk:
    """One walk over the events of a draft.

    ``problems`` are those that do not keep YAML from reading; ``scalars.hashes`` are the stretches
    of the draft where a scalar holds a ``#``.
    """

    def __init__(self, draft: Draft, *, slow: bool = False) -> None:
        self.problems: list[Problem] = []
        self.scalars = Scalars(draft, self.problems)
        self._draft = draft
        self._file = draft.written.file
        self._is_repaired = bool(draft.shifts)
        self._next = open_parser(draft.text, slow=slow).get_event
        self._anchors: dict[str, _Anchor | None] = {}
        self._nodes = self._aliases = self._deepest = 0

    def run(self) -> Node | None:
        """Return the root, ``None`` for a file without content.

        Raises `yaml.YAMLError` where YAML cannot go on, `Misread` and `TooBig`.
        """
        self._next()
        event = self._next()
        if type(event) is StreamEndEvent:
            return None
        if event.version or event.tags:
            at = event.start_mark.index
            self._feature(self._draft.span(at, at + 1), "a directive", "delete this line")
        root = self._node(self._next(), 1)
        self._next()
        event = self._next()
        at = event.start_mark.index
        if type(event) is DocumentStartEvent:
            span = self._draft.span(at, at + 3)
            self._feature(span, "a second document", "delete '---', or begin a file of its own")
        return root

    def _node(self, event: Any, depth: int) -> Node:
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is AliasEvent:
            return self._alias(event, depth)
        return self._collection(event, depth)

    def _scalar(self, event: Any) -> Scalar:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._count(event, 0)
        scalar = self.scalars.read(event)
        if event.anchor:
            self._anchors[event.anchor] = _Anchor(scalar, 1, 0)
        return scalar

    def _collection(self, event: Any, depth: int) -> Map | Sequence:
        if depth > MAX_DEPTH:
            raise TooBig(too_deep(self._mark(event)))
        before, deepest, self._deepest = self._nodes, self._deepest, depth
        self._count(event, 1)
        if event.tag:
            self.scalars.tag(event)
        if event.anchor:
            self._anchors[event.anchor] = None
        self.scalars.flow += bool(event.flow_style)
        read = self._map if type(event) is MappingStartEvent else self._list
        node = read(event, depth)
        self.scalars.flow -= bool(event.flow_style)
        if event.anchor:
            size, height = self._nodes - before, self._deepest - depth
            self._anchors[event.anchor] = _Anchor(node, size, height)
        self._deepest = max(deepest, self._deepest)
        return node

    def _list(self, start: Any, depth: int) -> Sequence:
        items: list[Node] = []
        while type(event := self._next()) is not SequenceEndEvent:
            items.append(self._node(event, depth + 1))
        return Sequence(tuple(items), self._around(start, event, items[-1] if items else None))

    def _map(self, start: Any, depth: int) -> Map:
        entries: list[Entry] = []
        at = start.start_mark.index
        if not start.flow_style and self._draft.text.startswith("? ", at):
            raise Misread(at)
        seen: dict[str, Scalar] = {}
        loose: dict[int, tuple[int, int]] = {}
        kept: Any = None
        while type(event := self._next()) is not MappingEndEvent:
            key = self._key(event)
            value_event = self._next()
            value = self._value(key, value_event, depth)
            if start.flow_style and self._lacks_colon(event, value_event):
                self._loose(key, event, kept, len(entries) - 1, loose)
            elif key.text == "<<" and key.style == "plain":
                self._feature(key.span, "a merge key", "write the keys out here")
            elif key.text in seen:
                self._duplicate(key, seen[key.text])
            else:
                seen[key.text] = key
                entries.append(Entry(key, value))
                kept = value_event
        for at, (first, end) in loose.items():
            entries[at] = self._rejoined(entries[at], first, end)
        return Map(
            tuple(entries), self._around(start, event, entries[-1].value if entries else None)
        )

    def _key(self, event: Any) -> Scalar:
        if type(event) is ScalarEvent:
            return self._scalar(event)
        if type(event) is AliasEvent:
            return Scalar(f"*{event.anchor}", self._alias(event, 1).span)
        raise Misread(event.start_mark.index)

    def _value(self, key: Scalar, event: Any, depth: int) -> Node:
        if key.text not in _PROSE and not key.text.startswith("x-"):
            return self._node(event, depth + 1)
        self.scalars.prose += 1
        value = self._node(event, depth + 1)
        self.scalars.prose -= 1
        return value

    def _alias(self, event: Any, depth: int) -> Node:
        span = self._draft.span(event.start_mark.index, event.end_mark.index)
        text = Scalar(f"*{event.anchor}", span)
        if event.anchor not in self._anchors:
            self.problems.append(needs_quotes(span, text.text, "begins with '*'"))
            return text
        anchor = self._anchors[event.anchor]
        if anchor is None:
            self._feature(span, "an alias inside of what it names", "write out what is meant")
            return text
        if isinstance(anchor.node, Scalar):
            self._feature(span, "an alias of a text", "write the text out here")
            return text
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            too_big(span, f"more than {MAX_ALIASES} aliases", "write out some of them")
        self._deepest = max(self._deepest, depth + anchor.height)
        if self._deepest > MAX_DEPTH:
            raise TooBig(too_deep(span))
        self._count(event, anchor.nodes)
        return anchor.node

    def _count(self, event: Any, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            too_big(
                self._mark(event),
                f"more than {MAX_NODES:,} keys and values in one file, aliases counted in full",
                "split the file",
            )

    def _lacks_colon(self, key: Any, value: Any) -> bool:
        """A key of ``{ }`` without ``:``, which YAML reads as a key with an empty value."""
        if not _is_plain(value) or value.value:
            return False
        text, at = self._draft.text, key.end_mark.index
        while at < len(text) and text[at] in " \t\r\n":
            at += 1
        return text[at : at + 1] != ":"

    def _loose(
        self, key: Scalar, event: Any, kept: Any, at: int, loose: dict[int, tuple[int, int]]
    ) -> None:
        if _is_plain(kept) and kept.value:
            loose[at] = (kept.start_mark.index, event.end_mark.index)
            return
        name, colon, value = key.text.partition(":")
        if colon and value:
            help = f"write a blank after the colon:  {name}: {value}"
        else:
            help = f"write  {key.text}: …  with a value, or [ ] around a list"
        message = f"{shown(key.text)} stands in {{ }} without a value"
        self.problems.append(problem("IGR008", key.span, message, help))

    def _rejoined(self, entry: Entry, start: int, end: int) -> Entry:
        """Give a text back what YAML cut off at a comma."""
        text = self._draft.meant(self._draft.text[start:end]).strip()
        span = self._draft.span(start, end)
        self.problems.append(needs_quotes(span, text, "holds ',' inside { }"))
        return Entry(entry.key, Scalar(text, span))

    def _duplicate(self, key: Scalar, first: Scalar) -> None:
        self.problems.append(
            problem(
                "IGR004",
                key.span,
                f"{shown(key.text)} already stands in this map on line {first.span.line}",
                "delete one of them, or put both values into one",
                notes=(Note(first.span, "the first one, which is read"),),
            )
        )

    def _feature(self, span: Span, what: str, help: str) -> None:
        message = f"{what} is a part of YAML that rule files do without"
        self.problems.append(problem("IGR005", span, message, help))

    def _mark(self, event: Any) -> Span:
        at = event.start_mark.index
        return self._draft.span(at, min(at + 1, len(self._draft.text)))

    def _around(self, start: Any, end: Any, last: Node | None) -> Span:
        """From the first to the last character; YAML lets a block end where the next one begins."""
        first, stop = start.start_mark, end.end_mark
        if start.flow_style or last is None:
            return self._draft.span(first.index, stop.index)
        if self._is_repaired:
            begin = self._draft.span(first.index, first.index)
        else:
            begin = Span(self._file, first.line + 1, first.column + 1, 0, 0)
        until = last.span
        if (until.end_line, until.end_column) < (begin.line, begin.column):
            # The last value is an alias: its span is where the anchor stands.
            written = self._draft.text[first.index : stop.index].rstrip()
            return self._draft.span(first.index, first.index + len(written))
        return Span(self._file, begin.line, begin.column, until.end_line, until.end_column)


def _is_plain(event: Any) -> bool:
    return type(event) is ScalarEvent and not event.style and not event.anchor
