"""The metrics that are read from the ledger when somebody asks, and the counts by tenant."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from igrules.errors import LedgerError
from igrules.ledger import Gauges
from igrules.work.clock import Clock
from igrules.work.logs import say
from igrules.work.metric_words import (
    CHORES,
    EVIDENCE,
    HOLD_REASONS,
    OTHER,
    PROCESS_KINDS,
    word,
)

NAMED_TENANTS = 200
_FRESH, _PATIENCE = 10.0, 1.0
_LOG = logging.getLogger(__name__)


class Tenants:
    """Counts by tenant. The ``most`` busiest are shown by name, the rest together."""

    def __init__(self, most: int = NAMED_TENANTS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._events: Counter[int] = Counter()
        self._sends: Counter[int] = Counter()
        self._rest = {"events": 0, "sends": 0}

    def add(self, tenant_id: int, *, events: int = 0, sends: int = 0) -> None:
        """Count something of a tenant."""
        with self._lock:
            self._events[tenant_id] += events
            self._sends[tenant_id] += sends

    def shown(self, slugs: Mapping[int, str]) -> dict[str, dict[str, int]]:
        """By what is counted, then by slug or ``other``."""
        with self._lock:
            busy = (self._events + self._sends).most_common(self._most)
            named = {id: slugs[id] for id, _ in busy if id in slugs}
            found = {}
            for what, counts in (("events", self._events), ("sends", self._sends)):
                shown = {slug: counts[id] for id, slug in named.items()}
                rest = sum(count for id, count in counts.items() if id not in named)
                # A tenant that gets a name takes its past along; a counter never goes down.
                self._rest[what] = max(self._rest[what], rest)
                found[what] = {**shown, OTHER: self._rest[what]}
            return found


class LedgerMetrics:
    """What the ledger knows, read at most every 10 s however often it is asked for.

    ``named``: of how many tenants what waits is also shown by name, with what ``tenants`` has
    counted; 0: of none.
    """

    def __init__(
        self,
        gauges: Callable[[], Gauges],
        clock: Clock,
        *,
        named: int = NAMED_TENANTS,
        tenants: Tenants | None = None,
    ) -> None:
        self._gauges = gauges
        self._clock = clock
        self._named = named
        self._tenants = tenants
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._last: Gauges | None = None

    def describe(self) -> list[Metric]:
        """Nothing: the database need not be asked to know what there is."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Give what is known; nothing while the database is away."""
        gauges = self._fresh()
        if gauges is None:
            return []
        shown = [*_of_lanes(gauges), *_of_sends(gauges), *_of_the_rest(gauges)]
        if self._tenants is not None:
            shown += _of_tenants(gauges, self._tenants)
        return [*shown, _backlog(gauges, self._named)] if self._named else shown

    def _fresh(self) -> Gauges | None:
        # One waits for a database that hangs; the others give what else there is to give.
        if not self._lock.acquire(timeout=_PATIENCE):
            return None
        try:
            now = self._clock.monotonic()
            if self._read_at is None or now >= self._read_at + _FRESH:
                is_first, last = self._read_at is None, self._last
                self._read_at, self._last = now, None
                try:
                    self._last = self._gauges()
                except LedgerError as error:
                    # Whoever asks asks again and again.
                    if is_first or last is not None:
                        say(_LOG, logging.WARNING, "the database was not measured", error)
            return self._last
        finally:
            self._lock.release()


def _of_lanes(gauges: Gauges) -> Iterable[Metric]:
    yield GaugeMetricFamily("igrules_lanes_due", "Conversations that wait.", gauges.lanes_due)
    yield GaugeMetricFamily(
        "igrules_oldest_due_seconds", "How long the oldest has waited.", gauges.oldest_due / 1000
    )
    yield GaugeMetricFamily(
        "igrules_waits", "Runs that wait for an answer, a time or a call.", gauges.waits
    )


def _of_sends(gauges: Gauges) -> Iterable[Metric]:
    yield _gauge("sends_open", "Sends that are not closed.", "state", gauges.sends_open)
    settled = CounterMetricFamily(
        "igrules_doubts_settled", "Unclear sends that were proved.", labels=["evidence"]
    )
    for evidence, count in _lumped(gauges.doubts_settled, EVIDENCE).items():
        settled.add_metric([evidence], count)
    yield settled
    yield CounterMetricFamily(
        "igrules_double_sends", "Messages that went out twice.", gauges.double_sends
    )
    yield CounterMetricFamily(
        "igrules_unknown_codes",
        "Answers of the platform with a code nobody has listed.",
        sum(gauges.unknown_codes.values()),
    )


def _of_the_rest(gauges: Gauges) -> Iterable[Metric]:
    holds = GaugeMetricFamily(
        "igrules_holds", "Reasons why nothing may go out.", labels=["scope", "reason"]
    )
    lumped = Counter[tuple[str, str]]()
    for (scope, reason), count in gauges.holds.items():
        lumped[scope, word(reason, HOLD_REASONS)] += count
    for labels, count in sorted(lumped.items()):
        holds.add_metric(list(labels), count)
    yield holds
    if gauges.token_days_left is not None:
        yield GaugeMetricFamily(
            "igrules_token_days_left", "Of the token that ends first.", gauges.token_days_left
        )
    ages = {word(name, CHORES): age / 1000 for name, age in gauges.chore_ages.items()}
    yield _gauge("chore_age_seconds", "Since a chore last went well.", "name", ages)
    processes = _lumped(gauges.processes, PROCESS_KINDS)
    yield _gauge("processes", "Processes that live.", "kind", processes)


def _of_tenants(gauges: Gauges, tenants: Tenants) -> Iterable[Metric]:
    for what, counts in tenants.shown(gauges.slugs).items():
        words = f"{what.title()} of this process."
        family = CounterMetricFamily(f"igrules_tenant_{what}", words, labels=["tenant"])
        for slug, count in sorted(counts.items()):
            family.add_metric([slug], count)
        yield family


def _backlog(gauges: Gauges, most: int) -> Metric:
    named = Counter(dict(gauges.backlog)).most_common(most)
    waiting = {gauges.slugs[id]: count for id, count in named if id in gauges.slugs}
    waiting[OTHER] = sum(gauges.backlog.values()) - sum(waiting.values())
    return _gauge("tenant_backlog", "Events and sends that wait.", "tenant", waiting)


def _gauge(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"igrules_{name}", words, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family


def _lumped(counts: Mapping[str, int], known: tuple[str, ...]) -> dict[str, int]:
    lumped = Counter[str]()
    for name, count in counts.items():
        lumped[word(name, known)] += count
    return dict(sorted(lumped.items()))
