"""Count what happened in a stretch of time: events by kind and outcome, sends by state, kind and
rule, and how long the answers took.

Why answers go into classes: sums of days must give the same middle as the days themselves, and
neither may need the single answers once those are deleted. A class is a tenth wide.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from igrules.ledger.database import Database

_WIDTH = 1.1

Tally = dict[tuple[str, str], tuple[int, int]]
"""Number and milliseconds by ``what`` and ``label``, as in ``stat``."""

WEBHOOK, EVENT, OUTCOME = "webhook", "event", "outcome"
MESSAGE, SEND, KIND, RULE, ANSWER = "message", "send", "kind", "rule", "answer"
INVALID = "invalid"
"""Sends that were refused because of what they say, by rule: its author has to mend it."""
RUN = "run"
"""Runs that had stopped to wait, by how they ended."""


def tally(db: Database, tenant_id: int, since: int, until: int) -> Tally:
    """What was decided and what ended from ``since`` until before ``until``."""
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    stretch = (tenant_id, since, until)
    for outcome, kind, source, count in db.all(_DECIDED, stretch):
        found[OUTCOME, outcome][0] += count
        found[EVENT, kind][0] += count
        if source == "webhook":
            found[WEBHOOK, ""][0] += count
    for state, kind, rule, counted, count, invalid in db.all(_ENDED, stretch):
        found[SEND, state][0] += count
        if invalid:
            found[INVALID, rule][0] += invalid
        if state == "sent":
            found[KIND, kind][0] += count
            found[RULE, rule][0] += count
            if counted == "yes":
                found[MESSAGE, ""][0] += count
    for ended, count in db.all(_RUNS, stretch):
        found[RUN, ended][0] += count
    for (ms,) in db.all(_ANSWERED, (*stretch, tenant_id)):
        entry = found[ANSWER, class_of(int(ms))]
        entry[0] += 1
        entry[1] += max(0, int(ms))
    return {key: (count, ms) for key, (count, ms) in found.items()}


_DECIDED = (
    "SELECT d.outcome, i.kind, i.source, count(*) FROM decision d JOIN inbox i ON i.id = d.inbox_id"
    " WHERE d.tenant_id = ? AND d.created_at >= ? AND d.created_at < ? AND d.replay = 0"
    " GROUP BY d.outcome, i.kind, i.source"
)
"""Each event once, by its first decision."""

_ENDED = (
    "SELECT state, kind, rule, counted, count(*), sum(CASE WHEN state = 'refused'"
    " AND reason = 'invalid' THEN 1 ELSE 0 END) FROM send WHERE tenant_id = ?"
    " AND closed_at IS NOT NULL AND closed_at >= ? AND closed_at < ?"
    " GROUP BY state, kind, rule, counted"
)

_RUNS = (
    "SELECT ended, count(*) FROM run WHERE tenant_id = ? AND ended_at IS NOT NULL"
    " AND ended_at >= ? AND ended_at < ? GROUP BY ended"
)

_ANSWERED = (
    "SELECT s.closed_at - i.received_at FROM send s JOIN inbox i ON i.id = s.inbox_id"
    " WHERE s.tenant_id = ? AND s.closed_at IS NOT NULL AND s.closed_at >= ? AND s.closed_at < ?"
    " AND s.state = 'sent' AND s.counted = 'yes'"
    " AND NOT EXISTS (SELECT 1 FROM send o WHERE o.inbox_id = s.inbox_id AND o.tenant_id = ?"
    " AND o.state = 'sent' AND o.counted = 'yes'"
    " AND (o.closed_at < s.closed_at OR (o.closed_at = s.closed_at AND o.id < s.id)))"
)
"""From the webhook to the first message that answered it."""


def add(one: Tally, other: Tally) -> Tally:
    """Both together."""
    total = dict(one)
    for key, (count, ms) in other.items():
        before = total.get(key, (0, 0))
        total[key] = (before[0] + count, before[1] + ms)
    return total


def count(tally: Tally, what: str, label: str = "") -> int:
    """The number of one label."""
    return tally.get((what, label), (0, 0))[0]


def labels(tally: Tally, what: str) -> Mapping[str, int]:
    """The numbers of all labels, by label."""
    return {label: n for (of, label), (n, _) in sorted(tally.items()) if of == what}


@dataclass(frozen=True, slots=True)
class Times:
    """How long answers took, in milliseconds; ``None`` without any. The middle and the slowest of
    twenty are true to a tenth."""

    count: int = 0
    mean: int | None = None
    median: int | None = None
    p95: int | None = None


def times(tally: Tally) -> Times:
    """The times to the first answer."""
    classes = sorted((int(label), n) for (what, label), (n, _) in tally.items() if what == ANSWER)
    total = sum(n for _, n in classes)
    if not total:
        return Times()
    ms = sum(ms for (what, _), (_, ms) in tally.items() if what == ANSWER)
    return Times(
        total, round(ms / total), _share(classes, total, 0.5), _share(classes, total, 0.95)
    )


def class_of(ms: int) -> str:
    """The class of a time; a later one has a higher number."""
    return f"{max(0, math.ceil(math.log(ms, _WIDTH))) if ms > 1 else 0:03d}"


def _share(classes: Iterable[tuple[int, int]], total: int, share: float) -> int:
    """The time within which this share of the answers came."""
    left = math.ceil(total * share)
    for number, n in classes:
        left -= n
        if left <= 0:
            return round(_WIDTH**number)
    return 0
