"""Whether one condition follows from others: the proof behind shadowing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from igrules.kinds import Words
from igrules.language.conditions import Said, Tree, sense
from igrules.language.folding import fold
from igrules.language.phrases import Part, Phrase, part_matches, read_phrase

_PLAIN = frozenset({"trigger", "payload", "emoji", "attachment", "tag", "window"})
"""Conditions whose list means any: what holds for a shorter list holds for a longer one."""


_MOST_COMPARED = 1_000_000
"""Phrases compared with each other over a whole tenant; real ones need some thousands."""


class _Read(NamedTuple):
    """A phrase as it matches, and as a message."""

    phrase: Phrase
    words: Words


class Proof:
    """Proves what follows from what. What it does not understand does not follow, nor what is left
    when it has compared too much."""

    def __init__(self) -> None:
        self._left = _MOST_COMPARED
        self._seen: dict[tuple[str, bool, bool], _Read] = {}

    def words(self, phrase: str) -> tuple[Part, ...]:
        """The words of a phrase, as they match when neither case nor accents matter."""
        return self._read(phrase, False, False).phrase.parts

    def covers(self, tree: Tree | None, given: tuple[Tree, ...]) -> bool:
        """Whether ``tree`` holds whenever all of ``given`` hold."""
        if tree is None:
            return True
        if not isinstance(tree, Said):
            if any(sense(tree) == sense(one) for one in given):
                return True
            if tree.mode == "all":
                return all(self.covers(part, given) for part in tree.parts)
            return tree.mode == "any" and any(self.covers(part, given) for part in tree.parts)
        return any(self._follows(tree, one) for one in given)

    def _follows(self, wanted: Said, given: Tree) -> bool:
        if not isinstance(given, Said):
            if given.mode == "any":
                return all(self._follows(wanted, part) for part in given.parts)
            return given.mode == "all" and any(self._follows(wanted, part) for part in given.parts)
        if wanted.condition.name != given.condition.name:
            return False
        if wanted.condition.name == "keywords":
            return self._keywords_follow(wanted.value, given.value)
        if wanted.condition.name in _PLAIN and _is_within(given.value, wanted.value):
            return True
        return bool(sense(wanted) == sense(given))

    def _keywords_follow(self, wanted: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
        """Whether each way the given phrases can match makes the wanted ones match, too."""
        if any(bool(wanted.get(flag)) != bool(given.get(flag)) for flag in ("case", "accents")):
            return False
        if given.get("fuzzy") and not wanted.get("fuzzy"):
            return False
        ours, theirs = phrases_of(wanted), phrases_of(given)
        if not set(ours.get("none", ())) <= set(theirs.get("none", ())):
            return False
        any_follows = "any" not in ours or self._one_is_there(ours["any"], theirs, wanted)
        return any_follows and all(
            self._one_is_there((phrase,), theirs, wanted) for phrase in ours.get("all", ())
        )

    def _one_is_there(
        self,
        wanted: tuple[str, ...],
        given: Mapping[str, tuple[str, ...]],
        flags: Mapping[str, Any],
    ) -> bool:
        """Whether a text with the given phrases has one of the wanted in it."""
        case, accents = bool(flags.get("case")), bool(flags.get("accents"))

        def is_in(long: str) -> bool:
            return any(self.contains(long, short, case, accents) for short in wanted)

        if any(is_in(long) for long in given.get("all", ())):
            return True
        return "any" in given and all(is_in(long) for long in given["any"])

    def contains(self, long: str, short: str, case: bool = False, accents: bool = False) -> bool:
        """Whether every text with the phrase ``long`` has the phrase ``short`` in it."""
        if long == short:
            return True
        self._left -= 1
        if self._left < 0:
            return False
        given, wanted = self._read(long, case, accents), self._read(short, case, accents)
        if wanted.phrase.joined or given.phrase.joined:
            return False
        places = range(len(given.phrase.parts) - len(wanted.phrase.parts) + 1)
        return any(_stands_at(wanted.phrase, given, place) for place in places)

    def _read(self, text: str, case: bool, accents: bool) -> _Read:
        key = (text, case, accents)
        if key not in self._seen:
            self._seen[key] = _Read(read_phrase(text, case, accents), fold(text, case, accents))
        return self._seen[key]


def _stands_at(wanted: Phrase, given: _Read, place: int) -> bool:
    """Whether the words of a phrase stand at a place of another."""
    for number, part in enumerate(wanted.parts):
        if given.phrase.parts[place + number].prefix and not part.prefix:
            return False
        if not part_matches(part, given.words.words[place + number]):
            return False
    return True


def _is_within(given: Any, wanted: Any) -> bool:
    """Whether a list, or the ``any`` of a map, holds nothing the other lacks."""
    if isinstance(given, Mapping) and isinstance(wanted, Mapping):
        if set(given) != {"any"} or set(wanted) != {"any"}:
            return False
        given, wanted = given["any"], wanted["any"]
    both = isinstance(given, tuple) and isinstance(wanted, tuple)
    return both and set(given) <= set(wanted)


def phrases_of(value: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The phrases under ``any``, ``all`` and ``none`` of a ``keywords``."""
    return {key: value[key] for key in ("any", "all", "none") if value.get(key)}
