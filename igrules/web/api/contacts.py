"""The people a tenant talks with: tags, fields, and who talks to them now.

Erasing and exporting a contact stand in a module of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from igrules.errors import NotFound, UsageError
from igrules.ledger.contact_edits import LONGEST_FIELD, MOST_FIELDS
from igrules.model import FOR_GOOD, Change, Contact
from igrules.web import times
from igrules.web.operations import (
    ADMIN,
    PAGING,
    READ,
    SEND,
    Answer,
    Call,
    Operation,
    Schema,
    page,
    page_of,
)
from igrules.web.pages import paged
from igrules.web.schemas import (
    FLAG,
    GIVEN_TIME_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    TIME_OR_NULL,
    closed,
    given,
    list_of,
    or_null,
)

_TAG: Schema = {
    "type": "string",
    "maxLength": 48,
    "pattern": "^[a-z0-9][a-z0-9_:-]*$",
    "description": "a-z, 0-9, '_', ':' and '-', beginning with one of the first two",
}
_FIELD = "^[a-z][a-z0-9_]*$"
_FIELD_NAME: Schema = {"type": "string", "maxLength": 48, "pattern": _FIELD}
_VALUE: Schema = {"type": ["string", "number", "boolean"], "maxLength": LONGEST_FIELD}


_HANDOFF = or_null(closed({"until": {**TIME_OR_NULL, "description": "null: until it is lifted"}}))
_CONTACT = closed(
    {
        "id": TEXT,
        "username": TEXT,
        "language": TEXT_OR_NULL,
        "tags": list_of(TEXT),
        "fields": {"type": "object"},
        "first_at": TIME_OR_NULL,
        "last_message_at": TIME_OR_NULL,
        "opted_out": FLAG,
        "handoff": _HANDOFF,
        "quiet_until": TIME_OR_NULL,
    }
)


def _some(fields: Mapping[str, Schema]) -> Schema:
    """An object of which one field at least is given."""
    return {**given(fields), "minProperties": 1}


_TAGS: Schema = {"type": "array", "items": _TAG, "maxItems": 50}
_PATCH = _some(
    {
        "tags": _some({"add": _TAGS, "remove": _TAGS}),
        "fields": _some(
            {
                "set": {
                    "type": "object",
                    "maxProperties": MOST_FIELDS,
                    "propertyNames": {"maxLength": 48, "pattern": _FIELD},
                    "additionalProperties": _VALUE,
                },
                "unset": {"type": "array", "items": _FIELD_NAME, "maxItems": MOST_FIELDS},
            }
        ),
        "language": {
            "type": ["string", "null"],
            "pattern": "^[a-z]{2}$",
            "maxLength": 2,
            "description": "two letters, as pt",
        },
    }
)
_UNTIL = given({"until": GIVEN_TIME_OR_NULL})
_OWN = frozenset(
    {"first_name", "name", "username", "followers", "follows_us", "we_follow", "verified"}
)
"""What Instagram says of a person; nobody else sets it."""


def asked_person(call: Call) -> str | None:
    """The id of the person whom ``contact`` of a query names, empty without it; ``None``: a name
    that nobody has."""
    asked = str(call.query.get("contact", ""))
    if not asked.startswith("@"):
        return asked
    with suppress(NotFound):
        return call.scope.contact(asked).person
    return None


def _list(call: Call) -> Answer:
    tag, username = call.query.get("tag", ""), call.query.get("username", "").lstrip("@")
    if "username" in call.query and not username:
        return Answer(page([], None))
    return Answer(
        paged(
            call.query,
            lambda limit, before: call.scope.contacts(limit, before, tag=tag, username=username),
            lambda contact: _shown(contact, call.now),
        )
    )


def _one(call: Call) -> Answer:
    return Answer(_shown(call.scope.contact(call.path["contact"]), call.now))


def _change(call: Call) -> Answer:
    changes = list(_changes(call.body))
    return _changed(call, changes)


def _changes(body: Mapping[str, Any]) -> Iterator[Change]:
    tags, fields = body.get("tags", {}), body.get("fields", {})
    for tag in tags.get("add", ()):
        yield Change("tag", tag)
    for tag in tags.get("remove", ()):
        yield Change("untag", tag)
    for name, value in fields.get("set", {}).items():
        _check_field(name)
        yield Change("set", name, value)
    for name in fields.get("unset", ()):
        _check_field(name)
        yield Change("unset", name)
    if "language" in body:
        yield Change("set", "language", body["language"] or "")


def _check_field(name: str) -> None:
    if name == "language":
        raise UsageError("'language' is no field of its own here", "set it beside 'fields'")
    if name in _OWN:
        raise UsageError(f"'{name}' comes from Instagram and cannot be set", "use another name")


def _hand_off(call: Call) -> Answer:
    until = times.read_or_none(call.body.get("until"))
    end = FOR_GOOD if until is None else until
    if end <= call.now:
        raise UsageError("'until' is over already", "give a time to come, or DELETE the handoff")
    return _changed(call, [Change("handoff", value=min(end, FOR_GOOD))])


def _take_back(call: Call) -> Answer:
    return _changed(call, [Change("handoff", value=None)])


def _changed(call: Call, changes: list[Change]) -> Answer:
    """Carry out changes. The audit log names the contact by its row, never by what it is called."""
    with call.acting() as noted:
        contact = call.scope.change_contact(call.path["contact"], changes, call.now)
        noted.object = str(contact.id)
    call.ring()
    return Answer(_shown(contact, call.now))


def _shown(contact: Contact, now: int) -> dict[str, Any]:
    handoff = contact.handoff_until
    return {
        "id": contact.person,
        "username": contact.username,
        "language": contact.language or None,
        "tags": sorted(contact.tags),
        "fields": dict(contact.fields),
        "first_at": times.told(contact.first_at),
        "last_message_at": times.told(contact.last_in_at),
        "opted_out": contact.opted_out,
        "handoff": None
        if handoff is None or handoff <= now
        else {"until": None if handoff >= FOR_GOOD else times.shown(handoff)},
        "quiet_until": times.told(contact.quiet_until),
    }


_WHO = {"path": {"contact": "<person>"}}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/contacts", _list, (READ,), "List contacts, newest first",
        {200: page_of(_CONTACT)}, "contacts", tenant=True,
        query={
            "tag": _TAG,
            "username": {"type": "string", "minLength": 1, "maxLength": 100},
            **PAGING,
        },
    ),
    Operation(
        "GET", "/contacts/{contact}", _one, (READ,), "Read a contact",
        {200: _CONTACT}, "contacts", tenant=True, examples=_WHO,
        description="`{contact}` is an id as the list shows it, or @ and a user name.",
    ),
    Operation(
        "PATCH", "/contacts/{contact}", _change, (ADMIN, SEND), "Change tags, fields and language",
        {200: _CONTACT}, "contacts", tenant=True, body=_PATCH, audit="contact.change",
        examples={**_WHO, "body": {"tags": {"add": ["vip"]}, "fields": {"set": {"size": "M"}}}},
        description="Only what is named changes. A new tag is heard by `tag_added`. A contact has"
        f" at most {MOST_FIELDS} fields of {LONGEST_FIELD:,} characters.",
    ),
    Operation(
        "PUT", "/contacts/{contact}/handoff", _hand_off, (ADMIN, SEND),
        "Hand a contact to a person: rules no longer answer",
        {200: _CONTACT}, "contacts", tenant=True, body=_UNTIL, audit="contact.handoff",
        examples={**_WHO, "body": {}},
        description="Without `until` it lasts until it is lifted.",
    ),
    Operation(
        "DELETE", "/contacts/{contact}/handoff", _take_back, (ADMIN, SEND),
        "Give a contact back to the rules",
        {200: _CONTACT}, "contacts", tenant=True, audit="contact.handback", examples=_WHO,
    ),
)  # fmt: skip
