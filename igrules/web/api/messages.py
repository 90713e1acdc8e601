"""The history of messages, in and out, with what became of those that went out."""

from __future__ import annotations

import re
from typing import Any

from igrules.errors import NotFound
from igrules.ledger.conversation import IN, OUT, MessageRow, mark_of
from igrules.web import times
from igrules.web.api.events import EFFECT, SEND_STATES, shown_effect
from igrules.web.api.shapes import closed
from igrules.web.api.timeline import cursor_at, read_mark
from igrules.web.operations import PAGING, READ, Answer, Call, Operation, Schema, page, page_of
from igrules.work import stored_events

_ID = re.compile(r"(in|out)-([1-9][0-9]{0,17})", re.ASCII)
_TEXT: Schema = {"type": "string"}


_FIELDS: dict[str, Schema] = {
    "id": {"type": "string", "description": "in-… for what came in, out-… for what was sent"},
    "direction": {"type": "string", "enum": ["in", "out"]},
    "by": {
        "type": "string",
        "enum": ["contact", "rule", "api", "person"],
        "description": "person: somebody of the account, by hand",
    },
    "contact": _TEXT,
    "username": _TEXT,
    "kind": _TEXT,
    "text": _TEXT,
    "at": {"type": "string", "format": "date-time"},
    "message_id": _TEXT,
    "state": {"type": "string", "enum": ["open", "closed", "quarantined", *SEND_STATES]},
    "reason": _TEXT,
    "rule": {"type": ["string", "null"]},
    "event": {"type": ["string", "null"], "description": "the event it is, or that it answers"},
}
_MESSAGE = closed(_FIELDS)
_WHOLE = closed({**_FIELDS, "send": {**EFFECT, "type": ["object", "null"]}})


def _list(call: Call) -> Answer:
    limit, person = call.query["limit"], call.query.get("contact", "")
    mark = read_mark(call.query, 3)
    if person.startswith("@"):
        try:
            person = call.scope.contact(person).person
        except NotFound:
            return Answer(page([], None))
    before = None if mark is None else (mark[0], mark[1], mark[2])
    rows = call.scope.messages(person, limit + 1, before)
    more = cursor_at(mark_of(rows[limit - 1])) if len(rows) > limit else None
    return Answer(page([_shown(row) for row in rows[:limit]], more))


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
        {200: page_of(_MESSAGE)}, "messages", True,
        {
            "contact": {
                "type": "string", "minLength": 1, "maxLength": 512,
                "description": "an id, or @ and a user name",
            },
            **PAGING,
        },
        examples={"query": {"contact": "<person>"}},
    ),
    Operation(
        "GET", "/messages/{message}", _one, (READ,), "Read a message with the states of its send",
        {200: _WHOLE}, "messages", True, examples={"path": {"message": "out-<send>"}},
    ),
)  # fmt: skip
