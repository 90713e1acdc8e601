"""Set aside what has ended its worker again and again, and tell a person, so that the lane goes on.

Why sends are parked and not left in doubt: a doubt would be settled by sending once more.
"""

from __future__ import annotations

import igrules.ledger.alerts as alerts
from igrules.ledger.database import Database
from igrules.ledger.leases import hold_lane
from igrules.ledger.values import DueSend, Lane

POISONED = 3
"""So many deaths in a row and a lane's first item is set aside."""


def words(deaths: int) -> str:
    """Why it was."""
    return f"ended its worker {deaths} times"


def tell_of_event(db: Database, lane: Lane, event_id: int, now: int) -> None:
    """An event was set aside."""
    said = f"event {event_id} {words(lane.deaths)} and was set aside; igrules trace {event_id}"
    said += f" shows it, igrules replay {event_id} tries it again"
    alerts.note(db, "quarantine", f"event {event_id}", said, now, lane.tenant_id)


def tell_of_run(db: Database, lane: Lane, run_id: int, now: int) -> None:
    """A run was ended."""
    said = f"run {run_id} {words(lane.deaths)} and was ended; igrules runs show {run_id} shows it"
    alerts.note(db, "quarantine", f"run {run_id}", said, now, lane.tenant_id)


def tell_of_send(db: Database, lane: Lane, send_id: int, deaths: int, now: int) -> None:
    """A send was parked."""
    said = f"send {send_id} {words(deaths)} and was set aside; igrules sends list --state parked"
    alerts.note(db, "quarantine", f"send {send_id}", f"{said} shows it", now, lane.tenant_id)


def set_aside(database: Database, lane: Lane, send: DueSend, now: int) -> None:
    """Park a pending send; see `Sends.set_aside`."""
    with database.transaction() as db:
        hold_lane(db, lane, None)
        if db.run(
            "UPDATE send SET state = 'parked', reason = ?, closed_at = ? WHERE id = ?"
            " AND state = 'pending' AND +tenant_id = ?",
            (words(lane.deaths), now, send.id, lane.tenant_id),
        ):
            tell_of_send(db, lane, send.id, lane.deaths, now)
