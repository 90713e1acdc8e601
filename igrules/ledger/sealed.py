"""Every sealed value of the database: whether it opens, and sealing it anew with the first key.

Why one list: a column that is left out would keep its values under a key that is thrown away after
a rotation, and nobody would know before it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from igrules.errors import SealError
from igrules.ledger.database import Database, Row
from igrules.ledger.seals import Place, Seals

SLICE = 200
"""Values sealed anew in one transaction."""


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values; ``tenant`` is the SQL for the tenant its seals are bound to.
    Empty cells are no values."""

    table: str
    column: str
    tenant: str = "tenant_id"

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


COLUMNS = (
    SealedColumn("deployment", "hash_key", "0"),
    SealedColumn("deployment", "audit_key", "0"),
    SealedColumn("tenant", "verify_token", "id"),
    SealedColumn("app", "secrets", "coalesce(tenant_id, 0)"),
    SealedColumn("app", "verify_token", "coalesce(tenant_id, 0)"),
    SealedColumn("secret", "value"),
    SealedColumn("account", "token"),
    SealedColumn("erasure", "sealed"),
)


@dataclass(frozen=True, slots=True)
class BadSeal:
    """A value that does not open. ``tenant`` is a slug, empty for the installation's."""

    table: str
    column: str
    tenant: str
    row_id: int

    def __str__(self) -> str:
        of = f" of {self.tenant}" if self.tenant else ""
        return f"{self.table}.{self.column}{of}, row {self.row_id}"


@dataclass(frozen=True, slots=True)
class Slice:
    """What one slice did: values sealed anew, and those that did not open and stay as they are."""

    renewed: int = 0
    closed: int = 0


class Sealed:
    """All sealed values. ``keys`` of its master key file are named in order."""

    def __init__(self, database: Database, seals: Seals) -> None:
        self._db = database
        self._seals = seals

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the master keys at hand; the first seals."""
        return self._seals.names

    def that_do_not_open(self) -> list[BadSeal]:
        """Every value that the keys at hand do not open at its place."""
        return [
            BadSeal(place.table, place.column, self._slug(place.tenant_id), place.row_id)
            for column in COLUMNS
            for sealed, place in self._values(column)
            if self._opened(sealed, place) is None
        ]

    def left(self) -> dict[str, int]:
        """Column to how many of its values are not sealed by the first key; none of them: left
        out."""
        found = {
            str(column): self._db.number(
                f"SELECT count(*) FROM {column.table} WHERE {column.column} <> ''"
                f" AND substr({column.column}, 1, ?) <> ?",
                (len(self._prefix), self._prefix),
            )
            for column in COLUMNS
        }
        return {column: count for column, count in found.items() if count}

    def renew(self) -> Iterator[tuple[str, Slice]]:
        """Seal anew by the first key what another one sealed, slice by slice, each with the column
        it is of. Others may read and store values meanwhile."""
        for column in COLUMNS:
            last = 0
            while rows := self._old(column, last):
                last = rows[-1][0]
                yield str(column), self._renew(column, rows)

    @property
    def _prefix(self) -> str:
        return self._seals.prefix

    def _old(self, column: SealedColumn, after: int) -> list[Row]:
        return self._db.all(
            f"SELECT id, {column.tenant}, {column.column} FROM {column.table} WHERE id > ?"
            f" AND {column.column} <> '' AND substr({column.column}, 1, ?) <> ?"
            f" ORDER BY id LIMIT {SLICE}",
            (after, len(self._prefix), self._prefix),
        )

    def _renew(self, column: SealedColumn, rows: list[Row]) -> Slice:
        renewed = closed = 0
        with self._db.transaction() as db:
            for id, tenant_id, sealed in rows:
                place = Place(column.table, column.column, tenant_id, id)
                value = self._opened(sealed, place)
                if value is None:
                    closed += 1
                    continue
                # Who stored another value since has sealed that one already.
                renewed += db.run(
                    f"UPDATE {column.table} SET {column.column} = ?"
                    f" WHERE id = ? AND {column.column} = ?",
                    (self._seals.seal(value, place), id, sealed),
                )
        return Slice(renewed, closed)

    def _values(self, column: SealedColumn) -> Iterator[tuple[str, Place]]:
        last = 0
        while rows := self._db.all(
            f"SELECT id, {column.tenant}, {column.column} FROM {column.table}"
            f" WHERE id > ? AND {column.column} <> '' ORDER BY id LIMIT {SLICE}",
            (last,),
        ):
            for id, tenant_id, sealed in rows:
                yield sealed, Place(column.table, column.column, tenant_id, id)
            last = rows[-1][0]

    def _opened(self, sealed: str, place: Place) -> bytes | None:
        try:
            return self._seals.open(sealed, place)
        except SealError:
            return None

    def _slug(self, tenant_id: int) -> str:
        row = self._db.first("SELECT slug FROM tenant WHERE id = ?", (tenant_id,))
        return str(row[0]) if row else ""
