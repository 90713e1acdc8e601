"""Contacts: the people of an account, and how decisions change them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import igrules.ledger.columns as columns
from igrules.errors import NotFound
from igrules.ledger.database import Database, Row, tuples
from igrules.ledger.values import Lane, StoredEvent
from igrules.model import Change, Contact

COLUMNS = (
    "id, person, username, language, tags, fields, first_at, last_in_at, opted_out,"
    " handoff_until, quiet_until, quiet_reason, profile, profile_at"
)
"""The columns `contact_of_row` reads, in order."""

SELECT = f"SELECT {COLUMNS} FROM contact"
_OPENS_WINDOW = frozenset({"message", "postback"})
"""Kinds of events after which messages may be sent for 24 hours."""

_SILENT = frozenset({"echo", "own", "seen", "self", "tag_added", "handoff_ended"})
"""Kinds of events in which the person did nothing: they make no contact."""


def find(db: Database, tenant_id: int, account_id: int, person: str) -> Contact | None:
    """The contact of a person at an account."""
    row = db.first(
        f"{SELECT} WHERE account_id = ? AND person = ? AND tenant_id = ?",
        (account_id, columns.text(person), tenant_id),
    )
    return contact_of_row(row) if row else None


def of_person(db: Database, tenant_id: int, person: str) -> Contact | None:
    """The contact a tenant knows by this id, or by ``@name``."""
    column, value = ("username", person[1:]) if person.startswith("@") else ("person", person)
    if not value:
        return None  # most have no user name yet, and '@' alone means none of them
    row = db.first(
        f"{SELECT} WHERE +tenant_id = ? AND {column} = ?"
        " AND account_id IN (SELECT id FROM account WHERE tenant_id = ?)"
        " ORDER BY id DESC LIMIT 1",
        (tenant_id, columns.text(value), tenant_id),
    )
    return contact_of_row(row) if row else None


def known(db: Database, tenant_id: int, person: str) -> Contact:
    """The contact of this id, or of ``@name``. Raises `NotFound`."""
    found = of_person(db, tenant_id, person)
    if found is None:
        raise missing()
    return found


def missing() -> NotFound:
    """The error for a contact that is not there, or somebody else's."""
    return NotFound("there is no such contact", "give the id as the list of contacts has it")


def newest(
    db: Database, tenant_id: int, limit: int, before: int | None, tag: str, username: str
) -> list[Contact]:
    """A tenant's contacts, newest first; see `Scope.contacts`."""
    where = ""
    values: list[object] = [tenant_id]
    if before is not None:
        where, values = where + " AND id < ?", [*values, before]
    if username:
        where += " AND username = ? AND account_id IN (SELECT id FROM account WHERE tenant_id = ?)"
        values += [columns.text(username), tenant_id]
    if tag:
        # Tags are JSON of plain words, so the word with its quotes is one tag exactly.
        where += " AND " + db.within("tags")
        values.append(columns.to_json(tag))
    sign = "+" if username else ""  # a name is found by its own index
    rows = db.all(
        f"{SELECT} WHERE {sign}tenant_id = ?{where} ORDER BY id DESC LIMIT ?", [*values, limit]
    )
    return [contact_of_row(row) for row in rows]


def by_id(db: Database, tenant_id: int, id: int) -> Contact:
    """The contact with this row id, which exists."""
    row = db.first(f"{SELECT} WHERE id = ? AND tenant_id = ?", (id, tenant_id))
    assert row is not None  # the caller holds its lane
    return contact_of_row(row)


def contact_of_row(row: Row) -> Contact:
    """The contact a row of `SELECT` holds."""
    (
        id, person, username, language, tags, fields, first_at, last_in_at, opted_out,
        handoff_until, quiet_until, quiet_reason, profile, profile_at,
    ) = row  # fmt: skip
    return Contact(
        id=id,
        person=person,
        username=username,
        language=language,
        tags=frozenset(columns.from_json(tags) or ()),
        fields=columns.from_json(fields) or {},
        first_at=first_at,
        last_in_at=last_in_at,
        opted_out=opted_out == "yes",
        handoff_until=handoff_until,
        quiet_until=quiet_until,
        quiet_reason=quiet_reason,
        profile=columns.from_json(profile) or {},
        profile_at=profile_at,
    )


def keep(
    db: Database, lane: Lane, stored: StoredEvent, changes: Sequence[Change], now: int
) -> int | None:
    """Note that the person was heard, carry out changes, and give the contact's id; ``None`` for an
    event without a person. Inside a transaction that holds the lane."""
    if lane.person.startswith("~"):
        return None
    if stored.kind in _SILENT and not changes:
        return changed(db, lane, ())
    ((id,),) = _heard(db, [(lane, stored)], now)
    if changes:
        apply(db, lane.tenant_id, int(id), changes)
    return int(id)


