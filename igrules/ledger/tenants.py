"""The tenants of an installation."""

from __future__ import annotations

import secrets
from typing import Any

import igrules.ledger.ceilings as ceilings
import igrules.ledger.columns as columns
from igrules.errors import Conflict, NotFound
from igrules.ledger.ceilings import Ceiling
from igrules.ledger.database import Database
from igrules.ledger.deployment import Deployment
from igrules.ledger.open_sends import PENDING
from igrules.ledger.seals import Place, Seals
from igrules.ledger.values import Tenant

_SELECT = (
    "SELECT id, slug, name, state, created_at, email, deactivated_at FROM"
    # Those that were deleted have lost their names and go with what is left of them.
    " (SELECT * FROM tenant WHERE slug NOT LIKE '~%') AS tenant"
)

_Tenants = list[Tenant]
"""Inside the class, ``list`` is its method."""


class Tenants:
    """Adds and finds tenants."""

    def __init__(self, database: Database, seals: Seals, deployment: Deployment) -> None:
        self._db = database
        self._seals = seals
        self._deployment = deployment

    def add(self, slug: str, name: str, now: int, email: str = "", zone: str = "") -> Tenant:
        """Add a tenant with a verify token of its own. Raises `Conflict` when the slug is taken."""
        token = secrets.token_urlsafe(24)
        with self._db.transaction() as db:
            row = db.first(
                "INSERT INTO tenant (slug, name, email, zone, verify_hash, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (slug) DO NOTHING RETURNING id",
                (slug, columns.text(name), columns.text(email), zone, self._hash(token), now),
            )
            if row is None:
                raise Conflict(f"there is a tenant '{slug}' already", "choose another slug")
            sealed = self._seals.seal(token.encode(), _place(row[0]))
            db.run("UPDATE tenant SET verify_token = ? WHERE id = ?", (sealed, row[0]))
            db.run("INSERT INTO turn (tenant_id) VALUES (?)", (row[0],))
        return self.by_id(row[0])

    def get(self, slug: str) -> Tenant:
        """The tenant of this slug. Raises `NotFound`."""
        return _one(self._db.first(f"{_SELECT} WHERE slug = ?", (columns.text(slug),)), slug)

    def by_id(self, id: int) -> Tenant:
        """The tenant of this id. Raises `NotFound`."""
        return _one(self._db.first(f"{_SELECT} WHERE id = ?", (id,)), str(id))

    def list(self) -> list[Tenant]:
        """All tenants by slug."""
        return [Tenant(*row) for row in self._db.all(f"{_SELECT} ORDER BY slug")]

    def newest(self, limit: int, before: int | None = None, state: str | None = None) -> _Tenants:
        """The newest tenants, newest first, those of this state; ``before`` is an id to go on
        from."""
        wanted = {"id < ?": before, "state = ?": state}
        chosen = {claim: value for claim, value in wanted.items() if value is not None}
        where = f" WHERE {' AND '.join(chosen)}" if chosen else ""
        rows = self._db.all(f"{_SELECT}{where} ORDER BY id DESC LIMIT ?", (*chosen.values(), limit))
        return [Tenant(*row) for row in rows]

    def change(self, id: int, *, name: str | None = None, email: str | None = None) -> Tenant:
        """Set what is given; publishing a ``tenant.yaml`` sets it anew. Raises `NotFound`."""
        with self._db.transaction() as db:
            for column, value in (("name", name), ("email", email)):
                if value is not None:
                    db.run(
                        f"UPDATE tenant SET {column} = ? WHERE id = ?", (columns.text(value), id)
                    )
            return self.by_id(id)

    def deactivate(self, id: int, now: int) -> Tenant:
        """Let a tenant rest: its webhooks become orphans, what waits to go out ends unsent, its
        rules and its keys do nothing. Raises `NotFound`."""
        with self._db.transaction() as db:
            db.run(
                "UPDATE tenant SET state = 'deactivated', deactivated_at = ?"
                " WHERE id = ? AND state = 'active'",
                (now, id),
            )
            db.all(
                f"SELECT id FROM lane WHERE tenant_id = ? AND id IN (SELECT lane_id FROM send"
                f" WHERE {PENDING} AND +tenant_id = ?) ORDER BY account_id, person{db.locked}",
                (id, id),
            )
            db.run(
                "UPDATE send SET state = 'skipped', reason = 'deactivated', closed_at = ?"
                f" WHERE {PENDING} AND +tenant_id = ?",
                (now, id),
            )
            return self.by_id(id)

    def activate(self, id: int) -> Tenant:
        """Bring a tenant back as it was; what ended meanwhile stays ended. Raises `NotFound`."""
        with self._db.transaction() as db:
            db.run("UPDATE tenant SET state = 'active', deactivated_at = NULL WHERE id = ?", (id,))
            return self.by_id(id)

    def ceiling(self, id: int) -> Ceiling:
        """What the operator allows at most. Raises `NotFound`."""
        return ceilings.read(self._db, id)

    def set_ceiling(self, id: int, ceiling: Ceiling, now: int) -> None:
        """Put a ceiling in place of the one before. Raises `NotFound`."""
        ceilings.write(self._db, id, ceiling, now)

    def by_verify_token(self, token: str) -> Tenant | None:
        """The tenant whose webhook address holds this token."""
        row = self._db.first(f"{_SELECT} WHERE verify_hash = ?", (self._hash(token),))
        return Tenant(*row) if row else None

    def verify_token(self, tenant_id: int) -> str:
        """The token of a tenant's webhook address. Raises `NotFound`."""
        row = self._db.first("SELECT verify_token FROM tenant WHERE id = ?", (tenant_id,))
        if row is None:
            raise NotFound(f"there is no tenant {tenant_id}", "igrules tenant list")
        return self._seals.open(row[0], _place(tenant_id)).decode()

    def _hash(self, token: str) -> str:
        return self._deployment.hashed(b"verify", token.encode("utf-8", "replace")).hex()


def _place(tenant_id: int) -> Place:
    return Place("tenant", "verify_token", tenant_id, tenant_id)


def _one(row: tuple[Any, ...] | None, name: str) -> Tenant:
    if row is None:
        raise NotFound(f"there is no tenant '{name}'", "igrules tenant list shows all")
    return Tenant(*row)
