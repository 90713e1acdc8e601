"""The phrase index: which rules can match a text at all, found by looking up its words.

Every rule whose condition can only be true when one of certain words occurs is kept under the
rarest of them; all others are always candidates. What comes out may be too much, never too little.

Why a hash map: a message has a dozen words and a tenant a thousand rules, so the cost follows the
message.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from igrules.kinds import Word, Words
from igrules.language.anchors import Anchor
from igrules.language.folding import MOST_STRETCHES, unrepeated
from igrules.language.ruleset import Ask, Rule, Test

_NEAR = re.compile(r"(.+)~([0-9])", re.DOTALL)
_MOST_FORMS = 2**MOST_STRETCHES
_GRAM = 3
_NOTHING: tuple[int, ...] = ()
_WEIGHTS = {"word": 1, "ending": 2, "inside": 2, "near": 4}


class Key(NamedTuple):
    """What an anchor is kept under: how it is looked up, its letters, the errors forgiven.

    Letters inside words are looked up by three of them; ``whole`` are all.
    """

    kind: str
    letters: str
    edits: int = 0
    whole: str = ""


class Near(NamedTuple):
    """A word that may be mistyped: its letters as bits, and the rules that wait for it."""

    letters: int
    edits: int
    rules: tuple[int, ...]


class Index:
    """Rules by the words of their conditions. Frozen; made by `build_index`."""

    __slots__ = (
        "_always", "_doubled", "_doubled_endings", "_endings", "_every", "_hears", "_inside",
        "_lengths", "_near", "_sizes", "_words",
    )  # fmt: skip

    def __init__(
        self, hears: Mapping[int, frozenset[str]], kept: Mapping[Key, Sequence[int]]
    ) -> None:
        anchored = {number for numbers in kept.values() for number in numbers}
        self._hears = hears
        self._every = _by_event(hears, hears)
        self._always = _by_event(hears, (number for number in hears if number not in anchored))
        self._words = _of_kind("word", kept)
        self._endings = _of_kind("ending", kept)
        self._doubled = _doubled(self._words)
        self._doubled_endings = _doubled(self._endings)
        self._lengths = tuple(sorted({len(ending) for ending in self._endings}))
        self._inside = _inside(kept)
        self._sizes = tuple(sorted({len(gram) for gram in self._inside}))
        self._near = _near(kept)

    def candidates(self, words: Words, event_kind: str = "") -> tuple[int, ...]:
        """Numbers of the rules that may match, in order. ``words`` are folded with neither case nor
        accents; with an event kind only rules that hear it are given."""
        if not words.written and event_kind.startswith("mention_"):
            # A text that could not be fetched makes conditions fail, which the rule must be asked.
            return self._every.get(event_kind, _NOTHING)
        found: set[int] = set()
        look_up = self._words.get
        for word in words.words:
            for form in word[0]:
                if rules := look_up(form):
                    found.update(rules)
            if len(word[0]) >= _MOST_FORMS:
                self._add_unlisted(unrepeated(word[0][0]), found)
        if self._lengths:
            self._add_endings(words.words, found)
        if self._near:
            self._add_near(words.words, found)
        if self._sizes:
            self._add_inside(words.joined, found)
        always = self._always.get(event_kind, _NOTHING)
        if not found:
            return always
        if event_kind:
            hears = self._hears
            hit = [number for number in found if event_kind in hears[number]]
        else:
            hit = list(found)
        hit.extend(always)
        hit.sort()
        return tuple(hit)

    def _add_unlisted(self, letters: str, found: set[int]) -> None:
        """Add rules for the readings of a word that are not listed, because it has too many."""
        found.update(self._words.get(letters, _NOTHING))
        found.update(self._doubled.get(letters, _NOTHING))
        for length in range(1, len(letters) + 1):
            found.update(self._endings.get(letters[:length], _NOTHING))
            found.update(self._doubled_endings.get(letters[:length], _NOTHING))

    def _add_endings(self, words: Iterable[Word], found: set[int]) -> None:
        look_up, lengths = self._endings.get, self._lengths
        for word in words:
            for form in word[0]:
                for length in lengths:
                    if length > len(form):
                        break
                    if rules := look_up(form[:length]):
                        found.update(rules)

    def _add_near(self, words: Iterable[Word], found: set[int]) -> None:
        for word in words:
            for form in word[0]:
                meant = self._near.get((form[0], len(form)))
                if meant is None:
                    continue
                letters = _bits(form)
                for near in meant:
                    missing = (near.letters & ~letters).bit_count()
                    more = (letters & ~near.letters).bit_count()
                    if missing <= near.edits and more <= near.edits:
                        found.update(near.rules)

    def _add_inside(self, joined: str, found: set[int]) -> None:
        letters = unrepeated(joined)
        for size in self._sizes:
            grams = {letters[i : i + size] for i in range(len(letters) - size + 1)}
            for gram in self._inside.keys() & grams:
                for whole, rules in self._inside[gram]:
                    if whole in letters:
                        found.update(rules)


def build_index(rules: Sequence[Rule]) -> Index:
    """Index rules by what their ``if`` needs. A rule whose condition needs no word is always a
    candidate."""
    counts = Counter(key for rule in rules for key in _all_keys(rule.test))
    kept: dict[Key, list[int]] = {}
    for rule in rules:
        anchors = _anchors(rule.test, counts) or ()
        for key in {_kept_under(anchor, counts) for anchor in anchors}:
            kept.setdefault(key, []).append(rule.number)
    heard = {rule.number: _events(rule) for rule in rules}
    return Index(heard, kept)


def _events(rule: Rule) -> frozenset[str]:
    """The event kinds a rule hears."""
    return frozenset().union(*(hears.trigger.events for hears in rule.hears))


def _all_keys(test: Test | None) -> set[Key]:
    """Everything below a condition that a rule could be kept under."""
    if test is None:
        return set()
    if isinstance(test, Ask):
        return {key for anchor in _of_kind_itself(test) or () for key in _keys(anchor)}
    if test.mode == "none":
        return set()
    return set().union(*map(_all_keys, test.parts))


def _anchors(test: Test | None, counts: Mapping[Key, int]) -> Sequence[Anchor] | None:
    """Anchors of which one must occur for the condition to be true; ``None``: there are none."""
    if test is None:
        return None
    if isinstance(test, Ask):
        return _of_kind_itself(test)
    if test.mode == "none":
        return None
    each = [_anchors(part, counts) for part in test.parts]
    known = [anchors for anchors in each if anchors is not None]
    if test.mode == "all":
        return min(known, key=lambda anchors: _cost(anchors, counts), default=None)
    if not each or len(known) < len(each):
        return None
    return [anchor for anchors in known for anchor in anchors]


def _of_kind_itself(ask: Ask) -> Sequence[Anchor] | None:
    """What the kind says; whatever it says wrong means that its rule is always looked at."""
    if ask.condition.anchors is None:
        return None
    try:
        anchors = ask.condition.anchors(ask.options)
        good = anchors is not None and all(anchor and all(anchor) for anchor in anchors)
    except Exception:  # noqa: BLE001  # one plugin's call; the rule is then looked at always
        return None
    return tuple(anchors) if good and anchors else None


def _cost(anchors: Sequence[Anchor], counts: Mapping[Key, int]) -> int:
    """How many candidates these anchors are expected to make."""
    keys = [_rarest(anchor, counts) for anchor in anchors]
    return sum(counts[key] * _WEIGHTS[key.kind] for key in keys)


def _rarest(anchor: Anchor, counts: Mapping[Key, int]) -> Key:
    """The part of an anchor that the fewest rules wait for; of equal ones the longest."""
    return min(
        _keys(anchor), key=lambda key: (counts[key] * _WEIGHTS[key.kind], -len(key.letters), key)
    )


def _kept_under(anchor: Anchor, counts: Mapping[Key, int]) -> Key:
    key = _rarest(anchor, counts)
    return key._replace(whole=unrepeated(anchor[0][1:-1])) if key.kind == "inside" else key


def _keys(anchor: Anchor) -> Iterator[Key]:
    """What an anchor could be kept under."""
    if len(anchor) == 1 and len(anchor[0]) > 2 and anchor[0][0] == anchor[0][-1] == "*":
        letters = unrepeated(anchor[0][1:-1])
        size = min(_GRAM, len(letters))
        for start in range(len(letters) - size + 1):
            yield Key("inside", letters[start : start + size])
        return
    for word in anchor:
        if len(word) > 1 and word.endswith("*"):
            yield Key("ending", word[:-1])
        elif near := _NEAR.fullmatch(word):
            yield Key("near", near[1], int(near[2]))
        else:
            yield Key("word", word)


def _bits(word: str) -> int:
    """The letters of a word as bits; different letters may share one."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & 63)
    return bits


