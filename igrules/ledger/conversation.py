"""The messages of a tenant, in and out: a view over what came and what was sent.

Both sides are read by time, newest first, and merged; a page goes on from the time, the side and
the id of its last message.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import igrules.ledger.columns as columns
from igrules.errors import NotFound
from igrules.ledger.database import Database, Row
from igrules.model import EMPTY

IN, OUT = "in", "out"

KINDS = (
    "message", "postback", "comment", "live_comment", "mention_comment", "mention_caption", "echo",
)  # fmt: skip
"""Kinds of events that are messages. An echo counts where it is no send of ours: then a person of
the account wrote it by hand."""

# Numbered so that at one moment what came stands before what was answered.
_RANKS = {IN: 0, OUT: 1}
_CAME = (
    "SELECT i.received_at, i.id, l.person, i.kind, i.ref, i.username, i.state, i.body, i.source"
    " FROM inbox i JOIN lane l ON l.id = i.lane_id WHERE i.tenant_id = ?"
    f" AND i.kind IN ({', '.join(repr(kind) for kind in KINDS)})"
    " AND (i.kind <> 'echo' OR i.ref = '' OR NOT EXISTS (SELECT 1 FROM send s"
    " WHERE s.account_id = i.account_id AND s.message_id = i.ref AND s.message_id <> ''"
    " AND s.tenant_id = i.tenant_id))"
)
_WENT = (
    "SELECT s.created_at, s.id, l.person, s.kind, s.message_id, '', s.state, s.payload, s.reason,"
    " s.rule, s.inbox_id, s.closed_at, s.target, s.evidence FROM send s"
    " JOIN lane l ON l.id = s.lane_id WHERE s.tenant_id = ? AND s.counted = 'yes'"
)
_OF_PERSON = (
    "lane_id IN (SELECT id FROM lane WHERE tenant_id = ? AND person = ?"
    " AND account_id IN (SELECT id FROM account WHERE tenant_id = ?))"
)


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message. ``side`` says where it is stored: ``in`` (``body`` is an envelope) or ``out``
    (``payload`` is that of the effect)."""

    side: str
    id: int
    at: int
    person: str
    kind: str
    ref: str
    username: str
    state: str
    body: bytes = field(default=b"", repr=False)
    source: str = ""
    payload: Mapping[str, Any] = field(default=EMPTY, repr=False)
    reason: str = ""
    rule: str = ""
    event_id: int | None = None
    closed_at: int | None = None
    target: str = ""
    evidence: str = ""


Mark = tuple[int, int, int]
"""Time, rank of the side, id: where a page ends."""


def mark_of(message: MessageRow) -> Mark:
    """Where a page that ends with this message goes on."""
    return message.at, _RANKS[message.side], message.id


def newest(
    db: Database, tenant_id: int, person: str, limit: int, before: Mark | None
) -> list[MessageRow]:
    """The newest messages, newest first; empty ``person``: of everybody."""
    found = [
        *_side(db, tenant_id, IN, person, limit, before),
        *_side(db, tenant_id, OUT, person, limit, before),
    ]
    return heapq.nlargest(limit, found, key=mark_of)


def _side(
    db: Database, tenant_id: int, side: str, person: str, limit: int, before: Mark | None
) -> list[MessageRow]:
    select, alias, at = (_CAME, "i", "received_at") if side == IN else (_WENT, "s", "created_at")
    where, values = "", [tenant_id]  # type: tuple[str, list[object]]
    if person:
        where += f" AND {alias}.{_OF_PERSON}"
        values += [tenant_id, columns.text(person), tenant_id]
        # The sign keeps SQLite from looking through all of the tenant's instead.
        select = select.replace(f"WHERE {alias}.tenant_id", f"WHERE +{alias}.tenant_id")
    if before is not None:
        time, rank, id = before
        mine = _RANKS[side]
        # Of the other side's moment: all of it, or nothing, by which side comes first.
        edge = id if mine == rank else (2**62 if mine < rank else 0)
        where += f" AND ({alias}.{at}, {alias}.id) < (?, ?)"
        values += [time, edge]
    rows = db.all(
        f"{select}{where} ORDER BY {alias}.{at} DESC, {alias}.id DESC LIMIT ?", [*values, limit]
    )
    return [_came(row) if side == IN else _went(row) for row in rows]


def message(db: Database, tenant_id: int, side: str, id: int) -> MessageRow:
    """One message. Raises `NotFound`."""
    select, alias = (_CAME, "i") if side == IN else (_WENT, "s")
    row = db.first(f"{select} AND {alias}.id = ?", (tenant_id, id))
    if row is None:
        raise NotFound(f"there is no message '{side}-{id}'", "look for it in the list of messages")
    return _came(row) if side == IN else _went(row)


def _came(row: Row) -> MessageRow:
    at, id, person, kind, ref, username, state, body, source = row
    return MessageRow(
        IN, id, at, person, kind, ref, username, state, bytes(body or b""), source
    )  # fmt: skip


def _went(row: Row) -> MessageRow:
    at, id, person, kind, ref, username, state, payload = row[:8]
    reason, rule, event_id, closed_at, target, evidence = row[8:]
    return MessageRow(
        OUT, id, at, person, kind, ref, username, state, payload=columns.from_json(payload) or {},
        reason=reason, rule=rule, event_id=event_id, closed_at=closed_at, target=target,
        evidence=evidence,
    )  # fmt: skip
