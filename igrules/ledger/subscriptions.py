"""What is subscribed for accounts, when that was looked at, and whether they are silent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from igrules.ledger.database import Database
from igrules.ledger.days import DAY

_WEEK = 7
_USUAL = 5
"""On so many of the seven days before there were events: an account that usually gets some."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An account. ``subscribed``: the fields at the last look; empty before the first."""

    account_id: int
    tenant_id: int
    tenant: str
    ig_id: str
    subscribed: frozenset[str]


class Subscriptions:
    """The subscriptions of all connected accounts."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def due(self, now: int, limit: int = 50) -> list[Checked]:
        """Those to be looked at, new ones first."""
        rows = self._db.all(
            "SELECT a.id, a.tenant_id, t.slug, a.ig_id, a.subscribed FROM account a"
            " JOIN tenant t ON t.id = a.tenant_id AND t.state = 'active'"
            " WHERE a.state = 'connected' AND (a.checked_at IS NULL OR a.subscription_next <= ?)"
            " ORDER BY coalesce(a.checked_at, 0), a.id LIMIT ?",
            (now, limit),
        )
        return [Checked(*(*row[:4], frozenset(row[4].split()))) for row in rows]

    def note(self, row: Checked, subscribed: Collection[str] | None, now: int, until: int) -> None:
        """It was looked at; ``None``: nobody could tell. Look again then."""
        with self._db.transaction(durable=False) as db:
            db.run(
                "UPDATE account SET checked_at = ?, subscription_next = ?,"
                " subscribed = coalesce(?, subscribed) WHERE id = ? AND tenant_id = ?",
                (
                    now,
                    until,
                    None if subscribed is None else " ".join(sorted(subscribed)),
                    row.account_id,
                    row.tenant_id,
                ),
            )

    def is_silent(self, row: Checked, now: int) -> bool:
        """Whether no webhook came for a day, although on most days before there were some."""
        if self._has_heard(row, now - DAY, now + 1):
            return False
        before = range(1, _WEEK + 1)
        heard = (self._has_heard(row, now - (n + 1) * DAY, now - n * DAY) for n in before)
        return sum(heard) >= _USUAL

    def _has_heard(self, row: Checked, since: int, until: int) -> bool:
        return bool(
            self._db.first(
                "SELECT 1 FROM inbox WHERE tenant_id = ? AND received_at >= ? AND received_at < ?"
                " AND +account_id = ? AND source = 'webhook' LIMIT 1",
                (row.tenant_id, since, until, row.account_id),
            )
        )
