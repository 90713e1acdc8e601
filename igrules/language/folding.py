"""Fold a text into words, so that spelling, accents and decoration do not matter (version 1).

In this order: invisible characters go; compatibility forms and case are made equal; combining marks
after Latin letters go; emoji sequences become words of their own; everything but letters, marks and
digits separates; a letter repeated three times or more counts as one or two. Phrases of rules and
messages go through the same function.

Why two ways: nearly every message is plain text in normal form, which is cut by one expression;
everything else is taken apart letter by letter, so that each word still knows its place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise, product

from igrules.kinds import Word, Words
from igrules.language.characters import (
    EASY,
    EMOJI,
    INVISIBLE,
    JOINER,
    LATIN,
    PICTURES,
    SELECTORS,
    SKIN,
    UNACCENTED,
)

VERSION = 1
"""Of the folding; it is part of every compiled ruleset, because changing it changes answers."""

MOST_STRETCHES = 4
"""So many stretched letters of a word count as one or as two; further ones count as one."""

_ASCII_WORD = re.compile(r"[a-zA-Z0-9]+")
_TOKEN = re.compile(rf"([#@]?)(?:({EMOJI})|([^\W_]+))")
_STRETCH = re.compile(r"([^\W\d_])\1{2,}")
_TRIPLE = re.compile(r"(.)\1\1", re.DOTALL)
"""May be a stretched letter: an expression that knows letters takes five times as long."""
_DOUBLE = re.compile(r"(.)\1", re.DOTALL)
_RUN = re.compile(r"(.)\1+", re.DOTALL)
_ACCENTED = re.compile(f"[{''.join(UNACCENTED)}]")
_DECORATION = re.compile(f"[{SELECTORS}{SKIN}]")
_HARD = re.compile(
    f"[^{EASY}{PICTURES}{SELECTORS}{SKIN}{JOINER}]"
    f"|(?<![{PICTURES}{SELECTORS}{SKIN}{JOINER}])[{SELECTORS}{SKIN}{JOINER}]"
)
_DROPPED = re.compile(
    f"[{INVISIBLE}{SELECTORS}{SKIN}]|{JOINER}(?![{PICTURES}])|(?<![{PICTURES}{SELECTORS}{SKIN}]){JOINER}"
)
_LATIN = re.compile(f"[{LATIN}]")
_HANGUL_TAILS = re.compile("[\u1160-\u11ff\uff9e\uff9f\uffa0-\uffdc]")


def fold(text: str, case: bool = False, accents: bool = False) -> Words:
    """Fold a text into words. ``case`` and ``accents`` say that these matter."""
    quick = _quickly(text, case, accents)
    if quick is None:
        words = _cut(*_letter_by_letter(text, case, accents))
    elif quick.isascii() and "#" not in quick and "@" not in quick:
        new = tuple.__new__
        words = [
            new(Word, ((match[0],), "", False, match.start(), match.end()))
            for match in _ASCII_WORD.finditer(quick)
        ]
    else:
        words = _tokens(quick, quick)
    if quick is None or _TRIPLE.search(quick):
        words = [_with_readings(word) for word in words]
    return Words(tuple(words), "".join([word[0][0] for word in words]), text)


def folded_text(text: str, case: bool = False, accents: bool = False) -> str:
    """The folded text with what stands between its words; runs of blank space are one blank."""
    quick = _quickly(text, case, accents)
    if quick is None:
        quick = _letter_by_letter(text, case, accents)[0]
    return " ".join(_DECORATION.sub("", quick).split())


def shrink(text: str, to: int) -> str:
    """The text with every letter that stands three times or more in a row ``to`` times."""
    return _STRETCH.sub(lambda match: match[1] * to, text)


def unrepeated(text: str) -> str:
    """The text with every run of one character as one: all readings of a word are alike in it."""
    return _RUN.sub(r"\1", text) if _DOUBLE.search(text) else text


def visible(text: str) -> str:
    """The text in NFC, without invisible characters and otherwise as typed."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", re.sub(f"[{INVISIBLE}]", "", text))


def _quickly(text: str, case: bool, accents: bool) -> str | None:
    """The folded characters when each stands for one character of the text, else ``None``."""
    if text.isascii():
        return text if case else text.lower()
    if _HARD.search(text):
        return None
    folded = _one_to_one(text, case)
    return folded if folded is None or accents else _ACCENTED.sub(_unaccent, folded)


def _one_to_one(text: str, case: bool) -> str | None:
    """The text in normal form and without case, when that moves no character, else ``None``."""
    if not unicodedata.is_normalized("NFKC", text):
        return None
    folded = text if case else text.casefold()
    same = len(folded) == len(text) and unicodedata.is_normalized("NFKC", folded)
    return folded if same else None


def _unaccent(match: re.Match[str]) -> str:
    return UNACCENTED[match[0]]


