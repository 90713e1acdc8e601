"""Decide many conversations of one tenant in one go: where rules only listen, this is what counts.

Why only what is plain: a conversation whose turn may have to wait, for a read, for a send, for
another one's marks, would hold up all the others. Those are left to turns of their own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from igrules.engine.needs import NO_NEEDS, lacks_words
from igrules.ledger import Decided, Known, Lane, Ledger, ReadFacts, StoredEvent
from igrules.work.clock import Clock
from igrules.work.deciding import Deciding
from igrules.work.rulesets import Rules, Rulesets
from igrules.work.stored_events import read_event

_ALONE = frozenset({"echo", "own", "message_deleted"})
"""Kinds that change sends of ours, of other lanes too."""


class Together:
    """Turns of many lanes in one transaction. Shared by all worker threads; it keeps nothing."""

    def __init__(
        self,
        ledger: Ledger,
        rulesets: Rulesets,
        deciding: Deciding,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._rulesets = rulesets
        self._deciding = deciding
        self._clock = clock

    def decide(self, lanes: Sequence[Lane]) -> list[Decided] | None:
        """Decide and store what each of these lanes of one tenant begins with, and release them;
        gives what was done, ``None`` for rules that may have to wait for a read. Raises
        `LedgerError` when nothing was done."""
        rules = self._rulesets.live(lanes[0].tenant_id)
        if rules.needs != NO_NEEDS:
            return None
        if rules.ruleset is None:
            return []
        events = self._ledger.lanes.first_events(lanes)
        plain = [lane for lane in lanes if _is_plain(lane, events.get(lane.id))]
        if not plain:
            return []
        window = rules.ruleset.settings.per_contact.window
        known = self._ledger.lanes.known(plain, self._clock.now(), window)
        found = (self._decided(lane, events[lane.id], rules, known) for lane in plain)
        items = [item for item in found if item is not None]
        if not items:
            return []
        done = self._ledger.lanes.record_together(items, self._clock.now())
        return [item for item in items if item.lane.id in done]

    def _decided(
        self, lane: Lane, stored: StoredEvent, rules: Rules, known: Known
    ) -> Decided | None:
        """The decision about an event; ``None``: the lane needs a turn of its own."""
        started = time.perf_counter_ns()
        event = stored.event or read_event(stored.body, stored.received_at, stored.id)
        if event is None or lacks_words(event):
            return None
        facts, decision = self._deciding.about(lane, event, rules, known)
        if decision.marks and isinstance(facts, ReadFacts) and (facts.wide_post or facts.wide_all):
            return None
        took_us = (time.perf_counter_ns() - started) // 1000
        return Decided(lane, stored, decision, facts, rules.version, took_us)


def _is_plain(lane: Lane, stored: StoredEvent | None) -> bool:
    return stored is not None and stored.kind not in _ALONE and not lane.poisoned
