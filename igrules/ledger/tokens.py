"""The tokens of accounts: which of them has to be looked at, and putting a new one in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from igrules.ledger.database import Database
from igrules.ledger.seals import Place, Seals
from igrules.ledger.secrets import from_environment


@dataclass(frozen=True, slots=True)
class TokenRow:
    """How the token of an account stands. ``set_at`` ``None``: it is not stored here.
    ``warned``: at how many days before its end somebody was told last; 0: not yet."""

    account_id: int
    tenant_id: int
    tenant: str
    ig_id: str
    flavour: str
    app: str
    secret: str
    expires_at: int | None
    checked_at: int | None
    warned: int
    set_at: int | None
    given: bool
    """It comes from the environment."""


class Tokens:
    """The tokens of all connected accounts."""

    def __init__(self, database: Database, seals: Seals, environ: Mapping[str, str]) -> None:
        self._db = database
        self._seals = seals
        self._environ = environ

    def due(self, now: int, limit: int = 200) -> list[TokenRow]:
        """Those to be looked at, new ones first."""
        rows = self._db.all(
            "SELECT a.id, a.tenant_id, t.slug, a.ig_id, a.flavour, a.app, a.token_secret,"
            " a.token_expires_at, a.token_checked_at, a.token_warned, s.set_at FROM account a"
            " JOIN tenant t ON t.id = a.tenant_id AND t.state = 'active'"
            " LEFT JOIN secret s ON s.tenant_id = a.tenant_id AND s.name = a.token_secret"
            " WHERE a.state = 'connected' AND (a.token_next IS NULL OR a.token_next <= ?)"
            " ORDER BY coalesce(a.token_next, 0), a.id LIMIT ?",
            (now, limit),
        )
        return [TokenRow(*(*row, self._is_given(row[2], row[6]))) for row in rows]

    def put_off(self, row: TokenRow, until: int) -> None:
        """Look at it again then; unless a new one was stored meanwhile."""
        with self._db.transaction(durable=False) as db:
            db.run(f"UPDATE account SET token_next = ? WHERE {_SAME}", (until, *_same(row)))

    def note_checked(self, row: TokenRow, now: int, until: int) -> None:
        """It answered for its account; look at it again then."""
        with self._db.transaction(durable=False) as db:
            db.run(
                f"UPDATE account SET token_checked_at = ?, token_next = ? WHERE {_SAME}",
                (now, until, *_same(row)),
            )

    def note_warned(self, row: TokenRow, days: int) -> None:
        """Somebody was told that it ends in so many days."""
        with self._db.transaction(durable=False) as db:
            db.run(
                "UPDATE account SET token_warned = ? WHERE id = ? AND tenant_id = ?",
                (days, row.account_id, row.tenant_id),
            )

    def replace(self, row: TokenRow, token: str, expires_at: int, now: int, until: int) -> bool:
        """Store a new token in place of the one this row is of. False: somebody has stored another
        one since."""
        with self._db.transaction() as db:
            found = db.first(
                f"SELECT id FROM secret WHERE tenant_id = ? AND name = ? AND set_at = ?{db.locked}",
                (row.tenant_id, row.secret, row.set_at),
            )
            if found is None:
                return False
            place = Place("secret", "value", row.tenant_id, found[0])
            db.run(
                "UPDATE secret SET value = ?, set_at = ? WHERE id = ? AND tenant_id = ?",
                (self._seals.seal(token.encode(), place), now, found[0], row.tenant_id),
            )
            db.run(
                "UPDATE account SET token_expires_at = ?, token_checked_at = ?, token_next = ?,"
                " token_warned = 0 WHERE id = ? AND tenant_id = ?",
                (expires_at, now, until, row.account_id, row.tenant_id),
            )
        return True

    def _is_given(self, slug: str, secret: str) -> bool:
        return bool(secret and from_environment(self._db, self._environ, slug, secret))


_SAME = (
    "id = ? AND tenant_id = ? AND coalesce((SELECT s.set_at FROM secret s"
    " WHERE s.tenant_id = account.tenant_id AND s.name = account.token_secret), 0) = ?"
)
"""The account, as long as its token is the one that was looked at."""


def _same(row: TokenRow) -> tuple[int, int, int]:
    return row.account_id, row.tenant_id, row.set_at or 0
