"""Sends: what is on its way out and what became of it, and sending in a tenant's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igrules.errors import Denied, UsageError
from igrules.ledger import SendRow
from igrules.ledger.reasons import explained, reason_of
from igrules.web import times
from igrules.web.api.contacts import asked_person
from igrules.web.api.events import EFFECT, SEND_STATES, shown_effect
from igrules.web.operations import (
    ADMIN,
    PAGING,
    READ,
    SEND,
    Answer,
    Call,
    Operation,
    Schema,
    page,
    page_of,
)
from igrules.web.outcomes import OPEN, awaited
from igrules.web.pages import paged, read_id
from igrules.web.schemas import (
    COUNT,
    FLAG,
    GIVEN_TIME,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    closed,
    given,
)

_FORMS = ("text", "media", "reply", "private_reply")

_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "state": {"type": "string", "enum": SEND_STATES},
    "reason": TEXT,
    "because": {**TEXT, "description": "why it waits or has ended, in words"},
    "kind": TEXT,
    "contact": {**TEXT_OR_NULL, "description": "null: a comment whose author is not known"},
    "target": {**TEXT, "description": "the person, comment, post or message"},
    "text": TEXT,
    "media": {
        "type": ["object", "null"],
        "description": "what of it is no text: kind and addresses of media",
    },
    "human_agent": FLAG,
    "rule": {**TEXT_OR_NULL, "description": "null: somebody asked for it"},
    "step": TEXT,
    "event": TEXT_OR_NULL,
    "message_id": TEXT,
    "evidence": TEXT,
    "tries": COUNT,
    "created_at": TIME,
    "not_before": {**TIME, "description": "when it is looked at next"},
    "expires_at": TIME_OR_NULL,
    "closed_at": TIME_OR_NULL,
}
_SEND = closed(_FIELDS)
_ATTEMPTS: Schema = EFFECT["properties"]["attempts"]
_WHOLE = closed({**_FIELDS, "attempts": _ATTEMPTS})


def send_of(row: SendRow) -> dict[str, Any]:
    """A send as the API shows it."""
    media = {name: value for name, value in row.payload.items() if name not in ("text", "tag")}
    return {
        "id": str(row.id),
        "state": row.state,
        "reason": reason_of(row),
        "because": explained(reason_of(row)),
        "kind": row.kind,
        "contact": None if row.person.startswith("~") else row.person,
        "target": row.target,
        "text": str(row.payload.get("text", "")),
        "media": media or None,
        "human_agent": row.step == "api" and "tag" in row.payload,
        "rule": row.rule or None,
        "step": row.step,
        "event": None if row.event_id is None else str(row.event_id),
        "message_id": row.message_id,
        "evidence": row.evidence,
        "tries": row.attempt,
        "created_at": times.shown(row.created_at),
        "not_before": times.shown(row.not_before),
        "expires_at": times.shown(row.expires_at) if row.expires_at else None,
        "closed_at": times.shown_or_none(row.closed_at),
    }


def _list(call: Call) -> Answer:
    query, person = call.query, asked_person(call)
    if person is None:
        return Answer(page([], None))

    def fetch(limit: int, before: int | None) -> list[SendRow]:
        return call.scope.sends(
            limit,
            before,
            state=query.get("state"),
            since=times.read_or_none(query.get("since")),
            person=person or None,
        )

    return Answer(paged(query, fetch, send_of))


def _read(call: Call) -> Answer:
    id = read_id(call.path["send"], "send")
    row = call.scope.send(id)
    calls = shown_effect(row, call.scope.attempts([id]))["attempts"]
    return Answer({**send_of(row), "attempts": calls})


def _send(call: Call) -> Answer:
    body = call.body
    human = bool(body.get("human_agent", False))
    if human and ADMIN not in call.caller.scopes:
        raise Denied("only a key with the scope admin answers as a person")
    kind, payload = _asked(body)
    account = body.get("account")
    with call.acting() as noted:
        queued = call.scope.queue_send(
            body.get("contact", ""),
            kind,
            payload,
            call.now,
            account_id=None if account is None else read_id(account, "account"),
            idempotency=(call.header("Idempotency-Key") or "").strip(),
            human=human,
            target=body.get("comment_id", ""),
        )
        noted.object = str(queued.send_id)
    call.ring()
    row = awaited(call, call.scope, queued.send_id, body.get("wait", 0))
    return Answer(send_of(row), 202 if row.state in OPEN else 200)


def _settle(call: Call) -> Answer:
    id, verdict = read_id(call.path["send"], "send"), call.body["as"]
    with call.acting(str(id)) as noted:
        noted.before = call.scope.send(id).state
        changed = call.scope.settle_send(id, verdict, call.now)
        row = call.scope.send(id)
        noted.after = row.state
    if changed and row.state in OPEN:
        call.ring()
    return Answer(send_of(row), 202 if row.state in OPEN else 200)


def _asked(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Kind and payload. Raises `UsageError` for more than one, or a place that does not fit."""
    forms = [form for form in _FORMS if form in body]
    if len(forms) != 1:
        raise UsageError("a send is one thing", f"give one of {', '.join(_FORMS)}")
    (kind,) = forms
    place, other = ("comment_id", "contact") if "reply" in kind else ("contact", "comment_id")
    if place not in body or other in body:
        raise UsageError(f"a {kind} goes to a {place}", f"give '{place}' and no '{other}'")
    if kind != "media":
        return kind, {"text": body[kind].strip()}
    media = body["media"]
    if "url" in media and "urls" in media:
        raise UsageError("'url' and 'urls' exclude each other", "leave one out")
    urls = [media["url"]] if "url" in media else media.get("urls", [])
    payload = {"type": media["type"], "urls": urls, "id": media.get("id")}
    return kind, {name: value for name, value in payload.items() if value}


