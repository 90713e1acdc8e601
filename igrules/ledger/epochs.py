"""Generations of a database. A restored backup begins a new one, and nothing is sent from it until
a person says so.

Why: a backup shows messages as unsent that went out after it was made.
"""

from __future__ import annotations

from dataclasses import dataclass

from igrules.ledger.database import Database
from igrules.ledger.open_sends import OPEN
from igrules.ledger.runs import PARKED

REASON = "restored"
"""Why a send waits, is looked for, or was parked, after a restore."""

BEHIND = "behind"
"""Why a send waits when this machine has seen the database newer than it is."""

_SET_ASIDE = f"state = 'parked' AND reason = '{REASON}'"

_WORTHLESS = ("typing", "mark_seen")


@dataclass(frozen=True, slots=True)
class Epoch:
    """``released`` lower than ``number``: the database was restored, and nothing may be sent."""

    number: int
    released: int

    @property
    def is_open(self) -> bool:
        """Whether sends may go out."""
        return self.released >= self.number


def read(db: Database) -> Epoch:
    """The generation as it is stored now."""
    row = db.first("SELECT epoch, released_epoch FROM deployment WHERE id = 1")
    return Epoch(int(row[0]), int(row[1])) if row else Epoch(1, 1)


def begin(db: Database, now: int) -> int:
    """Begin a new generation inside a transaction, and give its number.

    What was unsent is parked, because it may have been sent; events that are undecided make only
    parked sends. Bodies have to be split before, since they carry no such mark.
    """
    row = db.first("UPDATE deployment SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch")
    assert row is not None  # a database without its one row does not open
    number = int(row[0])
    db.run(
        "UPDATE inbox SET old_epoch = ? WHERE state = 'open' AND old_epoch IS NULL", (number - 1,)
    )
    _park(db, number, now)
    # Who worked on it then is gone, and so are the leases.
    db.run("UPDATE lane SET owner = NULL, due = ? WHERE owner IS NOT NULL", (now,))
    db.run("DELETE FROM process")
    db.run("UPDATE chore SET owner = NULL, lease_until = NULL")
    return number


def release(db: Database, now: int) -> int:
    """Let sends out again, inside a transaction, and have those looked for that may have been sent
    after the backup; gives how many these are."""
    number = read(db).number
    _park(db, number, now)
    db.run("UPDATE deployment SET released_epoch = epoch WHERE id = 1")
    waited = f"state = 'pending' AND reason IN ('{REASON}', '{BEHIND}')"
    lanes = db.all(
        f"SELECT id, tenant_id FROM lane WHERE id IN (SELECT lane_id FROM send WHERE {waited}"
        f" OR ({_SET_ASIDE}))"
        f" ORDER BY account_id, person{db.locked}"
    )
    db.run(f"UPDATE send SET not_before = ?, reason = '' WHERE {waited}", (now,))
    for id, tenant_id in lanes:
        db.run("UPDATE lane SET due = ? WHERE id = ? AND owner IS NULL", (now, id))
        db.run(
            "UPDATE turn SET next_due = ? WHERE tenant_id = ?"
            " AND (next_due IS NULL OR next_due > ?)",
            (now, tenant_id, now),
        )
    return _look_for(db, now, _SET_ASIDE, [])


def _look_for(db: Database, now: int, which: str, values: list[int]) -> int:
    """Let these be looked for, once their quiet time is over. What is missing is not sent again:
    that is for a person to say."""
    return db.run(
        "UPDATE send SET state = 'doubt', on_doubt = 'strict', closed_at = NULL, looks = 0,"
        " not_before = CASE WHEN not_before > ? THEN not_before ELSE ? END,"
        f" doubts = CASE WHEN doubts = 0 THEN 1 ELSE doubts END WHERE {which}",
        [now, now, *values],
    )


def _park(db: Database, number: int, now: int) -> None:
    """Nobody can tell whether a send of an older generation went out, nor how far its runs are."""
    _set_aside(db, number, now, f"epoch < ? AND {OPEN}", [number])
    db.run(
        "UPDATE run SET state = 'ended', ended = 'expired', why = ?, wake_at = NULL, ended_at = ?"
        f" WHERE epoch < ? AND {PARKED}",
        (REASON, now, number),
    )


def doubt(db: Database, inbox_id: int, tenant_id: int, now: int) -> None:
    """Set aside what an undecided event of an older generation has just made: it may have been
    answered already."""
    old = "inbox_id = ? AND tenant_id = ? AND state = 'pending'"
    epoch = read(db)
    _set_aside(db, epoch.number, now, old, [inbox_id, tenant_id])
    if epoch.is_open:
        made = f"inbox_id = ? AND tenant_id = ? AND {_SET_ASIDE}"
        _look_for(db, now, made, [inbox_id, tenant_id])
    db.run("UPDATE inbox SET old_epoch = NULL WHERE id = ?", (inbox_id,))


def _set_aside(db: Database, number: int, now: int, old: str, which: list[int]) -> None:
    # A second time changes nothing, so these may go on; nobody misses those.
    db.run(
        "UPDATE send SET state = 'pending', reason = '', not_before = ?, epoch = ?"
        f" WHERE idempotent = 'yes' AND {old}",
        [now, number, *which],
    )
    old += " AND idempotent = 'no'"
    words = ", ".join(f"'{kind}'" for kind in _WORTHLESS)
    db.run(
        f"UPDATE send SET state = 'dropped', reason = ?, closed_at = ? WHERE kind IN ({words})"
        f" AND {old}",
        [REASON, now, *which],
    )
    # A call that was under way may be carried out until its quiet time is over.
    db.run(
        "UPDATE send SET state = 'parked', reason = ?, closed_at = ?,"
        f" not_before = CASE WHEN state = 'pending' THEN ? ELSE not_before END WHERE {old}",
        [REASON, now, now, *which],
    )