def hear(db: Database, heard: Sequence[tuple[Lane, StoredEvent]], now: int) -> None:
    """Do what `keep` does, without changes, for events of different people."""
    people = [
        (lane, stored)
        for lane, stored in heard
        if stored.kind not in _SILENT and not lane.person.startswith("~")
    ]
    if people:
        _heard(db, people, now)


def _heard(db: Database, heard: Sequence[tuple[Lane, StoredEvent]], now: int) -> list[Row]:
    """Note that these people were heard; gives the ids of their contacts."""
    return db.all(
        "INSERT INTO contact (tenant_id, account_id, person, username, tags, fields, first_at,"
        f" last_in_at, last_at) VALUES {tuples(len(heard), 9)}"
        " ON CONFLICT (account_id, person) DO UPDATE SET last_at = excluded.last_at,"
        " username = CASE WHEN excluded.username <> '' THEN excluded.username"
        " ELSE contact.username END,"
        " last_in_at = CASE WHEN contact.last_in_at IS NULL"
        " OR excluded.last_in_at > contact.last_in_at THEN excluded.last_in_at"
        " ELSE contact.last_in_at END RETURNING id",
        [value for lane, stored in heard for value in _row_of(lane, stored, now)],
    )


def _row_of(lane: Lane, stored: StoredEvent, now: int) -> tuple[object, ...]:
    at = (stored.occurred_at or stored.received_at) if stored.kind in _OPENS_WINDOW else None
    username = "" if stored.kind in _SILENT else stored.username
    return (
        lane.tenant_id, lane.account_id, lane.person, username, b"[]", b"{}", now, at, now,
    )  # fmt: skip


def changed(db: Database, lane: Lane, changes: Sequence[Change]) -> int | None:
    """Carry out changes of the lane's person, who is known already, and give the contact's id;
    ``None``: of nobody. Inside a transaction that holds the lane."""
    row = db.first(
        "SELECT id FROM contact WHERE account_id = ? AND person = ? AND tenant_id = ?",
        (lane.account_id, lane.person, lane.tenant_id),
    )
    if row is None:
        return None
    if changes:
        apply(db, lane.tenant_id, int(row[0]), changes)
    return int(row[0])


def apply(db: Database, tenant_id: int, contact_id: int, changes: Sequence[Change]) -> None:
    """Apply changes to what is stored now, so that an edit made meanwhile stays. Inside a
    transaction that holds the lane."""
    row = db.first(
        "SELECT tags, fields, opted_out, quiet_until, quiet_reason, handoff_until, language"
        f" FROM contact WHERE id = ? AND +tenant_id = ?{db.locked}",
        (contact_id, tenant_id),
    )
    assert row is not None  # the caller has just written it
    state: dict[str, Any] = {
        "tags": set(columns.from_json(row[0]) or ()),
        "fields": columns.from_json(row[1]) or {},
        "opted_out": row[2],
        "quiet_until": row[3],
        "quiet_reason": row[4],
        "handoff_until": row[5],
        "language": row[6],
    }
    for change in changes:
        _apply(state, change)
    db.run(
        "UPDATE contact SET tags = ?, fields = ?, opted_out = ?, quiet_until = ?,"
        " quiet_reason = ?, handoff_until = ?, language = ? WHERE id = ? AND +tenant_id = ?",
        (
            columns.to_json(state["tags"]),
            columns.to_json(state["fields"]),
            state["opted_out"],
            state["quiet_until"],
            state["quiet_reason"],
            state["handoff_until"],
            state["language"],
            contact_id,
            tenant_id,
        ),
    )


def _apply(state: dict[str, Any], change: Change) -> None:
    tags, fields = state["tags"], state["fields"]
    if change.kind == "tag":
        tags.add(change.name)
    elif change.kind == "untag":
        tags.discard(change.name)
    elif change.name == "language" and change.kind in ("set", "unset"):
        state["language"] = columns.text(str(change.value)) if change.kind == "set" else ""
    elif change.kind == "set":
        given = change.value
        fields[change.name] = columns.text(given) if isinstance(given, str) else given
    elif change.kind == "unset":
        fields.pop(change.name, None)
    elif change.kind == "increment":
        before = fields.get(change.name)
        number = before if isinstance(before, int | float) else 0
        fields[change.name] = number + (1 if change.value is None else change.value)
    elif change.kind in ("opt_out", "opt_in"):
        state["opted_out"] = columns.yes(change.kind == "opt_out")
    elif change.kind == "quiet":
        state["quiet_until"] = change.value
        state["quiet_reason"] = columns.text(change.name)
    elif change.kind == "handoff":
        state["handoff_until"] = change.value
