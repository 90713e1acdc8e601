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
from typing import Any, NamedTuple

from igrules.kinds import Word, Words
from igrules.language.anchors import Anchor
from igrules.language.folding import MOST_STRETCHES, unrepeated
from igrules.language.ruleset import Ask, Rule, Test

_NEAR = re.compile(r"(.+)~([0-9])", re.DOTALL)
_MOST_FORMS = 2**MOST_STRETCHES
_GRAM = 3
_MENTION = "mention_"
"""How the event kinds begin whose text may be unknown."""
_WEIGHTS = {"word": 1, "ending": 2, "inside": 2, "near": 4}


class Key(NamedTuple):
    """What an anchor is kept under: how it is looked up, its letters, the errors forgiven.

    Letters inside words are looked up by three of them; ``whole`` are all.
    """

    kind: str
    letters: str
    edits: int = 0
    whole: str = ""


Tables = Mapping[str, Any]
"""An index as plain JSON. A rule is its number; a number past the last rule is a group of rules."""


class Index:
    """Rules by the words of their conditions. Frozen; made by `build_index`.

    It consists of plain tables and nothing else, so that it can be stored and is there at once.
    """

    __slots__ = (
        "_always", "_doubled", "_doubled_endings", "_endings", "_events", "_every", "_groups",
        "_hears", "_inside", "_lengths", "_near", "_sizes", "_words", "tables",
    )  # fmt: skip

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._groups: Sequence[Sequence[int]] = tables["groups"]
        self._hears: Sequence[int] = tables["hears"]
        self._events: Sequence[Sequence[str]] = tables["events"]
        self._every: Mapping[str, Sequence[int]] = tables["every"]
        self._always: Mapping[str, Sequence[int]] = tables["always"]
        self._words: Mapping[str, int] = tables["words"]
        self._endings: Mapping[str, int] = tables["endings"]
        self._doubled: Mapping[str, Sequence[int]] = tables["doubled"]
        self._doubled_endings: Mapping[str, Sequence[int]] = tables["doubled_endings"]
        self._inside: Mapping[str, Sequence[tuple[str, int]]] = tables["inside"]
        self._near: Mapping[str, Sequence[tuple[int, int, int]]] = tables["near"]
        self._lengths = sorted(set(map(len, self._endings)))
        self._sizes = sorted(set(map(len, self._inside)))

    def candidates(self, words: Words, event_kind: str = "") -> tuple[int, ...]:
        """Numbers of the rules that may match, in order. ``words`` are folded with neither case nor
        accents; with an event kind only rules that hear it are given."""
        if not words.written and event_kind.startswith(_MENTION):
            # A text that could not be fetched makes conditions fail, which the rule must be asked.
            return tuple(self._every.get(event_kind, ()))
        found: set[int] = set()
        look_up = self._words.get
        for word in words.words:
            for form in word[0]:
                number = look_up(form)
                if number is not None:
                    found.add(number)
            if len(word[0]) >= _MOST_FORMS:
                self._add_unlisted(unrepeated(word[0][0]), found)
        if self._lengths:
            self._add_endings(words.words, found)
        if self._near:
            self._add_near(words.words, found)
        if self._sizes:
            self._add_inside(words.joined, found)
        always = self._always.get(event_kind, ())
        return tuple(sorted({*always, *self._hearing(found, event_kind)}) if found else always)

    def _hearing(self, found: set[int], event_kind: str) -> Iterable[int]:
        """Those of the rules and groups that hear the event."""
        hears, events = self._hears, self._events
        most = len(hears)
        if max(found) >= most:
            groups = [number for number in found if number >= most]
            found.difference_update(groups)
            for number in groups:
                found.update(self._groups[number - most])
        if not event_kind:
            return found
        return [number for number in found if event_kind in events[hears[number]]]

    def _add_unlisted(self, letters: str, found: set[int]) -> None:
        """Add rules for the readings of a word that are not listed, because it has too many."""
        for length in range(1, len(letters) + 1):
            start = letters[:length]
            tables = [(self._endings, self._doubled_endings)]
            if length == len(letters):
                tables.append((self._words, self._doubled))
            for plain, doubled in tables:
                if start in plain:
                    found.add(plain[start])
                found.update(doubled.get(start, ()))

    def _add_endings(self, words: Iterable[Word], found: set[int]) -> None:
        look_up, lengths = self._endings.get, self._lengths
        for word in words:
            for form in word[0]:
                for length in lengths:
                    if length > len(form):
                        break
                    number = look_up(form[:length])
                    if number is not None:
                        found.add(number)

    def _add_near(self, words: Iterable[Word], found: set[int]) -> None:
        for word in words:
            for form in word[0]:
                meant = self._near.get(f"{form[0]}{len(form)}")
                if meant is None:
                    continue
                letters = _bits(form)
                for those, edits, number in meant:
                    missing = (those & ~letters).bit_count()
                    more = (letters & ~those).bit_count()
                    if missing <= edits and more <= edits:
                        found.add(number)

    def _add_inside(self, joined: str, found: set[int]) -> None:
        letters = unrepeated(joined)
        for size in self._sizes:
            grams = {letters[i : i + size] for i in range(len(letters) - size + 1)}
            for gram in self._inside.keys() & grams:
                found.update(number for whole, number in self._inside[gram] if whole in letters)


