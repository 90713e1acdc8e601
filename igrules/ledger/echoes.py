"""Recognise our own acts when Instagram tells of them, and settle by them what was unclear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import igrules.ledger.columns as columns
import igrules.ledger.fingerprints as fingerprints
from igrules.ledger.database import Database, holders
from igrules.ledger.deployment import Deployment
from igrules.ledger.erasing import replaced
from igrules.ledger.leases import wake_lane
from igrules.ledger.settle import mark_sent
from igrules.ledger.stats import add_stat
from igrules.ledger.values import Lane
from igrules.model import Event

Settled = Callable[[int, str], None]
"""Is told the id and the kind of a send."""

_COMMENTS = frozenset({"own", "comment", "live_comment"})
_MINUTES = 600_000
_UNCLEAR = "state IN ('sending', 'doubt', 'parked')"
_DOUBTED = "doubts > 0 AND state IN ('pending', 'dropped')"
"""In the words of their indices. What waits to be sent again, or was given up, may have gone out
all the same."""


@dataclass(frozen=True, slots=True)
class _Unclear:
    """A send that an echo may be of."""

    id: int
    lane_id: int
    kind: str
    target: str
    person: str
    state: str
    began_at: int | None
    deadline_at: int | None


def settle(
    database: Database,
    deployment: Deployment,
    lane: Lane,
    event: Event,
    now: int,
    settled: Settled | None = None,
) -> bool:
    """Whether the event is the echo of a send of ours; an unclear one is sent from now on, and
    ``settled`` is told of it, unless its call is under way and will tell that itself.

    Echoes are matched by account, not by lane: a private reply names a comment, not a person.
    """
    ref = columns.text(event.ref)
    if ref and database.first(
        # The second form is what an erasure has left of it.
        "SELECT id FROM send WHERE account_id = ? AND message_id IN (?, ?) AND message_id <> ''"
        " AND +tenant_id = ?",
        (lane.account_id, ref, replaced(deployment, ref), lane.tenant_id),
    ):
        return True
    fingerprint = fingerprints.of_event(deployment, event)
    if fingerprint is None:
        return False
    match = _match(database, lane, event, fingerprint)
    if match is None:
        return _names_a_sent_one(database, lane, event, fingerprint)
    send_id, lane_id = match
    with database.transaction() as db:
        lanes = sorted({lane.id, lane_id})
        db.all(
            f"SELECT id FROM lane WHERE id IN ({holders(len(lanes))}) AND +tenant_id = ?"
            f" ORDER BY account_id, person{db.locked}",
            [*lanes, lane.tenant_id],
        )
        still = db.first(
            f"SELECT state, kind FROM send WHERE id = ? AND ({_UNCLEAR} OR {_DOUBTED})"
            f" AND +tenant_id = ?{db.locked}",
            (send_id, lane.tenant_id),
        )
        if still:
            mark_sent(db, send_id, lane.tenant_id, event.ref, "echo", now)
            if still[0] != "sending":
                add_stat(db, lane.tenant_id, now, "doubt_settled", "echo", 1)
            wake_lane(db, lane_id, now)
    if still and still[0] != "sending" and settled is not None:
        settled(send_id, still[1])
    return True


def _names_a_sent_one(database: Database, lane: Lane, event: Event, fingerprint: bytes) -> bool:
    """Give the message id of a late echo to what is sent without one: a private reply whose second
    try told only that the first had gone out, or what a person called sent."""
    if event.kind in _COMMENTS or not event.ref:
        return False
    with database.transaction() as db:
        db.first(
            f"SELECT id FROM lane WHERE id = ? AND +tenant_id = ?{db.locked}",
            (lane.id, lane.tenant_id),
        )
        return bool(
            db.run(
                "UPDATE send SET message_id = ? WHERE id = (SELECT min(id) FROM send"
                " WHERE lane_id = ? AND state = 'sent' AND message_id = '' AND fingerprint = ?"
                " AND +tenant_id = ?) AND +tenant_id = ?",
                (columns.text(event.ref), lane.id, fingerprint, lane.tenant_id, lane.tenant_id),
            )
        )


def _match(
    database: Database, lane: Lane, event: Event, fingerprint: bytes
) -> tuple[int, int] | None:
    """The oldest unclear send this echo can be of, and its lane; a parked one only when nothing
    that is still open has these words."""
    rows = _with_these_words(database, lane, fingerprint, _UNCLEAR)
    match = _first(lane, event, rows)
    if match is None:
        match = _first(lane, event, _with_these_words(database, lane, fingerprint, _DOUBTED))
    if match is None and event.kind not in _COMMENTS:
        return _nameless(rows)
    return match


def _with_these_words(
    database: Database, lane: Lane, fingerprint: bytes, which: str
) -> list[_Unclear]:
    """The sends of the account that say this: open ones first, and the oldest of them."""
    rows = database.all(
        "SELECT s.id, s.lane_id, s.kind, s.target, l.person, s.state,"
        " (SELECT min(a.started_at) FROM attempt a WHERE a.send_id = s.id),"
        " (SELECT max(a.deadline_at) FROM attempt a WHERE a.send_id = s.id)"
        " FROM (SELECT * FROM send WHERE account_id = ? AND fingerprint = ?"
        f" AND {which} AND tenant_id = ?) AS s JOIN lane l ON l.id = s.lane_id"
        " ORDER BY CASE WHEN s.state IN ('parked', 'dropped') THEN 1 ELSE 0 END, s.id",
        (lane.account_id, fingerprint, lane.tenant_id),
    )
    return [_Unclear(*row) for row in rows]


def _first(lane: Lane, event: Event, rows: list[_Unclear]) -> tuple[int, int] | None:
    for send in rows:
        if event.kind in _COMMENTS:
            ours = send.kind == "reply" and send.target in (event.parent, event.media)
        else:
            ours = send.kind != "reply" and lane.person in (send.target, send.person)
        if ours and _is_at_its_time(send, event):
            return send.id, send.lane_id
    return None


def _is_at_its_time(send: _Unclear, event: Event) -> bool:
    """Pictures all look the same here, so only one that came in the minutes of the call counts."""
    if send.kind != "media" or not event.occurred_at or send.began_at is None:
        return True
    assert send.deadline_at is not None  # an attempt has both
    return send.began_at - _MINUTES <= event.occurred_at <= send.deadline_at + _MINUTES


def _nameless(rows: list[_Unclear]) -> tuple[int, int] | None:
    """A private reply may reach its person under another id than the comment bore. Only when it is
    the one unclear send with these words can it be meant; the answer of a call that is under way
    outranks that."""
    if len(rows) == 1 and rows[0].kind == "private_reply":
        return rows[0].id, rows[0].lane_id
    return None
