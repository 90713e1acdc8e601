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

_DEFAULT = "default"
_SHOWN = 20
"""So many names an error lists."""

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
        _check(secrets, verify_token)
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
            self._seal(db, "secrets", owner, id, json.dumps(list(secrets)))
            self._seal(db, "verify_token", owner, id, verify_token)
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

    def get(self, name: str) -> App:
        """One app. Raises `NotFound`."""
        found = self._opened(self._db.all(f"{_SELECT} WHERE name = ?", (columns.text(name),)))
        if not found:
            raise self._missing(name)
        return found[0]

    def change(
        self,
        name: str,
        *,
        secrets: Sequence[str] | None = None,
        verify_token: str | None = None,
        app_id: str | None = None,
    ) -> App:
        """Set what is given. Raises `NotFound`, or `UsageError` for no secrets or more than four.

        Servers know new secrets within a few seconds.
        """
        _check(secrets, verify_token)
        with self._db.transaction() as db:
            row = db.first(
                f"SELECT id, tenant_id FROM app WHERE name = ?{db.locked}", (columns.text(name),)
            )
            if row is None:
                raise self._missing(name)
            id, owner = row[0], row[1] or 0
            if secrets is not None:
                self._seal(db, "secrets", owner, id, json.dumps(list(secrets)))
            if verify_token is not None:
                self._seal(db, "verify_token", owner, id, verify_token)
            if app_id is not None:
                db.run("UPDATE app SET app_id = ? WHERE id = ?", (columns.text(app_id), id))
            return self.get(name)

    def _seal(self, db: Database, column: str, owner: int, id: int, value: str) -> None:
        sealed = self._seals.seal(value.encode(), Place("app", column, owner, id))
        db.run(f"UPDATE app SET {column} = ? WHERE id = ?", (sealed, id))

    def remove(self, name: str) -> None:
        """Forget an app; its webhooks are refused from then on. Raises `NotFound`, or `Conflict`
        while an account expects its webhooks from it."""
        with self._db.transaction() as db:
            row = db.first(
                f"SELECT id, tenant_id FROM app WHERE name = ?{db.locked}", (columns.text(name),)
            )
            if row is None:
                raise self._missing(name)
            self._check_unused(db, columns.text(name), row[1])
            db.run("DELETE FROM app WHERE id = ?", (row[0],))

    def _check_unused(self, db: Database, name: str, tenant_id: int | None) -> None:
        """An account that names no app expects its tenant's own, else the shared ones."""
        parameters: list[object] = [tenant_id]
        if tenant_id is not None:
            where = "a.tenant_id = ?"
        else:
            where = (
                "(a.app = ? OR (a.app IN ('', ?)"
                " AND NOT EXISTS (SELECT 1 FROM app o WHERE o.tenant_id = a.tenant_id)"
                " AND NOT EXISTS (SELECT 1 FROM app o WHERE o.tenant_id IS NULL AND o.name <> ?"
                " AND ? <> ?)))"
            )
            parameters = [name, _DEFAULT, name, name, _DEFAULT]
        row = db.first(
            "SELECT t.slug FROM account a JOIN tenant t ON t.id = a.tenant_id"
            f" WHERE a.state = 'connected' AND {where} ORDER BY a.id LIMIT 1",
            parameters,
        )
        if row is not None:
            raise Conflict(
                f"the account of tenant '{row[0]}' gets its webhooks from the app '{name}'",
                "name another app in its tenant.yaml, or disconnect the account, and publish that",
            )

    def _missing(self, name: str) -> NotFound:
        names = [row[0] for row in self._db.all("SELECT name FROM app ORDER BY name")]
        help = "igrules app add makes the first"
        if names:
            more = ", …" if len(names) > _SHOWN else ""
            help = f"use one of {', '.join(names[:_SHOWN])}{more}"
        return NotFound(f"there is no app '{name}'", help)

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


def _check(secrets: Sequence[str] | None, verify_token: str | None) -> None:
    for value in (*(secrets or ()), verify_token or ""):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UsageError(
                "a secret or the verify token holds half a character", "copy it once more"
            ) from error
    if secrets is not None and not 1 <= len(secrets) <= 4:
        raise UsageError(f"an app has 1 to 4 secrets, not {len(secrets)}", "keep the newest ones")


def _tenant_id(db: Database, slug: str | None) -> int | None:
    if slug is None:
        return None
    row = db.first("SELECT id FROM tenant WHERE slug = ?", (columns.text(slug),))
    if row is None:
        raise NotFound(f"there is no tenant '{slug}'", "igrules tenant list shows all")
    return int(row[0])
