"""What one decision looks at: the event, what is known, the rules.

Why a tap has two scenes: nobody may care for its payload, and then its title counts as a message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from igrules.engine.held import NOTHING, Held
from igrules.engine.scope import Scope
from igrules.kinds import Moment, Secret, Words
from igrules.language.folding import fold
from igrules.language.pieces import pieces
from igrules.language.ruleset import Rule, Ruleset, Step, Test
from igrules.model import EMPTY, Event, Facts


def is_tap(event: Event) -> bool:
    """Whether the person tapped on something we offered."""
    return event.kind == "postback" or event.sub == "quick_reply"


class Scene:
    """One event as the rules see it."""

    __slots__ = ("_words", "event", "facts", "now", "ruleset", "stopwatch")

    def __init__(
        self,
        event: Event,
        ruleset: Ruleset,
        facts: Facts,
        now: int,
        stopwatch: Callable[[], float],
    ) -> None:
        if not event.text and event.title:
            event = replace(event, text=event.title)
        self.event = event
        self.ruleset = ruleset
        self.facts = facts
        self.now = now
        self.stopwatch = stopwatch
        self._words: dict[tuple[bool, bool], Words] = {}

    def as_message(self) -> Scene:
        """The tap as the message its title says. It keeps its title, so actions still know."""
        event = replace(self.event, kind="message", sub="text", title=self.event.text)
        scene = Scene(event, self.ruleset, self.facts, self.now, self.stopwatch)
        scene._words = self._words
        return scene

    def read(self, case: bool, accents: bool) -> Words:
        """The text of the event, folded."""
        words = self._words.get((case, accents))
        if words is None:
            words = self._words[case, accents] = fold(self.event.text, case, accents)
        return words

    def moment(
        self, heard: tuple[str, ...], rule: Rule, captures: Mapping[str, Any] = EMPTY
    ) -> Moment:
        """The moment in which a condition of a rule is tested.

        ``heard`` are the triggers by which the event came to the rule.
        """
        via = heard[0] if heard else ""
        held = Held(captures) if captures else NOTHING
        return Moment(
            self.event,
            self.facts,
            self.now,
            self.ruleset.settings,
            self.read,
            partial(self._render, self.facts, held, via),
            via,
            rule.id,
            captures=captures,
            heard=heard,
            zone=rule.zone or self.ruleset.zone,
            hours=self.ruleset.names.hours,
            fields=self.ruleset.names.fields,
        )

    def moment_of_step(
        self,
        heard: tuple[str, ...],
        rule: str,
        step: Step,
        nth: int,
        facts: Facts,
        held: Held,
        *,
        holds: Callable[[Test], bool | None],
        zone: str,
        version: int,
    ) -> Moment:
        """The moment in which a step is planned, or goes on after it was parked."""
        via = heard[0] if heard else ""
        names = self.ruleset.names
        moment = Moment(
            self.event,
            facts,
            self.now,
            self.ruleset.settings,
            self.read,
            partial(self._render, facts, held, via),
            via,
            rule,
            step.path,
            nth,
            captures=held.captures,
            heard=heard,
            holds=holds,
            fill=partial(self._fill, facts, held, via),
            version=version,
            zone=zone or self.ruleset.zone,
            hours=names.hours,
            fields=names.fields,
            answers=held.answers,
            results=held.results,
            arguments=held.arguments,
            memory=held.memory,
        )
        if step.action.plugin:
            settings = moment.settings.plugins.get(step.action.plugin) or EMPTY
            moment = replace(moment, plugin=settings)
        return moment

    def render(self, template: Any) -> str:
        """Fill in a text that belongs to no rule."""
        return self._render(self.facts, NOTHING, "", template)

    def _render(self, facts: Facts, held: Held, via: str, template: Any) -> str:
        if isinstance(template, str):
            return template
        scope = Scope(self.event, facts, self.now, self.ruleset, held, via)
        return str(template.render(scope, self.ruleset.filters, scope.language))

    def _fill(self, facts: Facts, held: Held, via: str, template: Any) -> tuple[str | Secret, ...]:
        if isinstance(template, str | Secret):
            return (template,)
        scope = Scope(self.event, facts, self.now, self.ruleset, held, via)
        return pieces(template, scope, self.ruleset.filters, scope.language)
