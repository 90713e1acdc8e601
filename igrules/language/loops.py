"""Find public replies of ours that a rule on comments would answer again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from igrules.errors import Note, Span
from igrules.language.bound import locate
from igrules.language.done import Done, every
from igrules.language.examples import ACCOUNT, moment_of, takes
from igrules.language.flows import WrittenFlow
from igrules.language.place import Place
from igrules.language.rules import Written
from igrules.language.ruleset import Rule
from igrules.language.templates import Template
from igrules.model import Event

_TRIGGER = "comment"
_PERSON = "example-person"


def check_loops(rules: Sequence[Written], flows: Iterable[WrittenFlow], place: Place) -> None:
    """Report public texts with a phrase of a rule that hears answers to comments."""
    hearing = [one.rule for one in rules if _hears_answers(one.rule)]
    if not hearing:
        return
    lists = [*(one.steps for one in rules), *(one.steps for one in flows)]
    for text, span in _public_texts(lists, place):
        event = Event(
            "comment", ACCOUNT, _PERSON, text=text, media="1", media_kind="post", parent="2"
        )
        for rule in hearing:
            moment = moment_of(event, place.settings, _TRIGGER, rule.id)
            if takes(rule.test, rule.unless, moment):
                message = f"rule '{rule.id}' would answer this public text"
                help = "use other words, or take  replies: true  out of that rule"
                notes = (Note(rule.span, "the rule that hears answers to comments"),)
                place.problem("IGR505", span, message, help, notes=notes)
                break


def _hears_answers(rule: Rule) -> bool:
    """Whether words alone make the rule answer an answer to a comment."""
    return (
        rule.answers
        and rule.test is not None
        and any(
            hears.trigger.name == _TRIGGER and hears.options.get("replies") for hears in rule.hears
        )
    )


def _public_texts(lists: Iterable[tuple[Done, ...]], place: Place) -> Iterator[tuple[str, Span]]:
    for steps in lists:
        for done in every(steps):
            if done.step.action.needs != "reply" or not hasattr(done.step.options, "get"):
                continue
            slot = done.step.action.options
            for number, template in enumerate(done.step.options.get("text") or ()):
                if isinstance(template, Template):
                    path = ("text", number)
                    span = locate(done.node, slot, path, place.known.words, done.key)
                    yield template.literal, span
