"""Events of a tenant: what came, what became of it and why, and once more if need be."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from igrules.instagram.error_codes import meaning_of
from igrules.ledger import EventRow, SendRow
from igrules.ledger.attempts import AttemptRow
from igrules.ledger.event_list import Wanted
from igrules.ledger.reasons import explained, reason_of
from igrules.model import Decision
from igrules.web import times
from igrules.web.api.contacts import asked_person
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
from igrules.web.pages import cursor_at, cut, read_id, read_time_cursor
from igrules.web.schemas import (
    CONTACT,
    FLAG,
    GIVEN_TIME,
    NUMBER,
    TEXT,
    TIME,
    TIME_OR_NULL,
    closed,
    given,
    list_of,
)
from igrules.work import stored_events

_OUTCOMES = ["answered", "listened", "no_match", "skipped", "failed", "quarantined"]


_EVENT_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "kind": TEXT,
    "contact": TEXT,
    "username": TEXT,
    "text": TEXT,
    "ref": TEXT,
    "source": {"type": "string", "enum": ["webhook", "poll", "internal", "api"]},
    "received_at": TIME,
    "occurred_at": TIME_OR_NULL,
    "state": {"type": "string", "enum": ["open", "closed", "quarantined"]},
    "outcome": {"type": ["string", "null"], "enum": [*_OUTCOMES, None]},
    "reason": TEXT,
    "rules": list_of(TEXT),
    "version": {"type": ["integer", "null"]},
    "replays": NUMBER,
    "decided_at": TIME_OR_NULL,
    "took_ms": {"type": ["number", "null"]},
}
_EVENT = closed(_EVENT_FIELDS)
_REASON = closed({"rule": TEXT, "reason": TEXT, "why": TEXT})
_ATTEMPT = closed(
    {
        "number": NUMBER,
        "started_at": TIME,
        "ended_at": TIME_OR_NULL,
        "outcome": TEXT,
        "status": NUMBER,
        "code": NUMBER,
        "subcode": NUMBER,
        "meaning": {**TEXT, "description": "of code and subcode, where they are known"},
        "trace_id": TEXT,
    }
)
SEND_STATES = [
    "pending", "sending", "sent", "doubt", "parked", "refused", "expired", "skipped", "dead",
    "cancelled", "dropped",
]  # fmt: skip
EFFECT = closed(
    {
        "send": TEXT,
        "kind": TEXT,
        "target": TEXT,
        "rule": TEXT,
        "step": TEXT,
        "text": TEXT,
        "state": {"type": "string", "enum": SEND_STATES},
        "reason": TEXT,
        "because": {**TEXT, "description": "why it waits or has ended, in words"},
        "evidence": TEXT,
        "message_id": TEXT,
        "created_at": TIME,
        "not_before": {**TIME, "description": "when it is looked at next"},
        "closed_at": TIME_OR_NULL,
        "attempts": list_of(_ATTEMPT),
    }
)
_WHOLE = closed(
    {
        **_EVENT_FIELDS,
        "reasons": list_of(_REASON),
        "effects": list_of(EFFECT),
        "trace": {
            "type": ["object", "null"],
            "description": "the facts and what was found, as stored with the decision",
        },
    }
)
_DECIDED = closed(
    {
        "dry_run": {"type": "boolean", "enum": [True]},
        "version": NUMBER,
        "outcome": {"type": "string", "enum": _OUTCOMES},
        "reason": TEXT,
        "reasons": list_of(_REASON),
        "effects": {
            "type": "array",
            "items": closed(
                {"kind": TEXT, "target": TEXT, "rule": TEXT, "step": TEXT, "text": TEXT}
            ),
        },
        "changes": {"type": "array", "items": closed({"kind": TEXT, "name": TEXT})},
    }
)
_REOPENED = closed(
    {
        "dry_run": {"type": "boolean", "enum": [False]},
        "reopened": {**FLAG, "description": "false: it waits for that already"},
    }
)
_REPLAY = given(
    {
        "dry_run": {"type": "boolean", "default": False},
        "version": {
            "type": "integer",
            "minimum": 1,
            "maximum": 10**18 - 1,
            "description": "with dry_run: whose rules decide; default: the live ones",
        },
    }
)
_FILTERS: dict[str, Schema] = {
    "since": GIVEN_TIME,
    "until": GIVEN_TIME,
    "contact": CONTACT,
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
        "id": TEXT,
        "kind": TEXT,
        "received_at": TIME,
        "occurred_at": TIME_OR_NULL,
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
    query, person = call.query, asked_person(call)
    if person is None:
        return None
    return Wanted(
        since=times.read_or_none(query.get("since")),
        until=times.read_or_none(query.get("until")),
        person=person,
        rule=query.get("rule", ""),
        outcome=query.get("outcome", ""),
        kind=query.get("kind", ""),
    )


def _page(call: Call, wanted: Wanted, show: Any) -> Answer:
    limit = call.query["limit"]
    mark = read_time_cursor(call.query.get("cursor"), 2)
    before = None if mark is None else (mark[0], mark[1])
    rows = call.scope.events(limit + 1, before, wanted)
    return Answer(cut(rows, limit, show, lambda row: cursor_at((row.received_at, row.id))))


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
        "occurred_at": times.told(row.occurred_at),
        "state": row.state,
        "outcome": row.outcome or None,
        "reason": row.reason,
        "rules": [rule for rule, reason, _ in rules if reason == "fired"],
        "version": row.ruleset_version or None,
        "replays": row.replays,
        "decided_at": times.shown_or_none(row.decided_at),
        "took_ms": row.took_us / 1000 if decided else None,
    }


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
    sends = call.scope.sends_of_event(event_id)
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
        "reason": reason_of(send),
        "because": explained(reason_of(send)),
        "evidence": send.evidence,
        "message_id": send.message_id,
        "created_at": times.shown(send.created_at),
        "not_before": times.shown(send.not_before),
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
                "meaning": meaning_of(one.code, one.subcode),
                "trace_id": one.trace_id,
            }
            for one in attempts
        ],
    }


def _replay(call: Call) -> Answer:
    id = read_id(call.path["event"], "event")
    asked = call.body
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
        since=times.read_or_none(call.query.get("since")),
        until=times.read_or_none(call.query.get("until")),
        kind=call.query.get("kind", ""),
        source="webhook",
    )
    return _page(call, wanted, _log_item)


def _log_item(row: EventRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "kind": row.kind,
        "received_at": times.shown(row.received_at),
        "occurred_at": times.told(row.occurred_at),
        "state": row.state,
        "outcome": row.outcome or None,
    }


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/events", _list, (READ,), "List events with what became of them",
        {200: page_of(_EVENT)}, "events", tenant=True, query={**_FILTERS, **PAGING},
        examples={"query": {"contact": "<person>", "outcome": "answered"}},
    ),
    Operation(
        "GET", "/events/{event}", _one, (READ,), "Read an event with its trace and its sends",
        {200: _WHOLE}, "events", tenant=True, examples={"path": {"event": "<event>"}},
        description="`reasons` says of every rule of that version why it fired or not.",
    ),
    Operation(
        "POST", "/events/{event}/replay", _replay, (ADMIN, RULES), "Have an event decided again",
        {200: _DECIDED, 202: _REOPENED}, "events", tenant=True, body=_REPLAY, audit="event.replay",
        examples={"path": {"event": "<event>"}, "body": {"dry_run": True}},
        description="An event that failed, was set aside or skipped is opened once more and passes"
        " all gates; sends that exist are not repeated. With `dry_run` the facts of then are"
        " decided anew and nothing is stored.",
    ),
    Operation(
        "GET", "/webhooks", _log, (READ,), "List what came in by webhook",
        {200: page_of(_LOG_ITEM)}, "events", tenant=True,
        query={**{name: _FILTERS[name] for name in ("since", "until", "kind")}, **PAGING},
    ),
)  # fmt: skip
