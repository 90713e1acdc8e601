"""Read everything a decision may look at, once, before it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import igrules.ledger.columns as columns
import igrules.ledger.holds as holds
import igrules.ledger.runs as runs
from igrules.ledger.contacts import COLUMNS as CONTACT, contact_of_row, find
from igrules.ledger.database import Database, holders, tuples
from igrules.ledger.holds import Hold
from igrules.ledger.values import Lane, ReadFacts
from igrules.model import Contact, Event, Mark

_MINUTE = 60_000
_FEW = 40
"""Up to so many names are asked for by name; beyond, all marks of the contact are read."""

_SENT = (
    "sum(CASE WHEN created_at > ? THEN 1 ELSE 0 END),"
    " count(DISTINCT CASE WHEN created_at > ? THEN inbox_id END)"
)
_COUNTS = "counted = 'yes' AND state IN ('pending', 'sending', 'sent', 'doubt', 'parked')"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known before an event is looked at, by lane: contacts, and of sends how many are in
    the window, how many events were answered in the last minute, whether a run is parked."""

    held: Sequence[Hold]
    contacts: Mapping[int, Contact]
    sent: Mapping[int, tuple[int, int, bool]]


def read_facts(
    db: Database,
    lane: Lane,
    event: Event,
    now: int,
    marks: Mapping[str, int],
    marks_post: Mapping[str, int],
    marks_all: Mapping[str, int],
    per_contact_window: int,
    parked: int = 0,
    known: Known | None = None,
) -> ReadFacts:
    """The facts of one event; see `Lanes.facts`."""
    known = known or _known(db, lane, now, per_contact_window)
    contact, held = known.contacts.get(lane.id), known.held
    sent, answered, has_runs = known.sent.get(lane.id, (0, 0, False))
    post = columns.text(event.post)
    over = holds.covering(held, lane.tenant_id, lane.account_id)
    rules = f"{lane.tenant_id}:"
    return ReadFacts(
        contact=contact or Contact(person=lane.person, username=event.username),
        marks=_of_contact(db, lane, contact.id, marks, post) if contact and marks else (),
        marks_post=of_post(db, lane.tenant_id, post, marks_post),
        marks_all=of_all(db, lane.tenant_id, marks_all),
        sent_in_window=sent,
        answered_last_minute=answered,
        paused=over.reason if over else "",
        paused_rules=frozenset(
            hold.scope_id.removeprefix(rules)
            for hold in held
            if hold.scope == "rule" and hold.scope_id.startswith(rules)
        ),
        wide_post=tuple(marks_post.items()),
        wide_all=tuple(marks_all.items()),
        post=post,
        runs=runs.parked(db, lane) if has_runs else (),
        parked_in_tenant=parked,
    )


def _known(db: Database, lane: Lane, now: int, window: int) -> Known:
    contact = find(db, lane.tenant_id, lane.account_id, lane.person)
    sent, is_held = _sent(db, lane, now, window)
    return Known(
        holds.active(db, now) if is_held else (),
        {lane.id: contact} if contact else {},
        {lane.id: sent},
    )


def known_of(db: Database, lanes: Sequence[Lane], now: int, window: int) -> Known:
    """The same of many lanes of one tenant in as many statements as of one; none of them has a
    parked run."""
    tenant_id, by_person = (
        lanes[0].tenant_id,
        {(one.account_id, one.person): one.id for one in lanes},
    )
    contacts = db.all(
        f"SELECT account_id, {CONTACT} FROM contact WHERE +tenant_id = ?"
        f" AND (account_id, person) IN (VALUES {tuples(len(by_person), 2)})",
        [tenant_id, *(value for key in by_person for value in key)],
    )
    sent = db.all(
        f"SELECT lane_id, {_SENT} FROM send WHERE lane_id IN ({holders(len(lanes))})"
        f" AND created_at > ? AND {_COUNTS} AND +tenant_id = ? GROUP BY lane_id",
        [now - window, now - _MINUTE, *(lane.id for lane in lanes), now - max(window, _MINUTE),
         tenant_id],
    )  # fmt: skip
    return Known(
        holds.active(db, now),
        {
            by_person[account_id, row[1]]: contact_of_row(tuple(row))
            for account_id, *row in contacts
        },
        {lane_id: (int(sum or 0), int(answered or 0), False) for lane_id, sum, answered in sent},
    )


