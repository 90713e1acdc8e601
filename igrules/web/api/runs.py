"""Runs that have stopped to wait: whom they wait for, where they stand, and ending one."""

from __future__ import annotations

from typing import Any

from igrules.ledger.run_list import ANY, STILL_PARKED, RunRow
from igrules.web import times
from igrules.web.api.contacts import asked_person
from igrules.web.operations import (
    PAGING,
    READ,
    RULES,
    SEND,
    Answer,
    Call,
    Operation,
    Schema,
    page,
    page_of,
)
from igrules.web.pages import paged, read_id
from igrules.web.schemas import COUNT, FLAG, TEXT, TEXT_OR_NULL, TIME, TIME_OR_NULL, closed

_STATES = ("waiting", "asking", "calling", "ended")
_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "rule": TEXT,
    "version": {**COUNT, "description": "of the rules, in which it goes on"},
    "contact": TEXT_OR_NULL,
    "event": {**TEXT, "description": "what began it"},
    "state": {
        "type": "string",
        "enum": list(_STATES),
        "description": "waiting for a time, asking the person, calling somebody outside, or ended",
    },
    "ended": {**TEXT, "description": "how: done, timed_out, replaced, failed, cancelled, …"},
    "why": TEXT,
    "step": {**TEXT, "description": "where it stands, or stood at its end"},
    "steps_used": COUNT,
    "started_at": TIME,
    "wakes_at": {**TIME_OR_NULL, "description": "null: its life alone ends it"},
    "expires_at": TIME_OR_NULL,
    "ended_at": TIME_OR_NULL,
}
_RUN = closed(_FIELDS)
_VALUES: Schema = {"type": "object"}
_WHOLE = closed(
    {
        **_FIELDS,
        "known": {**FLAG, "description": "false: what it knew is no longer stored"},
        "position": {
            "type": "array",
            "items": closed({"steps": TEXT, "at": COUNT}),
            "description": "the lists of steps it stands in, the outermost first; `at` from 1",
        },
        "waits_for": {**TEXT, "description": "the key of the send whose outcome it needs"},
        "answers": _VALUES,
        "results": _VALUES,
        "notes": {
            "type": "array",
            "items": closed({"at": TIME, "step": TEXT, "text": TEXT}),
        },
    }
)


def _run_of(row: RunRow) -> dict[str, Any]:
    run = row.run
    return {
        "id": str(row.id),
        "rule": run.rule,
        "version": run.version,
        "contact": None if row.person.startswith("~") else row.person,
        "event": str(run.event.id),
        "state": run.state,
        "ended": run.ended,
        "why": run.why,
        "step": run.step,
        "steps_used": run.steps_used,
        "started_at": times.shown(run.started_at),
        "wakes_at": times.shown_or_none(run.wake_at),
        "expires_at": times.shown_or_none(run.expires_at or None),
        "ended_at": times.shown_or_none(row.ended_at),
    }


def _whole(row: RunRow) -> dict[str, Any]:
    run = row.run
    return {
        **_run_of(row),
        "known": row.known,
        "position": [{"steps": frame.block, "at": frame.at + 1} for frame in run.frames],
        "waits_for": run.expects,
        "answers": dict(run.answers),
        "results": dict(run.results),
        "notes": [
            {"at": times.shown(at), "step": step, "text": text} for at, step, text in run.notes
        ],
    }


def _list(call: Call) -> Answer:
    person = asked_person(call)
    if person is None:
        return Answer(page([], None))

    def fetch(limit: int, before: int | None) -> list[RunRow]:
        return call.scope.runs(limit, before, state=call.query["state"], person=person)

    return Answer(paged(call.query, fetch, _run_of))


def _read(call: Call) -> Answer:
    return Answer(_whole(call.scope.run(read_id(call.path["run"], "run"))))


def _cancel(call: Call) -> Answer:
    id = read_id(call.path["run"], "run")
    with call.acting(str(id)) as noted:
        noted.before = call.scope.run(id).run.state
        call.scope.cancel_run(id, call.now)
        row = call.scope.run(id)
        noted.after = row.run.state
    return Answer(_whole(row))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/runs", _list, (READ,),
        "List runs that have stopped to wait, newest first",
        {200: page_of(_RUN)}, "runs", tenant=True,
        query={
            **PAGING,
            "state": {
                "type": "string",
                "enum": [STILL_PARKED, *_STATES, ANY],
                "default": STILL_PARKED,
                "description": "parked: all that have not ended",
            },
            "contact": {
                "type": "string", "minLength": 1, "maxLength": 512,
                "description": "its id, or @name",
            },
        },
        description="A run that carries out all its steps at once is in the trace of its event"
        " and not here.",
        examples={"query": {"contact": "<person>"}},
    ),
    Operation(
        "GET", "/runs/{run}", _read, (READ,),
        "Show a run with its position, answers and notes",
        {200: _WHOLE}, "runs", tenant=True,
    ),
    Operation(
        "POST", "/runs/{run}/cancel", _cancel, (RULES, SEND),
        "End a run and what it has not said yet",
        {200: _WHOLE}, "runs", tenant=True, audit="run.cancel",
        description="One that has ended is answered as it is.",
    ),
)  # fmt: skip
