"""The Meta apps whose webhooks an installation takes."""

from __future__ import annotations

import json
from collections.abc import Sequence

import igrules.ledger.columns as columns
from igrules.errors import Conflict, NotFound, UsageError
from igrules.ledger.database import Database, Row
from igrules.ledger.seals import Place, Seals
from igrules.ledger.values import App

_SELECT = "SELECT id, name, tenant_id, app_id, flavour, secrets, verify_token FROM app"

_Apps = list[App]
"""Inside the class, ``list`` is its method."""


class Apps:
    """Adds, finds and removes apps."""

    def __init__(self, database: Database, seals: Seals) -> None:
        self._db = database
        self._seals = seals

    def add(
        self,
        name: str,
        flavour: str,
        secrets: Sequence[str],
        verify_token: str,
        now: int,
        *,
        app_id: str = "",
        tenant: str | None = None,
    ) -> App:
        """Add an app. ``flavour`` is ``instagram_login`` or ``facebook_login``, ``tenant`` a slug.

        Raises `Conflict` when the name is taken, `NotFound` for an unknown tenant, `UsageError`
        without secrets or with more than four.
        """
        if not 1 <= len(secrets) <= 4:
            raise UsageError(
                f"an app has 1 to 4 secrets, not {len(secrets)}", "keep the newest ones"
            )
        if flavour not in ("instagram_login", "facebook_login"):
            raise UsageError(
                f"'{flavour}' is no kind of app", "use instagram_login or facebook_login"
            )
        with self._db.transaction() as db:
            tenant_id = _tenant_id(db, tenant)
            row = db.first(
                "INSERT INTO app (name, tenant_id, app_id, flavour, created_at)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING RETURNING id",
                (
                    columns.text(name),
                    tenant_id,
                    columns.text(app_id),
                    columns.flavour(flavour),
                    now,
                ),
            )
            if row is None:
                raise Conflict(f"there is an app '{name}' already", f"igrules app rm {name}")
            id, owner = row[0], tenant_id or 0
            keys = json.dumps(list(secrets)).encode()
            db.run(
                "UPDATE app SET secrets = ?, verify_token = ? WHERE id = ?",
                (
                    self._seals.seal(keys, Place("app", "secrets", owner, id)),
                    self._seals.seal(
                        verify_token.encode(), Place("app", "verify_token", owner, id)
                    ),
                    id,
                ),
            )
            added = db.all(f"{_SELECT} WHERE id = ?", (id,))
        return self._opened(added)[0]

    def list(self) -> _Apps:
        """All apps by name."""
        return self._opened(self._db.all(f"{_SELECT} ORDER BY name"))

    def serving(self, tenant_id: int | None) -> _Apps:
        """The apps whose secrets a route tries: the shared ones (``None``), or a tenant's own; if
        it has none, the shared ones."""
        if tenant_id is not None:
            own = self._db.all(f"{_SELECT} WHERE tenant_id = ? ORDER BY id", (tenant_id,))
            if own:
                return self._opened(own)
        return self._opened(self._db.all(f"{_SELECT} WHERE tenant_id IS NULL ORDER BY id"))

    def remove(self, name: str) -> None:
        """Forget an app; its webhooks are refused from then on. Raises `NotFound`."""
        with self._db.transaction() as db:
            if not db.run("DELETE FROM app WHERE name = ?", (columns.text(name),)):
                raise NotFound(f"there is no app '{name}'", "igrules app list shows all")

    def _opened(self, rows: Sequence[Row]) -> _Apps:
        apps = []
        for id, name, tenant_id, app_id, flavour, keys, token in rows:
            owner = tenant_id or 0
            opened = json.loads(self._seals.open(keys, Place("app", "secrets", owner, id)))
            verify = self._seals.open(token, Place("app", "verify_token", owner, id)).decode()
            apps.append(
                App(
                    id,
                    name,
                    tenant_id,
                    app_id,
                    columns.api(flavour),
                    tuple(key.encode() for key in opened),
                    verify,
                )
            )
        return apps


def _tenant_id(db: Database, slug: str | None) -> int | None:
    if slug is None:
        return None
    row = db.first("SELECT id FROM tenant WHERE slug = ?", (columns.text(slug),))
    if row is None:
        raise NotFound(f"there is no tenant '{slug}'", "igrules tenant list shows all")
    return int(row[0])
