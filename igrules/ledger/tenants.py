"""The tenants of an installation."""

from __future__ import annotations

import secrets
from typing import Any

import igrules.ledger.columns as columns
from igrules.errors import Conflict, NotFound
from igrules.ledger.database import Database
from igrules.ledger.deployment import Deployment
from igrules.ledger.seals import Place, Seals
from igrules.ledger.values import Tenant

_SELECT = "SELECT id, slug, name, state, created_at, email FROM tenant"


class Tenants:
    """Adds and finds tenants."""

    def __init__(self, database: Database, seals: Seals, deployment: Deployment) -> None:
        self._db = database
        self._seals = seals
        self._deployment = deployment

    def add(self, slug: str, name: str, now: int, email: str = "") -> Tenant:
        """Add a tenant with a verify token of its own. Raises `Conflict` when the slug is taken."""
        token = secrets.token_urlsafe(24)
        with self._db.transaction() as db:
            row = db.first(
                "INSERT INTO tenant (slug, name, email, verify_hash, created_at)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (slug) DO NOTHING RETURNING id",
                (slug, columns.text(name), columns.text(email), self._hash(token), now),
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
