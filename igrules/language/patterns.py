"""Patterns of ``like``: words with blanks between them, ``pedido {order:number}``.

Why a table from the right: with up to five blanks and a message of one repeated word, trying and
going back would take the message's length to the fifth power; the table takes it once per part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from igrules.errors import IgrulesError
from igrules.kinds import Word, Words
from igrules.language.phrases import Part, PhraseError, part_matches, read_phrase

MOST_BLANKS = 5
TYPES = ("word", "number", "email", "phone", "date", "text")
_ALONE = ("number", "email", "phone", "date")
_MOST_WORDS = 20
"""No number, address or date of one blank is cut into more words than this."""

_BRACES = re.compile(r"\{([^{}]*)\}|([{}])")
NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_BLANK = re.compile(r"\s")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*")
_EMAIL = re.compile(r"[^\s@,;:<>()\"]+@[^\W_](?:[\w-]*\.)+[^\W\d_]{2,}")
_PHONE = re.compile(r"\+?\s?\(?\d(?:[\s().-]*\d){7,14}\)?")
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})(?:/\d{4})?")
_ISO_DAY = re.compile(r"\d{4}-(\d{2})-(\d{2})")
_DAY_WORDS = ("hoje", "amanha", "hoy", "manana", "today", "tomorrow")


class PatternError(IgrulesError):
    """A pattern or expression that is not allowed; ``code`` is the one of the catalogue."""

    def __init__(self, code: str, message: str, help: str) -> None:
        super().__init__(message, help)
        self.code = code


@dataclass(frozen=True, slots=True)
class Slot:
    """A blank of a pattern."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Like:
    """A pattern, compiled: words of a message and blanks, one after the other."""

    written: str
    parts: tuple[Part | Slot, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The blanks it captures."""
        return tuple(part.name for part in self.parts if isinstance(part, Slot))

    @property
    def literals(self) -> tuple[tuple[Part, ...], ...]:
        """The runs of words between the blanks."""
        runs: list[tuple[Part, ...]] = [()]
        for part in self.parts:
            if isinstance(part, Slot):
                runs.append(())
            else:
                runs[-1] = (*runs[-1], part)
        return tuple(run for run in runs if run)

    def search(self, words: Words) -> Mapping[str, str] | None:
        """What the blanks hold where the pattern first occurs, ``None`` when it does not."""
        if not words.words:
            return None
        table = self._table(words)
        for start, following in enumerate(table[0]):
            if following is not None:
                return self._captured(words, table, start)
        return None

    def _table(self, words: Words) -> list[list[int | None]]:
        """For each part and each word: where the next part goes on if this one begins there."""
        count = len(words.words)
        table: list[list[int | None]] = [[*range(count + 1)]]
        for number in range(len(self.parts) - 1, -1, -1):
            row: list[int | None] = [None] * (count + 1)
            for place in range(count - 1, -1, -1):
                row[place] = self._next(number, place, words, table[0], row)
            table.insert(0, row)
        return table

    def _next(
        self,
        number: int,
        place: int,
        words: Words,
        after: Sequence[int | None],
        row: Sequence[int | None],
    ) -> int | None:
        part = self.parts[number]
        if isinstance(part, Part):
            fits = part_matches(part, words.words[place]) and after[place + 1] is not None
            return place + 1 if fits else None
        if part.type == "text":
            if number == len(self.parts) - 1:
                return len(words.words)
            return place + 1 if after[place + 1] is not None else row[place + 1]
        ends = _ends(part.type, words, place)
        return next((end for end in ends if after[end] is not None), None)

    def _captured(
        self, words: Words, table: Sequence[Sequence[int | None]], start: int
    ) -> Mapping[str, str]:
        captures = {}
        place = start
        for part, row in zip(self.parts, table, strict=False):
            end = row[place]
            assert end is not None
            if isinstance(part, Slot):
                first = _from(part.type, words, place)
                captures[part.name] = words.written[first : words.words[end - 1].end]
            place = end
        return captures


def compile_like(text: str, case: bool = False, accents: bool = False) -> Like:
    """Read a pattern. Raises `PatternError` for what is IGR215, IGR106 or IGR213."""
    parts: list[Part | Slot] = []
    done = 0
    for match in _BRACES.finditer(text):
        if match[2]:
            raise PatternError(
                "IGR215",
                f"a single '{match[2]}' stands in the pattern '{text}'",
                "a blank is  {name}  or  {name:number}",
            )
        parts.extend(_literal(text[done : match.start()], case, accents))
        parts.append(_slot(match[1]))
        done = match.end()
    parts.extend(_literal(text[done:], case, accents))
    like = Like(text, tuple(parts))
    _refuse(like)
    return like


def _literal(text: str, case: bool, accents: bool) -> tuple[Part, ...]:
    if not any(char.isalnum() or ord(char) > 127 for char in text):
        return ()
    try:
        return read_phrase(text.strip(), case, accents).parts
    except PhraseError as error:
        if error.is_empty:
            return ()
        raise PatternError("IGR213", error.message, error.help) from error


def _slot(text: str) -> Slot:
    name, colon, type = (piece.strip() for piece in text.partition(":"))
    if not NAME.fullmatch(name):
        raise PatternError(
            "IGR106",
            f"'{name}' is no name for a blank",
            "use small letters, digits and _ :  {order:number}",
        )
    if name == "phrase":
        raise PatternError("IGR106", "'phrase' is set by 'keywords'", "give the blank another name")
    if colon and type not in TYPES:
        raise PatternError(
            "IGR215", f"a blank has no type '{type}'", f"types are: {', '.join(TYPES)}"
        )
    return Slot(name, type or "word")


def _refuse(like: Like) -> None:
    """Raise for a pattern that would take too much or too little."""
    slots = [part for part in like.parts if isinstance(part, Slot)]
    twice = next((name for name in like.names if like.names.count(name) > 1), None)
    if twice:
        raise PatternError(
            "IGR106",
            f"the blank '{twice}' stands twice in '{like.written}'",
            "give each its own name",
        )
    if len(slots) > MOST_BLANKS:
        raise PatternError(
            "IGR215",
            f"'{like.written}' has {len(slots)} blanks, {MOST_BLANKS} are allowed",
            "take out the ones you do not use",
        )
    for one, two in zip(like.parts, like.parts[1:], strict=False):
        if isinstance(one, Slot) and isinstance(two, Slot) and one.type == two.type == "text":
            raise PatternError(
                "IGR215",
                f"the blanks '{one.name}' and '{two.name}' of type text are neighbours",
                "write a word between them, or give one of them another type",
            )
    if like.literals:
        return
    if len(slots) != 1 or slots[0].type not in _ALONE:
        raise PatternError(
            "IGR215",
            f"'{like.written}' holds no word",
            "write a word before or after the blank; without one it holds exactly one blank of "
            f"type {', '.join(_ALONE)}",
        )


def _ends(type: str, words: Words, place: int) -> Iterator[int]:
    """The words before which a blank that begins here may end, the longest first."""
    word = words.words[place]
    if type == "word":
        if not word.emoji:
            yield place + 1
        return
    if type == "date" and any(form in _DAY_WORDS for form in _plain_forms(word)):
        yield place + 1
        return
    first = _from(type, words, place)
    written = words.written
    if type != "email" and not (written[first].isdecimal() or written[first] in "+-("):
        return
    ends = range(place + 1, min(place + _MOST_WORDS, len(words.words)) + 1)
    if type != "phone":
        # None of the others goes on behind a blank, so the message is not read over and over.
        gap = _BLANK.search(written, first)
        limit = gap.start() if gap else len(written)
        ends = range(
            place + 1, 1 + max((n for n in ends if words.words[n - 1].end <= limit), default=place)
        )
    for end in reversed(ends):
        if _holds(type, written[first : words.words[end - 1].end]):
            yield end


def _plain_forms(word: Word) -> Iterator[str]:
    for form in word.forms:
        yield form.lower().replace("ã", "a").replace("ñ", "n")


def _holds(type: str, text: str) -> bool:
    if type == "number":
        return _NUMBER.fullmatch(text) is not None
    if type == "email":
        return _EMAIL.fullmatch(text) is not None
    if type == "phone":
        return _PHONE.fullmatch(text) is not None
    day = _DAY.fullmatch(text)
    if day:
        return _is_day(day[1], day[2])
    iso = _ISO_DAY.fullmatch(text)
    return iso is not None and _is_day(iso[2], iso[1])


def _is_day(day: str, month: str) -> bool:
    return 1 <= int(day) <= 31 and 1 <= int(month) <= 12


def _from(type: str, words: Words, place: int) -> int:
    """Where the value begins: signs directly before a number or a telephone belong to it."""
    start = words.words[place].start
    signs = {"number": "+-", "phone": "+(", "email": "_+."}.get(type, "")
    least = words.words[place - 1].end if place else 0
    while start > least and words.written[start - 1] in signs:
        start -= 1
    if type == "number" and start > 0 and words.written[start - 1 : start].isalnum():
        # The hyphen of "a-5" joins two words and is no sign.
        return words.words[place].start
    return start
