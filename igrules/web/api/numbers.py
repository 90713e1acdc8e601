"""Statistics of a tenant, and what waits to go out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from igrules.errors import UsageError
from igrules.ledger import Backlog, Numbers
from igrules.ledger.tally import (
    EVENT,
    INVALID,
    KIND,
    MESSAGE,
    OUTCOME,
    RULE,
    RUN,
    SEND,
    WEBHOOK,
    Tally,
    count,
    labels,
    times as answer_times,
)
from igrules.web import times
from igrules.web.operations import (
    OPERATOR_READ,
    PAGING,
    READ,
    Answer,
    Call,
    Operation,
    Schema,
    page_of,
)
from igrules.web.pages import paged
from igrules.web.schemas import (
    COUNT,
    COUNT_OR_NULL,
    FLAG,
    TEXT,
    TIME,
    TIME_OR_NULL,
    closed,
    list_of,
    map_of,
)

_USUAL, _MOST = 30, 366
_COUNTS: Schema = map_of(COUNT)
_TOTALS: dict[str, Schema] = {
    "total_messages": COUNT,
    "messages_today": COUNT,
    "webhooks_received": COUNT,
    "active": FLAG,
    "daily_limit": COUNT_OR_NULL,
    "limit_remaining": COUNT_OR_NULL,
}
_TIMES = closed(
    {
        "count": COUNT,
        "mean_ms": COUNT_OR_NULL,
        "median_ms": {**COUNT_OR_NULL, "description": "true to a tenth"},
        "p95_ms": {**COUNT_OR_NULL, "description": "true to a tenth"},
    }
)
_PART: dict[str, Schema] = {
    "webhooks": COUNT,
    "messages": {**COUNT, "description": "that were sent and count against a limit"},
    "events": {**_COUNTS, "description": "by kind"},
    "outcomes": {**_COUNTS, "description": "events by outcome"},
    "sends": {**_COUNTS, "description": "that ended, by state"},
    "kinds": {**_COUNTS, "description": "sent, by kind"},
    "rules": {**_COUNTS, "description": "sent, by rule; without one those of the API"},
    "invalid": {**_COUNTS, "description": "refused by Instagram as wrong in themselves, by rule"},
    "runs": {**_COUNTS, "description": "that had stopped to wait, by how they ended"},
    "answer_times": _TIMES,
}
_DAY: Schema = {
    "type": "string",
    "pattern": r"^\d{4}-\d{2}-\d{2}$",
    "maxLength": 10,
    "description": "a day, as 2026-03-01",
}
_STATS = closed(
    {
        **_TOTALS,
        "from": TEXT,
        "to": TEXT,
        "timezone": TEXT,
        "total": closed(_PART),
        "days": list_of(closed({"day": TEXT, **_PART})),
    }
)
_WAITING = closed(
    {
        "held_by": {
            **TEXT,
            "description": "ready, later, retry, doubt (one before it is unclear), or the hold or"
            " limit by name",
        },
        "count": COUNT,
        "next_at": TIME,
        "last_at": {**TIME_OR_NULL, "description": "null: nobody can say"},
        "expiring": {**COUNT, "description": "whose time is over before"},
        "words": {**TEXT, "description": "which limit it is; empty: it is none"},
    }
)
_BACKLOG: dict[str, Schema] = {
    "count": COUNT,
    "last_at": {**TIME_OR_NULL, "description": "when the last one can go, as far as limits tell"},
    "waiting": list_of(_WAITING),
}


def numbers_of(numbers: Numbers) -> dict[str, object]:
    """The totals, as both surfaces name them."""
    return {
        "total_messages": numbers.total_messages,
        "messages_today": numbers.messages_today,
        "webhooks_received": numbers.webhooks_received,
        "active": numbers.active,
        "daily_limit": numbers.daily_limit,
        "limit_remaining": numbers.limit_remaining,
    }


def _stats(call: Call) -> Answer:
    first, last = _span(call)
    found = call.scope.days(first, last, call.now)
    return Answer(
        {
            **numbers_of(call.scope.numbers(call.now)),
            "from": first,
            "to": last,
            "timezone": found.zone,
            "total": _part(found.total),
            "days": [{"day": day, **_part(one)} for day, one in found.days.items()],
        }
    )


def _span(call: Call) -> tuple[str, str]:
    today = date.fromisoformat(call.scope.today(call.now))
    last = _day(call.query, "to", today)
    first = _day(call.query, "from", last - timedelta(days=min(_USUAL - 1, last.toordinal() - 1)))
    if not first <= last <= today + timedelta(days=1):
        raise UsageError("these days are in no order", "'from' comes before 'to', not after today")
    if (last - first).days >= _MOST:
        raise UsageError(f"more than {_MOST} days at once", "ask for a year and then for another")
    return first.isoformat(), last.isoformat()


def _day(query: Mapping[str, object], name: str, default: date) -> date:
    text = query.get(name)
    if text is None:
        return default
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise UsageError(f"{name}: there is no such day", "write it like 2026-03-10") from error


def _part(tally: Tally) -> dict[str, object]:
    answered = answer_times(tally)
    return {
        "webhooks": count(tally, WEBHOOK),
        "messages": count(tally, MESSAGE),
        "events": labels(tally, EVENT),
        "outcomes": labels(tally, OUTCOME),
        "sends": labels(tally, SEND),
        "kinds": labels(tally, KIND),
        "rules": labels(tally, RULE),
        "invalid": labels(tally, INVALID),
        "runs": labels(tally, RUN),
        "answer_times": {
            "count": answered.count,
            "mean_ms": answered.mean,
            "median_ms": answered.median,
            "p95_ms": answered.p95,
        },
    }


def _backlog(call: Call) -> Answer:
    return Answer(_shown(call.ledger.backlog(call.tenant.id, call.now)))


def _backlogs(call: Call) -> Answer:
    return Answer(
        paged(
            call.query,
            call.ledger.tenants.newest,
            lambda tenant: {
                "tenant": tenant.slug,
                **_shown(call.ledger.backlog(tenant.id, call.now)),
            },
        )
    )


def _shown(backlog: Backlog) -> dict[str, object]:
    return {
        "count": backlog.count,
        "last_at": times.shown_or_none(backlog.last_at),
        "waiting": [
            {
                "held_by": one.held_by,
                "count": one.count,
                "next_at": times.shown(one.next_at),
                "last_at": times.shown_or_none(one.last_at),
                "expiring": one.expiring,
                "words": one.words,
            }
            for one in backlog.waiting
        ],
    }


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/stats", _stats, (READ,),
        "Show what happened, by day, rule and kind",
        {200: _STATS}, "statistics", tenant=True, query={"from": _DAY, "to": _DAY},
        examples={"query": {"from": "2026-09-01", "to": "2026-09-21"}},
        description="Days are the tenant's own, both included; without any, the last 30. Days "
        "without anything are left out. Numbers are true at once and outlive what they count.",
    ),
    Operation(
        "GET", "/backlog", _backlog, (READ,),
        "Show what waits to go out, what holds it and how long",
        {200: closed(_BACKLOG)}, "statistics", tenant=True,
    ),
    Operation(
        "GET", "/api/v1/installation/backlog", _backlogs, (OPERATOR_READ,),
        "Show what waits to go out, of all tenants",
        {200: page_of(closed({"tenant": TEXT, **_BACKLOG}))}, "statistics", query=PAGING,
    ),
)  # fmt: skip
