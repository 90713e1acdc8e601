"""Decide which rules answer an event.

Event, ruleset, facts and the time go in; a `Decision` comes out. Nothing is sent and nothing is
stored here.

Why pure: a dry run, a rule test and production are then one call, and a replay after a crash
decides the same thing again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from igrules.engine.choosing import judge_short_forms
from igrules.engine.consent import Consent, read_consent
from igrules.engine.expiry import expires_at
from igrules.engine.judging import Judgement, further, judge
from igrules.engine.record import written
from igrules.engine.running import Budget, Ran, Run, companions_in_order
from igrules.engine.scene import Scene, is_tap
from igrules.engine.silence import Silence, ends_at_once, silence_of
from igrules.language.ruleset import Rule, Ruleset
from igrules.model import Decision, Event, Facts, Outcome, OutcomeWord


def decide(
    event: Event,
    ruleset: Ruleset,
    facts: Facts,
    now: int,
    *,
    every: bool = False,
    version: int = 0,
    stopwatch: Callable[[], float] = time.perf_counter,
) -> Decision:
    """Return what shall happen about ``event``, and why.

    ``every`` gives the reason of every rule of the ruleset; without it only rules are listed that
    heard the event and whose words occurred. The decision is the same. ``now`` is milliseconds UTC.
    ``stopwatch`` counts seconds; it times the conditions of plugins and nothing else.
    """
    scene = Scene(event, ruleset, facts, now, stopwatch)
    if reason := ends_at_once(event, now):
        return _ended(scene, version, reason)
    if consent := read_consent(scene):
        return _consented(scene, version, consent)
    if facts.paused:
        return _ended(scene, version, "paused")
    hearing = _Hearing(scene, every)
    hearing.listen()
    silence = silence_of(scene)
    if silence is None:
        hearing.answer()
    return hearing.decision(version, silence)


def _ended(scene: Scene, version: int, reason: str) -> Decision:
    return Decision("skipped", reason, trace=written(scene, version))


def _consented(scene: Scene, version: int, consent: Consent) -> Decision:
    event, contact = scene.event, scene.facts.contact
    settings = scene.ruleset.settings
    effects = tuple(
        replace(
            effect,
            key=f"{event.id}::{effect.step}:{number}",
            expires_at=expires_at(effect, event, contact, scene.now, settings),
        )
        for number, effect in enumerate(consent.effects, 1)
    )
    return Decision(
        "skipped",
        "consent",
        effects=effects,
        changes=(consent.change,),
        trace=written(scene, version, effects=effects),
    )


class _Hearing:
    """The rules of one event, from the first that listens to the last that answers."""

    def __init__(self, scene: Scene, every: bool) -> None:
        self._scene = scene
        self._tap = scene.as_message() if is_tap(scene.event) else None
        self._every = every
        self._budget = Budget()
        self._answered = False
        self._judged: dict[str, Judgement] = {}
        self._ran: dict[str, tuple[Rule, Ran]] = {}
        self._rules = self._candidates()
        self._listening: list[Rule] = []
        self._answering: list[Rule] = []
        self._short: list[Rule] = []
        self._fallback: list[Rule] = []
        for rule in self._rules:
            self._home(rule).append(rule)

    def _candidates(self) -> Sequence[Rule]:
        """The rules to look at, in the order of trying."""
        rules = self._scene.ruleset.rules
        if self._every:
            return rules
        index, words = self._scene.ruleset.index, self._scene.read(False, False)
        numbers = index.candidates(words, self._scene.event.kind)
        if self._tap is not None and self._scene.event.kind != "message":
            numbers = sorted({*numbers, *index.candidates(words, "message")})
        return [rules[number] for number in numbers]

    def _home(self, rule: Rule) -> list[Rule]:
        """Where a rule is tried. A fallback waits its turn also when it says nothing."""
        if rule.source == "fallback":
            return self._fallback
        if not rule.answers:
            return self._listening
        return self._answering if rule.source == "rules" else self._short

    def listen(self) -> None:
        """Let every rule that only listens hear the event; a tap counts as a message, too."""
        for rule in self._listening:
            self._try(rule, self._scene)
            if self._tap is not None:
                self._try(rule, self._tap)

    def answer(self) -> None:
        """Let rules answer; a tap nobody answers once more, as a message, and then the fallback."""
        self._answer_to(self._scene)
        if self._tap is not None and not self._answered:
            self._answer_to(self._tap)
        if not self._answered:
            for rule in self._fallback:
                self._try(rule, self._tap or self._scene)

    def _answer_to(self, scene: Scene) -> None:
        """Try the rules up to one that is final, and when none answered, the short forms."""
        for rule in self._answering:
            if self._try(rule, scene) and rule.final:
                return
        if self._short and not self._answered:
            for rule, judgement in judge_short_forms(scene, self._short):
                self._take(rule, scene, judgement)

    def _try(self, rule: Rule, scene: Scene) -> bool:
        """Try one rule; true when it fired and that counts."""
        return rule.id not in self._ran and self._take(rule, scene, judge(scene, rule))

    def _take(self, rule: Rule, scene: Scene, judgement: Judgement) -> bool:
        before = self._judged.get(rule.id)
        self._judged[rule.id] = judgement if before is None else further(before, judgement)
        if judgement.reason != "fired":
            return False
        is_live = rule.status != "shadow"
        budget = self._budget if is_live else Budget()
        self._ran[rule.id] = rule, Run(scene, rule, judgement, budget).to_its_end()
        self._answered |= is_live and rule.answers
        return is_live

    def decision(self, version: int, silence: Silence | None) -> Decision:
        """What it all came to."""
        outcomes = self._outcomes(silence)
        if not self._ran and silence is None:
            trace = written(self._scene, version, outcomes, self._judged)
            return Decision("no_match", outcomes=outcomes, trace=trace)
        live = [ran for rule, ran in self._ran.values() if rule.status != "shadow"]
        outcome, reason = self._outcome(silence)
        effects = companions_in_order(effect for ran in live for effect in ran.effects)
        changes = [change for ran in live for change in ran.changes]
        return Decision(
            outcome,
            reason,
            effects=effects,
            changes=(*changes, *silence.changes) if silence else tuple(changes),
            marks=tuple(mark for ran in live for mark in ran.marks),
            outcomes=outcomes,
            events=tuple({event.tag: event for ran in live for event in ran.events}.values()),
            trace=written(self._scene, version, outcomes, self._judged, self._ran, effects),
        )

    def _outcome(self, silence: Silence | None) -> tuple[OutcomeWord, str]:
        """The first that is true: something was said, a rule ran, answers were muted, nothing."""
        fired = [(rule, ran) for rule, ran in self._ran.values() if rule.status != "shadow"]
        muted = silence.reason if silence else ""
        if any(rule.answers and ran.effects for rule, ran in fired):
            return "answered", muted
        broken = [ran for _, ran in fired if ran.reason == "failed" and not ran.changes]
        if fired and len(broken) == len(fired):
            return "failed", broken[0].why
        if fired:
            return "listened", muted
        return ("skipped", muted) if silence else ("no_match", "")

    def _outcomes(self, silence: Silence | None) -> tuple[Outcome, ...]:
        """The reason of every rule; unless all are asked for, of those that heard the event."""
        outcomes = []
        for rule in self._rules:
            judged = self._judged.get(rule.id)
            if judged is not None:
                if self._every or judged.reason != "trigger":
                    outcomes.append(Outcome(rule.id, judged.reason, judged.why))
            elif self._every:
                outcomes.append(Outcome(rule.id, "not_tried", silence.reason if silence else ""))
        return tuple(outcomes)
