"""The operator's webhook log: whole deliveries, and events that belong to nobody."""

from __future__ import annotations

from typing import Any

from igrules.instagram.reader import read
from igrules.ledger.adopting import MOST
from igrules.ledger.webhook_log import DeliveryRow, OrphanRow
from igrules.web import times
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
from igrules.web.schemas import COUNT, FLAG, TEXT, TEXT_OR_NULL, TIME, closed, given

_STATE: Schema = {"type": "string", "enum": ["open", "split", "unreadable"]}
_DELIVERY = closed(
    {
        "id": TEXT,
        "received_at": TIME,
        "app": TEXT_OR_NULL,
        "tenant": {**TEXT_OR_NULL, "description": "whose own webhook address it came to"},
        "bytes": COUNT,
        "sha256": TEXT,
        "state": _STATE,
        "events": COUNT,
        "duplicates": COUNT,
        "orphans": COUNT,
        "tests": COUNT,
    }
)
_ORPHAN = closed(
    {
        "id": TEXT,
        "received_at": TIME,
        "app": TEXT_OR_NULL,
        "tenant": {**TEXT_OR_NULL, "description": "whose own webhook address it came to"},
        "account": TEXT,
        "reason": TEXT,
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


def _known_app(call: Call, name: str | None) -> str | None:
    """The same; a mistyped one would be asked in vain. Raises `NotFound`."""
    return None if name is None else call.ledger.apps.get(name).name


def _orphans(call: Call) -> Answer:
    app = _known_app(call, call.query.get("app"))
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


def _adopt(call: Call) -> Answer:
    app = _known_app(call, call.body.get("app"))
    # Read before the transaction, which webhooks wait for.
    strays = call.ledger.deliveries.adoptable(read, app)
    with call.acting(app or "") as noted:
        result = call.ledger.deliveries.adopt(strays, call.now)
        noted.after = str(result.events)
    if call.metrics is not None:
        call.metrics.split(result.kinds)
    if result.lanes:
        call.ring(result.lanes)
    media = {
        "events": result.events,
        "duplicates": result.duplicates,
        "more": len(strays) == MOST,
    }
    return Answer(media)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/api/v1/deliveries", _deliveries, (OPERATOR_READ,),
        "List webhook deliveries of all tenants", {200: page_of(_DELIVERY)}, "events",
        query={"state": _STATE, **PAGING},
        description="Sizes and counts only; contents are wiped once they are read.",
    ),
    Operation(
        "GET", "/api/v1/orphans", _orphans, (OPERATOR_READ,),
        "List events that no tenant was found for", {200: page_of(_ORPHAN)}, "events",
        query={"app": {"type": "string", "minLength": 1, "maxLength": 100}, **PAGING},
    ),
    Operation(
        "POST", "/api/v1/orphans/adopt", _adopt, (OPERATOR,),
        "Feed orphans to the tenants that have their accounts now",
        {200: closed({"events": COUNT, "duplicates": COUNT, "more": FLAG})},
        "events",
        body=given({"app": {"type": "string", "minLength": 1, "maxLength": 100}}),
        audit="orphan.adopt",
        description="Up to 1,000, oldest first; `more`: ask again. The address they came to counts"
        " no more, the app that signed them does. Events older than their window end as"
        " `skipped`, `too_old`.",
    ),
)  # fmt: skip
