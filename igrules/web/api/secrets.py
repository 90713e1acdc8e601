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
    page_of,
)
from igrules.web.pages import paged_by_name
from igrules.web.room import making_room
from igrules.web.schemas import TEXT, TIME, closed

_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}", re.ASCII)
_SECRET = closed({"name": TEXT, "set_at": TIME})
_VALUE = closed({"value": {"type": "string", "minLength": 1, "maxLength": 16_384}})


def _list(call: Call) -> Answer:
    rows = call.scope.secrets.list()
    return Answer(paged_by_name(call.query, rows, _shown, lambda row: row[0]))


def _shown(row: tuple[str, int]) -> dict[str, str]:
    name, set_at = row
    return {"name": name, "set_at": times.shown(set_at)}


def _set(call: Call) -> Answer:
    name, value = call.path["name"], call.body["value"]
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name[:60]}' is no name of a secret",
            "use a-z, 0-9 and _, a letter first, 48 at most",
        )
    with making_room(call, call.scope), call.acting(name) as noted:
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
        {200: page_of(_SECRET)}, "secrets", tenant=True, query=PAGING,
    ),
    Operation(
        "PUT", "/secrets/{name}", _set, (ADMIN,), "Store a secret, in place of the one before",
        {200: _SECRET}, "secrets", tenant=True, body=_VALUE, audit="secret.set",
        examples={"path": {"name": "<secret>"}, "body": {"value": "IGAA-example"}},
        description="The value is sealed and never shown again.",
    ),
    Operation(
        "DELETE", "/secrets/{name}", _remove, (ADMIN,), "Forget a secret",
        {204: None}, "secrets", tenant=True, audit="secret.remove",
        examples={"path": {"name": "<secret>"}},
    ),
)  # fmt: skip
