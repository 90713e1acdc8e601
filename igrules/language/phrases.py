"""Phrases: consecutive whole words, with endings, hashtags and typing errors; and finding many.

A phrase with letters of a script without spaces matches anywhere inside the words of a message put
together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product

from igrules.errors import IgrulesError
from igrules.kinds import Word, Words
from igrules.language.characters import NO_SPACES
from igrules.language.folding import fold, unrepeated

STARS = "*\uff0a"
FEWEST_BEFORE_STAR = 3
MOST_READINGS = 16
"""Readings of a phrase of a script without spaces; further ones are not looked at."""
_REMEMBERED = 4096
"""Phrases that are read once: a phrase is checked, prepared, indexed and compared with others."""


class PhraseError(IgrulesError):
    """A text that is no phrase. ``is_empty``: it holds no word at all."""

    def __init__(self, message: str, help: str, is_empty: bool = False) -> None:
        super().__init__(message, help)
        self.is_empty = is_empty


@dataclass(frozen=True, slots=True)
class Part:
    """One word of a phrase. ``prefix``: any ending; ``edits``: typing errors that are forgiven."""

    forms: tuple[str, ...]
    mark: str = ""
    prefix: bool = False
    edits: int = 0
    emoji: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase, ready to be found. ``joined`` holds its readings without spaces when it matches
    inside the joined words, and is empty for all others."""

    written: str
    parts: tuple[Part, ...]
    joined: tuple[str, ...] = ()
    letters: int = 0

    @property
    def has_emoji(self) -> bool:
        """Whether one of its words is an emoji."""
        return any(part.emoji for part in self.parts)


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a phrase was found: ``phrase`` as written, the first word's place, how many words.

    ``how`` says why it is not plain: ``stretched letters``, ``typing error``, ``hashtag`` or empty.
    """

    phrase: str
    start: int
    words: int
    letters: int
    how: str = ""


def read_phrase(
    text: str, case: bool = False, accents: bool = False, fuzzy: bool = False
) -> Phrase:
    """Read a phrase. Raises `PhraseError` when it holds no word or a ``*`` out of place."""
    return _read(text, case, accents, fuzzy)


@lru_cache(_REMEMBERED)
def _read(text: str, case: bool, accents: bool, fuzzy: bool) -> Phrase:
    words = fold(text, case, accents)
    if not words.words:
        raise PhraseError(
            f"'{text}' holds no word", "write at least one letter, digit or emoji", is_empty=True
        )
    parts = tuple(_part(text, word, fuzzy) for word in words.words)
    joined: tuple[str, ...] = ()
    if NO_SPACES.search(words.joined):
        readings = product(*(word.forms for word in words.words))
        joined = tuple("".join(reading) for reading in islice(readings, MOST_READINGS))
    return Phrase(text, parts, joined, sum(len(part.forms[0]) for part in parts))


def _part(text: str, word: Word, fuzzy: bool) -> Part:
    prefix = text[word.end : word.end + 1] in STARS if word.end < len(text) else False
    if prefix:
        after = text[word.end + 1 : word.end + 2]
        if after.isalnum():
            raise PhraseError(
                f"'*' stands in the middle of a word in '{text}'",
                "it means any ending: put it at the end of the word",
            )
        if word.emoji or sum(char.isalpha() for char in word.forms[0]) < FEWEST_BEFORE_STAR:
            raise PhraseError(
                f"'*' in '{text}' follows fewer than three letters",
                "write at least three letters before it, or the whole words",
            )
    edits = 0 if prefix or not fuzzy or word.emoji else _tolerance(word.forms[0])
    return Part(word.forms, word.mark, prefix, edits, word.emoji)


def _tolerance(word: str) -> int:
    """Typing errors that are forgiven in a word of this length; none where a digit is in it."""
    if len(word) < 5 or any(char.isnumeric() for char in word):
        return 0
    return 1 if len(word) < 9 else 2


def part_matches(part: Part, word: Word) -> bool:
    """Whether this word of a message is that word of a phrase."""
    if part.mark and part.mark != word.mark:
        return False
    if part.prefix:
        return any(form.startswith(part.forms) for form in word.forms)
    if any(form in part.forms for form in word.forms):
        return True
    return bool(part.edits) and not word.emoji and _nearly(part, word)


def _nearly(part: Part, word: Word) -> bool:
    return any(is_near(meant, typed, part.edits) for typed in word.forms for meant in part.forms)


def is_near(meant: str, typed: str, edits: int) -> bool:
    """Whether ``typed`` is ``meant`` with at most ``edits`` letters inserted, deleted, replaced or
    swapped with a neighbour. The first letter must be right, and a digit is never an error."""
    if meant[0] != typed[0] or abs(len(meant) - len(typed)) > edits:
        return False
    if any(char.isnumeric() for char in typed):
        return False
    return _distance(meant, typed, edits) <= edits


def _distance(one: str, two: str, most: int) -> int:
    """Edits between two words, a swap of neighbours counting one; ``most + 1`` at most."""
    before_last: list[int] = []
    last = list(range(len(two) + 1))
    for row, char in enumerate(one, 1):
        this = [row]
        for column, other in enumerate(two, 1):
            cost = min(last[column] + 1, this[column - 1] + 1, last[column - 1] + (char != other))
            if row > 1 and column > 1 and char == two[column - 2] and one[row - 2] == other:
                cost = min(cost, before_last[column - 2] + 1)
            this.append(cost)
        if min(this) > most:
            return most + 1
        before_last, last = last, this
    return last[-1]


def phrase_at(phrase: Phrase, words: Sequence[Word], place: int) -> bool:
    """Whether the words of the phrase stand there, one after the other."""
    parts = phrase.parts
    if place + len(parts) > len(words):
        return False
    return all(part_matches(part, words[place + i]) for i, part in enumerate(parts))


def inside_at(phrase: Phrase, words: Words) -> int | None:
    """The word in which a phrase of a script without spaces begins, ``None`` if nowhere."""
    if all(len(word.forms) == 1 for word in words.words):
        if not any(reading in words.joined for reading in phrase.joined):
            return None
    elif unrepeated(phrase.joined[0]) not in unrepeated(words.joined):
        return None
    mark = phrase.parts[0].mark
    for place, word in enumerate(words.words):
        if mark in ("", word.mark) and any(
            _begins_in(text, words.words, place, form, bool(mark))
            for form in word.forms
            for text in phrase.joined
        ):
            return place
    return None


def _begins_in(text: str, words: Sequence[Word], place: int, form: str, at_start: bool) -> bool:
    """Whether the letters stand in this word, or begin in it and go on in the next ones."""
    if form.startswith(text) if at_start else text in form:
        return True
    first = max(0, len(form) - len(text) + 1)
    return any(
        text.startswith(form[offset:]) and _run_on(text, words, place, (form[offset:],), False)
        for offset in range(first, 1 if at_start else len(form))
    )


def joined_at_start(phrase: Phrase, words: Sequence[Word], whole: bool) -> bool:
    """Whether the joined words begin with the phrase, or are it (``whole``)."""
    if not words or phrase.parts[0].mark not in ("", words[0].mark):
        return False
    return any(_run_on(text, words, 0, words[0].forms, whole) for text in phrase.joined)


def _run_on(
    text: str, words: Sequence[Word], place: int, heads: Iterable[str], whole: bool
) -> bool:
    """Whether the letters follow from this word on; ``heads`` stand for it. All ways to read the
    words are followed at once, because trying them one by one takes too long for some texts."""
    reached = {0}
    for number in range(place, len(words)):
        further = set()
        for option in heads if number == place else words[number].forms:
            for done in reached:
                left = text[done:]
                if option.startswith(left):
                    if not whole or (option == left and number == len(words) - 1):
                        return True
                elif left.startswith(option):
                    further.add(done + len(option))
        reached = further
        if not reached:
            return False
    return False


class Matcher:
    """Many phrases, folded alike, to be found in one message."""

    __slots__ = ("_by_word", "_inside", "_single", "_slow", "phrases")

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self.phrases = tuple(phrases)
        single: dict[str, int] = {}
        by_word: dict[str, tuple[int, ...]] = {}
        slow, inside = [], []
        for number, phrase in enumerate(self.phrases):
            first = phrase.parts[0]
            if phrase.joined:
                inside.append(number)
            elif first.prefix or first.edits:
                slow.append(number)
            elif len(phrase.parts) == 1 and not first.mark:
                for form in first.forms:
                    single.setdefault(form, number)
            else:
                for form in first.forms:
                    by_word[form] = (*by_word.get(form, ()), number)
        self._single = single
        self._by_word = by_word
        self._slow = tuple(slow)
        self._inside = tuple(inside)

    def __bool__(self) -> bool:
        return bool(self.phrases)

    def search(self, words: Words) -> Hit | None:
        """The longest hit: most words, then most letters, then the first in the text."""
        best: tuple[int, int, int, int] | None = None
        look_up = self._single.get
        more = bool(self._by_word or self._slow)
        for place, word in enumerate(words.words):
            found = [look_up(form) for form in word[0]]
            if more:
                found += self._at(place, word, words.words)
            for number in found:
                if number is None:
                    continue
                phrase = self.phrases[number]
                rank = (len(phrase.parts), phrase.letters, -place, -number)
                if best is None or rank > best:
                    best = rank
        for number in self._inside:
            phrase = self.phrases[number]
            place_inside = inside_at(phrase, words)
            if place_inside is not None:
                rank = (len(phrase.parts), phrase.letters, -place_inside, -number)
                if best is None or rank > best:
                    best = rank
        return None if best is None else self._hit(-best[3], -best[2], words)

    def _at(self, place: int, word: Word, words: Sequence[Word]) -> list[int]:
        """Numbers of the phrases of more than a plain word that begin with this word."""
        found = []
        for form in word.forms:
            for number in self._by_word.get(form, ()):
                if phrase_at(self.phrases[number], words, place):
                    found.append(number)
        for number in self._slow:
            if phrase_at(self.phrases[number], words, place):
                found.append(number)
        return found

    def _hit(self, number: int, place: int, words: Words) -> Hit:
        phrase = self.phrases[number]
        count = len(phrase.parts)
        how = "" if phrase.joined else _how(phrase, words.words[place : place + count])
        return Hit(phrase.written, place, count, phrase.letters, how)


def _how(phrase: Phrase, words: Sequence[Word]) -> str:
    """What was forgiven so that the phrase was found, in the words of a trace."""
    for part, word in zip(phrase.parts, words, strict=True):
        if part.prefix:
            continue
        if not any(form in part.forms for form in word.forms):
            return "typing error"
        if len(word.forms) > 1:
            return "stretched letters"
    return ""


def is_whole(phrase: Phrase, words: Sequence[Word]) -> bool:
    """Whether these words are the phrase; emoji around it do not count unless it has some."""
    left = without_outer_emoji(words) if not phrase.has_emoji else words
    if phrase.joined:
        return joined_at_start(phrase, left, whole=True)
    return len(left) == len(phrase.parts) and phrase_at(phrase, left, 0)


def starts_with(phrase: Phrase, words: Sequence[Word]) -> bool:
    """Whether the words begin with the phrase; emoji before it do not count unless it has some."""
    left = without_outer_emoji(words) if not phrase.has_emoji else words
    if phrase.joined:
        return joined_at_start(phrase, left, whole=False)
    return phrase_at(phrase, left, 0)


def without_outer_emoji(words: Sequence[Word]) -> Sequence[Word]:
    """The words without the emoji at both ends."""
    start, end = 0, len(words)
    while start < end and words[start].emoji:
        start += 1
    while end > start and words[end - 1].emoji:
        end -= 1
    return words[start:end]
