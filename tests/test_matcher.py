"""The matcher agrees with one that tries every phrase at every word in every reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from math import prod

from hypothesis import HealthCheck, assume, given, settings, strategies as st

from igrules.kinds import Word
from igrules.language.folding import fold
from igrules.language.phrases import Matcher, Part, Phrase, PhraseError, read_phrase
from tests.many_scripts import WORDS, texts


def plain_hit(phrases: Sequence[Phrase], text: str) -> tuple[str, int] | None:
    """The longest hit and the word it begins at: most words, most letters, first in the text."""
    words = fold(text).words
    found = [
        (len(phrase.parts), phrase.letters, -place, -number)
        for number, phrase in enumerate(phrases)
        for place in _places(phrase, words)
    ]
    if not found:
        return None
    *_, place, number = max(found)
    return phrases[-number].written, -place


def _places(phrase: Phrase, words: Sequence[Word]) -> Iterator[int]:
    if phrase.joined:
        yield from _places_inside(phrase, words)
        return
    for place in range(len(words) - len(phrase.parts) + 1):
        here = words[place : place + len(phrase.parts)]
        if all(_is(part, word) for part, word in zip(phrase.parts, here, strict=True)):
            yield place


def _is(part: Part, word: Word) -> bool:
    if part.mark and part.mark != word.mark:
        return False
    for meant, typed in product(part.forms, word.forms):
        if typed == meant or (part.prefix and typed.startswith(meant)):
            return True
        is_plain = not any(letter.isnumeric() for letter in typed) and not word.emoji
        if part.edits and is_plain and typed[0] == meant[0] and _edits(meant, typed) <= part.edits:
            return True
    return False


@lru_cache(10_000)
def _edits(one: str, two: str) -> int:
    """Letters inserted, deleted, replaced or swapped with their neighbour."""
    if not one or not two:
        return len(one) + len(two)
    if one[0] == two[0]:
        return _edits(one[1:], two[1:])
    ways = [_edits(one[1:], two), _edits(one, two[1:]), _edits(one[1:], two[1:])]
    if one[:2] == two[1::-1] and len(one) > 1 < len(two):
        ways.append(_edits(one[2:], two[2:]))
    return 1 + min(ways)


def _places_inside(phrase: Phrase, words: Sequence[Word]) -> Iterator[int]:
    """Words in which the phrase begins when all words are read without spaces, in every way."""
    mark = phrase.parts[0].mark
    for reading in product(*(word.forms for word in words)):
        starts = [sum(map(len, reading[:place])) for place in range(len(words) + 1)]
        joined = "".join(reading)
        for place, word in enumerate(words):
            last = starts[place] + 1 if mark else starts[place + 1]
            for start in range(starts[place], last):
                if mark in ("", word.mark) and joined.startswith(phrase.joined, start):
                    yield place


@st.composite
def searches(draw: st.DrawFn) -> tuple[list[Phrase], str]:
    """Phrases and a text of the same few words."""
    few = st.sampled_from(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)))
    phrases = []
    fuzzy = draw(st.booleans())
    for _ in range(draw(st.integers(1, 4))):
        written = draw(st.sampled_from(["", "", "#", "@"])) + draw(texts(few, most=2))
        ending = draw(st.sampled_from(["", "", "*"]))
        for candidate in (written + ending, "oi"):
            try:
                phrases.append(read_phrase(candidate, fuzzy=fuzzy))
                break
            except PhraseError:
                continue
    return phrases, draw(texts(few, most=4))


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(searches())
def test_the_matcher_finds_what_plain_code_finds(case: tuple[list[Phrase], str]) -> None:
    phrases, text = case
    # Every way to read the text is tried one by one, and stretched letters double them.
    assume(prod(len(word.forms) for word in fold(text).words) <= 64)

    hit = Matcher(phrases).search(fold(text))

    assert (None if hit is None else (hit.phrase, hit.start)) == plain_hit(phrases, text)
