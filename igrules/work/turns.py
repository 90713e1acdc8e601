"""One turn of one lane: what waits in a conversation, in order, for as long as its turn lasts.

Why sends come before events: an answer that was decided goes out before the next thing the person
wrote is looked at, so a conversation reads in the order it happened.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from igrules.engine.needs import NO_NEEDS, lacks_words
from igrules.errors import LeaseLost, Unreadable
from igrules.instagram.reader import read
from igrules.kinds import Registry
from igrules.ledger import DueRun, DueSend, Lane, Ledger, Ready, Stale, StoredEvent, Unsettled
from igrules.ledger.quarantine import words
from igrules.ledger.sends import Then
from igrules.model import Decision, Event, Facts
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.deciding import Deciding
from igrules.work.fetching import Fetching
from igrules.work.logs import say
from igrules.work.observers import Observers
from igrules.work.outside import Outside
from igrules.work.patience import Patience
from igrules.work.rulesets import Rulesets
from igrules.work.sending import Done, Sending
from igrules.work.settling import Settling
from igrules.work.together import Together

if TYPE_CHECKING:
    from igrules.work.metrics import Metrics

_LOG = logging.getLogger(__name__)
_ITEMS = 8
_SECONDS = 5.0
_STALE_TRIES = 20


class Turns:
    """Works lanes that were claimed. Shared by all worker threads; it keeps nothing itself."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        configuration: Configuration,
        clock: Clock,
        stopping: threading.Event,
        patience: Patience,
        metrics: Metrics | None = None,
    ) -> None:
        self._metrics = metrics
        self._ledger = ledger
        self._configuration = configuration
        self._clock = clock
        self._stopping = stopping
        self._patience = patience
        self._observers = Observers(registry.observers)
        self._rulesets = Rulesets(ledger, registry)
        outside = Outside(ledger, self._rulesets, registry.actions.values())
        self._sending = Sending(
            ledger, registry, configuration, clock, self._observers, patience, outside, metrics
        )
        self._settling = Settling(ledger, registry, configuration, clock, self._sending, outside)
        self._fetching = Fetching(ledger, configuration, clock)
        self._deciding = Deciding(
            ledger, registry, self._rulesets, clock, self._sending, self._fetching
        )
        self._together = Together(ledger, self._rulesets, self._deciding, clock)

    def take_together(self, lanes: Sequence[Lane]) -> tuple[list[Lane], bool]:
        """Decide what each of these lanes of one tenant begins with, store it all at once and
        release them; what is to be sent waits for the lane's next turn.

        Gives the lanes that have to be worked alone, and whether there is anything to wait for. Of
        lanes that may all have to wait for a read, one is worked and the others are given back.
        """
        done = self._together.decide(lanes)
        if done is None:
            for lane in lanes[1:]:
                with suppress(LeaseLost):
                    self.release(lane)
            return list(lanes[:1]), True
        for item in done:
            if self._metrics is not None:
                self._metrics.took("decide", item.took_us / 1e6)
            self._tell(item.lane, item.stored, item.decision, item.version)
        settled = {item.lane.id for item in done}
        alone = [lane for lane in lanes if lane.id not in settled]
        return alone, any(item.decision.effects for item in done)

    def take(self, lane: Lane, then: Then | None = None) -> bool:
        """Work ``lane`` for up to 8 items or 5 s and release it. True when it had sends to make, or
        what it decided may have had to wait for a read.

        When the last thing stored releases it, ``then`` is done in the same transaction. Raises
        `LeaseLost` when somebody else has the lane now, and leaves it alone.
        """
        waited, poisoned = False, lane.poisoned
        until = self._clock.monotonic() + _SECONDS
        for _ in range(_ITEMS):
            if self._stopping.is_set() or self._clock.monotonic() > until:
                break
            item = self._next(lane)
            if item is None:
                break
            if isinstance(item, Unsettled):
                waited = True
                self._settling.settle(lane, blindly=poisoned)
                # That was the item the workers died of, if any of them was.
                poisoned = False
                continue
            if poisoned:
                self._quarantine(lane, item)
                poisoned = False
                continue
            done = self._do(lane, item, then)
            if done is Done.RESTED:
                return True
            waited |= done is not Done.NOTHING
        self.release(lane)
        return waited

    def _do(self, lane: Lane, item: DueSend | StoredEvent | DueRun, then: Then | None) -> Done:
        if isinstance(item, DueSend):
            return self._sending.perform(lane, item, then)
        if isinstance(item, DueRun):
            return self._go_on(lane, item, then)
        return self._answer(lane, item, then)

    def _next(self, lane: Lane) -> Unsettled | DueSend | StoredEvent | DueRun | None:
        """Give what comes next in ``lane``: a doubt that has to be settled, a due send, the older
        one of the next open event and a run that is due, or what the end of a handoff set free.

        Echoes come before the doubt they may settle.
        """
        lanes, now = self._ledger.lanes, self._clock.now()
        stored = lanes.next_event(lane, now)
        if stored is None or stored.beside_sends:
            send = self._ledger.sends.next(lane, now)
            if isinstance(send, Unsettled):
                return lanes.next_event(lane, now, only_own=True) or send
            if isinstance(send, DueSend):
                return send
        due = lanes.next_run(lane, now) if stored is None or stored.beside_runs else None
        if due is not None and (stored is None or due.due_at < stored.received_at):
            return due
        if stored is not None:
            return stored
        if lanes.end_handoff(lane, now):
            return lanes.next_event(lane, now)
        return None

    def release(self, lane: Lane) -> None:
        """Give ``lane`` back; while the database is away, until the lease is over anyway."""
        self._patience.insist(
            lambda: self._ledger.lanes.release(lane, self._clock.now()),
            self._configuration.lease / 1000,
        )

    def _quarantine(self, lane: Lane, item: DueSend | StoredEvent | DueRun) -> None:
        version = self._ledger.for_tenant(lane.tenant_id).live_number() or 0
        now, why = self._clock.now(), words(lane.deaths)
        if isinstance(item, DueSend):
            self._ledger.sends.set_aside(lane, item, now)
            about: dict[str, Any] = {"send": item.id}
        elif isinstance(item, DueRun):
            run = item.run
            over = dataclasses.replace(run, state="ended", ended="failed", why=why)
            with suppress(Stale):
                self._record_wake(lane, item, Decision("quarantined", why, runs=(over,)), None)
            about = {"run": run.id}
        else:
            self._ledger.lanes.quarantine(lane, item, self._clock.now(), version)
            self._tell(lane, item, Decision("quarantined"), version)
            about = {"event": item.id}
        say(
            _LOG, logging.ERROR, "what its workers died of was set aside",
            tenant=lane.tenant_id, lane=lane.id, **about,
        )  # fmt: skip

    def _go_on(self, lane: Lane, due: DueRun, then: Then | None) -> Done:
        """Let a due run go on, and send what it says first.

        When others changed what the decision rested on, nothing is stored, and the run is found
        again if it is still due.
        """
        facts, decision = self._deciding.on(lane, due)
        start_by = self._sending.starts_by()
        try:
            ready = self._record_wake(lane, due, decision, facts)
        except Stale:
            return Done.NOTHING
        for run in decision.runs:
            self._observers.tell(
                "run", tenant_id=lane.tenant_id, run_id=run.id, rule=run.rule, state=run.state,
                ended=run.ended, version=run.version,
            )  # fmt: skip
        return self._sent(lane, ready, start_by, then)

    def _record_wake(
        self, lane: Lane, due: DueRun, decision: Decision, facts: Facts | None
    ) -> Ready | None:
        return self._ledger.lanes.record_wake(
            lane,
            due,
            decision,
            self._clock.now(),
            lease=self._configuration.lease,
            facts=facts,
            quiet=self._configuration.quiet,
            deadline=self._sending.deadline,
            rate_scale=self._configuration.rate_scale,
        )

    def _answer(self, lane: Lane, stored: StoredEvent, then: Then | None) -> Done:
        """Decide and record; again when others changed what the decision rested on.

        The first send is begun in the same transaction where it may go out at once: one wait for
        the disk less.
        """
        event = _read(stored)
        if event is not None and lacks_words(event):
            rules = self._rulesets.live(lane.tenant_id)
            event = self._fetching.words(lane, stored, event, rules)
            if event is None:
                return Done.READ
        for attempt in range(1, _STALE_TRIES + 1):
            started = time.perf_counter_ns()
            rules = self._rulesets.live(lane.tenant_id)
            facts, decision = self._deciding.about(lane, event, rules)
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
                    rate_scale=self._configuration.rate_scale,
                )
            except Stale:
                if attempt == _STALE_TRIES:
                    raise
                continue
            self._tell(lane, stored, decision, rules.version)
            if ready is None and rules.needs != NO_NEEDS:
                return Done.READ
            return self._sent(lane, ready, start_by, then)
        return Done.NOTHING

    def _sent(self, lane: Lane, ready: Ready | None, start_by: float, then: Then | None) -> Done:
        if ready is None:
            return Done.NOTHING
        return self._sending.carry_out(lane, ready, start_by, then)

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
            rules=decision.rules,
            version=version,
        )


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
