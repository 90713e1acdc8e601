"""What tests have tried of a ruleset: rules, branches, phrases, variants, languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from igrules.builtin.keywords import Keywords
from igrules.builtin.matches import Match
from igrules.engine.scope import language_of
from igrules.errors import Span
from igrules.language.buckets import bucket
from igrules.language.examples import ask_offline, moment_of
from igrules.language.logic import weighed
from igrules.language.phrases import Phrase, is_whole, starts_with
from igrules.language.ruleset import Ask, Block, Rule, Ruleset, Step, Test
from igrules.model import Event, Facts
from igrules.work.world.happenings import Closed, Heard, Woken
from igrules.work.world.world import World

_AFTER_IF = frozenset({"fired", "unless", "once", "cooldown", "limit", "running"})
"""Reasons of a rule whose ``if`` was true."""
SORTS = ("rules", "branches", "phrases", "variants", "languages")


@dataclass(frozen=True, slots=True)
class Part:
    """Something a test can try. ``label`` is how a person finds it, beside its place."""

    sort: str
    key: str
    label: str
    span: Span


class Coverage:
    """The parts of a ruleset, and those that tests have tried."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset
        self.parts = {(part.sort, part.key): part for part in _parts_of(ruleset)}
        self._seen: set[tuple[str, str]] = set()

    def note(self, world: World) -> None:
        """Count what happened in a world."""
        rules = {rule.id: rule for rule in world.ruleset.rules}
        for one in world.log:
            if isinstance(one, Heard | Woken):
                self._note_steps(one.decision.trace.get("steps", ()))
                self._note_variants(one)
            if isinstance(one, Heard):
                self._note_rules(one, rules, world)
            elif isinstance(one, Closed) and one.state == "sent":
                facts = Facts(world.people.find(one.person))
                self._add("languages", language_of(facts, world.ruleset))

    def count(self, sort: str) -> tuple[int, int]:
        """How many parts of a sort were tried, and how many there are."""
        there = [key for kind, key in self.parts if kind == sort]
        return sum((sort, key) in self._seen for key in there), len(there)

    def total(self) -> float:
        """The share of all parts that were tried, from 0 to 1."""
        return len(self._seen) / len(self.parts) if self.parts else 1.0

    def missing(self, *sorts: str) -> list[Part]:
        """The parts of these sorts that no test has tried."""
        return [
            part
            for sort in sorts
            for place, part in self.parts.items()
            if part.sort == sort and place not in self._seen
        ]

    def _add(self, sort: str, key: str) -> None:
        if (sort, key) in self.parts:
            self._seen.add((sort, key))

    def _note_steps(self, paths: Sequence[str]) -> None:
        for path in paths:
            plain = path.removeprefix("!")
            self._add("branches", f"{plain} {'skipped' if path != plain else 'taken'}")
            for block in self._ruleset.blocks.values():
                if any(step.path == plain for step in block.steps):
                    self._add("branches", block.path)

    def _note_variants(self, one: Heard | Woken) -> None:
        event = one.event if isinstance(one, Heard) else one.run.event
        steps = {step.path: step for step in _steps(self._ruleset)}
        for mark in one.decision.marks:
            step = steps.get(mark.name.removeprefix("text:"))
            if step is None or not mark.name.startswith("text:"):
                continue
            whose = event.post if step.action.varies == "post" else event.person
            start = bucket(self._ruleset.settings.slug, mark.name, whose)
            number = (start + mark.n - 1) % len(_variants(step))
            self._add("variants", f"{step.path}:{number}")

    def _note_rules(self, heard: Heard, rules: Mapping[str, Rule], world: World) -> None:
        for one in heard.decision.outcomes:
            rule = rules[one.rule]
            if one.reason == "fired":
                self._add("rules", rule.id)
            if one.reason in _AFTER_IF:
                self._note_phrases(rule, rule.test, heard.event, world)
            if one.reason == "unless":
                self._note_phrases(rule, rule.unless, heard.event, world)

    def _note_phrases(self, rule: Rule, test: Test | None, event: Event, world: World) -> None:
        """Which phrases of a condition the text of the event holds by."""
        text = event.text or event.title
        if test is None or not text:
            return
        said = Event(event.kind, event.account, text=text)
        moment = moment_of(said, world.ruleset.settings, "", rule.id)
        asking = ask_offline(moment)
        for ask in _asks(test):
            found = weighed(ask, asking)
            if not found.holds:
                continue
            if "phrase" in found.captures:
                self._add("phrases", f"{rule.id}:{found.captures['phrase']}")
            elif isinstance(ask.options, tuple):
                words = moment.read
                for match in ask.options:
                    phrase = _decisive(match, words(match.case, match.accents).words)
                    if phrase is not None:
                        self._add("phrases", f"{rule.id}:{phrase.written}")
                        break


