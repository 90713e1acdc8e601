"""What a person may ask for, and what a tenant that leaves: export and erasure.

An erasure is a job: from the answer on nothing is sent any more, and what is stored goes within
the hour; a small one is done before the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from igrules.errors import NotFound, UsageError
from igrules.ledger import Erasure
from igrules.ledger.tables import EXPORTED
from igrules.web import times
from igrules.web.operations import (
    ADMIN,
    OPERATOR,
    OPERATOR_READ,
    PAGING,
    Answer,
    Call,
    Operation,
    Schema,
    page_of,
)
from igrules.web.pages import paged, read_id
from igrules.web.schemas import FLAG, TEXT, TEXT_OR_NULL, TIME, TIME_OR_NULL, closed, list_of

_ERASURE = closed(
    {
        "id": TEXT,
        "what": {"enum": ["contact", "account", "tenant"]},
        "source": {"enum": ["api", "cli", "meta", "restore"]},
        "state": {"enum": ["received", "running", "done"]},
        "asked_at": TIME,
        "done_at": TIME_OR_NULL,
    }
)
_FORMS: Mapping[str, Schema] = {
    "id": TEXT_OR_NULL,
    "text": TEXT_OR_NULL,
    "number": {"type": ["integer", "null"]},
    "time": TIME_OR_NULL,
    "yesno": FLAG,
    "json": {},
}


def _export_schema() -> Schema:
    return closed(
        {
            table.export: list_of(
                closed(
                    {name: _FORMS[how.shown] for name, how in table.columns.items() if how.shown}
                )
            )
            for table in EXPORTED
        }
    )


def _erase(call: Call) -> Answer:
    """The audit log names the contact by its row, never by what it is called."""
    person = call.path["contact"]
    with call.acting() as noted:
        noted.object = _row_of(call, person)
        erasure = call.ledger.erasures.request(
            call.tenant.id, None, person, _source(call), call.now
        )
        noted.object = noted.object or f"erasure {erasure.id}"
    return _begun(call, erasure)


def _row_of(call: Call, person: str) -> str:
    with suppress(NotFound):
        return str(call.scope.contact(person).id)
    return ""


def _source(call: Call) -> str:
    return "cli" if call.caller.actor.startswith("os:") else "api"


def _begun(call: Call, erasure: Erasure) -> Answer:
    """Do a small one at once; what is left is done by whoever comes to it."""
    call.ledger.erasures.hurry(erasure.id, call.now)
    return Answer(_shown(call.ledger.erasures.get(erasure.id, erasure.tenant_id)), 202)


def _export(call: Call) -> Answer:
    person = call.path["contact"]
    with call.acting() as noted:
        noted.object = _row_of(call, person)
        found = call.scope.export(person)
    return Answer(found)


def _list(call: Call) -> Answer:
    return _page(call, call.tenant.id)


def _list_all(call: Call) -> Answer:
    return _page(call, None)


def _page(call: Call, tenant_id: int | None) -> Answer:
    return Answer(
        paged(
            call.query,
            lambda limit, before: call.ledger.erasures.list(tenant_id, limit=limit, before=before),
            _shown,
        )
    )


def _one(call: Call) -> Answer:
    id = read_id(call.path["erasure"], "erasure")
    return Answer(_shown(call.ledger.erasures.get(id, call.tenant.id)))


def _one_of_all(call: Call) -> Answer:
    return Answer(_shown(call.ledger.erasures.get(read_id(call.path["erasure"], "erasure"))))


def _remove_tenant(call: Call) -> Answer:
    if call.query["confirm"] != call.tenant.slug:
        raise UsageError(
            "'confirm' names another tenant", f"repeat the slug: confirm={call.tenant.slug}"
        )
    with call.acting(call.tenant.slug):
        erasure = call.ledger.erasures.request_tenant(call.tenant.id, _source(call), call.now)
    return _begun(call, erasure)


def _shown(erasure: Erasure) -> dict[str, Any]:
    return {
        "id": str(erasure.id),
        "what": erasure.what,
        "source": erasure.source,
        "state": erasure.state,
        "asked_at": times.shown(erasure.asked_at),
        "done_at": times.shown_or_none(erasure.done_at),
    }


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "DELETE", "/contacts/{contact}", _erase, (ADMIN,), "Erase a contact at every account",
        {202: _ERASURE}, "privacy", tenant=True, audit="contact.erase",
        description="`{contact}` is an id as the list shows it, or @ and a user name. Nothing is"
        " sent to that person any more, and what is stored goes within the hour. A later message"
        " makes a new contact.",
        examples={"path": {"contact": "<person>"}},
    ),
    Operation(
        "POST", "/contacts/{contact}/export", _export, (ADMIN,),
        "Export everything held about a contact",
        {200: _export_schema()}, "privacy", tenant=True, audit="contact.export",
        description="A POST because it is entered in the audit log. Texts and traces are there as"
        " long as they are kept.",
        examples={"path": {"contact": "<person>"}},
    ),
    Operation(
        "GET", "/erasures", _list, (ADMIN,), "List the erasures of a tenant, newest first",
        {200: page_of(_ERASURE)}, "privacy", tenant=True, query=PAGING,
    ),
    Operation(
        "GET", "/erasures/{erasure}", _one, (ADMIN,), "Read how far an erasure is",
        {200: _ERASURE}, "privacy", tenant=True,
    ),
    Operation(
        "DELETE", "", _remove_tenant, (OPERATOR,), "Delete a tenant with everything it has",
        {202: _ERASURE}, "privacy", tenant=True, audit="tenant.delete",
        query={
            "confirm": {
                "type": "string", "maxLength": 40, "x-required": True,
                "description": "the slug once more",
            }
        },
        description="Tokens, secrets and keys at once, its name and account are free again;"
        " everything else goes within 24 hours. There is no way back.",
        examples={"query": {"confirm": "<tenant>"}},
    ),
    Operation(
        "GET", "/api/v1/deletions", _list_all, (OPERATOR_READ,),
        "List the erasures of the installation, those of deleted tenants too",
        {200: page_of(_ERASURE)}, "privacy", query=PAGING,
    ),
    Operation(
        "GET", "/api/v1/deletions/{erasure}", _one_of_all, (OPERATOR_READ,),
        "Read how far an erasure of the installation is",
        {200: _ERASURE}, "privacy",
    ),
)  # fmt: skip
