"""What a process counts and measures, and how it is shown to Prometheus.

Why every label comes from a list: a label made of what strangers send would grow without end, and
would carry their words to whoever reads the numbers. Only the busiest tenants have a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics import Counter as Total, Gauge, Histogram

from igrules.ledger import Gauges
from igrules.model import Receipt
from igrules.work.clock import Clock
from igrules.work.ledger_metrics import NAMED_TENANTS, LedgerMetrics, Tenants
from igrules.work.metric_words import (
    ANSWER_CLASSES,
    ANSWER_CODES,
    EVENT_KINDS,
    ORPHAN_REASONS,
    OUTCOMES,
    ROUTES,
    SEND_KINDS,
    SEND_STATES,
    STATUSES,
    word,
)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_ACK = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_FAST = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_SLOW = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 15.0, 30.0)


class Metrics:
    """The numbers of one process. ``gauges`` reads what the ledger knows; ``None``: none of it.

    ``tenants``: how many of them, the busiest, are shown by name; 0: none.
    """

    def __init__(
        self,
        gauges: Callable[[], Gauges] | None = None,
        clock: Clock | None = None,
        *,
        tenants: int = NAMED_TENANTS,
    ) -> None:
        self._registry = CollectorRegistry()
        self._tenants = Tenants(tenants) if tenants else None
        make = _Maker(self._registry)
        self._requests = make.total(
            "webhook_requests", "Webhook requests answered.", {"route": ROUTES, "status": STATUSES}
        )
        self._ack = make.histogram(
            "webhook_ack_seconds", "From a webhook request to its answer.", _ACK
        )
        self._group = make.histogram(
            "commit_group_size", "Webhook bodies stored by one commit.", (1, 2, 4, 8, 16, 32, 64)
        )
        self._events = make.total("events", "Updates stored as events.", {"kind": EVENT_KINDS})
        self._duplicates = make.total(
            "duplicates", "Updates that were there already.", {"kind": EVENT_KINDS}
        )
        self._orphans = make.total(
            "orphans", "Updates without a tenant.", {"reason": ORPHAN_REASONS}
        )
        self._decisions = make.total("decisions", "Events decided.", {"outcome": OUTCOMES})
        self._quarantined = make.total("quarantined", "Events set aside.", {})
        self._decide = make.histogram("decide_seconds", "Facts and decision of one event.", _FAST)
        self._claim = make.histogram("claim_seconds", "One claim of lanes.", _FAST)
        self._turn = make.histogram("turn_seconds", "One turn of one lane.", _SLOW)
        self._fence = make.total("fence_losses", "Turns that lost their lane.", {})
        self._sends = make.total(
            "sends", "Ends and put-offs of sends.", {"kind": SEND_KINDS, "state": SEND_STATES}
        )
        self._send = make.histogram("send_seconds", "One call of a channel.", _SLOW, "kind")
        self._answers = make.total(
            "graph_answers",
            "Answers of the platform.",
            {"class": ANSWER_CLASSES, "code": ANSWER_CODES},
        )
        self._bell = Gauge(
            "igrules_bell_up",
            "1 while what carries the bell between processes can be reached, else 0.",
            registry=self._registry,
        )
        self._bell.set(1)
        if gauges is not None:
            stored = LedgerMetrics(gauges, clock or Clock(), named=tenants, tenants=self._tenants)
            self._registry.register(stored)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A webhook request was answered."""
        self._requests.add(word(route, ROUTES), word(str(status), STATUSES))
        self._ack.observe(seconds)

    def grouped(self, size: int) -> None:
        """One commit stored this many bodies."""
        self._group.observe(size)

    def split(self, kinds: Mapping[tuple[str, str], int]) -> None:
        """Bodies were split; see `SplitResult.kinds`."""
        for (what, label), count in kinds.items():
            if what == "orphans":
                self._orphans.add(word(label, ORPHAN_REASONS), count=count)
            else:
                total = self._events if what == "events" else self._duplicates
                total.add(word(label, EVENT_KINDS), count=count)

    def decided(self, tenant_id: int, outcome: str) -> None:
        """An event has its decision."""
        self._decisions.add(word(outcome, OUTCOMES))
        if outcome == "quarantined":
            self._quarantined.add()
        if self._tenants is not None:
            self._tenants.add(tenant_id, events=1)

    def took(self, what: str, seconds: float) -> None:
        """A ``decide``, ``claim`` or ``turn`` took this long."""
        {"decide": self._decide, "claim": self._claim, "turn": self._turn}[what].observe(seconds)

    def bell(self, up: bool) -> None:
        """What carries the bell came or went."""
        self._bell.set(int(up))

    def lost_lane(self) -> None:
        """A turn found that somebody else has its lane."""
        self._fence.add()

    def called(self, kind: str, receipt: Receipt, seconds: float) -> None:
        """A channel was called."""
        self._send.labels(word(kind, SEND_KINDS)).observe(seconds)
        answer = receipt.answer
        if answer.cls:
            self._answers.add(
                word(answer.cls, ANSWER_CLASSES), word(str(answer.code), ANSWER_CODES)
            )

    def sent(self, tenant_id: int, kind: str, state: str) -> None:
        """A send came to an end, or was put off."""
        self._sends.add(word(kind, SEND_KINDS), word(state, SEND_STATES))
        if self._tenants is not None and state == "sent":
            self._tenants.add(tenant_id, sends=1)

    def text(self) -> str:
        """Everything in the text format of Prometheus."""
        return _written(self._registry)

    def families(self) -> Iterable[Metric]:
        """The metrics with their help, for those who document them."""
        return list(self._registry.collect())


def ledger_text(gauges: Callable[[], Gauges]) -> str:
    """What the ledger alone knows, where no process is asked."""
    registry = CollectorRegistry()
    registry.register(LedgerMetrics(gauges, Clock()))
    return _written(registry)


def _written(registry: CollectorRegistry) -> str:
    lines = generate_latest(registry).decode().splitlines(keepends=True)
    # When a counter began is of no use to Prometheus, and would double the series.
    return "".join(line for line in lines if not _is_birthday(line))


class _Total:
    """A counter whose label values are all known, bound before the first request."""

    def __init__(self, total: Total, labels: Mapping[str, tuple[str, ...]]) -> None:
        self._bound: dict[tuple[str, ...], Total] = {}
        rows: list[tuple[str, ...]] = [()]
        for values in labels.values():
            rows = [(*row, value) for row in rows for value in values]
        self._total = total
        self._known = frozenset(rows)
        # Two labels multiply: only those that occur become series.
        for row in rows if len(labels) == 1 else ():
            self._bound[row] = total.labels(*row)
        if not labels:
            self._bound[()] = total

    def add(self, *labels: str, count: int = 1) -> None:
        bound = self._bound.get(labels)
        if bound is None:
            if labels not in self._known:
                raise ValueError("a label that is on no list")
            bound = self._bound[labels] = self._total.labels(*labels)
        bound.inc(count)


class _Maker:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def total(self, name: str, words: str, labels: Mapping[str, tuple[str, ...]]) -> _Total:
        counter = Total(f"igrules_{name}", words, list(labels), registry=self._registry)
        return _Total(counter, labels)

    def histogram(
        self, name: str, words: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(f"igrules_{name}", words, labels, buckets=buckets, registry=self._registry)


def _is_birthday(line: str) -> bool:
    name = line.removeprefix("# HELP ").removeprefix("# TYPE ").split("{")[0].split(" ")[0]
    return name.endswith("_created")