def _sent(db: Database, lane: Lane, now: int, window: int) -> tuple[tuple[int, int, bool], bool]:
    """Automatic messages to this person in the window, events answered in the last minute, and
    whether any run is parked; and whether there is a hold. Both are asked here, because mostly
    there is none and that costs no statement of its own."""
    row = db.first(
        f"SELECT {_SENT}, (SELECT min(r.id) FROM run r WHERE r.lane_id = ? AND r.{runs.PARKED}),"
        f" {holds.IS_ANY}"
        f" FROM send WHERE lane_id = ? AND created_at > ? AND {_COUNTS} AND +tenant_id = ?",
        (now - window, now - _MINUTE, lane.id, lane.id, now - max(window, _MINUTE),
         lane.tenant_id),
    )  # fmt: skip
    assert row is not None  # sums have one row
    return (int(row[0] or 0), int(row[1] or 0), row[2] is not None), bool(row[3])


def _of_contact(
    db: Database, lane: Lane, contact_id: int, names: Mapping[str, int], post: str
) -> tuple[Mark, ...]:
    """The newest marks of each name: over all posts, and once more for this post."""
    wanted = list(names) if len(names) <= _FEW else []
    only = f" AND name IN ({holders(len(wanted))})" if wanted else ""
    most = max(names.values())
    rows = db.all(
        "SELECT name, at, post, n, place, place_on_post FROM (SELECT name, at, post, n, id,"
        " row_number() OVER (PARTITION BY name ORDER BY at DESC, id DESC) AS place,"
        " row_number() OVER (PARTITION BY name, post ORDER BY at DESC, id DESC) AS place_on_post"
        f" FROM mark WHERE contact_id = ? AND tenant_id = ?{only}) AS ranked"
        " WHERE place <= ? OR (post = ? AND place_on_post <= ?) ORDER BY at DESC, id DESC",
        [contact_id, lane.tenant_id, *wanted, most, post, most],
    )
    return tuple(
        Mark(name, at, on, n)
        for name, at, on, n, place, place_on_post in rows
        if place <= names.get(name, 0) or (on == post and place_on_post <= names.get(name, 0))
    )


def of_post(
    db: Database, tenant_id: int, post: str, names: Mapping[str, int] | Iterable[tuple[str, int]]
) -> tuple[Mark, ...]:
    """The newest marks of each name on a post, by anybody; none without a post."""
    if not post:
        return ()
    found: list[Mark] = []
    for name, count in dict(names).items():
        rows = db.all(
            "SELECT name, at, post, n FROM mark WHERE tenant_id = ? AND name = ? AND post = ?"
            " AND post <> '' ORDER BY at DESC, id DESC LIMIT ?",
            (tenant_id, columns.text(name), post, count),
        )
        found += [Mark(*row) for row in rows]
    return tuple(found)


def of_all(
    db: Database, tenant_id: int, names: Mapping[str, int] | Iterable[tuple[str, int]]
) -> tuple[Mark, ...]:
    """The newest marks of each name in the tenant, by anybody."""
    found: list[Mark] = []
    for name, count in dict(names).items():
        rows = db.all(
            "SELECT name, at, post, n FROM mark WHERE tenant_id = ? AND name = ?"
            " ORDER BY at DESC, id DESC LIMIT ?",
            (tenant_id, columns.text(name), count),
        )
        found += [Mark(*row) for row in rows]
    return tuple(found)