def _by_event(
    hears: Mapping[int, frozenset[str]], numbers: Iterable[int]
) -> dict[str, tuple[int, ...]]:
    """The numbers by the event kind they hear; all of them below the empty kind."""
    lists: dict[str, list[int]] = {}
    for number in sorted(numbers):
        for event in ("", *hears[number]):
            lists.setdefault(event, []).append(number)
    return {event: tuple(list_) for event, list_ in lists.items()}


def _of_kind(kind: str, kept: Mapping[Key, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    return {key.letters: tuple(rules) for key, rules in kept.items() if key.kind == kind}


def _doubled(table: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The entries with a doubled letter, by what is left when every letter stands once."""
    lists: dict[str, tuple[int, ...]] = {}
    for letters, rules in table.items():
        if (short := unrepeated(letters)) != letters:
            lists[short] = (*lists.get(short, ()), *rules)
    return lists


def _inside(
    kept: Mapping[Key, Sequence[int]],
) -> dict[str, tuple[tuple[str, tuple[int, ...]], ...]]:
    """Letters inside words and the rules that wait for them, by the three they are looked up by."""
    lists: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for key, rules in kept.items():
        if key.kind == "inside":
            lists.setdefault(key.letters, []).append((key.whole, tuple(rules)))
    return {gram: tuple(list_) for gram, list_ in lists.items()}


def _near(kept: Mapping[Key, Sequence[int]]) -> dict[tuple[str, int], tuple[Near, ...]]:
    """Words that may be mistyped, by the first letter and the length of what may be typed."""
    lists: dict[tuple[str, int], list[Near]] = {}
    for key, rules in kept.items():
        if key.kind != "near":
            continue
        near = Near(_bits(key.letters), key.edits, tuple(rules))
        for length in range(len(key.letters) - key.edits, len(key.letters) + key.edits + 1):
            lists.setdefault((key.letters[0], length), []).append(near)
    return {place: tuple(list_) for place, list_ in lists.items()}