def _decisive(match: Match, words: Any) -> Phrase | None:
    whole = next((phrase for phrase in match.whole if is_whole(phrase, words)), None)
    return whole or next((one for one in match.starts if starts_with(one, words)), None)


def _parts_of(ruleset: Ruleset) -> Iterator[Part]:
    for rule in ruleset.rules:
        yield Part("rules", rule.id, rule.id, rule.span)
    yield from _branches(ruleset)
    for rule in ruleset.rules:
        for test in (rule.test, rule.unless):
            for phrase, span in _phrases(test):
                yield Part("phrases", f"{rule.id}:{phrase}", phrase, span)
    for step in _steps(ruleset):
        if step.varies:
            for number in range(len(_variants(step))):
                label = f"{step.path} variant {number + 1}"
                yield Part("variants", f"{step.path}:{number}", label, step.span)
    start = Span("tenant.yaml", 1, 1, 1, 1)
    for language in ruleset.settings.languages:
        yield Part("languages", language, language, start)


def _branches(ruleset: Ruleset) -> Iterator[Part]:
    roots = {f"{rule.id}.do" for rule in ruleset.rules}
    owners = {block.path: step.path for step in _steps(ruleset) for block in step.blocks}
    for block in ruleset.blocks.values():
        if block.path in owners and block.path not in roots and block.steps:
            yield Part("branches", block.path, _label(block, owners), block.steps[0].span)
        for step in block.steps:
            if step.test is not None or step.unless is not None:
                for word in ("taken", "skipped"):
                    yield Part("branches", f"{step.path} {word}", f"{step.path} {word}", step.span)


def _label(block: Block, owners: Mapping[str, str]) -> str:
    """``flows.pedido.num on_fail``: the step, and what stands in it."""
    owner = owners[block.path]
    return f"{owner} {block.path.removeprefix(owner).removeprefix('.').removesuffix('.do')}"


def _steps(ruleset: Ruleset) -> Iterator[Step]:
    for block in ruleset.blocks.values():
        yield from block.steps


def _variants(step: Step) -> Sequence[Any]:
    for key in ("text", "private_reply"):
        found = step.options.get(key) if isinstance(step.options, Mapping) else None
        if isinstance(found, tuple) and len(found) > 1:
            return found
    return ("",)


def _asks(test: Test) -> Iterator[Ask]:
    """Every condition that has to hold; those under ``none`` must not."""
    if isinstance(test, Ask):
        yield test
    elif test.mode != "none":
        for part in test.parts:
            yield from _asks(part)


def _phrases(test: Test | None) -> Iterator[tuple[str, Span]]:
    for ask in _asks(test) if test is not None else ():
        options = ask.options
        if isinstance(options, Keywords):
            matchers = (options.any, *options.all)
            yield from ((one.written, ask.span) for group in matchers for one in group.phrases)
        elif isinstance(options, tuple):
            for match in options:
                if isinstance(match, Match):
                    phrases = (*match.whole, *match.starts)
                    yield from ((phrase.written, ask.span) for phrase in phrases)
