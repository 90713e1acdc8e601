"""Open an event once more that ended badly, to be decided again.

What went out is not undone: a send whose key exists stays what it is, so a replay cannot repeat
it. That a rule failed is: else ``once`` or ``cooldown`` would keep it from being tried again.
"""

from __future__ import annotations

import igrules.ledger.columns as columns
from igrules.errors import Conflict, NotFound
from igrules.ledger.database import Database, holders
from igrules.ledger.leases import wake_lane
from igrules.model import NOT_FOR_RULES

_AGAIN = frozenset({"failed", "quarantined", "skipped"})


def reopen(db: Database, tenant_id: int, id: int, now: int) -> bool:
    """Reopen an event; false when an earlier call did and it waits still.

    Raises `NotFound`, and `Conflict` for one that may not be decided again.
    """
    with db.transaction():
        lane = db.first("SELECT lane_id FROM inbox WHERE id = ? AND tenant_id = ?", (id, tenant_id))
        if lane is None:
            raise NotFound(f"there is no event {id}", "look for it in the list of events")
        # The lane is locked before the event, as everywhere.
        db.first(f"SELECT id FROM lane WHERE id = ? AND tenant_id = ?{db.locked}",
                 (lane[0], tenant_id))  # fmt: skip
        row = db.first(
            "SELECT i.state, i.replays, i.kind, d.outcome,"
            " CASE WHEN i.body IS NULL THEN 1 ELSE 0 END, d.trace"
            " FROM inbox i LEFT JOIN decision d ON d.inbox_id = i.id AND d.replay = i.replays"
            " WHERE i.id = ? AND i.tenant_id = ?",
            (id, tenant_id),
        )
        if row is None:
            raise NotFound(f"there is no event {id}", "look for it in the list of events")
        state, replays, kind, outcome, wiped, trace = row
        if state == "open" and replays:
            return False
        _check(id, state, kind, outcome or "", bool(wiped))
        if outcome == "failed":
            _forget_firing(db, tenant_id, lane[0], trace)
        db.run(
            "UPDATE inbox SET state = 'open', replays = replays + 1 WHERE id = ? AND tenant_id = ?"
            " AND state = ?",
            (id, tenant_id, state),
        )
        wake_lane(db, lane[0], now)
    return True


def _forget_firing(db: Database, tenant_id: int, lane_id: int, trace: bytes | None) -> None:
    """Take back the marks of the rules that fired by this decision and failed."""
    known = columns.from_json(trace) or {}
    rules = [rule for rule, reason, _ in known.get("rules", ()) if reason == "fired"]
    if rules:
        db.run(
            "DELETE FROM mark WHERE contact_id = (SELECT c.id FROM lane l JOIN contact c"
            " ON c.account_id = l.account_id AND c.person = l.person WHERE l.id = ?)"
            f" AND name IN ({holders(len(rules))}) AND at = ? AND tenant_id = ?",
            [lane_id, *map(columns.text, rules), known["now"], tenant_id],
        )


def _check(id: int, state: str, kind: str, outcome: str, wiped: bool) -> None:
    if state == "open":
        raise Conflict(f"event {id} waits to be decided", "look again in a moment")
    if outcome not in _AGAIN:
        raise Conflict(
            f"event {id} ended as {outcome}", "only failed, quarantined and skipped ones come again"
        )
    if kind in NOT_FOR_RULES:
        raise Conflict(f"event {id} is {kind}, which no rule ever sees", "nothing to do")
    if wiped:
        raise Conflict(f"the contents of event {id} are no longer stored", "nothing to do")