_URL: Schema = {"type": "string", "maxLength": 2000}
_WORDS: Schema = {"type": "string", "minLength": 1, "maxLength": 10_000}
_ID: Schema = {"type": "string", "minLength": 1, "maxLength": 512}
_ORDER = given(
    {
        "contact": {**_ID, "description": "the person, by the id events and contacts show"},
        "text": _WORDS,
        "media": given(
            {
                "type": {"enum": ["image", "images", "video", "audio", "file", "post"]},
                "url": _URL,
                "urls": {"type": "array", "items": _URL, "minItems": 1, "maxItems": 10},
                "id": {**_ID, "description": "of a post, or of something uploaded before"},
            },
            "type",
        ),
        "comment_id": _ID,
        "reply": {**_WORDS, "description": "in public, to the comment"},
        "private_reply": {**_WORDS, "description": "to its author; one for each comment"},
        "human_agent": {
            "type": "boolean",
            "description": "a person answers: up to 7 days after the last message; needs admin",
        },
        "account": {"type": "string", "maxLength": 20, "description": "else the connected one"},
        "wait": {
            "type": "number",
            "minimum": 0,
            "maximum": 5,
            "description": "seconds to wait for the outcome",
        },
    }
)

_VERDICT = given(
    {
        "as": {
            "enum": ["sent", "retry", "discard"],
            "description": "`sent`: it went out. `retry`: it passes all gates once more.",
        }
    },
    "as",
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/sends", _list, (READ,),
        "List sends, newest first",
        {200: page_of(_SEND)}, "sends", tenant=True,
        query={
            **PAGING,
            "state": {"type": "string", "enum": SEND_STATES},
            "since": GIVEN_TIME,
            "contact": {**_ID, "description": "its id, or @name"},
        },
        examples={"query": {"contact": "<person>"}},
    ),
    Operation(
        "POST", "/sends", _send, (SEND,),
        "Send a message, or answer a comment",
        {200: _SEND, 202: _SEND}, "sends", tenant=True, body=_ORDER, audit="send.create",
        description="It goes out behind what waits for that person, within the same windows and "
        "limits as a rule's answer. 202: it is on its way; 200: it has ended, with its state. "
        "Operators' keys do not send: that needs the tenant's own.",
        headers={
            "Idempotency-Key": "the same key gives the same send; without one each call is a new "
            "send"
        },
        examples={"body": {"contact": "<person>", "text": "Olá! Chegou a sua encomenda."}},
    ),
    Operation(
        "GET", "/sends/{send}", _read, (READ,),
        "Show a send with the calls made for it",
        {200: _WHOLE}, "sends", tenant=True,
    ),
    Operation(
        "POST", "/sends/{send}/settle", _settle, (ADMIN, SEND),
        "Settle a send that was given up",
        {200: _SEND, 202: _SEND}, "sends", tenant=True, body=_VERDICT, audit="send.settle",
        description="`sent` settles a parked send, `discard` a parked or dead one, `retry` one that"
        " is parked, dead, refused or expired, while its window is open. One that is so already is"
        " answered as it is. A send in doubt is parked first, when nothing has proved it.",
        examples={"body": {"as": "sent"}},
    ),
)  # fmt: skip
