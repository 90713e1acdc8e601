"""Find options nobody takes: a tap whose payload no rule hears and whose title no rule matches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from igrules.errors import Span
from igrules.language.bound import locate
from igrules.language.done import Done, every
from igrules.language.examples import ACCOUNT, hears_it
from igrules.language.flows import WrittenFlow
from igrules.language.folding import fold
from igrules.language.nested import TAPS
from igrules.language.place import Place
from igrules.language.rules import Written
from igrules.language.ruleset import Rule
from igrules.model import Event

_PERSON = "example-person"


class _Offer(NamedTuple):
    """Something to tap, as the event it causes and as the message it says."""

    title: str
    tap: Event
    span: Span


def check_taps(
    rules: Sequence[Written], flows: Iterable[WrittenFlow], index: Any, place: Place
) -> None:
    """Report every offered option that leads nowhere; ``index`` is the phrase index."""
    compiled = [written.rule for written in rules]
    takers = [
        rule
        for rule in compiled
        if any(hears.trigger.name in TAPS.values() for hears in rule.hears)
    ]
    for steps in (*(one.steps for one in rules), *(one.steps for one in flows)):
        for done in every(steps):
            for offer in _offers(done, place):
                if not _is_taken(offer, compiled, takers, index, place):
                    message = f"no rule takes the tap on '{offer.title}'"
                    help = "give it a payload that a rule hears, or write a rule for its words"
                    place.problem("IGR206", offer.span, message, help)


def _offers(done: Done, place: Place) -> Iterator[_Offer]:
    for path, trigger, option in _options(done.step.options):
        title, payload = option.get("title", ""), option.get("payload", "")
        if "url" in option or "then" in option or not title:
            continue
        slot = done.step.action.options
        span = locate(done.node, slot, (*path, "title"), place.known.words, done.key)
        yield _Offer(title, _tap(trigger, title, payload or title), span)


def _options(
    given: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    """What can be tapped, of a message or of each of its cards, with where it stands."""
    if isinstance(given, tuple):
        for number, card in enumerate(given):
            yield from _options(card, (*path, number))
    elif hasattr(given, "get"):
        for key, trigger in TAPS.items():
            for number, option in enumerate(given.get(key) or ()):
                yield (*path, key, number), trigger, option


def _tap(trigger: str, title: str, payload: str) -> Event:
    if trigger == "postback":
        return Event("postback", ACCOUNT, _PERSON, text=title, title=title, payload=payload)
    return Event("message", ACCOUNT, _PERSON, sub=trigger, text=title, title=title, payload=payload)


def _is_taken(
    offer: _Offer, rules: Sequence[Rule], takers: Sequence[Rule], index: Any, place: Place
) -> bool:
    if any(hears_it(rule, offer.tap, place.settings) for rule in takers):
        return True
    message = Event("message", ACCOUNT, _PERSON, sub="text", text=offer.title)
    return any(
        hears_it(rules[number], message, place.settings)
        for number in index.candidates(fold(offer.title))
        if rules[number].source != "fallback"
    )
