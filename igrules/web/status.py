"""``GET /``: what is running here."""

from __future__ import annotations

from typing import Any

from igrules import __version__
from igrules.web.operations import PUBLIC, Answer, Call, Operation
from igrules.web.schemas import NUMBER, TEXT, closed


def _read(call: Call) -> Answer:
    """Give name and version; an operator's key also gets counts."""
    media: dict[str, Any] = {"name": "igrules", "version": __version__, "status": "running"}
    if call.caller.operator:
        states = [tenant.state for tenant in call.ledger.tenants.list()]
        media["clients"] = {"total": len(states), "active": states.count("active")}
    return Answer(media)


_STATUS = closed(
    {
        "name": {"const": "igrules"},
        "version": TEXT,
        "status": {"const": "running"},
        "clients": closed({"total": NUMBER, "active": NUMBER}),
    },
    "clients",
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/",
        _read,
        (PUBLIC,),
        "Say what is running here",
        {200: _STATUS},
        tag="status",
        description="With an operator's key also how many clients there are.",
    ),
)
