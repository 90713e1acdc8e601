"""A tenant's secrets: sealed in the database, or given by the environment, which wins."""

from __future__ import annotations

from collections.abc import Mapping

import igrules.ledger.columns as columns
from igrules.errors import NotFound, UsageError
from igrules.ledger.connections import reconnected
from igrules.ledger.database import Database, holders
from igrules.ledger.seals import Place, Seals


class Secrets:
    """The secrets of one tenant."""

    def __init__(
        self, database: Database, seals: Seals, environ: Mapping[str, str], tenant_id: int
    ) -> None:
        self._db = database
        self._seals = seals
        self._environ = environ
        self._tenant_id = tenant_id

    def set(self, name: str, value: str, now: int) -> None:
        """Store a value, in place of the one before. Raises `UsageError` for what is no text."""
        try:
            given = value.encode()
        except UnicodeEncodeError as error:
            raise UsageError(
                "the value holds half a character", "store it again as UTF-8"
            ) from error
        with self._db.transaction() as db:
            row = db.first(
                "INSERT INTO secret (tenant_id, name, set_at) VALUES (?, ?, ?)"
                " ON CONFLICT (tenant_id, name) DO UPDATE SET set_at = excluded.set_at"
                " RETURNING id",
                (self._tenant_id, columns.text(name), now),
            )
            assert row is not None  # an upsert gives its row
            sealed = self._seals.seal(given, self._place(row[0]))
            db.run(
                "UPDATE secret SET value = ? WHERE id = ? AND tenant_id = ?",
                (sealed, row[0], self._tenant_id),
            )
            reconnected(db, self._tenant_id, columns.text(name), now)

    def get(self, name: str) -> str | None:
        """The value, ``None`` when there is none. ``IGRULES_SECRET_<TENANT>_<NAME>`` wins over the
        store. Raises `SealError`."""
        given = self._given(name)
        if given:
            return given
        row = self._db.first(
            "SELECT id, value FROM secret WHERE tenant_id = ? AND name = ?",
            (self._tenant_id, columns.text(name)),
        )
        return self._seals.open(row[1], self._place(row[0])).decode() if row else None

    def list(self) -> list[tuple[str, int]]:
        """Names and when they were set, by name; values are not shown."""
        rows = self._db.all(
            "SELECT name, set_at FROM secret WHERE tenant_id = ? ORDER BY name", (self._tenant_id,)
        )
        return [(name, set_at) for name, set_at in rows]

    def remove(self, name: str) -> None:
        """Forget a value. Raises `NotFound`."""
        with self._db.transaction() as db:
            if not db.run(
                "DELETE FROM secret WHERE tenant_id = ? AND name = ?",
                (self._tenant_id, columns.text(name)),
            ):
                raise NotFound(f"there is no secret '{name}'", "igrules secret list shows all")

    def _given(self, name: str) -> str | None:
        if not any(variable.startswith("IGRULES_SECRET_") for variable in self._environ):
            return None
        row = self._db.first("SELECT slug FROM tenant WHERE id = ?", (self._tenant_id,))
        if row is None:
            return None
        return from_environment(self._db, self._environ, row[0], name)

    def _place(self, row_id: int) -> Place:
        return Place("secret", "value", self._tenant_id, row_id)


def from_environment(db: Database, environ: Mapping[str, str], slug: str, name: str) -> str | None:
    """The value of ``IGRULES_SECRET_<TENANT>_<NAME>``, ``None`` when it is not set.

    Of two tenants with the same variable, such as ``a`` with ``b_token`` and ``a-b`` with
    ``token``, it is that of the longer name.
    """
    given = environ.get(f"IGRULES_SECRET_{slug}_{name}".upper().replace("-", "_"))
    words = name.lower().split("_")
    longer = ["-".join([slug, *words[:count]]) for count in range(1, len(words))]
    if not given or not longer:
        return given
    taken = f"SELECT 1 FROM tenant WHERE slug IN ({holders(len(longer))}) LIMIT 1"
    return None if db.first(taken, longer) else given
