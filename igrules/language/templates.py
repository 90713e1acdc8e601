"""Texts with blanks: ``Oi[[, {{ contact.first_name }}]]!``.

A template is read once into segments; filling it is joining them. Nothing is ever evaluated: a path
names a value, a filter changes it, and what is filled in is never read as a template again.

Why our own: a template language with code in it would be the door through which the text of a
stranger becomes an instruction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from igrules.kinds import Filter
from igrules.language.formats import spoken
from igrules.language.segments import Blank, Call, Part, TemplateError, read_segments

MOST_BYTES = 4_096
MOST_BLANKS = 50
LONGEST_VALUE = 1_000

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAKS = re.compile("[\t\n\v\f\r\x85]+")


@dataclass(frozen=True, slots=True)
class Template:
    """A text with blanks, compiled. ``paths`` are all its blanks in the order they were written."""

    source: str
    segments: tuple[str | Blank | Part, ...]
    paths: tuple[Blank, ...] = field(compare=False)

    @property
    def literal(self) -> str:
        """The text that stands in it always, with blanks and optional parts empty."""
        return "".join(segment for segment in self.segments if isinstance(segment, str))

    def render(self, scope: Mapping[str, Any], filters: Mapping[str, Filter], language: str) -> str:
        """Fill the blanks from ``scope``, a mapping of roots to mappings of values.

        A value that is a `Template` itself is filled from the same scope; a mapping reads as its
        value for the empty key. A value that is not there is empty.
        """
        out = []
        for segment in self.segments:
            if type(segment) is str:
                out.append(segment)
            elif type(segment) is Blank:
                out.append(_fill(segment, scope, filters, language))
            else:
                assert isinstance(segment, Part)
                out.append(_fill_part(segment, scope, filters, language))
        return "".join(out)


def _fill(
    blank: Blank, scope: Mapping[str, Any], filters: Mapping[str, Filter], language: str
) -> str:
    value: Any = scope.get(blank.path[0])
    for name in blank.path[1:]:
        if type(value) is dict:
            value = value.get(name)
        else:
            value = _step(value, name)
    if type(value) is not str or blank.calls:
        return _read(value, blank, scope, filters, language)
    if len(value) <= LONGEST_VALUE and value.isprintable():
        return value
    return _clean(value)


def _step(value: Any, name: str) -> Any:
    """What ``name`` picks from a mapping or, as a number counted from 0, from a list."""
    if isinstance(value, Mapping):
        return value.get(name)
    if isinstance(value, (list, tuple)) and name.isdigit():
        place = int(name)
        return value[place] if place < len(value) else None
    return None


def _read(
    value: Any,
    blank: Blank,
    scope: Mapping[str, Any],
    filters: Mapping[str, Filter],
    language: str,
) -> str:
    if isinstance(value, Mapping):
        value = value.get("")
    own = isinstance(value, Template)
    if isinstance(value, Template):
        value = value.render(_Without(scope, blank.path[0]), filters, language)
    elif isinstance(value, str):
        value = _clean(value)
    for call in blank.calls:
        value = _apply(filters.get(call.name), value, call, language)
    # The tenant's own text keeps its line breaks; what was filled into it is clean already.
    filled = spoken(value, language)
    return filled[:MOST_BYTES] if own else _clean(filled)


class _Without(Mapping[str, Any]):
    """A scope without one root: a text inside a text cannot name its own kind again, so nothing
    runs in circles."""

    __slots__ = ("_root", "_scope")

    def __init__(self, scope: Mapping[str, Any], root: str) -> None:
        self._scope = scope
        self._root = root

    def __getitem__(self, root: str) -> Any:
        if root == self._root:
            raise KeyError(root)
        return self._scope[root]

    def __iter__(self) -> Iterator[str]:
        return (root for root in self._scope if root != self._root)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _apply(kind: Filter | None, value: Any, call: Call, language: str) -> Any:
    if kind is None:
        return value
    try:
        return kind.apply(value, call.arguments, language)
    except Exception:  # noqa: BLE001  # one plugin's call; a filter that raises changes nothing
        return value


def _fill_part(
    part: Part, scope: Mapping[str, Any], filters: Mapping[str, Filter], language: str
) -> str:
    out = []
    for segment in part.segments:
        if isinstance(segment, str):
            out.append(segment)
            continue
        filled = _fill(segment, scope, filters, language)
        if not filled:
            return ""
        out.append(filled)
    return "".join(out)


def _clean(text: str) -> str:
    """The text as it may be inserted: line breaks are blanks, other control characters are lost."""
    if not text.isprintable():
        text = _CONTROL.sub("", _BREAKS.sub(" ", text))
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE]


def compile_template(text: str) -> Template:
    """Read a template. Raises `TemplateError` for everything that is IGR405."""
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise TemplateError(
            "the text is longer than 4 KB", "split it into several texts", 0, len(text)
        )
    if "{{" not in text and "[[" not in text:
        return Template(text, (text,) if text else (), ())
    segments = read_segments(text)
    blanks = tuple(_blanks(segments))
    if len(blanks) > MOST_BLANKS:
        excess = blanks[MOST_BLANKS]
        raise TemplateError(
            f"{len(blanks)} blanks in one text, {MOST_BLANKS} are allowed",
            "split it into several texts",
            excess.start,
            excess.end,
        )
    return Template(text, segments, blanks)


def renamed(template: Template, name: Callable[[str, str], str]) -> Template:
    """The template with the names below its roots replaced: ``name(root, written)`` gives the new
    one."""
    segments = tuple(_renamed(segment, name) for segment in template.segments)
    return Template(template.source, segments, tuple(_blanks(segments)))


def _renamed(segment: str | Blank | Part, name: Callable[[str, str], str]) -> str | Blank | Part:
    if isinstance(segment, Part):
        inner = tuple(_renamed(one, name) for one in segment.segments)
        return Part(tuple(one for one in inner if not isinstance(one, Part)))
    if isinstance(segment, str) or len(segment.path) < 2:
        return segment
    root, written, *rest = segment.path
    return replace(segment, path=(root, name(root, written), *rest))


def _blanks(segments: Iterable[str | Blank | Part]) -> Iterator[Blank]:
    for segment in segments:
        if isinstance(segment, Part):
            yield from (inner for inner in segment.segments if isinstance(inner, Blank))
        elif isinstance(segment, Blank):
            yield segment


def check_calls(
    template: Template, filters: Mapping[str, Filter]
) -> Iterator[tuple[Call, str, str]]:
    """Every filter that is unknown or has wrong arguments, with message and remedy."""
    for blank in template.paths:
        for call in blank.calls:
            kind = filters.get(call.name)
            if kind is None:
                known = ", ".join(sorted(filters))
                yield call, f"unknown filter '{call.name}'", f"filters are: {known}"
            elif not kind.least <= len(call.arguments) <= kind.most:
                yield call, *_count_message(kind, call)
            elif kind.takes and not all(type(one) is kind.takes for one in call.arguments):
                what = "a number" if kind.takes is int else "a text in quotes"
                yield call, f"'{call.name}' takes {what}", f"for example  {_example(kind)}"


def _count_message(kind: Filter, call: Call) -> tuple[str, str]:
    wanted = str(kind.least) if kind.least == kind.most else f"{kind.least} to {kind.most}"
    given = len(call.arguments)
    what = "argument" if wanted == "1" else "arguments"
    return f"'{call.name}' takes {wanted} {what}, not {given}", f"for example  {_example(kind)}"


def _example(kind: Filter) -> str:
    return kind.examples[0].text if kind.examples else kind.summary
