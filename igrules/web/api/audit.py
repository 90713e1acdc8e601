"""The audit log, read: of the whole installation, or of one tenant."""

from __future__ import annotations

from typing import Any

from igrules.ledger import AuditRow
from igrules.web import times
from igrules.web.operations import (
    ADMIN,
    OPERATOR_READ,
    PAGING,
    Answer,
    Call,
    Operation,
    Schema,
    page_of,
)
from igrules.web.pages import paged
from igrules.web.schemas import GIVEN_TIME, TEXT, TEXT_OR_NULL, TIME, closed

_HASH: Schema = {**TEXT, "description": "of the value; equal values have equal hashes"}
_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "at": TIME,
    "actor": {**TEXT, "description": "key:<id>, os:<user>, meta or nobody"},
    "tenant": {**TEXT_OR_NULL, "description": "null: it concerns the installation"},
    "action": TEXT,
    "object": TEXT,
    "before": _HASH,
    "after": _HASH,
    "address": TEXT,
    "request": TEXT,
}
_ENTRY = closed(_FIELDS)
_QUERY: dict[str, Schema] = {
    **PAGING,
    "since": GIVEN_TIME,
    "until": GIVEN_TIME,
    "action": {"type": "string", "maxLength": 100, "description": "such as key.create"},
    "actor": {"type": "string", "maxLength": 100},
}


def _of_installation(call: Call) -> Answer:
    return _list(call, None)


def _of_tenant(call: Call) -> Answer:
    return _list(call, call.tenant.id)


def _list(call: Call, tenant_id: int | None) -> Answer:
    query = call.query
    slugs: dict[int, str] = {}
    if tenant_id is None:
        slugs = {tenant.id: tenant.slug for tenant in call.ledger.tenants.list()}
    else:
        slugs = {tenant_id: call.tenant.slug}

    def fetch(limit: int, before: int | None) -> list[AuditRow]:
        return call.ledger.audit.list(
            tenant_id,
            since=times.read_or_none(query.get("since")),
            until=times.read_or_none(query.get("until")),
            action=query.get("action"),
            actor=query.get("actor"),
            limit=limit,
            before=before,
        )

    return Answer(paged(query, fetch, lambda row: _shown(row, slugs)))


def _shown(row: AuditRow, slugs: dict[int, str]) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "at": times.shown(row.at),
        "actor": row.actor,
        "tenant": slugs.get(row.tenant_id, f"#{row.tenant_id}") if row.tenant_id else None,
        "action": row.action,
        "object": row.object,
        "before": row.before_hash,
        "after": row.after_hash,
        "address": row.address,
        "request": row.request,
    }


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/api/v1/operator/audit", _of_installation, (OPERATOR_READ,),
        "List what was done in this installation", {200: page_of(_ENTRY)}, "audit", query=_QUERY,
    ),
    Operation(
        "GET", "/audit", _of_tenant, (ADMIN,), "List what was done to the tenant",
        {200: page_of(_ENTRY)}, "audit", tenant=True, query=_QUERY,
    ),
)  # fmt: skip
