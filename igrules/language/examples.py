"""Try the ``examples`` of a rule: words alone decide, everything else is taken as failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from igrules.kinds import Moment, Settings, Words
from igrules.language.folding import fold
from igrules.language.logic import Asking, Found, found_by, weighed
from igrules.language.place import Place
from igrules.language.ruleset import Ask, Hears, Rule, Test
from igrules.model import Event, Facts

ACCOUNT = "0"
_NOW = 1_700_000_000_000
"""Any time will do: no condition that is asked here looks at the clock."""


def moment_of(event: Event, settings: Settings, via: str, rule: str) -> Moment:
    """A moment in which nothing but the event is known."""
    return Moment(event, Facts(), _NOW, settings, _reader(event.text), _unrendered, via, rule)


def _reader(text: str) -> Callable[[bool, bool], Words]:
    known: dict[tuple[bool, bool], Words] = {}

    def read(case: bool, accents: bool) -> Words:
        key = (case, accents)
        if key not in known:
            known[key] = fold(text, case, accents)
        return known[key]

    return read


def _unrendered(template: Any) -> str:
    return str(getattr(template, "literal", template))


def ask_offline(moment: Moment) -> Asking:
    """Answer the conditions that need nothing but the event; all others have failed."""

    def ask(asked: Ask) -> Found:
        condition = asked.condition
        if not condition.offline:
            return Found(None)
        try:
            verdict = condition.test(moment, asked.options)
        except Exception:  # noqa: BLE001  # one plugin's call: a condition that raises has failed
            return Found(None)
        return found_by(condition, verdict)

    return ask


def check_examples(rule: Rule, place: Place) -> None:
    """Report every example the rule takes or refuses against its word."""
    hears = next(
        (one for one in rule.hears if one.trigger.text and one.trigger.example_event), None
    )
    if not rule.examples:
        return
    if hears is None:
        span = rule.examples[0][2]
        help = "write a scenario test instead, or remove the examples"
        message = "examples need a trigger with text, and this rule hears none"
        place.problem("IGR210", span, message, help)
        return
    for kind, text, span in rule.examples:
        refusal = _refusal(rule, text, hears, place.settings)
        if kind == "match" and refusal:
            help = "add a phrase that takes it, or move the text to 'ignore'"
            message = f"'{text}' is refused: {refusal}"
            place.problem("IGR210", span, message, help)
        elif kind == "ignore" and not refusal:
            help = "narrow the conditions, or move the text to 'match'"
            message = f"'{text}' is taken{_word(rule, text, hears, place.settings)}"
            place.problem("IGR210", span, message, help)


def _refusal(rule: Rule, text: str, hears: Hears, settings: Settings) -> str:
    """Why the words of the rule keep it from answering a text; empty when they do not."""
    ask = ask_offline(_moment(rule, text, hears, settings))
    if rule.test is not None and weighed(rule.test, ask).holds is False:
        return "'if' does not hold"
    if rule.unless is not None and weighed(rule.unless, ask).holds is True:
        return "'unless' holds"
    return ""


def _moment(rule: Rule, text: str, hears: Hears, settings: Settings) -> Moment:
    make = hears.trigger.example_event
    assert make is not None  # only such triggers are chosen
    return moment_of(make(ACCOUNT, text), settings, hears.trigger.name, rule.id)


def _word(rule: Rule, text: str, hears: Hears, settings: Settings) -> str:
    """The phrase that took a text, in the words of a message."""
    if rule.test is None:
        return ""
    ask = ask_offline(_moment(rule, text, hears, settings))
    phrase = weighed(rule.test, ask).captures.get("phrase")
    return f" by its phrase '{phrase}'" if phrase else ""


def takes(test: Test | None, unless: Test | None, moment: Moment) -> bool:
    """Whether conditions that are known offline let an event pass for sure."""
    ask = ask_offline(moment)
    passed = test is None or weighed(test, ask).holds is True
    return passed and (unless is None or weighed(unless, ask).holds is False)


def hears_it(rule: Rule, event: Event, settings: Settings) -> bool:
    """Whether a rule hears an event and its words do not keep it from answering."""
    for hears in rule.hears:
        if event.kind not in hears.trigger.events or not _matches(hears, event):
            continue
        ask = ask_offline(moment_of(event, settings, hears.trigger.name, rule.id))
        if rule.test is None or weighed(rule.test, ask).holds is not False:
            return True
    return False


def _matches(hears: Hears, event: Event) -> bool:
    try:
        return bool(hears.trigger.match(event, hears.options))
    except Exception:  # noqa: BLE001  # one plugin's call: a trigger that raises hears nothing
        return False
