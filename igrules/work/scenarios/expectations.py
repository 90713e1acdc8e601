"""Compare an ``expect`` with what happened: one function for each of its keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from igrules.engine.fields import read_field
from igrules.kinds import Registry, Settings, Verdict
from igrules.language.examples import moment_of
from igrules.language.scenario_files import Expected, Said
from igrules.model import Event
from igrules.work.scenarios.seen import Seen
from igrules.work.scenarios.writing import pairs, quoted, texts, word, words


@dataclass(frozen=True, slots=True)
class Difference:
    """A key whose value is not as expected; ``got`` is written as the file would have it.
    ``sent`` are the texts that were sent, where the key compares texts."""

    key: str
    expected: str
    got: str
    sent: tuple[str, ...] | None = None


Found = tuple[str, str] | None
"""Expected and got; ``None`` when they agree."""


def differences(expected: Expected, seen: Seen, registry: Registry) -> list[Difference]:
    """Every key that is not as expected, in the order they were written."""
    found = []
    for key in expected.spans:
        if key not in expected.values:
            continue
        value = expected.values[key]
        if key in _TEXTS:
            sent = seen.texts(_TEXTS[key])
            if not _are_said(value, sent, registry):
                found.append(Difference(key, _said(value), texts(sent), tuple(sent)))
        elif (differs := _CHECKS[key](value, seen)) is not None:
            found.append(Difference(key, *differs))
    return found


def _are_said(wanted: Sequence[Said], sent: Sequence[str], registry: Registry) -> bool:
    return len(wanted) == len(sent) and all(
        is_said(one, text, registry) for one, text in zip(wanted, sent, strict=True)
    )


def is_said(wanted: Said, text: str, registry: Registry) -> bool:
    """Whether a text that was sent is the one that was expected."""
    if wanted.matches is None:
        return wanted.text == text.strip()
    moment = moment_of(Event("message", "0", text=text), Settings("test"), "dm", "")
    verdict = registry.conditions["matches"].test(moment, wanted.matches)
    return isinstance(verdict, Verdict) and verdict.holds is True


def _said(wanted: Sequence[Said]) -> str:
    return f"[{', '.join(quoted(one.text) if one.matches is None else '{…}' for one in wanted)}]"


def _list(actual: Callable[[Seen], Sequence[str]]) -> Callable[[Any, Seen], Found]:
    """Exactly these, in order."""

    def check(wanted: Sequence[str], seen: Seen) -> Found:
        found = list(actual(seen))
        return None if found == list(wanted) else (words(wanted), words(found))

    return check


def _value(actual: Callable[[Seen], object]) -> Callable[[Any, Seen], Found]:
    """Exactly this."""

    def check(wanted: object, seen: Seen) -> Found:
        found = actual(seen)
        return None if found == wanted else (word(wanted), word(found))

    return check


def _rule(wanted: Sequence[str], seen: Seen) -> Found:
    answered = seen.fired(answers=True)
    if tuple(wanted) == ("none",):
        silent = not answered and not seen.sent()
        return None if silent else ("none", _one_or_many(answered) or "a message")
    if answered == list(wanted):
        return None
    return _one_or_many(wanted), _one_or_many(answered) or "none"


def _one_or_many(values: Sequence[str]) -> str:
    return word(values[0]) if len(values) == 1 else words(values) if values else ""


def _tags(wanted: Sequence[str], seen: Seen) -> Found:
    tags = seen.world.people.find(seen.person).tags
    return None if tags.issuperset(wanted) else (words(wanted), words(sorted(tags)))


def _untagged(wanted: Sequence[str], seen: Seen) -> Found:
    tags = seen.world.people.find(seen.person).tags
    there = [tag for tag in wanted if tag in tags]
    return (words(wanted), f"{words(there)} are there") if there else None


def _fields(wanted: Mapping[str, str], seen: Seen) -> Found:
    contact, ruleset = seen.world.people.find(seen.person), seen.world.ruleset
    actual: dict[str, Any] = {}
    for name, text in wanted.items():
        value = contact.language if name == "language" else contact.fields.get(name)
        declared = ruleset.names.fields.get(name)
        if value != read_field(text, declared, ruleset.settings.phone_prefix):
            actual[name] = value
    return (pairs(wanted), pairs(actual)) if actual else None


def _is_handed_off(seen: Seen) -> bool:
    until = seen.world.people.find(seen.person).handoff_until
    return until is not None and until > seen.world.now


def _outcome(seen: Seen) -> str:
    last = seen.event()
    return last[1].outcome if last else "no event"


def _reason(seen: Seen) -> str:
    last = seen.event()
    return last[1].reason if last else "no event"


def _why(wanted: Mapping[str, str], seen: Seen) -> Found:
    last = seen.event()
    reasons = {one.rule: one.reason for one in last[1].outcomes} if last else {}
    got = {rule: reasons.get(rule, "not_tried") for rule in wanted}
    return None if got == dict(wanted) else (pairs(wanted), pairs(got))


def _ended(wanted: Sequence[str], seen: Seen) -> Found:
    ends = [one.how for one in seen.ended()]
    agrees = wanted[0] in ends if len(wanted) == 1 else list(wanted) == ends
    return None if agrees else (_one_or_many(wanted), words(ends))


def _asks(wanted: str, seen: Seen) -> Found:
    question = seen.question()
    if wanted in ("true", "false"):
        agrees = (question is not None) == (wanted == "true")
    else:
        agrees = question is not None and wanted in question
    return (
        None if agrees else (wanted, "false" if question is None else next(iter(question), "true"))
    )


_TEXTS: Mapping[str, str] = MappingProxyType(
    {"texts": "text", "replies": "reply", "private_replies": "private_reply"}
)
_CHECKS: Mapping[str, Callable[[Any, Seen], Found]] = MappingProxyType(
    {
        "rule": _rule,
        "listened": _list(lambda seen: seen.fired(answers=False)),
        "media": _list(Seen.media),
        "cards": _list(Seen.cards),
        "quick_replies": _list(lambda seen: seen.offered("quick_replies")),
        "buttons": _list(lambda seen: seen.offered("buttons")),
        "sent": _value(lambda seen: len(seen.sent())),
        "asks": _asks,
        "tags": _tags,
        "untagged": _untagged,
        "fields": _fields,
        "handed_off": _value(_is_handed_off),
        "opted_out": _value(lambda seen: seen.world.people.find(seen.person).opted_out),
        "notified": _list(Seen.notified),
        "http": _list(Seen.http),
        "parked": _value(lambda seen: seen.parked()),
        "ended": _ended,
        "outcome": _value(_outcome),
        "reason": _value(_reason),
        "why": _why,
    }
)
