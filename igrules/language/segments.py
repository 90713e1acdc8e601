"""Read a text with blanks: what its ``{{ … }}`` and ``[[ … ]]`` name, and where they stand.

The whole grammar::

    template = { text | blank | optional }        optional = "[[" { text | blank } "]]"
    blank    = "{{" path { "|" filter } "}}"      path     = name { "." part }
    filter   = name [ "." name ] [ "(" argument { "," argument } ")" ]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from igrules.errors import IgrulesError

MOST_FILTERS = 5

_SPACES = re.compile(r"\s*")
_PATH = re.compile(r"[a-z][a-z0-9_]{0,47}(?:\.(?:[a-z][a-z0-9_]{0,47}|[0-9]{1,9}))*(?![\w.])")
_FILTER = re.compile(r"[a-z][a-z0-9_]{0,47}(?:\.[a-z][a-z0-9_]{0,47})?(?![\w.])")
_ARGUMENT = re.compile(r"'([^'\n]*)'|\"([^\"\n]*)\"|(-?[0-9]{1,9})(?![\w.])")
_SPECIAL = re.compile(r"\\\{\{|\\\[\[|\{\{|\[\[|\]\]")
_ESCAPE = "\\"


class TemplateError(IgrulesError):
    """A text that is no template; ``start`` and ``end`` are places in it."""

    def __init__(self, message: str, help: str, start: int, end: int) -> None:
        super().__init__(message, help)
        self.start = start
        self.end = end


@dataclass(frozen=True, slots=True)
class Call:
    """One filter of a blank with its arguments, and where it stands."""

    name: str
    arguments: tuple[str | int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Blank:
    """``{{ path | filter }}``: what it names and where. ``optional``: inside ``[[ ]]``.

    ``start`` and ``end`` are the places of the path in the source.
    """

    path: tuple[str, ...]
    calls: tuple[Call, ...]
    start: int
    end: int
    optional: bool = False

    @property
    def name(self) -> str:
        """The path as written."""
        return ".".join(self.path)

    @property
    def has_default(self) -> bool:
        """Whether a filter ``default`` with a text that is not empty fills it."""
        return any(call.name == "default" and any(call.arguments) for call in self.calls)


@dataclass(frozen=True, slots=True)
class Part:
    """``[[ … ]]``: disappears as a whole when a blank in it is empty."""

    segments: tuple[str | Blank, ...]


def read_segments(text: str) -> tuple[str | Blank | Part, ...]:
    """What stands in the text always, its blanks and optional parts. Raises `TemplateError`."""
    return tuple(_merged(_Reader(text).segments()))


def _merged(segments: Iterable[str | Blank | Part]) -> Iterator[str | Blank | Part]:
    """The segments with neighbouring texts put together and empty ones left out."""
    text = ""
    for segment in segments:
        if isinstance(segment, str):
            text += segment
            continue
        if text:
            yield text
            text = ""
        yield segment
    if text:
        yield text


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def segments(self) -> Iterator[str | Blank | Part]:
        """The segments in order; neighbouring texts are not yet put together."""
        sign = "start"
        while sign:
            before, sign, start = self._token()
            yield before
            if sign == "{{":
                yield self._blank(start, optional=False)
            elif sign == "[[":
                yield self._part(start)
            elif sign == "]]":
                yield sign

    def _token(self) -> tuple[str, str, int]:
        """The text up to the next sign, that sign and its place. Of an escape the text holds the
        characters, and the sign is a backslash; at the end the sign is empty."""
        match = _SPECIAL.search(self.text, self.place)
        begin = self.place
        if match is None:
            self.place = len(self.text)
            return self.text[begin:], "", self.place
        self.place = match.end()
        before = self.text[begin : match.start()]
        if match[0].startswith(_ESCAPE):
            return before + match[0][1:], _ESCAPE, match.start()
        return before, match[0], match.start()

    def _part(self, start: int) -> Part:
        inner: list[str | Blank | Part] = []
        sign = "[["
        while sign != "]]":
            before, sign, place = self._token()
            inner.append(before)
            if sign == "{{":
                inner.append(self._blank(place, optional=True))
            elif sign == "[[":
                message = "'[[' stands inside '[[ ]]'"
                raise TemplateError(message, "close the first part before it", place, place + 2)
            elif not sign:
                raise TemplateError(
                    "'[[' is not closed",
                    "write  ]]  after the optional part, or  \\[[  for the characters",
                    start,
                    start + 2,
                )
        segments = tuple(item for item in _merged(inner) if not isinstance(item, Part))
        if not any(isinstance(item, Blank) for item in segments):
            raise TemplateError(
                "'[[ ]]' holds no blank, so it could never disappear",
                "write the text without  [[ ]] , or put the  {{ }}  inside it",
                start,
                self.place,
            )
        return Part(segments)

    def _blank(self, start: int, optional: bool) -> Blank:
        path = self._expect(_PATH, start, "a name such as contact.first_name")
        names = tuple(path[0].split("."))
        calls: list[Call] = []
        while not self._take("}}"):
            if not self._take("|"):
                raise self._unreadable(start)
            if len(calls) == MOST_FILTERS:
                raise TemplateError(
                    f"more than {MOST_FILTERS} filters on one blank",
                    "take out the ones that change nothing",
                    start,
                    self.place,
                )
            calls.append(self._call(start))
        return Blank(names, tuple(calls), path.start(), path.end(), optional)

    def _call(self, start: int) -> Call:
        name = self._expect(_FILTER, start, "a filter such as upper")
        end = self.place
        arguments: list[str | int] = []
        if self._take("("):
            while not arguments or self._take(","):
                match = self._expect(_ARGUMENT, start, "a text in quotes or a whole number")
                arguments.append(_argument(match))
            if not self._take(")"):
                raise self._unreadable(start)
            end = self.place
        return Call(name[0], tuple(arguments), name.start(), end)

    def _expect(self, pattern: re.Pattern[str], start: int, what: str) -> re.Match[str]:
        self._skip()
        match = pattern.match(self.text, self.place)
        if match is None:
            raise self._unreadable(start, what)
        self.place = match.end()
        return match

    def _take(self, sign: str) -> bool:
        self._skip()
        if not self.text.startswith(sign, self.place):
            return False
        self.place += len(sign)
        return True

    def _skip(self) -> None:
        match = _SPACES.match(self.text, self.place)
        assert match is not None
        self.place = match.end()

    def _unreadable(self, start: int, what: str = "") -> TemplateError:
        """What is wrong at this place of the blank that began at ``start``."""
        if "}}" not in self.text[self.place :]:
            return TemplateError(
                "'{{' is not closed",
                "write  }}  after the name, or  \\{{  for the characters",
                start,
                start + 2,
            )
        found = self.text[self.place : self.place + 20].split("}}")[0].strip() or "}}"
        message = f"'{found}' cannot stand here in a blank"
        help = f"expected {what}" if what else "a blank is  {{ name }}  or  {{ name | filter }}"
        return TemplateError(message, help, self.place, self.place + len(found))


def _argument(match: re.Match[str]) -> str | int:
    if match[3] is not None:
        return int(match[3])
    return match[1] if match[1] is not None else match[2]
