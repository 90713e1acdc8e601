"""Ask the engine about an event or a run, with everything it may look at.

Why facts and time are read here and nowhere further in: the engine stays pure, and what it said can
be asked again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from igrules.engine.decide import decide
from igrules.engine.waking import wake
from igrules.instagram.ownership import is_own
from igrules.kinds import Registry, Settings
from igrules.language.ruleset import Ruleset
from igrules.ledger import DueRun, Known, Lane, Ledger
from igrules.model import NOT_FOR_RULES, Change, Decision, Effect, Event, Facts
from igrules.runs import Run
from igrules.work.clock import Clock
from igrules.work.fetching import Fetching
from igrules.work.rulesets import Rules, Rulesets
from igrules.work.sending import Sending

_DEFAULTS = Settings(slug="")
_PUBLIC = frozenset({"comment", "live_comment", "mention_comment", "mention_caption"})


class Deciding:
    """What shall happen about an event, or now that a run goes on. Shared by all worker threads; it
    keeps nothing itself."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        rulesets: Rulesets,
        clock: Clock,
        sending: Sending,
        fetching: Fetching,
    ) -> None:
        self._ledger = ledger
        self._channels = registry.channels
        self._rulesets = rulesets
        self._clock = clock
        self._sending = sending
        self._fetching = fetching

    def about(
        self, lane: Lane, event: Event | None, rules: Rules, known: Known | None = None
    ) -> tuple[Facts | None, Decision]:
        """Decide an event by the live rules; also say what was looked at, for whoever records.
        ``known``: what was read of the lane already."""
        if event is None:
            return None, Decision("failed", "the stored event cannot be read")
        settings = rules.ruleset.settings if rules.ruleset else _DEFAULTS
        human: tuple[Change, ...] = ()
        if self._is_own(lane, event):
            self._is_echo(lane, event)
            return None, Decision("skipped", "own")
        if event.kind == "echo":
            human = self._human_pause(lane, event, settings)
        if rules.ruleset is None:
            return None, dataclasses.replace(_without_rules(rules), changes=human)
        now = self._clock.now()
        facts = self._facts(lane, event, rules, now, known)
        decision = decide(
            event, rules.ruleset, facts, now, version=rules.version,
            older=self._older(lane, facts, now),
        )  # fmt: skip
        if missing := self._missing(decision):
            return facts, dataclasses.replace(
                Decision("failed", missing), outcomes=decision.outcomes, trace=decision.trace
            )
        marked = self._marked(decision, settings.on_doubt)
        if human:
            marked = dataclasses.replace(marked, changes=(*marked.changes, *human))
        return facts, marked

    def on(self, lane: Lane, due: DueRun) -> tuple[Facts | None, Decision]:
        """Decide how a due run goes on, in the version it began with."""
        run = due.run
        live = self._rulesets.live(lane.tenant_id)
        if live.closed:
            return None, _ended(run, "cancelled", "the tenant is deactivated")
        rules = self._rulesets.stored(lane.tenant_id, run.version)
        if rules.ruleset is None:
            return None, _ended(run, "failed", rules.broken)
        # Whether the tenant speaks at all, and how much, is a matter of today.
        settings = (live.ruleset or rules.ruleset).settings
        ruleset = dataclasses.replace(rules.ruleset, settings=settings)
        now = self._clock.now()
        facts = self._facts(lane, run.event, dataclasses.replace(rules, ruleset=ruleset), now)
        decision = wake(run, due.outcome, ruleset, facts, now)
        if missing := self._missing(decision):
            return facts, _ended(run, "failed", missing)
        return facts, self._marked(decision, settings.on_doubt)

    def _facts(
        self, lane: Lane, event: Event, rules: Rules, now: int, known: Known | None = None
    ) -> Facts:
        """What is stored, and what has to be read for these rules, which are there."""
        ruleset = rules.ruleset
        assert ruleset is not None  # the caller looked
        facts = self._ledger.lanes.facts(
            lane,
            event,
            now,
            marks=ruleset.marks,
            marks_post=ruleset.marks_post,
            marks_all=ruleset.marks_all,
            per_contact_window=ruleset.settings.per_contact.window,
            parks=ruleset.parks,
            known=known,
        )
        return self._fetching.complete(lane, event, facts, rules)

    def _older(self, lane: Lane, facts: Facts, now: int) -> Callable[[int], Ruleset | None]:
        """Other versions: those of parked runs, and those that offered taps not long ago."""
        running = {run.version for run in facts.runs}

        def older(version: int) -> Ruleset | None:
            if version in running or self._rulesets.offers(lane.tenant_id, version, now):
                return self._rulesets.stored(lane.tenant_id, version).ruleset
            return None

        return older

    def _human_pause(self, lane: Lane, event: Event, settings: Settings) -> tuple[Change, ...]:
        """An echo that is no send of ours is a person of the account, writing by hand."""
        if self._is_echo(lane, event):
            return ()
        until = self._clock.now() + settings.pause_after_human
        return (Change("quiet", "human_pause", until),)

    def _is_echo(self, lane: Lane, event: Event) -> bool:
        """Whether it is of a send of ours, which it settles."""

        def settled(send_id: int, kind: str) -> None:
            self._sending.tell(lane, send_id, kind, "sent", "echo")

        return self._ledger.lanes.echo(lane, event, self._clock.now(), settled)

    def _is_own(self, lane: Lane, event: Event) -> bool:
        """Without this, a public reply would be the next comment to answer."""
        if event.kind in NOT_FOR_RULES:
            return event.kind == "own"
        ids, username = {event.account, event.entry} - {""}, ""
        if event.kind in _PUBLIC:
            for account in self._ledger.for_tenant(lane.tenant_id).accounts.list():
                if account.id == lane.account_id:
                    ids |= {account.ig_id, account.page_id} - {""}
                    username = account.username
        return is_own(event, ids, username)

    def _missing(self, decision: Decision) -> str:
        """Why this cannot be carried out here; empty when it can."""
        for effect in decision.effects:
            if effect.channel not in self._channels:
                return f"channel '{effect.channel}' is not installed"
        return ""

    def _marked(self, decision: Decision, on_doubt: str) -> Decision:
        """The decision, its effects saying which of them may be done twice, and what happens to
        those that may not when nobody knows whether they were."""
        if not decision.effects:
            return decision
        effects = tuple(self._mark(effect, on_doubt) for effect in decision.effects)
        return dataclasses.replace(decision, effects=effects)

    def _mark(self, effect: Effect, on_doubt: str) -> Effect:
        if self._sending.is_idempotent(effect):
            return dataclasses.replace(effect, idempotent=True)
        channel = self._channels[effect.channel]
        if not on_doubt and channel.name != "instagram" and channel.look is not None:
            # Where it can be looked for, what is missing can be done again.
            on_doubt = "park"
        return dataclasses.replace(effect, on_doubt=effect.on_doubt or on_doubt)


def _without_rules(rules: Rules) -> Decision:
    if rules.broken:
        return Decision("failed", rules.broken)
    return Decision("skipped", "deactivated" if rules.closed else "no ruleset published")


def _ended(run: Run, how: str, why: str) -> Decision:
    over = dataclasses.replace(run, state="ended", ended=how, why=why)
    return Decision("failed" if how == "failed" else "skipped", why, runs=(over,))
