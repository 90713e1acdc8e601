"""Who does a chore: one process at a time, however many there are.

Why a lease: a process that dies in the middle of a chore cannot give it back; when its time is
over, somebody else takes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import igrules.ledger.columns as columns
from igrules.ledger.database import Database

_LONGEST_ERROR = 500
APART = 60_000
"""How far the clocks of two processes may be apart, in milliseconds: what one has just put off or
taken looks too far away to the other."""
_SPLIT = "split"
"""A row that is locked for each split; nobody is ever late with it."""


@dataclass(frozen=True, slots=True)
class ChoreRow:
    """How a chore stands. ``owner`` and ``lease_until``: who does it right now. ``last_error`` is
    empty after it went well."""

    name: str
    due: int
    owner: str | None
    lease_until: int | None
    last_ok: int | None
    last_error: str


class Chores:
    """The rows of the chores."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def list(self) -> list[ChoreRow]:
        """Every chore that was ever due, by name."""
        rows = self._db.all(
            "SELECT name, due, owner, lease_until, last_ok, last_error FROM chore"
            " WHERE name <> ? ORDER BY name",
            (_SPLIT,),
        )
        return [ChoreRow(*row) for row in rows]

    def know(self, names: Sequence[str], now: int) -> None:
        """Add the rows that are missing; they are due at once."""
        known = {row.name for row in self.list()}
        missing = [name for name in names if name not in known]
        if not missing:
            return
        with self._db.transaction(durable=False) as db:
            for name in missing:
                db.run(
                    "INSERT INTO chore (name, due) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                    (name, now),
                )

    def claim(self, name: str, owner: str, now: int, *, lease: int, every: int) -> bool:
        """Take a chore that is due, for ``lease`` milliseconds. False: it is not due, or somebody
        does it.

        One that is due much later than ``every`` from now is due at once: it has become more
        frequent, or the clock was wrong.
        """
        latest, longest = now + every + APART, now + lease + APART
        if not self._db.first(
            "SELECT name FROM chore WHERE name = ? AND (due <= ? OR due > ?)"
            " AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?)",
            (name, now, latest, now, longest),
        ):
            return False
        with self._db.transaction(durable=False) as db:
            return bool(
                db.run(
                    "UPDATE chore SET owner = ?, lease_until = ?"
                    " WHERE name = ? AND (due <= ? OR due > ?)"
                    " AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?)",
                    (owner, now + lease, name, now, latest, now, longest),
                )
            )

    def finish(self, name: str, owner: str, now: int, due: int, error: str = "") -> bool:
        """Give a chore back, due again then. False: the lease was over and somebody else has it."""
        if error:
            change, values = "last_error = ?", [columns.text(error)[:_LONGEST_ERROR]]
        else:
            change, values = "last_error = '', last_ok = ?", [now]  # type: ignore[list-item]
        with self._db.transaction(durable=False) as db:
            return bool(
                db.run(
                    f"UPDATE chore SET {change}, due = ?, owner = NULL, lease_until = NULL"
                    " WHERE name = ? AND owner = ?",
                    [*values, due, name, owner],
                )
            )
