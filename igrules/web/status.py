"""``GET /``: what is running here."""

from __future__ import annotations

from typing import Any

from igrules import __version__
from igrules.web.operations import PUBLIC, Answer, Call, Operation


def read(call: Call) -> Answer:
    """Give name and version; an operator's key also gets counts."""
    media: dict[str, Any] = {"name": "igrules", "version": __version__, "status": "running"}
    if call.caller.operator:
        states = [tenant.state for tenant in call.ledger.tenants.list()]
        media["clients"] = {"total": len(states), "active": states.count("active")}
    return Answer(media)


_CLIENTS = {
    "type": "object",
    "properties": {"total": {"type": "integer"}, "active": {"type": "integer"}},
    "required": ["total", "active"],
    "additionalProperties": False,
}
_STATUS = {
    "type": "object",
    "properties": {
        "name": {"const": "igrules"},
        "version": {"type": "string"},
        "status": {"const": "running"},
        "clients": _CLIENTS,
    },
    "required": ["name", "version", "status"],
    "additionalProperties": False,
}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/",
        read,
        (PUBLIC,),
        "Say what is running here",
        {200: _STATUS},
        tag="status",
        description="With an operator's key also how many clients there are.",
    ),
)
