"""What a ruleset looks at that no webhook tells, so that it is read first, and only then."""

from __future__ import annotations

from dataclasses import dataclass

from igrules.engine.posts import next_rules
from igrules.engine.scene import is_tap
from igrules.language.folding import fold
from igrules.language.ruleset import Rule, Ruleset
from igrules.model import Event, Facts

_MENTIONS = frozenset({"mention_comment", "mention_caption"})


@dataclass(frozen=True, slots=True)
class Needs:
    """``profile``: some rule looks at profile facts. ``permalinks``: some rule names or shows the
    address of a post. ``next``: the rules that wait for the next post."""

    profile: bool = False
    permalinks: bool = False
    next: tuple[Rule, ...] = ()


NO_NEEDS = Needs()


def needs_of(ruleset: Ruleset) -> Needs:
    """What a ruleset needs."""
    return Needs(bool(ruleset.profiles), ruleset.permalinks, next_rules(ruleset))


def wants_profile(needs: Needs, event: Event, ruleset: Ruleset, facts: Facts) -> bool:
    """Whether a rule that could hear the event, or a run that waits, looks at profile facts."""
    if not needs.profile:
        return False
    text = event.text or event.title
    kinds = {event.kind, "message"} if is_tap(event) else {event.kind}
    numbers = {n for kind in kinds for n in ruleset.index.candidates(fold(text), kind)}
    if any(ruleset.rules[number].profile for number in numbers):
        return True
    running = {run.rule for run in facts.runs}
    return not running.isdisjoint(ruleset.profiles)


def lacks_words(event: Event) -> bool:
    """Whether this is a mention of which only the place is known."""
    return event.kind in _MENTIONS and not event.text


def wants_words(event: Event, ruleset: Ruleset) -> bool:
    """Whether a rule hears the mention this is."""
    return lacks_words(event) and bool(ruleset.index.candidates(fold(""), event.kind))


def post_of(event: Event) -> str:
    """The own post or story an event is about; empty when there is none that could be read."""
    if event.kind in _MENTIONS:
        return ""
    return event.post or event.story
