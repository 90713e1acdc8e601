"""Hint at what a whole tenant lacks: rules nobody tried, and a way to a person."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from igrules.errors import Span
from igrules.language.done import every
from igrules.language.flows import WrittenFlow
from igrules.language.place import Place
from igrules.language.rules import Written

_WORD = re.compile(r"[\w.-]+")
_HANDS_OVER = "handoff"


def check_tested(rules: Iterable[Written], tests: Iterable[str], place: Place) -> None:
    """Report answering rules with neither examples nor a test. ``tests`` are whole test files: a
    rule counts as tested where its id stands in one."""
    named = {word for text in tests for word in _WORD.findall(text)}
    for written in rules:
        rule = written.rule
        if rule.source == "rules" and rule.answers and not rule.examples and rule.id not in named:
            message = f"rule '{rule.id}' has neither examples nor a test"
            help = "add  examples: {match: […], ignore: […]},  or expect it in a test"
            place.problem("IGR211", rule.span, message, help)


def check_way_out(
    rules: Iterable[Written], flows: Mapping[str, WrittenFlow], start: Span, place: Place
) -> None:
    """Report a tenant that answers and never hands over; ``start`` is where its rules begin."""
    rules = tuple(rules)
    lists = [*(one.steps for one in rules), *(one.steps for one in flows.values())]
    actions = {done.step.action.name for steps in lists for done in every(steps)}
    if any(one.rule.answers for one in rules) and _HANDS_OVER not in actions:
        message = "no rule hands the conversation over to a person"
        help = "add a rule with  - handoff  for people who ask for one"
        place.problem("IGR506", start, message, help)
