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
from igrules.engine.continuing import Continuing, Older, is_reply
from igrules.engine.conversation import Conversation
from igrules.engine.expiry import expires_at
from igrules.engine.judging import Judgement, further, is_run_of, judge
from igrules.engine.outgoing import companions_in_order
from igrules.engine.planning import Budget
from igrules.engine.record import written
from igrules.engine.running import Ran, Running
from igrules.engine.scene import Scene, is_tap
from igrules.engine.silence import Silence, ends_at_once, silence_of
from igrules.language.ruleset import Rule, Ruleset
from igrules.model import Decision, Event, Facts, Mark, Outcome, OutcomeWord
from igrules.runs import LONGEST_LIFE, Frame, Run


def no_other_version(version: int) -> Ruleset | None:
    """For whoever keeps one version only."""
    return None


def decide(
    event: Event,
    ruleset: Ruleset,
    facts: Facts,
    now: int,
    *,
    every: bool = False,
    version: int = 0,
    older: Older = no_other_version,
    stopwatch: Callable[[], float] = time.perf_counter,
) -> Decision:
    """Return what shall happen about ``event``, and why.

    ``every`` gives the reason of every rule of the ruleset; without it only rules are listed that
    heard the event and whose words occurred. The decision is the same. ``now`` is milliseconds UTC.
    ``older`` gives the ruleset of another version, in which a parked run goes on and a tap means
    what it meant; ``None``: it is not kept. ``stopwatch`` counts seconds; it times the conditions
    of plugins and nothing else.
    """
    scene = Scene(event, ruleset, facts, now, stopwatch)
    if reason := ends_at_once(event, now):
        return _ended(scene, version, reason)
    if consent := read_consent(scene):
        return _consented(scene, version, consent)
    if facts.paused:
        return _ended(scene, version, "paused")
    hearing = _Hearing(scene, every, version, older)
    hearing.note_reply()
    silence = silence_of(scene)
    if silence is None:
        hearing.go_on()
    hearing.listen()
    if silence is None:
        hearing.answer()
    return hearing.decision(silence)


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
    conversation = Conversation(scene.facts)
    if consent.change.kind == "opt_out":
        conversation.end("opted_out")
    return Decision(
        "skipped",
        "consent",
        effects=effects,
        changes=(consent.change,),
        runs=conversation.changed(),
        trace=written(scene, version, effects=effects, ended=conversation.ended),
    )


class _Hearing:
    """The rules of one event, from the run that goes on to the last rule that answers."""

    def __init__(self, scene: Scene, every: bool, version: int, older: Older) -> None:
        self._scene = scene
        self._version = version
        self._tap = scene.as_message() if is_tap(scene.event) else None
        self._every = every
        self._conversation = Conversation(scene.facts)
        self._budget = Budget(parks=self._conversation.room(scene.facts))
        self._continuing = Continuing(scene, version, older, self._conversation, self._budget)
        self._taken = False
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

    def note_reply(self) -> None:
        """End the runs that only waited for the person to stay silent."""
        if is_reply(self._scene.event):
            self._conversation.end("replied", lambda run: run.unless_reply)

    def go_on(self) -> None:
        """Continue what the person taps on or answers; a rule that may interrupt comes first."""
        if self._continuing.tap():
            self._taken = True
            return
        question = self._conversation.question if is_reply(self._scene.event) else None
        if question is None:
            return
        self._taken = True
        if not self._interrupted(question):
            self._continuing.answer(question)

    def _interrupted(self, question: Run) -> bool:
        """Whether a rule answered although a question is open."""
        scenes = [self._scene] if self._tap is None else [self._scene, self._tap]
        for scene in scenes:
            for rule in self._answering:
                if rule.interrupt == "false" or not self._try(rule, scene):
                    continue
                if rule.interrupt == "true":
                    self._conversation.end("interrupted", lambda run: run is question)
                return True
        return False

    def listen(self) -> None:
        """Let every rule that only listens hear the event; a tap counts as a message, too."""
        for rule in self._listening:
            self._try(rule, self._scene)
            if self._tap is not None:
                self._try(rule, self._tap)

    def answer(self) -> None:
        """Let rules answer; a tap nobody answers once more, as a message, and then the fallback."""
        if self._taken:
            return
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
        if is_live:
            self._conversation.end("restarted", lambda run: is_run_of(run, rule))
        budget = self._budget if is_live else Budget()
        ran = Running(scene, self._begin(rule, scene, judgement), budget).from_start()
        ran.marks.insert(0, Mark(rule.id, scene.now, scene.event.post))
        self._ran[rule.id] = rule, ran
        if is_live:
            self._conversation.keep(ran)
            self._answered |= rule.answers
        return is_live

    def _begin(self, rule: Rule, scene: Scene, judgement: Judgement) -> Run:
        return Run(
            rule.id,
            self._version,
            scene.event,
            judgement.heard,
            captures=judgement.captures,
            frames=(Frame(f"{rule.id}.do"),),
            started_at=scene.now,
            expires_at=scene.now + LONGEST_LIFE,
        )

    def decision(self, silence: Silence | None) -> Decision:
        """What it all came to."""
        outcomes = self._outcomes(silence)
        continued, ended = self._continuing.ran, self._conversation.ended
        if not self._ran and not continued and silence is None:
            trace = written(self._scene, self._version, outcomes, self._judged, ended=ended)
            runs = self._conversation.changed()
            return Decision("no_match", outcomes=outcomes, runs=runs, trace=trace)
        live = [*continued, *(ran for rule, ran in self._ran.values() if rule.status != "shadow")]
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
            events=tuple({event.key: event for ran in live for event in ran.events}.values()),
            runs=self._conversation.changed(),
            trace=written(
                self._scene,
                self._version,
                outcomes,
                self._judged,
                self._ran,
                effects,
                continued,
                ended,
            ),
        )

    def _outcome(self, silence: Silence | None) -> tuple[OutcomeWord, str]:
        """The first that is true: something was said, a rule ran, answers were muted, nothing."""
        fired = [(rule, ran) for rule, ran in self._ran.values() if rule.status != "shadow"]
        continued = self._continuing.ran
        muted = silence.reason if silence else ""
        if any(rule.answers and ran.effects for rule, ran in fired):
            return "answered", muted
        if any(ran.effects for ran in continued):
            return "answered", muted
        ran_all = [*continued, *(ran for _, ran in fired)]
        broken = [ran for ran in ran_all if ran.reason == "failed" and not ran.changes]
        if ran_all and len(broken) == len(ran_all):
            return "failed", broken[0].run.why
        if ran_all:
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
