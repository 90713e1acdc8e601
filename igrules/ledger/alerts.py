"""What only a person can mend: noted once a day and cause, delivered by a chore.

Why a row and no call: whoever notices is in the middle of a transaction, and several processes may
notice the same thing at once. The row is made by one of them; the rest is somebody else's work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import igrules.ledger.columns as columns
import igrules.ledger.watching as watching
from igrules.ledger.database import Database, Row, holders
from igrules.ledger.stats import day_of
from igrules.ledger.watching import Most

MINUTE = 60_000
TRIES = (MINUTE, 5 * MINUTE, 30 * MINUTE, 120 * MINUTE, 360 * MINUTE)
"""How long after each failure it is tried again."""
_LONGEST = 500
_MOST = Most()


def note(
    db: Database, cause: str, about: str, words: str, now: int, tenant_id: int | None = None
) -> bool:
    """Say once a day (UTC) that something needs a person, inside a transaction of the caller.

    ``cause`` is a short word of ours, ``about`` what it is about (an id of ours, or empty);
    ``words`` a sentence with the remedy, never message text and never a token. ``tenant_id``: whose
    it is. False: it has been said today.
    """
    return bool(
        db.run(
            "INSERT INTO alert (tenant_id, cause, about, day, words, at, due)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (cause, about, day) DO NOTHING",
            (
                tenant_id or 0,
                cause,
                columns.text(about),
                day_of(now),
                columns.text(words)[:_LONGEST],
                now,
                now,
            ),
        )
    )


@dataclass(frozen=True, slots=True)
class AlertRow:
    """``tenant`` is empty for the installation's. ``told``: the ways it went out by. ``due``
    ``None``: nothing is left to do; then ``error`` says what could not be done."""

    id: int
    tenant_id: int
    tenant: str
    cause: str
    about: str
    words: str
    at: int
    due: int | None
    tries: int
    told: tuple[str, ...]
    error: str


_SELECT = (
    "SELECT a.id, a.tenant_id, coalesce(t.slug, ''), a.cause, a.about, a.words, a.at, a.due,"
    " a.tries, a.told, a.error FROM alert a LEFT JOIN tenant t ON t.id = a.tenant_id"
)


class Alerts:
    """All alerts of the installation."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def note(
        self, cause: str, about: str, words: str, now: int, tenant_id: int | None = None
    ) -> bool:
        """The same as `note`, in a transaction of its own; nothing is written for what has been
        said today."""
        if self._db.first(
            "SELECT 1 FROM alert WHERE cause = ? AND about = ? AND day = ?",
            (cause, columns.text(about), day_of(now)),
        ):
            return False
        with self._db.transaction(durable=False) as db:
            return note(db, cause, about, words, now, tenant_id)

    def look(self, now: int, *, volume: bool = False, most: Most = _MOST) -> int:
        """Note what shows in the ledger as a whole; ``volume``: also what takes longer to count.
        Gives how many are new."""
        sights = [*watching.look(self._db, now, most)]
        if volume:
            sights += watching.volume(self._db, now, most)
        return sum(self.note(one.cause, one.about, one.words, now, one.tenant_id) for one in sights)

    def since(self, at: int) -> dict[str, int]:
        """How many of each cause were noted since then."""
        rows = self._db.all("SELECT cause, count(*) FROM alert WHERE at >= ? GROUP BY cause", (at,))
        return {str(cause): int(count) for cause, count in rows}

    def due(self, now: int, limit: int = 50) -> list[AlertRow]:
        """Those that somebody has still to be told, oldest first."""
        rows = self._db.all(
            f"{_SELECT} WHERE a.due IS NOT NULL AND a.due <= ? ORDER BY a.id LIMIT ?", (now, limit)
        )
        return [_row(row) for row in rows]

    def note_told(self, ids: Sequence[int], way: str) -> None:
        """These went out by this way."""
        with self._db.transaction(durable=False) as db:
            db.run(
                f"UPDATE alert SET told = told || ? WHERE id IN ({holders(len(ids))})",
                [f"{way} ", *ids],
            )

    def close(self, ids: Sequence[int], error: str = "") -> None:
        """Nothing is left to do about these; ``error``: what could not be done."""
        with self._db.transaction(durable=False) as db:
            db.run(
                f"UPDATE alert SET due = NULL, error = ? WHERE id IN ({holders(len(ids))})",
                [columns.text(error)[:_LONGEST], *ids],
            )

    def put_off(self, row: AlertRow, now: int, error: str) -> None:
        """Try again later, or give up after the last try."""
        later = now + TRIES[row.tries] if row.tries < len(TRIES) else None
        with self._db.transaction(durable=False) as db:
            db.run(
                "UPDATE alert SET due = ?, tries = tries + 1, error = ? WHERE id = ?",
                (later, columns.text(error)[:_LONGEST], row.id),
            )

    def list(
        self, limit: int, before: int | None = None, cause: str | None = None
    ) -> list[AlertRow]:
        """The newest, newest first; of one cause."""
        where, values = "a.id < ?", list[object]([2**62 if before is None else before])
        if cause is not None:
            where, values = f"{where} AND a.cause = ?", [*values, columns.text(cause)]
        rows = self._db.all(f"{_SELECT} WHERE {where} ORDER BY a.id DESC LIMIT ?", [*values, limit])
        return [_row(row) for row in rows]


def _row(row: Row) -> AlertRow:
    return AlertRow(*(*row[:9], tuple(row[9].split()), row[10]))
