"""Find conditions that can never hold: what contradicts itself, and what ``unless`` takes back.

It is proved, never guessed: two literals that might be equal in another reading do not differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from igrules.language.comparing import is_contradiction, may_be_equal
from igrules.language.conditions import Joined, Said, Tree, conjuncts, said
from igrules.language.covering import Proof, phrases_of
from igrules.language.place import Place

_MOST = 20
"""Conditions joined by one map; more are not compared with each other."""
_MOST_PHRASES = 2_000
"""Pairs of phrases that are compared."""


class Contradictions:
    """Reports what can never hold, over all conditions of a tenant."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._proof = Proof()

    def check(self, test: Tree | None, unless: Tree | None, what: str) -> None:
        """Look at the conditions of one rule, step or branch, which ``what`` names."""
        for tree in (test, unless):
            self._check_tree(tree)
        if test is None or unless is None:
            return
        if any(one.condition.plugin for one in said(unless)):
            return  # nobody knows whether it says the same twice
        if self._proof.covers(unless, conjuncts(test)):
            message = f"'unless' holds whenever 'if' does, so this {what} is never reached"
            help = "take one of the two out"
            self._place.problem("IGR204", unless.span, message, help)

    def _check_tree(self, tree: Tree | None) -> None:
        if tree is None:
            return
        together = conjuncts(tree)[:_MOST]
        for part in together:
            if isinstance(part, Joined):
                for below in part.parts:
                    self._check_tree(below)
        single = [part for part in together if isinstance(part, Said)]
        for one in single:
            self._report(one, next(self._within(one), ""))
        for one, other in combinations(single, 2):
            self._report(other, next(_between(one, other), ""))

    def _report(self, one: Said, why: str) -> None:
        if why:
            help = "take one of the two out, or write a list where one of them is enough"
            self._place.problem("IGR204", one.span, f"this can never hold: {why}", help)

    def _within(self, one: Said) -> Iterator[str]:
        """What contradicts itself in one condition."""
        for name, comparison in _comparisons(one):
            yield from _clash(name, comparison, comparison)
        if one.condition.name == "tag":
            yield from _tags(one.value, one.value)
        if one.condition.name == "keywords":
            given = phrases_of(one.value)
            refused = given.get("none", ())
            for phrase in given.get("all", ()):
                if self._is_refused(phrase, refused, one.value):
                    yield f"the phrase '{phrase}' is asked for and refused"
            asked = given.get("any", ())
            few = len(asked) * len(refused) <= _MOST_PHRASES
            if (
                asked
                and few
                and all(self._is_refused(phrase, refused, one.value) for phrase in asked)
            ):
                yield f"every phrase of 'any' is refused by 'none', such as '{asked[0]}'"

    def _is_refused(self, phrase: str, refused: Iterable[str], flags: Mapping[str, Any]) -> bool:
        case, accents = bool(flags.get("case")), bool(flags.get("accents"))
        fuzzy = bool(flags.get("fuzzy"))
        return not fuzzy and any(
            self._proof.contains(phrase, short, case, accents) for short in refused
        )


def _between(one: Said, other: Said) -> Iterator[str]:
    """What two conditions that must both hold contradict each other in."""
    names = {one.condition.name, other.condition.name}
    if names == {"open", "closed"} and len(one.value) == 1 and one.value == other.value:
        yield f"'{one.value[0]}' is not open and closed at once"
    if len(names) == 2:
        return
    if names == {"tag"}:
        yield from _tags(one.value, other.value)
        yield from _tags(other.value, one.value)
    if _is_word(one) and one.value != other.value:
        yield f"'{one.condition.name}' is not both {_shown(one.value)} and {_shown(other.value)}"
    theirs = dict(_comparisons(other))
    for name, comparison in _comparisons(one):
        if name in theirs:
            yield from _clash(name, comparison, theirs[name])
            yield from _clash(name, theirs[name], comparison)


def _is_word(one: Said) -> bool:
    """Whether the condition has exactly one of several values."""
    slot = one.condition.options
    return not slot.many and (slot.type == "bool" or (slot.type == "text" and bool(slot.choices)))


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"'{value}'"


def _tags(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Tags that one asks for and the other refuses."""
    refused = set(other.get("none", ()))
    for tag in one.get("all", ()):
        if tag in refused:
            yield f"the tag '{tag}' is asked for and refused"
    asked = one.get("any", ())
    if asked and refused.issuperset(asked):
        yield f"the tag '{asked[0]}' is asked for and refused"


def _comparisons(one: Said) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The comparisons of a condition by what they compare."""
    slot = one.condition.options
    if slot.values is not None and slot.values.type == "compare":
        yield from one.value.items()


def _clash(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Why a value cannot satisfy both comparisons."""
    if one.get("set") is False and (one.keys() | other.keys()) - {"set"}:
        yield f"'{name}' is empty and compared with a value"
    if one.get("set") is False and other.get("set") is True:
        yield f"'{name}' is empty and set at once"
    asked = one.get("is", ())
    if asked and set(asked) <= set(other.get("not", ())):
        yield f"'{name}' is and is not '{asked[0]}'"
    theirs = other.get("is", ())
    if asked and theirs and not any(may_be_equal(a, b) for a in asked for b in theirs):
        yield f"'{name}' is not both '{asked[0]}' and '{theirs[0]}'"
    lows = {key: one[key] for key in ("gt", "gte") if key in one}
    highs = {key: other[key] for key in ("lt", "lte") if key in other}
    if one is not other and is_contradiction({**lows, **highs}):
        yield f"no value of '{name}' is as high and as low as this asks for"
