"""Conditions, rules and moments for tests of text matching, without files and without an engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from igrules.builtin.keywords import KEYWORDS
from igrules.builtin.matches import MATCHES
from igrules.errors import Span
from igrules.kinds import Complaint, Condition, Moment, Settings, Trigger, Verdict
from igrules.language.folding import fold
from igrules.language.ruleset import Ask, Group, Hears, Rule, Test
from igrules.model import EMPTY, Event, Facts

PLACE = Span("rules.yaml", 1, 1, 1, 2)
DM = Trigger("dm", "a message", frozenset({"message"}), lambda event, options: True, text=True)
COMMENT = Trigger("comment", "a comment", frozenset({"comment"}), lambda event, options: True)


def moment(text: str, kind: str = "message") -> Moment:
    """The moment of one event with this text."""
    return Moment(
        event=Event(kind, "17841400000000101", "1001", text=text),
        facts=Facts(),
        now=0,
        settings=Settings("luz"),
        read=lambda case, accents: fold(text, case, accents),
        render=str,
        via="dm",
    )


def ask(condition: Condition, options: Any) -> Ask:
    """A condition bound to options as the compiler hands them over."""
    prepared = condition.prepare(options) if condition.prepare else options
    return Ask(condition, prepared, PLACE)


def keywords(*phrases: str, **options: Any) -> Ask:
    """``keywords`` with these phrases under ``any``."""
    given: Mapping[str, Any] = {"any": phrases, **options} if phrases else options
    return ask(KEYWORDS, given)


def matches(*maps: Mapping[str, Any], **options: Any) -> Ask:
    """``matches`` with one map, or a list of them."""
    return ask(MATCHES, maps or (options,))


def verdict(test: Ask, text: str, kind: str = "message") -> Verdict:
    """What the condition says of a text."""
    said = test.condition.test(moment(text, kind), test.options)
    assert isinstance(said, Verdict)
    return said


def holds(test: Test | None, text: str) -> bool:
    """Whether a tree of conditions that never fail is true, evaluated plainly."""
    if test is None:
        return True
    if isinstance(test, Ask):
        return bool(verdict(test, text).holds)
    if test.mode == "all":
        return all(holds(part, text) for part in test.parts)
    found = any(holds(part, text) for part in test.parts)
    return found if test.mode == "any" else not found


def complaints(condition: Condition, options: Any) -> list[tuple[Any, ...]]:
    """Path, code and level of everything the kind has to say against options."""
    assert condition.check is not None
    found: Iterable[Complaint] = condition.check(options)
    return [(one.path, one.code, one.severity) for one in found]


def rule(number: int, test: Test | None, *triggers: Trigger) -> Rule:
    """A rule with this condition and no steps."""
    hears = tuple(Hears(trigger, EMPTY) for trigger in triggers or (DM,))
    return Rule(f"r{number}", number, PLACE, hears, (), answers=True, test=test)


def group(mode: Any, *parts: Test) -> Group:
    """Conditions joined."""
    return Group(mode, parts)
