"""What happened in a world since a place in its log, as the words of ``expect`` ask for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from igrules.language.ruleset import Rule, Step
from igrules.model import Decision, Effect, Event
from igrules.runs import Run
from igrules.work.world.happenings import Called, Closed, Ended, Heard
from igrules.work.world.world import World

MESSAGES = frozenset({"text", "media", "cards"})
"""What goes to the contact in the conversation."""
_COUNTED = MESSAGES | {"reply", "private_reply"}


class Seen:
    """What happened since ``start``. ``person`` is who acts."""

    def __init__(self, world: World, start: int, person: str) -> None:
        self.world = world
        self.person = person
        self._log = world.log[start:]
        self._rules: Mapping[str, Rule] = {rule.id: rule for rule in world.ruleset.rules}

    def event(self) -> tuple[Event, Decision] | None:
        """The last thing that came in, and what was decided about it."""
        heard = [one for one in self._log if isinstance(one, Heard) and not one.internal]
        return (heard[-1].event, heard[-1].decision) if heard else None

    def fired(self, *, answers: bool) -> list[str]:
        """The rules that answered, or those that listened, in order."""
        return [
            one.rule
            for heard in self._log
            if isinstance(heard, Heard)
            for one in heard.decision.outcomes
            if one.reason == "fired"
            and self._rules[one.rule].answers == answers
            and self._rules[one.rule].status == "live"
        ]

    def sent(self, kinds: frozenset[str] = _COUNTED) -> list[Effect]:
        """What went out, in order."""
        return [
            one.effect
            for one in self._log
            if isinstance(one, Closed) and one.state == "sent" and one.effect.kind in kinds
        ]

    def texts(self, kind: str) -> list[str]:
        """The texts of one kind that went out."""
        return [str(effect.payload.get("text", "")) for effect in self.sent(frozenset({kind}))]

    def media(self) -> list[str]:
        """The addresses of media that went out; an own post is its id."""
        found: list[str] = []
        for effect in self.sent(frozenset({"media"})):
            found += effect.payload.get("urls") or [str(effect.payload.get("id", ""))]
        return found

    def cards(self) -> list[str]:
        """The titles of cards that went out."""
        return [
            str(card["title"])
            for effect in self.sent(frozenset({"cards"}))
            for card in effect.payload.get("cards", ())
        ]

    def offered(self, key: str) -> list[str]:
        """The titles of the quick replies or buttons of the last message."""
        messages = self.sent(MESSAGES)
        return [str(one["title"]) for one in options_of(messages[-1], key)] if messages else []

    def notified(self) -> list[str]:
        """The channels of the team that were written to."""
        return [
            str(one.effect.payload.get("to", one.effect.channel))
            for one in self._log
            if isinstance(one, Called) and one.effect.kind == "notify"
        ]

    def http(self) -> list[str]:
        """The addresses that were called."""
        return [
            str(one.effect.payload.get("url", ""))
            for one in self._log
            if isinstance(one, Called) and one.effect.kind == "http"
        ]

    def ended(self) -> list[Ended]:
        """The runs that ended, in order."""
        return [one for one in self._log if isinstance(one, Ended)]

    def parked(self) -> int:
        """How many runs of the person are parked."""
        return len(self.world.parked.of(self.person))

    def asked(self) -> tuple[Run | None, Step | None]:
        """The run whose question is open, and the step that asks."""
        runs = self.world.parked.of(self.person)
        run = next((one for one in runs if one.state == "asking"), None)
        if run is None:
            return None, None
        return run, next((one for one in steps_of(self.world) if one.path == run.step), None)

    def question(self) -> tuple[str, ...] | None:
        """The names of the open question: step id and field; ``None`` when none is open."""
        run, step = self.asked()
        if run is None or step is None:
            return None if run is None else ()
        saved = step.options.get("save") if isinstance(step.options, Mapping) else None
        return tuple(str(name) for name in (step.id, saved) if name)

    def closed(self) -> list[Closed]:
        """The sends that ended, in order."""
        return [one for one in self._log if isinstance(one, Closed)]


def options_of(effect: Effect, key: str) -> Sequence[Mapping[str, Any]]:
    """The quick replies or buttons a message offers, those of its cards as well."""
    found: list[Mapping[str, Any]] = list(effect.payload.get(key, ()))
    for card in effect.payload.get("cards", ()):
        found += card.get(key, ())
    return found


def steps_of(world: World) -> Iterator[Step]:
    """Every step of the ruleset."""
    for block in world.ruleset.blocks.values():
        yield from block.steps
