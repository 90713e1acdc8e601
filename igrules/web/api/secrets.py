"""Secrets of a tenant: stored and removed, never shown."""

from __future__ import annotations

import re

from igrules.errors import UsageError
from igrules.web import times
from igrules.web.operations import (
    ADMIN,
    PAGING,
    Answer,
    Call,
    Operation,
    Schema,
    page,
    page_of,
)
from igrules.web.pages import cursor_of, read_cursor

_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}", re.ASCII)
_SECRET: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "set_at": {"type": "string", "format": "date-time"},
    },
    "required": ["name", "set_at"],
    "additionalProperties": False,
}
_VALUE: Schema = {
    "type": "object",
    "properties": {"value": {"type": "string", "minLength": 1, "maxLength": 16_384}},
    "required": ["value"],
    "additionalProperties": False,
}


def _list(call: Call) -> Answer:
    after, limit = read_cursor(call.query.get("cursor")), call.query["limit"]
    if after is not None and not isinstance(after, str):
        raise UsageError("'cursor' is the cursor of another list", "take it from `next` of a page")
    rows = [row for row in call.scope.secrets.list() if after is None or row[0] > after]
    more = cursor_of(rows[limit - 1][0]) if len(rows) > limit else None
    shown = [{"name": name, "set_at": times.shown(set_at)} for name, set_at in rows[:limit]]
    return Answer(page(shown, more))


def _set(call: Call) -> Answer:
    name, value = call.path["name"], call.body["value"]
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name[:60]}' is no name of a secret",
            "use a-z, 0-9 and _, a letter first, 48 at most",
        )
    with call.acting(name) as noted:
        call.scope.secrets.set(name, value, call.now)
        noted.after = value
    return Answer({"name": name, "set_at": times.shown(call.now)})


def _remove(call: Call) -> Answer:
    with call.acting(call.path["name"]):
        call.scope.secrets.remove(call.path["name"])
    return Answer(status=204)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/secrets", _list, (ADMIN,), "List names and ages of the secrets, by name",
        {200: page_of(_SECRET)}, "secrets", True, PAGING,
    ),
    Operation(
        "PUT", "/secrets/{name}", _set, (ADMIN,), "Store a secret, in place of the one before",
        {200: _SECRET}, "secrets", True, body=_VALUE, audit="secret.set",
        examples={"path": {"name": "<secret>"}, "body": {"value": "IGAA-example"}},
        description="The value is sealed and never shown again.",
    ),
    Operation(
        "DELETE", "/secrets/{name}", _remove, (ADMIN,), "Forget a secret",
        {204: None}, "secrets", True, audit="secret.remove",
        examples={"path": {"name": "<secret>"}},
    ),
)  # fmt: skip
