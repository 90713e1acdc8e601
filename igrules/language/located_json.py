"""Read JSON and remember where everything stands, so that a mistake can be shown in its place.

Why not the reader of the standard library alone: it takes a key that stands twice without a word
and gives no places. It still reads every text and number here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from igrules.errors import Span, UsageError
from igrules.language.source import Source
from igrules.language.writing import short

MOST_BYTES = 32 * 1024 * 1024
_DEEPEST = 64
_MOST_DIGITS = 64
_BLANK = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_UNREADABLE = re.compile("[\x00\ud800-\udfff]")
"""Neither a file nor the database can hold these."""
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Located:
    """A value of JSON and where it stands. A list holds further ones; an object is a mapping to
    `Member`; everything else is plain."""

    value: Any
    span: Span

    def members(self) -> Iterator[tuple[str, Member]]:
        """The members of an object, in order; none of anything else."""
        if isinstance(self.value, Mapping):
            yield from self.value.items()

    @property
    def kind(self) -> str:
        """What it is, in a word for messages."""
        for type_, word in _KINDS:
            if isinstance(self.value, type_):
                return word
        return "null"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object: the place of its key, and its value."""

    key: Span
    value: Located


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "a text"),
    (tuple, "a list"),
    (Mapping, "an object"),
)


def read_json(data: bytes, file: str) -> Located:
    """Read the JSON of the file that is shown as ``file``.

    Raises `UsageError` with the place of the first mistake: what is no JSON, a key that stands
    twice, too deep, too large.
    """
    if len(data) > MOST_BYTES:
        raise UsageError(f"{file} is larger than 32 MB", "split it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{file}:{line}: byte 0x{data[error.start]:02X} is not UTF-8", "save the file as UTF-8"
        ) from error
    return _Reader(Source(file, text)).whole()


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = source.text
        self._place = 0
        self._decoder = json.JSONDecoder()

    def whole(self) -> Located:
        """The one value of the text."""
        value = self._value(0)
        self._skip()
        if self._place < len(self._text):
            self._fail("something follows the end of the JSON", "keep one value in the file")
        return value

    def _value(self, depth: int) -> Located:
        self._skip()
        if depth > _DEEPEST:
            self._fail(f"this is nested deeper than {_DEEPEST} levels", "take out some levels")
        start = self._place
        sign = self._text[start : start + 1]
        if sign == "{":
            value: Any = self._object(depth)
        elif sign == "[":
            value = self._list(depth)
        elif sign == '"':
            value = self._string()
        else:
            value = self._plain()
        return Located(value, self._source.span(start, self._place))

    def _object(self, depth: int) -> Mapping[str, Member]:
        found: dict[str, Member] = {}
        while self._goes_on(found, "}"):
            self._skip()
            start = self._place
            if self._text[start : start + 1] != '"':
                self._fail("a key is missing here", 'write it in double quotes:  "name": …')
            key = self._string()
            span = self._source.span(start, self._place)
            if key in found:
                first = found[key].key.line
                self._place = start
                self._fail(f"'{short(key)}' stands on line {first} already", "keep one of the two")
            self._skip()
            if not self._take(":"):
                self._fail("':' is missing here", 'write  "name": value')
            found[key] = Member(span, self._value(depth + 1))
        return found

    def _list(self, depth: int) -> tuple[Located, ...]:
        found: list[Located] = []
        while self._goes_on(found, "]"):
            found.append(self._value(depth + 1))
        return tuple(found)

    def _goes_on(self, found: Any, end: str) -> bool:
        """Step over the opening bracket or a comma; false behind the closing bracket."""
        if not found:
            self._place += self._text[self._place : self._place + 1] in "{["
            self._skip()
            return not self._take(end)
        self._skip()
        if self._take(end):
            return False
        if not self._take(","):
            self._fail(
                f"',' or '{end}' is missing here", "close what was opened, or go on with ','"
            )
        return True

    def _string(self) -> str:
        try:
            text, self._place = self._decoder.raw_decode(self._text, self._place)
        except json.JSONDecodeError as error:
            self._place = error.pos
            message, help = _STRINGS.get(error.msg.partition(" ")[0], _STRINGS[""])
            self._fail(message, help)
        return _UNREADABLE.sub("\ufffd", str(text))

    def _plain(self) -> Any:
        number = _NUMBER.match(self._text, self._place)
        if number is None:
            word = next((w for w in _WORDS if self._text.startswith(w, self._place)), "")
            if not word:
                at_end = self._place >= len(self._text)
                what = "the file ends here" if at_end else "no value of JSON stands here"
                self._fail(
                    what, "write a text in double quotes, a number, true, false, null, {} or []"
                )
            self._place += len(word)
            return _WORDS[word]
        if len(number[0]) > _MOST_DIGITS:
            self._fail(f"this number has more than {_MOST_DIGITS} signs", "shorten it")
        try:
            value, self._place = self._decoder.raw_decode(self._text, self._place)
        except json.JSONDecodeError:
            self._fail("this is no number of JSON", "write it in double quotes when it is an id")
        return value

    def _take(self, sign: str) -> bool:
        if not self._text.startswith(sign, self._place):
            return False
        self._place += len(sign)
        return True

    def _skip(self) -> None:
        match = _BLANK.match(self._text, self._place)
        assert match is not None  # it matches nothing, too
        self._place = match.end()

    def _fail(self, message: str, help: str) -> NoReturn:
        span = self._source.span(self._place, self._place)
        raise UsageError(f"{span.file}:{span.line}:{span.column}: {message}", help)


_STRINGS = {
    "Unterminated": ("this text is not closed", "end it with a double quote"),
    "Invalid": ("this cannot stand in a text of JSON", r"write  \n  for a line break, \\ for \ "),
    "": ("this text cannot be read", "write it in double quotes"),
}
