"""What other engines need for the same thousand rules: goal 9.

Each rule waits for one of three words, and each message holds a word of one rule or of none, so
that every engine can say it in its own way. All are handed the folded words and give the rule that
answers; what only ours does besides (folding, steps, effects, trace) is shown, not compared. All
have to find the same rule, or nothing is measured.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.matching import in_turn
from benchmarks.measure import Row, medians
from benchmarks.shops import NOW, TENANT, events_of, word_of
from igrules.engine.decide import decide
from igrules.engine.judging import judge
from igrules.engine.scene import Scene
from igrules.language.compiler import compile_tenant
from igrules.language.folding import fold
from igrules.language.ruleset import Ruleset
from igrules.model import Event, Facts
from igrules.plugins import build_registry

RULES = 1_000
GOALS = (
    ("clips", "CLIPS", 15),
    ("zen", "zen expressions", 80),
    ("rule_engine", "rule-engine", 800),
)

Answers = Callable[[Sequence[str]], int | None]
"""The number of the first rule that waits for one of these words."""


def rows() -> Iterator[Row]:
    """Measure and yield the rows of goal 9."""
    rules = [_words(number) for number in range(RULES)]
    ruleset = _ruleset(rules)
    events = events_of(RULES, lambda draw: draw.choice(rules[draw.randrange(RULES)]))
    scenes = [Scene(event, ruleset, Facts(), NOW, time.perf_counter) for event in events]
    messages = [[word.forms[0] for word in scene.read(False, False).words] for scene in scenes]
    others = {name: _MAKERS[name](rules) for name, _, _ in GOALS}
    for event, scene, words in zip(events, scenes, messages, strict=True):
        _compare(event, scene, words, others)
    ways: dict[str, Callable[[], object]] = {
        name: in_turn(messages, answers) for name, answers in others.items()
    }
    ways["ours"] = in_turn(scenes, _ours)
    ways["whole"] = in_turn(events, lambda event: decide(event, ruleset, Facts(), NOW))
    seconds = medians(ways)
    us = {name: f"{1e6 * taken / len(events):,.0f} us" for name, taken in seconds.items()}
    what = f"find who answers, {RULES:,} rules"
    for name, shown, least in GOALS:
        ratio = seconds[name] / seconds["ours"]
        each = f"{shown} {us[name]}; ours {us['ours']}, the whole decision {us['whole']}"
        yield Row(9, what, each, ratio, f">= {least}", "x", ratio >= least)


def _words(number: int) -> tuple[str, ...]:
    """Three words no other rule has."""
    return tuple(f"{fold(word_of(number, place)).joined}{number}" for place in range(3))


def _ruleset(rules: Sequence[Sequence[str]]) -> Ruleset:
    lines = ["igrules: 1", "rules:"]
    for number, words in enumerate(rules):
        test = f"if: {{keywords: [{', '.join(words)}]}}"
        lines.append(f"  - {{id: r{number}, when: dm, {test}, do: {{text: Oi}}}}")
    written = "\n".join(lines).encode()
    files = {"rulesets/luz/tenant.yaml": TENANT, "rulesets/luz/rules.yaml": written}
    compiled = compile_tenant(files, build_registry(third_party=False), slug="luz")
    if compiled.ruleset is None:
        raise ValueError(compiled.problems[0])
    return compiled.ruleset


def _ours(scene: Scene) -> int | None:
    """The number of the first rule that fires."""
    ruleset = scene.ruleset
    for number in ruleset.index.candidates(scene.read(False, False), scene.event.kind):
        if judge(scene, ruleset.rules[number]).reason == "fired":
            return int(number)
    return None


def _compare(event: Event, scene: Scene, words: Sequence[str], others: dict[str, Answers]) -> None:
    expected = _ours(scene)
    effects = decide(event, scene.ruleset, Facts(), NOW).effects
    found = {name: answers(words) for name, answers in others.items()}
    found["decide"] = int(effects[0].rule[1:]) if effects else None
    for name, number in found.items():
        if number != expected:
            raise ValueError(f"{name} finds rule {number}, igrules {expected}")


def _clips(rules: Sequence[Sequence[str]]) -> Answers:
    """Facts go in word by word, and its network says which rule they fire."""
    clips: Any = importlib.import_module("clips")
    environment = clips.Environment()
    environment.build(f"(defglobal ?*found* = {RULES})")
    for number, words in enumerate(rules):
        either = " ".join(f"(word {word})" for word in words)
        environment.build(
            f"(defrule r{number} (or {either}) => (bind ?*found* (min ?*found* {number})))"
        )
    found = environment.find_global("found")

    def answers(words: Sequence[str]) -> int | None:
        environment.reset()
        for word in words:
            environment.assert_string(f"(word {word})")
        environment.run()
        return None if found.value == RULES else int(found.value)

    return answers


def _zen(rules: Sequence[Sequence[str]]) -> Answers:
    """One compiled expression a rule."""
    zen: Any = importlib.import_module("zen")
    compiled = [zen.compile_expression(_either(words)) for words in rules]
    return _first_of(compiled, lambda expression, context: bool(expression.evaluate(context)))


def _rule_engine(rules: Sequence[Sequence[str]]) -> Answers:
    """One compiled rule a rule."""
    rule_engine: Any = importlib.import_module("rule_engine")
    compiled = [rule_engine.Rule(_either(words)) for words in rules]
    return _first_of(compiled, lambda rule, context: bool(rule.matches(context)))


def _either(words: Sequence[str]) -> str:
    return " or ".join(f"'{word}' in words" for word in words)


def _first_of(compiled: Sequence[Any], holds: Callable[[Any, Any], bool]) -> Answers:
    def answers(words: Sequence[str]) -> int | None:
        context = {"words": list(words)}
        return next((n for n, rule in enumerate(compiled) if holds(rule, context)), None)

    return answers


_MAKERS: dict[str, Callable[[Sequence[Sequence[str]]], Answers]] = {
    "clips": _clips,
    "zen": _zen,
    "rule_engine": _rule_engine,
}
