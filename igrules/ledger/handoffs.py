"""Conversations a person has taken over, and how rules hear that they are given back."""

from __future__ import annotations

import igrules.ledger.columns as columns
from igrules.ledger.database import Database
from igrules.ledger.leases import hold_lane
from igrules.ledger.values import Lane
from igrules.model import FOR_GOOD, Event


def next_end(account: str, person: str, tenant: str) -> str:
    """When the handoff of a lane's person ends by itself."""
    return (
        f"SELECT handoff_until FROM contact WHERE account_id = {account} AND person = {person}"
        f" AND handoff_until < {FOR_GOOD} AND +tenant_id = {tenant}"
    )


_NEXT_END = next_end("?", "?", "?")


def end(database: Database, lane: Lane, now: int) -> bool:
    """End a handoff whose time is over and tell the rules, once; false when there is none. Raises
    `LeaseLost`."""
    which = (lane.account_id, lane.person, lane.tenant_id)
    row = database.first(_NEXT_END, which)
    if row is None or row[0] > now:
        return False
    with database.transaction() as db:
        hold_lane(db, lane, None)
        ended = db.first(
            "UPDATE contact SET handoff_until = NULL WHERE account_id = ? AND person = ?"
            " AND handoff_until <= ? AND +tenant_id = ? RETURNING username",
            (lane.account_id, lane.person, now, lane.tenant_id),
        )
        if ended is None:
            return False
        account = db.first("SELECT ig_id FROM account WHERE id = ?", (lane.account_id,))
        ig_id = str(account[0]).partition("~")[0] if account else ""
        event = ended_event(ig_id, lane.person, ended[0], f"until:{row[0]}:handoff", now)
        put(db, lane.tenant_id, lane.account_id, lane.id, event, now)
    return True


def ended_event(ig_id: str, person: str, username: str, key: str, now: int) -> Event:
    """What rules hear when a conversation is given back."""
    return Event(
        "handoff_ended", ig_id, person, entry=ig_id, key=key, username=username, occurred_at=now,
        received_at=now,
    )  # fmt: skip


def put(
    db: Database, tenant_id: int, account_id: int, lane_id: int, event: Event, now: int
) -> None:
    """Put an internal event behind what waits in a lane, inside a transaction that holds it."""
    db.run(
        "INSERT INTO inbox (tenant_id, account_id, lane_id, kind, username, source, occurred_at,"
        " received_at, body, state) VALUES (?, ?, ?, ?, ?, 'internal', ?, ?, ?, 'open')",
        (tenant_id, account_id, lane_id, event.kind, columns.text(event.username), now, now,
         columns.from_event(event)),
    )  # fmt: skip