def build_index(rules: Sequence[Rule]) -> Index:
    """Index rules by what their ``if`` needs. A rule whose condition needs no word is always a
    candidate."""
    counts = Counter(key for rule in rules for key in _all_keys(rule.test))
    kept: dict[Key, list[int]] = {}
    for rule in rules:
        anchors = _anchors(rule.test, counts) or ()
        for key in {_kept_under(anchor, counts) for anchor in anchors}:
            kept.setdefault(key, []).append(rule.number)
    return Index(_tables([_events(rule) for rule in rules], kept))


def _events(rule: Rule) -> tuple[str, ...]:
    """The event kinds a rule hears."""
    return tuple(sorted(frozenset().union(*(hears.trigger.events for hears in rule.hears))))


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


def _tables(heard: Sequence[tuple[str, ...]], kept: Mapping[Key, Sequence[int]]) -> Tables:
    """The index of rules that hear these events and are kept under these keys."""
    anchored = {number for numbers in kept.values() for number in numbers}
    always = _by_event(heard, (n for n in range(len(heard)) if n not in anchored))
    every = _by_event(heard, range(len(heard)))
    events = list(dict.fromkeys(heard))
    groups: dict[tuple[int, ...], int] = {}
    numbers = {key: _number(tuple(rules), groups, len(heard)) for key, rules in kept.items()}
    words, endings = _of_kind("word", numbers), _of_kind("ending", numbers)
    return {
        "groups": [list(group) for group in groups],
        "events": [list(kinds) for kinds in events],
        "hears": [events.index(kinds) for kinds in heard],
        "always": always,
        "every": {kind: rules for kind, rules in every.items() if kind.startswith(_MENTION)},
        "words": words,
        "endings": endings,
        "doubled": _doubled(words),
        "doubled_endings": _doubled(endings),
        "inside": _inside(numbers),
        "near": _near(numbers),
    }


def _number(rules: tuple[int, ...], groups: dict[tuple[int, ...], int], most: int) -> int:
    """The number of one rule, or of the group of several."""
    return rules[0] if len(rules) == 1 else groups.setdefault(rules, most + len(groups))


def _by_event(heard: Sequence[tuple[str, ...]], numbers: Iterable[int]) -> dict[str, list[int]]:
    """The numbers by the event kind they hear; all of them below the empty kind."""
    lists: dict[str, list[int]] = {}
    for number in numbers:
        for event in ("", *heard[number]):
            lists.setdefault(event, []).append(number)
    return lists


def _of_kind(kind: str, numbers: Mapping[Key, int]) -> dict[str, int]:
    return {key.letters: number for key, number in numbers.items() if key.kind == kind}


def _doubled(table: Mapping[str, int]) -> dict[str, list[int]]:
    """The entries with a doubled letter, by what is left when every letter stands once."""
    lists: dict[str, list[int]] = {}
    for letters, number in table.items():
        if (short := unrepeated(letters)) != letters:
            lists.setdefault(short, []).append(number)
    return lists


def _inside(numbers: Mapping[Key, int]) -> dict[str, list[tuple[str, int]]]:
    """Letters inside words and the rules that wait for them, by the three they are looked up by."""
    lists: dict[str, list[tuple[str, int]]] = {}
    for key, number in numbers.items():
        if key.kind == "inside":
            lists.setdefault(key.letters, []).append((key.whole, number))
    return lists


def _near(numbers: Mapping[Key, int]) -> dict[str, list[tuple[int, int, int]]]:
    """Words that may be mistyped, as bits with the errors forgiven and who waits for them, by the
    first letter and the length of what may be typed."""
    lists: dict[str, list[tuple[int, int, int]]] = {}
    for key, number in numbers.items():
        if key.kind != "near":
            continue
        near = (_bits(key.letters), key.edits, number)
        for length in range(len(key.letters) - key.edits, len(key.letters) + key.edits + 1):
            lists.setdefault(f"{key.letters[0]}{length}", []).append(near)
    return lists
