"""Recognise our own acts when Instagram tells of them, and settle by them what was unclear."""

from __future__ import annotations

import igrules.ledger.columns as columns
import igrules.ledger.fingerprints as fingerprints
from igrules.ledger.database import Database, Row, holders
from igrules.ledger.deployment import Deployment
from igrules.ledger.erasing import replaced
from igrules.ledger.leases import wake_lane
from igrules.ledger.settle import mark_sent
from igrules.ledger.stats import add_stat
from igrules.ledger.values import Lane
from igrules.model import Event

_COMMENTS = frozenset({"own", "comment", "live_comment"})


def settle(database: Database, deployment: Deployment, lane: Lane, event: Event, now: int) -> bool:
    """Whether the event is the echo of a send of ours; an unclear one is sent from now on.

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
        return False
    send_id, lane_id = match
    with database.transaction() as db:
        lanes = sorted({lane.id, lane_id})
        db.all(
            f"SELECT id FROM lane WHERE id IN ({holders(len(lanes))}) AND +tenant_id = ?"
            f" ORDER BY account_id, person{db.locked}",
            [*lanes, lane.tenant_id],
        )
        still = db.first(
            "SELECT state FROM send WHERE id = ? AND state IN ('sending', 'doubt', 'parked')"
            f" AND +tenant_id = ?{db.locked}",
            (send_id, lane.tenant_id),
        )
        if still:
            mark_sent(db, send_id, lane.tenant_id, event.ref, "echo", now)
            if still[0] != "sending":
                add_stat(db, lane.tenant_id, now, "doubt_settled", "echo", 1)
            wake_lane(db, lane_id, now)
    return True


def _match(
    database: Database, lane: Lane, event: Event, fingerprint: bytes
) -> tuple[int, int] | None:
    """The oldest unclear send this echo can be of, and its lane; a parked one only when nothing
    that is still open has these words."""
    rows = database.all(
        "SELECT s.id, s.lane_id, s.kind, s.target, l.person, s.state FROM send s"
        " JOIN lane l ON l.id = s.lane_id WHERE s.account_id = ? AND s.fingerprint = ?"
        " AND s.state IN ('sending', 'doubt', 'parked') AND s.tenant_id = ?"
        " ORDER BY CASE s.state WHEN 'parked' THEN 1 ELSE 0 END, s.id",
        (lane.account_id, fingerprint, lane.tenant_id),
    )
    for id, lane_id, kind, target, person, _ in rows:
        if event.kind in _COMMENTS:
            ours = kind == "reply" and target in (event.parent, event.media)
        else:
            ours = kind != "reply" and lane.person in (target, person)
        if ours:
            return int(id), int(lane_id)
    return None if event.kind in _COMMENTS else _nameless(rows)


def _nameless(rows: list[Row]) -> tuple[int, int] | None:
    """A private reply may reach its person under another id than the comment bore. Only when it is
    the one unclear send with these words, and no call is under way, can it be meant."""
    if len(rows) == 1 and rows[0][2] == "private_reply" and rows[0][5] != "sending":
        return int(rows[0][0]), int(rows[0][1])
    return None
