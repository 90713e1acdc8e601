"""Check that the name of a split is unique: it decides who gets which arm, for ever."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from igrules.errors import Span
from igrules.language.bound import locate
from igrules.language.defined import report_twice
from igrules.language.done import Done, every
from igrules.language.place import Place

_ACTION = "split"


def check_split_names(lists: Iterable[tuple[Done, ...]], place: Place) -> None:
    """Report a name that stands twice; one of a blueprint stands once for all its uses."""
    seen: dict[str, Span] = {}
    for steps in lists:
        for done in every(steps):
            if done.step.action.name == _ACTION and hasattr(done.step.options, "get"):
                _check(done, seen, place)


def _check(done: Done, seen: dict[str, Span], place: Place) -> None:
    name = done.step.options.get("name", "")
    span = locate(done.node, done.step.action.options, ("name",), {}, done.key)
    first = seen.setdefault(name, span)
    if replace(first, via=None) != replace(span, via=None):
        report_twice(place, f"the split '{name}'", span, first)
