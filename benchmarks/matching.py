"""How much the number of rules costs when one event is decided: goals 7 and 8.

The rules are those of shops: mostly two or three phrases, some of two words, some with any ending,
with typing errors forgiven, inside words, or an expression. Half of the messages are answered.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from benchmarks.measure import Row, medians
from igrules.engine.decide import decide
from igrules.kinds import Moment, Registry
from igrules.language.compiler import compile_tenant
from igrules.language.folding import fold
from igrules.language.index import build_index
from igrules.language.ruleset import Ask, Rule, Ruleset, Test
from igrules.model import Event, Facts
from igrules.plugins import build_registry

T = TypeVar("T")

NOW = 1_773_000_000_000
SIZES = (10, 1_000, 10_000)
CHUNK = 1_000
"""So many rules compile as one tenant; larger sets are put together from several."""

TENANT = b"""igrules-tenant: 1
name: Luz
timezone: America/Sao_Paulo
instagram: {account_id: "17841400000000101", api: instagram_login, token: {secret: access_token}}
"""
_STARTS = (
    "ba be bi bo ca ce co da de fa fe ga la le li lo ma me mi mo na ne pa pe po ra re sa se ta te "
    "to va"
)
_ENDS = "ção dor nha lho rte sto gem ria ndo mos nça ste"
_FILLERS = (
    "oi boa tarde tudo bem queria saber se vocês ainda tem em estoque e qual seria o prazo para a "
    "minha cidade obrigada desde já"
)


def rows() -> Iterator[Row]:
    """Measure and yield one row a goal."""
    registry = build_registry(third_party=False)
    sets = {size: _ruleset(size, registry) for size in SIZES}
    ways: dict[str, Callable[[], object]] = {}
    for size, ruleset in sets.items():
        events = events_of(size, partial(_phrase_of, size))
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


def _ruleset(size: int, registry: Registry) -> Ruleset:
    rules: list[Rule] = []
    ruleset: Ruleset | None = None
    for first in range(0, size, CHUNK):
        text = _file(range(first, min(first + CHUNK, size)))
        files = {"rulesets/luz/tenant.yaml": TENANT, "rulesets/luz/rules.yaml": text.encode()}
        compiled = compile_tenant(files, registry, slug="luz")
        ruleset = compiled.ruleset
        if ruleset is None:
            raise ValueError(compiled.problems[0])
        rules += ruleset.rules
    assert ruleset is not None
    numbered = tuple(replace(rule, number=number) for number, rule in enumerate(rules))
    return replace(ruleset, rules=numbered, index=build_index(numbered))


def _file(numbers: range) -> str:
    lines = ["igrules: 1", "rules:"]
    for number in numbers:
        lines += [
            f"  - id: r{number}",
            "    when: [dm, story_reply]" if number % 3 else "    when: dm",
            f"    if: {_condition(number)}",
            f"    do: {{text: Resposta {number}}}",
        ]
    return "\n".join(lines)


def _condition(number: int) -> str:
    one, two, three = (word_of(number, place) for place in range(3))
    kind = number % 20
    if kind == 0:
        return f"{{matches: {{regex: '{one}\\s+\\d+'}}}}"
    if kind == 1:
        return f"{{keywords: [{one[:5]}*, {two}]}}"
    if kind == 2:
        return f"{{keywords: {{any: [{one}x], fuzzy: true}}}}"
    if kind == 3:
        return f"{{matches: {{contains: {one} {two}}}}}"
    if kind < 8:
        return f"{{keywords: [{one} {two}, quanto custa {three}]}}"
    return f"{{keywords: [{one}, {two}, {three}]}}"


def word_of(number: int, place: int) -> str:
    """One of many words that read like words; the same for the same numbers."""
    draw = random.Random(f"{number}.{place}")
    return "".join(draw.choices(_STARTS.split(), k=3)) + draw.choice(_ENDS.split())


def _phrase_of(size: int, draw: random.Random) -> str:
    """A phrase that one of the plain rules waits for."""
    chosen = draw.randrange(size // 20) * 20 + draw.randint(8, 19) if size > 20 else 9
    return word_of(chosen, draw.randrange(3))


def events_of(seed: int, phrase: Callable[[random.Random], str]) -> Sequence[Event]:
    """Forty messages of six to fourteen words; every second one holds a phrase of a rule."""
    draw = random.Random(seed)
    events = []
    for number in range(40):
        words = draw.sample(_FILLERS.split(), draw.randint(6, 14))
        if number % 2:
            found = phrase(draw)
            words.insert(draw.randrange(len(words)), found)
        text = " ".join(words).capitalize() + draw.choice(["", "?", "!", " 😊"])
        events.append(
            Event(
                "message",
                "17841400000000101",
                "1001",
                sub="text",
                text=text,
                occurred_at=NOW,
                received_at=NOW,
                id=number + 1,
            )
        )
    return events


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