def _tokens(folded: str, shadow: str) -> list[Word]:
    """Words and emoji of a folded text. ``shadow`` has a letter where the text has a mark."""
    words = []
    for match in _TOKEN.finditer(shadow):
        group = match.lastindex or 3
        start, end = match.span(group)
        word = folded[start:end]
        if group == 2:
            word = _DECORATION.sub("", word)
        words.append(Word((word,), match[1], group == 2, start, end))
    return words


def _with_readings(word: Word) -> Word:
    """The word with all readings of its stretched letters, the shortest first."""
    written = word.forms[0]
    if word.emoji or not _STRETCH.search(written):
        return word
    pieces: list[tuple[str, ...]] = []
    done = 0
    for count, match in enumerate(_STRETCH.finditer(written)):
        pieces.append((written[done : match.start()],))
        pieces.append((match[1],) if count >= MOST_STRETCHES else (match[1], match[1] * 2))
        done = match.end()
    pieces.append((written[done:],))
    return word._replace(forms=tuple("".join(reading) for reading in product(*pieces)))


def _letter_by_letter(
    text: str, case: bool, accents: bool
) -> tuple[str, Sequence[int], Sequence[int]]:
    """The folded characters, and for each where it begins and ends in the text."""
    kept = _kept(text)
    visible_text = "".join(char for _, char in kept)
    folded = _one_to_one(visible_text, case)
    if folded is None:
        letters, starts, ends = _melted(kept, case, len(text))
    else:
        letters = folded
        starts = [place for place, _ in kept]
        ends = [place + 1 for place in starts]
    if accents:
        return letters, starts, ends
    letters = _ACCENTED.sub(_unaccent, letters)
    if not _has_latin_mark(letters):
        return letters, starts, ends
    return _without_latin_marks(letters, starts, ends)


def _melted(
    kept: Sequence[tuple[int, str]], case: bool, length: int
) -> tuple[str, list[int], list[int]]:
    """Characters that normalization puts together or takes apart, and where they come from."""
    letters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for cluster in _clusters(kept):
        shaped = _shaped("".join(char for _, char in cluster), case)
        letters.extend(shaped)
        starts.extend([cluster[0][0]] * len(shaped))
        ends.extend([cluster[-1][0] + 1] * len(shaped))
    whole = _shaped("".join(char for _, char in kept), case)
    if whole != "".join(letters):
        # Neighbours melted in a way the clusters do not foresee: the words are right all the same,
        # only their places are those of the whole text.
        starts, ends = [0] * len(whole), [length] * len(whole)
    return whole, starts, ends


def _kept(text: str) -> list[tuple[int, str]]:
    """Every character that counts, with its place."""
    dropped = {match.start() for match in _DROPPED.finditer(text)}
    return [(place, char) for place, char in enumerate(text) if place not in dropped]


def _clusters(kept: Iterable[tuple[int, str]]) -> Iterable[list[tuple[int, str]]]:
    """Groups of characters that normalization may melt into one: a letter with its marks."""
    cluster: list[tuple[int, str]] = []
    for place, char in kept:
        if cluster and not (_is_mark(char) or _HANGUL_TAILS.match(char)):
            yield cluster
            cluster = []
        cluster.append((place, char))
    if cluster:
        yield cluster


def _shaped(text: str, case: bool) -> str:
    composed = unicodedata.normalize("NFKC", text)
    return composed if case else unicodedata.normalize("NFKC", composed.casefold())


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"


def _has_latin_mark(letters: str) -> bool:
    marks = _marks(letters)
    return bool(marks) and any(
        letter in marks and _LATIN.match(before) for before, letter in pairwise(letters)
    )


def _marks(letters: str) -> set[str]:
    return {letter for letter in set(letters) if _is_mark(letter)}


def _without_latin_marks(
    letters: str, starts: Sequence[int], ends: Sequence[int]
) -> tuple[str, list[int], list[int]]:
    """The letters without marks behind Latin ones; those of other scripts stay."""
    left: list[str] = []
    left_starts: list[int] = []
    left_ends: list[int] = []
    latin = False
    for letter, start, end in zip(letters, starts, ends, strict=True):
        if latin and _is_mark(letter):
            left_ends[-1] = end
            continue
        latin = _LATIN.match(letter) is not None
        left.append(letter)
        left_starts.append(start)
        left_ends.append(end)
    return "".join(left), left_starts, left_ends


def _cut(folded: str, starts: Sequence[int], ends: Sequence[int]) -> list[Word]:
    """Words of a text whose characters have moved; marks belong to the word they stand in."""
    marks = _marks(folded)
    shadow = folded.translate({ord(mark): "x" for mark in marks}) if marks else folded
    words = []
    for word in _tokens(folded, shadow):
        if marks and all(char in marks for char in word.forms[0]):
            continue
        words.append(word._replace(start=starts[word.start], end=ends[word.end - 1]))
    return words
