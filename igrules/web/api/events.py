"""Events of a tenant: what came, what became of it and why, and once more if need be."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from igrules.errors import NotFound
from igrules.ledger import EventRow, SendRow
from igrules.ledger.attempts import AttemptRow
from igrules.ledger.event_list import Wanted
from igrules.ledger.people import FOR_GOOD
from igrules.model import Decision
from igrules.web import times
from igrules.web.api.shapes import closed
from igrules.web.api.timeline import cursor_at, read_mark
from igrules.web.operations import (
    ADMIN,
    PAGING,
    READ,
    RULES,
    Answer,
    Call,
    Operation,
    Schema,
    page,
    page_of,
)
from igrules.web.pages import read_id
from igrules.work import stored_events

_OUTCOMES = ["answered", "listened", "no_match", "skipped", "failed", "quarantined"]
_TEXT: Schema = {"type": "string"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
_COUNT: Schema = {"type": "integer"}
_WORDS: Schema = {"type": "array", "items": {"type": "string"}}


_EVENT_FIELDS: dict[str, Schema] = {
    "id": _TEXT,
    "kind": _TEXT,
    "contact": _TEXT,
    "username": _TEXT,
    "text": _TEXT,
    "ref": _TEXT,
    "source": {"type": "string", "enum": ["webhook", "poll", "internal", "api"]},
    "received_at": _TIME,
    "occurred_at": _TIME_OR_NULL,
    "state": {"type": "string", "enum": ["open", "closed", "quarantined"]},
    "outcome": {"type": ["string", "null"], "enum": [*_OUTCOMES, None]},
    "reason": _TEXT,
    "rules": _WORDS,
    "version": {"type": ["integer", "null"]},
    "replays": _COUNT,
    "decided_at": _TIME_OR_NULL,
    "took_ms": {"type": ["number", "null"]},
}
_EVENT = closed(_EVENT_FIELDS)
_REASON = closed({"rule": _TEXT, "reason": _TEXT, "why": _TEXT})
_ATTEMPT = closed(
    {
        "number": _COUNT,
        "started_at": _TIME,
        "ended_at": _TIME_OR_NULL,
        "outcome": _TEXT,
        "status": _COUNT,
        "code": _COUNT,
        "subcode": _COUNT,
        "trace_id": _TEXT,
    }
)
SEND_STATES = [
    "pending", "sending", "sent", "doubt", "parked", "refused", "expired", "skipped", "dead",
    "cancelled", "dropped",
]  # fmt: skip
EFFECT = closed(
    {
        "send": _TEXT,
        "kind": _TEXT,
        "target": _TEXT,
        "rule": _TEXT,
        "step": _TEXT,
        "text": _TEXT,
        "state": {"type": "string", "enum": SEND_STATES},
        "reason": _TEXT,
        "evidence": _TEXT,
        "message_id": _TEXT,
        "created_at": _TIME,
        "closed_at": _TIME_OR_NULL,
        "attempts": {"type": "array", "items": _ATTEMPT},
    }
)
_WHOLE = closed(
    {
        **_EVENT_FIELDS,
        "reasons": {"type": "array", "items": _REASON},
        "effects": {"type": "array", "items": EFFECT},
        "trace": {
            "type": ["object", "null"],
            "description": "the facts and what was found, as stored with the decision",
        },
    }
)
_DECIDED = closed(
    {
        "dry_run": {"type": "boolean", "enum": [True]},
        "version": _COUNT,
        "outcome": {"type": "string", "enum": _OUTCOMES},
        "reason": _TEXT,
        "reasons": {"type": "array", "items": _REASON},
        "effects": {
            "type": "array",
            "items": closed(
                {"kind": _TEXT, "target": _TEXT, "rule": _TEXT, "step": _TEXT, "text": _TEXT}
            ),
        },
        "changes": {"type": "array", "items": closed({"kind": _TEXT, "name": _TEXT})},
    }
)
_REOPENED = closed(
    {
        "dry_run": {"type": "boolean", "enum": [False]},
        "reopened": {"type": "boolean", "description": "false: it waits for that already"},
    }
)
_REPLAY: Schema = {
    "type": "object",
    "properties": {
        "dry_run": {"type": "boolean", "default": False},
        "version": {
            "type": "integer",
            "minimum": 1,
            "description": "with dry_run: whose rules decide; default: the live ones",
        },
    },
    "additionalProperties": False,
}
_FILTERS: dict[str, Schema] = {
    "since": {"type": "string", "format": "date-time", "maxLength": 40},
    "until": {"type": "string", "format": "date-time", "maxLength": 40},
    "contact": {
        "type": "string", "minLength": 1, "maxLength": 512,
        "description": "an id, or @ and a user name",
    },
    "rule": {"type": "string", "minLength": 1, "maxLength": 200, "description": "one that fired"},
    "outcome": {"type": "string", "enum": [*_OUTCOMES, "waiting"]},
    "kind": {"type": "string", "minLength": 1, "maxLength": 40},
    "unanswered": {
        "type": "boolean", "default": False,
        "description": "messages that no rule answered (no_match)",
    },
}  # fmt: skip
_LOG_ITEM = closed(
    {
        "id": _TEXT,
        "kind": _TEXT,
        "received_at": _TIME,
        "occurred_at": _TIME_OR_NULL,
        "state": {"type": "string", "enum": ["open", "closed", "quarantined"]},
        "outcome": {"type": ["string", "null"], "enum": [*_OUTCOMES, None]},
    }
)


_OUTCOMES_OF_CALLS = {"NotDone": "not_done"}


def _list(call: Call) -> Answer:
    query = call.query
    wanted = _wanted(call)
    if wanted is None or not _is_possible(query):
        return Answer(page([], None))
    if query["unanswered"]:
        wanted = dataclasses.replace(wanted, outcome="no_match", kind="message")
    return _page(call, wanted, shown_event)


def _is_possible(query: Mapping[str, Any]) -> bool:
    """Whether the other filters leave room for ``unanswered``."""
    outcome, kind = query.get("outcome", "no_match"), query.get("kind", "message")
    return not query["unanswered"] or (outcome, kind) == ("no_match", "message")


def _wanted(call: Call) -> Wanted | None:
    """What the query asks for; ``None`` when it names a person nobody knows."""
    query = call.query
    person = query.get("contact", "")
    if person.startswith("@"):
        try:
            person = call.scope.contact(person).person
        except NotFound:
            return None
    return Wanted(
        since=_time(query.get("since")),
        until=_time(query.get("until")),
        person=person,
        rule=query.get("rule", ""),
        outcome=query.get("outcome", ""),
        kind=query.get("kind", ""),
    )


def _time(text: str | None) -> int | None:
    return None if text is None else times.read(text)


def _page(call: Call, wanted: Wanted, show: Any) -> Answer:
    limit = call.query["limit"]
    mark = read_mark(call.query, 2)
    before = None if mark is None else (mark[0], mark[1])
    rows = call.scope.find_events(wanted, limit + 1, before)
    last = rows[limit - 1] if len(rows) > limit else None
    following = None if last is None else cursor_at((last.received_at, last.id))
    return Answer(page([show(row) for row in rows[:limit]], following))


def shown_event(row: EventRow) -> dict[str, Any]:
    """An event in a list."""
    event = stored_events.event_of(row)
    rules = (row.trace or {}).get("rules", ())
    decided = row.decided_at is not None
    return {
        "id": str(row.id),
        "kind": row.kind,
        "contact": "" if row.person.startswith("~") else row.person,
        "username": row.username,
        "text": event.text if event else "",
        "ref": row.ref,
        "source": row.source,
        "received_at": times.shown(row.received_at),
        "occurred_at": _moment(row.occurred_at),
        "state": row.state,
        "outcome": row.outcome or None,
        "reason": row.reason,
        "rules": [rule for rule, reason, _ in rules if reason == "fired"],
        "version": row.ruleset_version or None,
        "replays": row.replays,
        "decided_at": times.shown_or_none(row.decided_at),
        "took_ms": row.took_us / 1000 if decided else None,
    }


def _moment(ms: int) -> str | None:
    """A time that others have told; ``None`` for none, and for one no calendar has."""
    return times.shown(ms) if 0 < ms < FOR_GOOD else None


def _one(call: Call) -> Answer:
    row = call.scope.event(read_id(call.path["event"], "event"))
    outcomes = stored_events.reasons(call.scope, row, call.registry, call.tenant.slug)
    return Answer(
        {
            **shown_event(row),
            "reasons": [dataclasses.asdict(one) for one in outcomes],
            "effects": effects_of(call, row.id),
            "trace": None if row.trace is None else dict(row.trace),
        }
    )


def effects_of(call: Call, event_id: int) -> list[dict[str, Any]]:
    """The sends of an event with their attempts, in the order they go out."""
    sends = call.scope.sends(200, None, event_id=event_id)
    attempts = call.scope.attempts([send.id for send in sends])
    return [
        shown_effect(send, [one for one in attempts if one.send_id == send.id]) for send in sends
    ]


def shown_effect(send: SendRow, attempts: list[AttemptRow]) -> dict[str, Any]:
    """A send with the calls made for it."""
    return {
        "send": str(send.id),
        "kind": send.kind,
        "target": send.target,
        "rule": send.rule,
        "step": send.step,
        "text": str(send.payload.get("text", "")),
        "state": send.state,
        "reason": send.reason,
        "evidence": send.evidence,
        "message_id": send.message_id,
        "created_at": times.shown(send.created_at),
        "closed_at": times.shown_or_none(send.closed_at),
        "attempts": [
            {
                "number": one.number,
                "started_at": times.shown(one.started_at),
                "ended_at": times.shown_or_none(one.ended_at),
                "outcome": _OUTCOMES_OF_CALLS.get(one.outcome, one.outcome.lower()),
                "status": one.status,
                "code": one.code,
                "subcode": one.subcode,
                "trace_id": one.trace_id,
            }
            for one in attempts
        ],
    }


def _replay(call: Call) -> Answer:
    id = read_id(call.path["event"], "event")
    asked = call.body or {}
    if asked.get("dry_run"):
        row = call.scope.event(id)
        number, decision = stored_events.decide_again(
            call.scope, row, call.registry, call.tenant.slug, asked.get("version")
        )
        with call.acting(f"{id} dry run"):
            return Answer(_shown_decision(number, decision))
    with call.acting(str(id)):
        reopened = call.scope.reopen_event(id, call.now)
    if reopened:
        call.ring()
    return Answer({"dry_run": False, "reopened": reopened}, status=202)


def _shown_decision(number: int, decision: Decision) -> dict[str, Any]:
    return {
        "dry_run": True,
        "version": number,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "reasons": [dataclasses.asdict(one) for one in decision.outcomes],
        "effects": [
            {
                "kind": one.kind,
                "target": one.target,
                "rule": one.rule,
                "step": one.step,
                "text": str(one.payload.get("text", "")),
            }
            for one in decision.effects
        ],
        "changes": [{"kind": one.kind, "name": one.name} for one in decision.changes],
    }


def _log(call: Call) -> Answer:
    wanted = Wanted(
        since=_time(call.query.get("since")),
        until=_time(call.query.get("until")),
        kind=call.query.get("kind", ""),
        source="webhook",
    )
    return _page(call, wanted, _log_item)


def _log_item(row: EventRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "kind": row.kind,
        "received_at": times.shown(row.received_at),
        "occurred_at": _moment(row.occurred_at),
        "state": row.state,
        "outcome": row.outcome or None,
    }


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/events", _list, (READ,), "List events with what became of them",
        {200: page_of(_EVENT)}, "events", True, {**_FILTERS, **PAGING},
        examples={"query": {"contact": "<person>", "outcome": "answered"}},
    ),
    Operation(
        "GET", "/events/{event}", _one, (READ,), "Read an event with its trace and its sends",
        {200: _WHOLE}, "events", True, examples={"path": {"event": "<event>"}},
        description="`reasons` says of every rule of that version why it fired or not.",
    ),
    Operation(
        "POST", "/events/{event}/replay", _replay, (ADMIN, RULES), "Have an event decided again",
        {200: _DECIDED, 202: _REOPENED}, "events", True, body=_REPLAY, audit="event.replay",
        examples={"path": {"event": "<event>"}, "body": {"dry_run": True}},
        description="An event that failed, was set aside or skipped is opened once more and passes"
        " all gates; sends that exist are not repeated. With `dry_run` the facts of then are"
        " decided anew and nothing is stored.",
    ),
    Operation(
        "GET", "/webhooks", _log, (READ,), "List what came in by webhook",
        {200: page_of(_LOG_ITEM)}, "events", True,
        {**{name: _FILTERS[name] for name in ("since", "until", "kind")}, **PAGING},
    ),
)  # fmt: skip
