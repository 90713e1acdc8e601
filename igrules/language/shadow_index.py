"""Find rules that might shadow another, without comparing each with each.

An earlier rule is kept under what it needs: the words of a phrase, a value of a list. A later one
looks under everything it has; what comes out may be too much and is proved afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from igrules.language.conditions import Joined, Said, Tree, frozen, sense
from igrules.language.covering import phrases_of
from igrules.language.phrases import Part
from igrules.language.rules import Written

_Key = tuple[Any, ...]
_ALWAYS: _Key = ("always",)
_LONGEST = 8
MOST_COMPARED = 100
"""Further candidates are not looked at: a phrase in a hundred rules is no accident."""


class ShadowIndex:
    """Rules by what they need to answer."""

    def __init__(self, words: Callable[[str], tuple[Part, ...]]) -> None:
        self._words = words
        self._kept: dict[_Key, list[Written]] = {}
        self._endings: set[int] = set()

    def keep(self, written: Written) -> None:
        """Add a rule, which may shadow those tried after it."""
        for key in set(self._needed(written.test)):
            self._kept.setdefault(key, []).append(written)

    def candidates(self, later: Written) -> list[Written]:
        """Rules that might shadow this one, each once, in the order they are tried."""
        found = {
            earlier.rule.number: earlier
            for key in dict.fromkeys((_ALWAYS, *self._given(later.test)))
            for earlier in self._kept.get(key, ())[:MOST_COMPARED]
        }
        return [found[number] for number in sorted(found)[:MOST_COMPARED]]

    def _needed(self, tree: Tree | None) -> Iterator[_Key]:
        """Keys of which a rule that is shadowed by ``tree`` gives at least one."""
        if tree is None:
            yield _ALWAYS
        elif isinstance(tree, Said):
            yield from self._needed_by(tree)
        elif tree.mode == "any":
            for part in tree.parts:
                yield from self._needed(part)
        elif tree.mode == "all":
            yield from self._needed(tree.parts[0])
        else:
            yield ("group", sense(tree))

    def _needed_by(self, said: Said) -> Iterator[_Key]:
        if said.condition.name != "keywords":
            yield from _values(said)
            return
        given = phrases_of(said.value)
        for phrase in given.get("any") or given.get("all", ())[:1]:
            parts = self._words(phrase)
            ending = next((part.forms[0] for part in parts if part.prefix), "")
            if ending:
                self._endings.add(len(ending))
            yield ("ending", ending) if ending else ("phrase", *(part.forms[0] for part in parts))
        if set(given) == {"none"}:
            yield _ALWAYS

    def _given(self, tree: Tree | None) -> Iterator[_Key]:
        """Keys under which an earlier rule that shadows this one may be kept."""
        if isinstance(tree, Joined):
            if tree.mode == "none":
                yield ("group", sense(tree))
            for part in tree.parts:
                yield from self._given(part)
        elif tree is not None and tree.condition.name == "keywords":
            given = phrases_of(tree.value)
            for phrase in (*given.get("any", ()), *given.get("all", ())):
                yield from self._parts_of(phrase)
        elif tree is not None:
            yield from _values(tree)

    def _parts_of(self, phrase: str) -> Iterator[_Key]:
        """Every phrase that stands in a phrase, and every beginning of a word that is kept."""
        forms = [part.forms[0] for part in self._words(phrase)[:_LONGEST]]
        for start, form in enumerate(forms):
            for length in self._endings:
                yield ("ending", form[:length])
            for end in range(start + 1, len(forms) + 1):
                yield ("phrase", *forms[start:end])


def _values(said: Said) -> Iterator[_Key]:
    values = said.value if isinstance(said.value, tuple) else (said.value,)
    if hasattr(said.value, "get"):
        values = (*values, *(said.value.get("any") or ()))
    for value in values:
        yield (said.condition.name, frozen(value))
