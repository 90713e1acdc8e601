"""The history of messages, in and out, with what became of those that went out."""

from __future__ import annotations

import re
from typing import Any

from igrules.errors import NotFound
from igrules.ledger.conversation import IN, OUT, MessageRow, mark_of
from igrules.web import times
from igrules.web.api.contacts import asked_person
from igrules.web.api.events import EFFECT, SEND_STATES, shown_effect
from igrules.web.operations import PAGING, READ, Answer, Call, Operation, Schema, page, page_of
from igrules.web.pages import cursor_at, cut, read_time_cursor
from igrules.web.schemas import CONTACT, TEXT, TEXT_OR_NULL, TIME, closed, or_null
from igrules.work import stored_events

_ID = re.compile(r"(in|out)-([1-9][0-9]{0,17})", re.ASCII)


_FIELDS: dict[str, Schema] = {
    "id": {**TEXT, "description": "in-… for what came in, out-… for what was sent"},
    "direction": {"type": "string", "enum": ["in", "out"]},
    "by": {
        "type": "string",
        "enum": ["contact", "rule", "api", "person"],
        "description": "person: somebody of the account, by hand",
    },
    "contact": TEXT,
    "username": TEXT,
    "kind": TEXT,
    "text": TEXT,
    "at": TIME,
    "message_id": TEXT,
    "state": {"type": "string", "enum": ["open", "closed", "quarantined", *SEND_STATES]},
    "reason": TEXT,
    "rule": TEXT_OR_NULL,
    "event": {**TEXT_OR_NULL, "description": "the event it is, or that it answers"},
}
_MESSAGE = closed(_FIELDS)
_WHOLE = closed({**_FIELDS, "send": or_null(EFFECT)})


def _list(call: Call) -> Answer:
    limit, person = call.query["limit"], asked_person(call)
    mark = read_time_cursor(call.query.get("cursor"), 3)
    if person is None:
        return Answer(page([], None))
    before = None if mark is None else (mark[0], mark[1], mark[2])
    rows = call.scope.messages(person, limit + 1, before)
    return Answer(cut(rows, limit, _shown, lambda row: cursor_at(mark_of(row))))


def _one(call: Call) -> Answer:
    found = _ID.fullmatch(call.path["message"])
    if found is None:
        raise NotFound("there is no such message", "ids look like in-12 or out-9")
    side, id = found[1], int(found[2])
    row = call.scope.message(side, id)
    send = None
    if side == OUT:
        send = shown_effect(call.scope.send(id), call.scope.attempts([id]))
    return Answer({**_shown(row), "send": send})


def _shown(row: MessageRow) -> dict[str, Any]:
    return {
        "id": f"{row.side}-{row.id}",
        "direction": "in" if row.side == IN and row.kind != "echo" else "out",
        "by": _author(row),
        "contact": "" if row.person.startswith("~") else row.person,
        "username": row.username,
        "kind": row.kind,
        "text": _text(row),
        "at": times.shown(row.at),
        "message_id": row.ref,
        "state": row.state,
        "reason": row.reason,
        "rule": row.rule or None,
        "event": str(row.id)
        if row.side == IN
        else None
        if row.event_id is None
        else str(row.event_id),
    }


def _author(row: MessageRow) -> str:
    if row.side == IN:
        return "person" if row.kind == "echo" else "contact"
    return "rule" if row.rule else "api"


def _text(row: MessageRow) -> str:
    if row.side == OUT:
        return str(row.payload.get("text", ""))
    event = stored_events.read_event(row.body, row.at, row.id)
    return event.text if event else ""


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/messages", _list, (READ,), "List messages in and out, newest first",
        {200: page_of(_MESSAGE)}, "messages", tenant=True,
        query={
            "contact": CONTACT,
            **PAGING,
        },
        examples={"query": {"contact": "<person>"}},
    ),
    Operation(
        "GET", "/messages/{message}", _one, (READ,), "Read a message with the states of its send",
        {200: _WHOLE}, "messages", tenant=True, examples={"path": {"message": "out-<send>"}},
    ),
)  # fmt: skip
