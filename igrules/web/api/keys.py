"""API keys of a tenant and of the installation: made, shown once, rotated, revoked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from igrules.errors import Denied, UsageError
from igrules.ledger import Key, NewKey
from igrules.ledger.keys import SCOPES
from igrules.web import times
from igrules.web.operations import (
    ADMIN,
    OPERATOR,
    PAGING,
    Answer,
    Call,
    Caller,
    Do,
    Operation,
    Schema,
    page_of,
)
from igrules.web.pages import cursor_of, cut, read_name_cursor
from igrules.web.schemas import GIVEN_TIME_OR_NULL, TEXT, TIME, TIME_OR_NULL, closed, given

_GRACE = "24h"
_LONGEST_GRACE = 30 * 86_400_000


def _key_schema(kind: str, *, new: bool = False) -> Schema:
    fields: dict[str, Schema] = {
        "id": TEXT,
        "kind": {"const": kind},
        "scopes": {"type": "array", "items": {"enum": list(SCOPES[kind])}},
        "label": TEXT,
        "state": {"enum": ["live", "expired", "revoked"]},
        "created_at": TIME,
        "expires_at": TIME_OR_NULL,
        "revoked_at": TIME_OR_NULL,
        "used_at": {**TIME_OR_NULL, "description": "the minute of the last use"},
    }
    if new:
        fields["key"] = {**TEXT, "description": "the key itself; it is not shown again"}
    return closed(fields)


def _new_key(kind: str) -> Schema:
    return given(
        {
            "scopes": {
                "type": "array",
                "items": {"enum": list(SCOPES[kind])},
                "minItems": 1,
                "maxItems": len(SCOPES[kind]),
                "uniqueItems": True,
            },
            "label": {"type": "string", "maxLength": 100},
            "expires_at": {**GIVEN_TIME_OR_NULL, "description": "null: never"},
        },
        "scopes",
    )


_ROTATION = given(
    {
        "grace": {
            "type": "string",
            "maxLength": 20,
            "description": f"how long the old key still works, such as 1h; else {_GRACE}",
        },
        "expires_at": {
            **GIVEN_TIME_OR_NULL,
            "description": "when the new key ends; needed when the old one was to end",
        },
    }
)


def _list(call: Call, owner: int) -> Answer:
    limit = call.query["limit"]
    before = read_name_cursor(call.query.get("cursor"))
    keys = call.ledger.keys.list(owner, limit=limit + 1, before=before)
    return Answer(
        cut(keys, limit, lambda key: _shown(key, call.now), lambda key: cursor_of(key.id))
    )


def _create(call: Call, owner: int) -> Answer:
    scopes = call.body["scopes"]
    _check_grant(call.caller, scopes)
    with call.acting() as noted:
        made = call.ledger.keys.create(
            "tenant" if owner else "operator",
            owner,
            scopes,
            call.now,
            label=call.body.get("label", ""),
            expires_at=times.read_or_none(call.body.get("expires_at")),
        )
        noted.object = made.key.id
        noted.after = " ".join(made.key.scopes)
    return _shown_once(made, call.now)


def _rotate(call: Call, owner: int) -> Answer:
    body = call.body
    with call.acting(call.path["key"]) as noted:
        old = call.ledger.keys.get(call.path["key"], owner)
        _check_grant(call.caller, old.scopes)
        if old.expires_at is not None and "expires_at" not in body:
            raise UsageError(
                "the old key ends by itself, so it is not clear when the new one shall",
                "give expires_at, or null for never",
            )
        made = call.ledger.keys.rotate(
            old.id,
            owner,
            call.now,
            grace=_grace(body),
            expires_at=times.read_or_none(body.get("expires_at")),
        )
        noted.before, noted.after = old.id, made.key.id
    return _shown_once(made, call.now)


def _revoke(call: Call, owner: int) -> Answer:
    with call.acting(call.path["key"]):
        call.ledger.keys.revoke(call.path["key"], owner, call.now)
    return Answer(status=204)


def _check_grant(caller: Caller, scopes: Any) -> None:
    """Raises `Denied` when somebody would give away more than they have."""
    if caller.tenant_id is None or ADMIN in caller.scopes or set(scopes) <= caller.scopes:
        return
    raise Denied("this key may not give away scopes it does not have")


def _grace(body: Mapping[str, Any]) -> int:
    found = times.read_duration("grace", body.get("grace", _GRACE))
    if found > _LONGEST_GRACE:
        raise UsageError("grace: 30 days are the most", "write  30d")
    return found


def _shown_once(made: NewKey, now: int) -> Answer:
    return Answer({**_shown(made.key, now), "key": made.secret}, 201)


def _shown(key: Key, now: int) -> dict[str, Any]:
    return {
        "id": key.id,
        "kind": key.kind,
        "scopes": list(key.scopes),
        "label": key.label,
        "state": _state(key, now),
        "created_at": times.shown(key.created_at),
        "expires_at": times.shown_or_none(key.expires_at),
        "revoked_at": times.shown_or_none(key.revoked_at),
        "used_at": times.shown_or_none(key.used_at),
    }


def _state(key: Key, now: int) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "live" if key.is_live(now) else "expired"


def _of_tenant(do: Callable[[Call, int], Answer]) -> Do:
    return lambda call: do(call, call.tenant.id)


def _of_installation(do: Callable[[Call, int], Answer]) -> Do:
    return lambda call: do(call, 0)


def _operations(kind: str) -> tuple[Operation, ...]:
    """The same four for a tenant's keys and for the installation's."""
    tenant = kind == "tenant"
    path, access = ("/keys", (ADMIN,)) if tenant else ("/api/v1/operator/keys", (OPERATOR,))
    whose = "the tenant" if tenant else "the installation"
    wrap = _of_tenant if tenant else _of_installation
    named = "<key>" if tenant else "<operator_key>"
    shown, once = _key_schema(kind), _key_schema(kind, new=True)
    return (
        Operation(
            "GET", path, wrap(_list), access, f"List the keys of {whose}, without their secrets",
            {200: page_of(shown)}, "keys", tenant=tenant, query=PAGING,
        ),
        Operation(
            "POST", path, wrap(_create), access, f"Make a key of {whose}",
            {201: once}, "keys", tenant=tenant, body=_new_key(kind), audit="key.create",
            description="The answer is the only place where the key is ever shown.",
            examples={"body": {"scopes": [SCOPES[kind][0]], "label": "crm"}},
        ),
        Operation(
            "POST", f"{path}/{{key}}/rotate", wrap(_rotate), access,
            "Make a key of the same scopes, and end this one a little later",
            {201: once}, "keys", tenant=tenant, body=_ROTATION, audit="key.rotate",
            examples={"path": {"key": named}, "body": {"grace": "1h", "expires_at": None}},
            description="The answer is the only place where the new key is ever shown.",
        ),
        Operation(
            "DELETE", f"{path}/{{key}}", wrap(_revoke), access, "Revoke a key at once",
            {204: None}, "keys", tenant=tenant, audit="key.revoke",
            examples={"path": {"key": named}},
            description="Every process refuses it within 5 seconds.",
        ),
    )  # fmt: skip


OPERATIONS: tuple[Operation, ...] = (*_operations("tenant"), *_operations("operator"))
