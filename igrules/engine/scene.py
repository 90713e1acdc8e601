"""What one decision looks at: the event, what is known, the rules.

Why a tap has two scenes: nobody may care for its payload, and then its title counts as a message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from igrules.engine.scope import Scope
from igrules.kinds import Moment, Words
from igrules.language.folding import fold
from igrules.language.ruleset import Ruleset
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
        self,
        heard: tuple[str, ...],
        rule: str,
        *,
        facts: Facts | None = None,
        captures: Mapping[str, Any] = EMPTY,
        step: str = "",
        nth: int = 0,
    ) -> Moment:
        """The moment in which a condition is tested or a step planned.

        ``heard`` are the triggers by which the event came to the rule.
        """
        via = heard[0] if heard else ""
        known = self.facts if facts is None else facts
        return Moment(
            self.event,
            known,
            self.now,
            self.ruleset.settings,
            self.read,
            partial(self._render, known, captures, via),
            via,
            rule,
            step,
            nth,
            captures,
            heard=heard,
        )

    def _render(self, facts: Facts, captures: Mapping[str, Any], via: str, template: Any) -> str:
        if isinstance(template, str):
            return template
        scope = Scope(self.event, facts, self.now, self.ruleset, captures, via)
        return str(template.render(scope, self.ruleset.filters, scope.language))
