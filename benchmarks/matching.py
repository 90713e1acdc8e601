"""How much the number of rules costs when one event is decided: goals 7 and 8."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from benchmarks.measure import Row, medians
from benchmarks.shops import NOW, events_of, phrase_of, ruleset_of
from igrules.engine.decide import decide
from igrules.kinds import Moment
from igrules.language.folding import fold
from igrules.language.ruleset import Ask, Rule, Ruleset, Test
from igrules.model import Event, Facts
from igrules.plugins import build_registry

T = TypeVar("T")

SIZES = (10, 1_000, 10_000)


def rows() -> Iterator[Row]:
    """Measure and yield one row a goal."""
    registry = build_registry(third_party=False)
    sets = {size: ruleset_of(size, registry) for size in SIZES}
    ways: dict[str, Callable[[], object]] = {}
    for size, ruleset in sets.items():
        events = events_of(size, partial(phrase_of, size))
        ways[f"decide {size}"] = in_turn(events, _decider(ruleset))
        ways[f"loop {size}"] = in_turn(events, _plain_loop(ruleset))
    seconds = medians(ways)
    for size, most in ((1_000, 1.6), (10_000, 2.5)):
        ratio = seconds[f"decide {size}"] / seconds["decide 10"]
        what = f"match and decide, {size:,} rules"
        yield Row(7, what, "10 rules", ratio, f"at most {most:g}x", "x", ratio <= most)
    for size, least in ((1_000, 25), (10_000, 150)):
        ratio = seconds[f"loop {size}"] / seconds[f"decide {size}"]
        what = f"match and decide, {size:,} rules"
        yield Row(8, what, "a plain loop", ratio, f"at least {least}x", "x", ratio >= least)


def in_turn(items: Iterable[T], one: Callable[[T], object]) -> Callable[[], object]:
    """What asks one after the other."""

    def all_of_them() -> None:
        for item in items:
            one(item)

    return all_of_them


def _decider(ruleset: Ruleset) -> Callable[[Event], object]:
    facts = Facts()
    return lambda event: decide(event, ruleset, facts, NOW)


def _plain_loop(ruleset: Ruleset) -> Callable[[Event], object]:
    """Ask rule after rule up to the first that hears the event and whose ``if`` is true."""
    facts = Facts()

    def loop(event: Event) -> Rule | None:
        words = fold(event.text)
        others = {(False, False): words}
        moment = Moment(
            event,
            facts,
            NOW,
            ruleset.settings,
            lambda case, accents: others.get((case, accents)) or fold(event.text, case, accents),
            str,
            "dm",
        )
        return next((rule for rule in ruleset.rules if _fires(rule, moment)), None)

    return loop


def _fires(rule: Rule, moment: Moment) -> bool:
    for heard in rule.hears:
        trigger = heard.trigger
        if moment.event.kind in trigger.events and trigger.match(moment.event, heard.options):
            return rule.test is None or _holds(rule.test, moment)
    return False


def _holds(test: Test, moment: Moment) -> bool:
    if isinstance(test, Ask):
        verdict = test.condition.test(moment, test.options)
        return verdict if isinstance(verdict, bool) else bool(verdict.holds)
    found = (_holds(part, moment) for part in test.parts)
    return all(found) if test.mode == "all" else any(found) is (test.mode == "any")
