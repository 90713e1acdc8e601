"""What the operator was told, or should have been."""

from __future__ import annotations

from typing import Any

from igrules.ledger import AlertRow
from igrules.web import times
from igrules.web.operations import OPERATOR_READ, PAGING, Answer, Call, Operation, page_of
from igrules.web.pages import paged
from igrules.web.schemas import TEXT, TEXT_OR_NULL, TIME, closed

_ALERT = closed(
    {
        "id": TEXT,
        "at": TIME,
        "cause": {**TEXT, "description": "a short word: `reauth`, `parked`, `late`, …"},
        "about": {**TEXT, "description": "what it is about: an id of ours, or empty"},
        "tenant": TEXT_OR_NULL,
        "words": TEXT,
        "told": {"type": "array", "items": TEXT, "description": "the ways it went out by"},
        "waits": {"type": "boolean", "description": "it is still to be delivered"},
        "error": {**TEXT, "description": "why a way could not be used; empty when none failed"},
    }
)


def _alerts(call: Call) -> Answer:
    cause = call.query.get("cause")
    return Answer(
        paged(
            call.query, lambda limit, before: call.ledger.alerts.list(limit, before, cause), _shown
        )
    )


def _shown(row: AlertRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "at": times.shown(row.at),
        "cause": row.cause,
        "about": row.about,
        "tenant": row.tenant or None,
        "words": row.words,
        "told": list(row.told),
        "waits": row.due is not None,
        "error": row.error,
    }


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/api/v1/alerts", _alerts, (OPERATOR_READ,),
        "List what needs a person", {200: page_of(_ALERT)}, "installation",
        query={"cause": {"type": "string", "minLength": 1, "maxLength": 40}, **PAGING},
        description="Each cause once a day and subject, newest first.",
    ),
)  # fmt: skip
