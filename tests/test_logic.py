"""Three values: true, false, and what cannot be known."""

from __future__ import annotations

from itertools import product

import pytest

from igrules.errors import Span
from igrules.kinds import Condition, Slot
from igrules.language.logic import Found, weighed
from igrules.language.ruleset import Ask, Group

SPAN = Span("x", 1, 1, 1, 1)
VALUES = (True, False, None)


def ask(value: bool | None) -> Ask:
    return Ask(Condition("x", "x", Slot(), lambda moment, options: True), value, SPAN)


def answer(asked: Ask) -> Found:
    return Found(asked.options)


def holds(group: Group) -> bool | None:
    return weighed(group, answer).holds


@pytest.mark.parametrize("parts", [*product(VALUES, repeat=2), *product(VALUES, repeat=3)])
def test_groups_follow_the_table_of_the_language(parts: tuple[bool | None, ...]) -> None:
    asks = tuple(ask(part) for part in parts)
    every = False if False in parts else None if None in parts else True
    some = True if True in parts else None if None in parts else False

    assert holds(Group("all", asks)) is every
    assert holds(Group("any", asks)) is some
    assert holds(Group("none", asks)) is (None if some is None else not some)


def test_a_failed_condition_is_not_true_under_none() -> None:
    """Otherwise a broken plugin would message everybody it meant to spare."""
    assert holds(Group("none", (ask(None),))) is None
