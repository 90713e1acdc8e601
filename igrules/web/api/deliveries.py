"""The operator's webhook log: whole deliveries, and events that belong to nobody."""

from __future__ import annotations

from typing import Any

from igrules.ledger.arrivals import DeliveryRow, OrphanRow
from igrules.web import times
from igrules.web.api.shapes import closed
from igrules.web.operations import (
    OPERATOR,
    OPERATOR_READ,
    PAGING,
    Answer,
    Call,
    Operation,
    Schema,
    page_of,
)
from igrules.web.pages import paged

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NAME: Schema = {"type": ["string", "null"]}


_STATE: Schema = {"type": "string", "enum": ["open", "split", "unreadable"]}
_DELIVERY = closed(
    {
        "id": _TEXT,
        "received_at": {"type": "string", "format": "date-time"},
        "app": _NAME,
        "tenant": {**_NAME, "description": "whose own webhook address it came to"},
        "bytes": _COUNT,
        "sha256": _TEXT,
        "state": _STATE,
        "events": _COUNT,
        "duplicates": _COUNT,
        "orphans": _COUNT,
        "tests": _COUNT,
    }
)
_ORPHAN = closed(
    {
        "id": _TEXT,
        "received_at": {"type": "string", "format": "date-time"},
        "app": _NAME,
        "tenant": {**_NAME, "description": "whose own webhook address it came to"},
        "account": _TEXT,
        "reason": _TEXT,
    }
)


def _deliveries(call: Call) -> Answer:
    state = call.query.get("state")
    return Answer(
        paged(call.query, lambda limit, before: call.ledger.arrived(limit, before, state), _shown)
    )


def _shown(row: DeliveryRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "received_at": times.shown(row.received_at),
        "app": row.app or None,
        "tenant": row.tenant or None,
        "bytes": row.size,
        "sha256": row.sha256.hex(),
        "state": row.state,
        "events": row.events,
        "duplicates": row.duplicates,
        "orphans": row.orphans,
        "tests": row.tests,
    }


def _orphans(call: Call) -> Answer:
    app = call.query.get("app")
    return Answer(
        paged(
            call.query,
            lambda limit, before: call.ledger.orphans(limit, before, app),
            _shown_orphan,
        )
    )


def _shown_orphan(row: OrphanRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "received_at": times.shown(row.received_at),
        "app": row.app or None,
        "tenant": row.tenant or None,
        "account": row.ig_id,
        "reason": row.reason,
    }


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/api/v1/deliveries", _deliveries, (OPERATOR, OPERATOR_READ),
        "List webhook deliveries of all tenants", {200: page_of(_DELIVERY)}, "events",
        query={"state": _STATE, **PAGING},
        description="Sizes and counts only; contents are wiped once they are read.",
    ),
    Operation(
        "GET", "/api/v1/orphans", _orphans, (OPERATOR, OPERATOR_READ),
        "List events that no tenant was found for", {200: page_of(_ORPHAN)}, "events",
        query={"app": {"type": "string", "minLength": 1, "maxLength": 100}, **PAGING},
    ),
)  # fmt: skip
