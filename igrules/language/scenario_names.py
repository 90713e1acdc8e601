"""Check what a test file names against the ruleset it tests: people, rules, steps, reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from igrules.errors import Span
from igrules.language.codes import did_you_mean
from igrules.language.findings import Findings, replace
from igrules.language.ruleset import Ask, Block, Group, Ruleset, Test
from igrules.language.scenario_files import Expected, Scenario, ScenarioFile
from igrules.model import NOT_FOR_RULES

JUDGED = (
    "disabled", "rollout", "trigger", "if", "unless", "failed", "once", "cooldown", "limit",
    "running", "not_tried", "fired",
)  # fmt: skip
"""What ``why`` may say about a rule."""
SKIPPED = NOT_FOR_RULES | {
    "too_old", "consent", "paused", "not_enabled", "opted_out", "handed_off", "human_pause", "loop",
    "limited", "deactivated",
}  # fmt: skip
"""What ``reason`` may say about an event."""
ENDS = (
    "done", "stopped", "replied", "timed_out", "failed", "replaced", "restarted", "interrupted",
    "cancelled", "opted_out", "handed_off", "window_closed", "limited", "too_long", "expired",
)  # fmt: skip
"""How a run ends."""
SOMEBODY = "someone"
"""Who acts in a test that names nobody."""
_OWN_FIELDS = ("language",)
_MOST_LISTED = 12


class _Names:
    """What may be named, by what it is called in a message."""

    def __init__(self, file: ScenarioFile, ruleset: Ruleset) -> None:
        rules = {rule.id for rule in ruleset.rules}
        former = {name for rule in ruleset.rules for name in rule.was}
        self.known: Mapping[str, Iterable[str]] = {
            "contact": file.contacts,
            "rule": rules,
            "fired": rules | former,
            "step": set(_questions(ruleset)),
            "reason": SKIPPED,
            "why": JUDGED,
            "end": ENDS,
            "field": {*ruleset.names.fields, *_OWN_FIELDS},
            "channel": {*ruleset.settings.notify, "default"},
        }


_CALLED = {
    "contact": "contact", "rule": "rule", "fired": "rule", "step": "question", "reason": "reason",
    "why": "reason", "end": "end of a run", "field": "field", "channel": "channel",
}  # fmt: skip


def check_names(file: ScenarioFile, ruleset: Ruleset, findings: Findings) -> None:
    """Report every name in a test file that the tenant does not have."""
    known = _Names(file, ruleset).known
    for sort, word, span in _named(file):
        if word in known[sort]:
            continue
        near = did_you_mean(word, known[sort])
        fix = replace(span, near) if near else None
        message = f"unknown {_CALLED[sort]} '{word}'"
        help = f"did you mean '{near}'?" if near else _listed(sort, known[sort])
        findings.add("IGR701", span, message, help, fix=fix)


def _listed(sort: str, known: Iterable[str]) -> str:
    words = sorted(known)
    if sort == "contact":
        return "add it under  contacts  of this file"
    if not words:
        return f"the tenant has no {_CALLED[sort]}; leave it out"
    more = f", … ({len(words) - _MOST_LISTED})" if len(words) > _MOST_LISTED else ""
    return f"known: {', '.join(words[:_MOST_LISTED])}{more}"


def _named(file: ScenarioFile) -> Iterator[tuple[str, str, Span]]:
    for name, values in file.contacts.items():
        for sort, key in (("fired", "fired"), ("field", "fields")):
            for word in values.get(key, {}):
                yield sort, word, file.spans[f"contacts.{name}.{key}.{word}"]
    for scenario in file.scenarios:
        yield from _named_in(scenario)


def _named_in(scenario: Scenario) -> Iterator[tuple[str, str, Span]]:
    if scenario.person_span is not None:
        yield "contact", scenario.person, scenario.person_span
    for step in scenario.steps:
        if step.word == "as":
            yield "contact", step.value, step.span
        elif step.word == "expect":
            yield from _expected(step.value)


_LISTS = {"rule": "rule", "listened": "rule", "notified": "channel", "ended": "end"}


def _expected(expected: Expected) -> Iterator[tuple[str, str, Span]]:
    values, spans = expected.values, expected.spans
    for key, sort in _LISTS.items():
        for number, word in enumerate(values.get(key, ())):
            if key != "rule" or values[key] != ("none",):
                yield sort, word, spans[f"{key}[{number}]"]
    if values.get("asks", "false") not in ("false", "true"):
        yield "step", values["asks"], spans["asks"]
    if "reason" in values:
        yield "reason", values["reason"], spans["reason"]
    yield from (("field", field, spans[f"fields.{field}"]) for field in values.get("fields", {}))
    for rule, why in values.get("why", {}).items():
        yield "rule", rule, spans[f"why.{rule}"]
        yield "why", why, spans[f"why.{rule}:"]


def _questions(ruleset: Ruleset) -> Iterator[str]:
    """Step ids, and the fields questions save their answers in."""
    for block in ruleset.blocks.values():
        for step in block.steps:
            if step.id:
                yield step.id
            if step.action.parks and isinstance(step.options, Mapping) and "save" in step.options:
                yield str(step.options["save"])


def looks_at_clock(ruleset: Ruleset) -> bool:
    """Whether answers depend on what time of which day it is."""
    if ruleset.names.hours:
        return True
    tests: list[Test | None] = []
    for rule in ruleset.rules:
        tests += [rule.test, rule.unless]
    for block in ruleset.blocks.values():
        tests += [test for step in block.steps for test in (step.test, step.unless)]
        tests += [test for step in block.steps for test in _inside(step.options)]
    return any(_asks_for_date(test) for test in tests if test is not None)


def _inside(options: object) -> Iterator[Test]:
    """The conditions that stand in the options of a step."""
    if isinstance(options, Ask | Group):
        yield options
    elif isinstance(options, Mapping):
        for value in options.values():
            yield from _inside(value)
    elif isinstance(options, tuple) and not isinstance(options, Block):
        for value in options:
            yield from _inside(value)


def _asks_for_date(test: Test) -> bool:
    if isinstance(test, Ask):
        return test.condition.name in ("date", "open", "closed")
    return any(_asks_for_date(part) for part in test.parts)
