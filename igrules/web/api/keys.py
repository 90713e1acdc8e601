"""API keys of a tenant and of the installation: made, shown once, rotated, revoked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from igrules.errors import Denied, UsageError
from igrules.language.values import Flaw, read_duration
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
    page,
    page_of,
)
from igrules.web.pages import cursor_of, read_cursor

_GRACE = "24h"
_LONGEST_GRACE = 30 * 86_400_000
_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}


def _key_schema(kind: str, *, new: bool = False) -> Schema:
    fields: dict[str, Schema] = {
        "id": {"type": "string"},
        "kind": {"const": kind},
        "scopes": {"type": "array", "items": {"enum": list(SCOPES[kind])}},
        "label": {"type": "string"},
        "state": {"enum": ["live", "expired", "revoked"]},
        "created_at": {"type": "string", "format": "date-time"},
        "expires_at": _TIME,
        "revoked_at": _TIME,
        "used_at": {**_TIME, "description": "the minute of the last use"},
    }
    if new:
        fields["key"] = {"type": "string", "description": "the key itself; it is not shown again"}
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _new_key(kind: str) -> Schema:
    return {
        "type": "object",
        "properties": {
            "scopes": {
                "type": "array",
                "items": {"enum": list(SCOPES[kind])},
                "minItems": 1,
                "maxItems": len(SCOPES[kind]),
                "uniqueItems": True,
            },
            "label": {"type": "string", "maxLength": 100},
            "expires_at": {**_TIME, "maxLength": 40, "description": "null: never"},
        },
        "required": ["scopes"],
        "additionalProperties": False,
    }


_ROTATION: Schema = {
    "type": "object",
    "properties": {
        "grace": {
            "type": "string",
            "maxLength": 20,
            "description": f"how long the old key still works, such as 1h; else {_GRACE}",
        },
        "expires_at": {
            **_TIME,
            "maxLength": 40,
            "description": "when the new key ends; needed when the old one was to end",
        },
    },
    "additionalProperties": False,
}


def _list(call: Call, owner: int) -> Answer:
    limit = call.query["limit"]
    before = read_cursor(call.query.get("cursor"))
    if before is not None and not isinstance(before, str):
        raise UsageError("'cursor' is the cursor of another list", "take it from `next` of a page")
    keys = call.ledger.keys.list(owner, limit=limit + 1, before=before)
    more = cursor_of(keys[limit - 1].id) if len(keys) > limit else None
    return Answer(page([_shown(key, call.now) for key in keys[:limit]], more))


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
            expires_at=_ends(call.body),
        )
        noted.object = made.key.id
        noted.after = " ".join(made.key.scopes)
    return _shown_once(made, call.now)


def _rotate(call: Call, owner: int) -> Answer:
    body = call.body or {}
    with call.acting(call.path["key"]) as noted:
        old = call.ledger.keys.get(call.path["key"], owner)
        _check_grant(call.caller, old.scopes)
        if old.expires_at is not None and "expires_at" not in body:
            raise UsageError(
                "the old key ends by itself, so it is not clear when the new one shall",
                "give expires_at, or null for never",
            )
        made = call.ledger.keys.rotate(
            old.id, owner, call.now, grace=_grace(body), expires_at=_ends(body)
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


def _ends(body: Mapping[str, Any]) -> int | None:
    text = body.get("expires_at")
    return None if text is None else times.read(text)


def _grace(body: Mapping[str, Any]) -> int:
    found = read_duration(body.get("grace", _GRACE))
    if isinstance(found, Flaw):
        raise UsageError(f"grace: {found.message}", found.help)
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
            {200: page_of(shown)}, "keys", tenant, PAGING,
        ),
        Operation(
            "POST", path, wrap(_create), access, f"Make a key of {whose}",
            {201: once}, "keys", tenant, body=_new_key(kind), audit="key.create",
            description="The answer is the only place where the key is ever shown.",
            examples={"body": {"scopes": [SCOPES[kind][0]], "label": "crm"}},
        ),
        Operation(
            "POST", f"{path}/{{key}}/rotate", wrap(_rotate), access,
            "Make a key of the same scopes, and end this one a little later",
            {201: once}, "keys", tenant, body=_ROTATION, audit="key.rotate",
            examples={"path": {"key": named}, "body": {"grace": "1h", "expires_at": None}},
            description="The answer is the only place where the new key is ever shown.",
        ),
        Operation(
            "DELETE", f"{path}/{{key}}", wrap(_revoke), access, "Revoke a key at once",
            {204: None}, "keys", tenant, audit="key.revoke", examples={"path": {"key": named}},
            description="Every process refuses it within 5 seconds.",
        ),
    )  # fmt: skip


OPERATIONS: tuple[Operation, ...] = (*_operations("tenant"), *_operations("operator"))
