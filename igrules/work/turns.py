"""One turn of one lane: what waits in a conversation, in order, for as long as its turn lasts.

Why sends come before events: an answer that was decided goes out before the next thing the person
wrote is looked at, so a conversation reads in the order it happened.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from typing import TYPE_CHECKING

from igrules.engine.decide import decide
from igrules.errors import Unreadable
from igrules.instagram.ownership import is_own
from igrules.instagram.reader import read
from igrules.kinds import Registry, Settings
from igrules.ledger import DueSend, Lane, Ledger, Stale, StoredEvent
from igrules.model import NOT_FOR_RULES, Change, Decision, Event, Facts
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.logs import say
from igrules.work.observers import Observers
from igrules.work.patience import insist
from igrules.work.rulesets import Rules, Rulesets
from igrules.work.sending import Sending

if TYPE_CHECKING:
    from igrules.work.metrics import Metrics

_LOG = logging.getLogger(__name__)
_ITEMS = 8
_SECONDS = 5.0
_STALE_TRIES = 20
_DEFAULTS = Settings(slug="")
_COMMENTS = frozenset({"comment", "live_comment"})


class Turns:
    """Works lanes that were claimed. Shared by all worker threads; it keeps nothing itself."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        configuration: Configuration,
        clock: Clock,
        stopping: threading.Event,
        giving_up: threading.Event,
        metrics: Metrics | None = None,
    ) -> None:
        self._metrics = metrics
        self._ledger = ledger
        self._channels = registry.channels
        self._configuration = configuration
        self._clock = clock
        self._stopping = stopping
        self._giving_up = giving_up
        self._observers = Observers(registry.observers)
        self._rulesets = Rulesets(ledger, registry)
        self._sending = Sending(
            ledger, registry, configuration, clock, self._observers, giving_up, metrics
        )

    def take(self, lane: Lane) -> bool:
        """Work ``lane`` for up to 8 items or 5 s and release it. True when it had sends to make.

        Raises `LeaseLost` when somebody else has the lane now, and leaves it alone.
        """
        sent, poisoned = False, lane.poisoned
        until = self._clock.monotonic() + _SECONDS
        for _ in range(_ITEMS):
            if self._stopping.is_set() or self._clock.monotonic() > until:
                break
            item = self._next(lane)
            if item is None:
                break
            if isinstance(item, DueSend):
                sent = True
                self._sending.perform(lane, item)
            elif poisoned:
                self._quarantine(lane, item)
            else:
                sent |= self._answer(lane, item)
            poisoned = False
        self.release(lane)
        return sent

    def _next(self, lane: Lane) -> DueSend | StoredEvent | None:
        """Give what comes next in ``lane``: a due send, an open event, or what healing sets free.

        Healing comes last, because it gives up unclear sends, and the echo that proves one may be
        among the open events.
        """
        send = self._ledger.sends.next(lane, self._clock.now())
        if isinstance(send, DueSend):
            return send
        stored = self._ledger.lanes.next_event(lane, self._clock.now())
        if stored is not None:
            return stored
        if not self._ledger.sends.heal(lane, self._clock.now(), self._configuration.quiet):
            return None
        send = self._ledger.sends.next(lane, self._clock.now())
        return send if isinstance(send, DueSend) else None

    def release(self, lane: Lane) -> None:
        """Give ``lane`` back; while the database is away, until the lease is over anyway."""
        insist(
            lambda: self._ledger.lanes.release(lane, self._clock.now()),
            self._clock,
            self._configuration.lease / 1000,
            self._giving_up,
        )

    def _quarantine(self, lane: Lane, stored: StoredEvent) -> None:
        version = self._ledger.for_tenant(lane.tenant_id).live_number() or 0
        self._ledger.lanes.quarantine(lane, stored, self._clock.now(), version)
        say(
            _LOG, logging.ERROR, "event set aside after its workers died",
            tenant=lane.tenant_id, lane=lane.id, event=stored.id,
        )  # fmt: skip
        self._tell(lane, stored, Decision("quarantined"), version)

    def _answer(self, lane: Lane, stored: StoredEvent) -> bool:
        """Decide and record; again when others changed what the decision rested on.

        The first send is begun in the same transaction where it may go out at once: one wait for
        the disk less. True when there was one.
        """
        event = _read(stored)
        for attempt in range(1, _STALE_TRIES + 1):
            started = time.perf_counter_ns()
            rules = self._rulesets.live(lane.tenant_id)
            facts, decision = self._decide(lane, event, rules)
            if self._metrics is not None:
                self._metrics.took("decide", (time.perf_counter_ns() - started) / 1e9)
            start_by = self._sending.starts_by()
            try:
                ready = self._ledger.lanes.record(
                    lane,
                    stored,
                    decision,
                    self._clock.now(),
                    version=rules.version,
                    lease=self._configuration.lease,
                    facts=facts,
                    took_us=(time.perf_counter_ns() - started) // 1000,
                    quiet=self._configuration.quiet,
                    deadline=self._sending.deadline,
                )
            except Stale:
                if attempt == _STALE_TRIES:
                    raise
                continue
            self._tell(lane, stored, decision, rules.version)
            if ready is not None:
                self._sending.carry_out(lane, ready, start_by)
            return ready is not None
        return False

    def _decide(
        self, lane: Lane, event: Event | None, rules: Rules
    ) -> tuple[Facts | None, Decision]:
        if event is None:
            return None, Decision("failed", "the stored event cannot be read")
        settings = rules.ruleset.settings if rules.ruleset else _DEFAULTS
        human: tuple[Change, ...] = ()
        if self._is_own(lane, event):
            self._ledger.lanes.echo(lane, event, self._clock.now())
            return None, Decision("skipped", "own")
        if event.kind == "echo":
            human = self._human_pause(lane, event, settings)
        if rules.ruleset is None:
            return None, dataclasses.replace(_without_rules(rules), changes=human)
        now = self._clock.now()
        facts = self._ledger.lanes.facts(
            lane,
            event,
            now,
            marks=rules.ruleset.marks,
            marks_post=rules.ruleset.marks_post,
            marks_all=rules.ruleset.marks_all,
            per_contact_window=settings.per_contact.window,
        )
        decision = decide(event, rules.ruleset, facts, now, version=rules.version)
        return facts, self._ready_to_record(decision, human)

    def _human_pause(self, lane: Lane, event: Event, settings: Settings) -> tuple[Change, ...]:
        """An echo that is no send of ours is a person of the account, writing by hand."""
        if self._ledger.lanes.echo(lane, event, self._clock.now()):
            return ()
        until = self._clock.now() + settings.pause_after_human
        return (Change("quiet", "human_pause", until),)

    def _is_own(self, lane: Lane, event: Event) -> bool:
        """Without this, a public reply would be the next comment to answer."""
        if event.kind in NOT_FOR_RULES:
            return event.kind == "own"
        ids, username = {event.account, event.entry} - {""}, ""
        if event.kind in _COMMENTS:
            for account in self._ledger.for_tenant(lane.tenant_id).accounts.list():
                if account.id == lane.account_id:
                    ids |= {account.ig_id, account.page_id} - {""}
                    username = account.username
        return is_own(event, ids, username)

    def _ready_to_record(self, decision: Decision, human: tuple[Change, ...]) -> Decision:
        for effect in decision.effects:
            if effect.channel not in self._channels:
                reason = f"channel '{effect.channel}' is not installed"
                return Decision("failed", reason, outcomes=decision.outcomes, trace=decision.trace)
        effects = tuple(
            dataclasses.replace(effect, idempotent=True)
            if self._sending.is_idempotent(effect)
            else effect
            for effect in decision.effects
        )
        return dataclasses.replace(decision, effects=effects, changes=(*decision.changes, *human))

    def _tell(self, lane: Lane, stored: StoredEvent, decision: Decision, version: int) -> None:
        if self._metrics is not None:
            self._metrics.decided(lane.tenant_id, decision.outcome)
        self._observers.tell(
            "decision",
            tenant_id=lane.tenant_id,
            event_id=stored.id,
            kind=stored.kind,
            outcome=decision.outcome,
            reason=decision.reason,
            rules=tuple(one.rule for one in decision.outcomes if one.reason == "fired"),
            version=version,
        )


def _without_rules(rules: Rules) -> Decision:
    if rules.broken:
        return Decision("failed", rules.broken)
    return Decision("skipped", "deactivated" if rules.closed else "no ruleset published")


def _read(stored: StoredEvent) -> Event | None:
    """Give the stored event; ``None`` when its bytes cannot be read."""
    if stored.event is not None:
        return dataclasses.replace(stored.event, id=stored.id)
    try:
        events = read(stored.body, stored.received_at)
    except Unreadable as error:
        say(_LOG, logging.ERROR, "a stored event cannot be read", error, event=stored.id)
        return None
    return dataclasses.replace(events[0], id=stored.id) if events else None
