"""Which Meta app an account speaks through, as far as it can be told."""

from __future__ import annotations

from collections.abc import Mapping

from igrules.ledger.database import Database, Row

_UNNAMED = "default"


def key_of(db: Database, account_id: int) -> str:
    """The name of the account's app. Where several may be meant, what all of them have in common:
    ``instagram_login`` or ``facebook_login``."""
    row = db.first("SELECT id, tenant_id, flavour, app FROM account WHERE id = ?", (account_id,))
    return _key(row, _apps(db)) if row else ""


def accounts_of(db: Database, key: str) -> list[int]:
    """The accounts of this app."""
    apps = _apps(db)
    rows = db.all("SELECT id, tenant_id, flavour, app FROM account ORDER BY id")
    return [row[0] for row in rows if _key(row, apps) == key]


def _apps(db: Database) -> Mapping[tuple[int | None, str], list[str]]:
    """The names of apps by tenant, ``None`` for shared ones, and flavour."""
    found: dict[tuple[int | None, str], list[str]] = {}
    for tenant_id, flavour, name in db.all("SELECT tenant_id, flavour, name FROM app ORDER BY id"):
        found.setdefault((tenant_id, flavour), []).append(name)
    return found


def _key(account: Row, apps: Mapping[tuple[int | None, str], list[str]]) -> str:
    _, tenant_id, flavour, named = account
    # Who names none gets this word, whatever the one app is called.
    if named and (named != _UNNAMED or any(_UNNAMED in names for names in apps.values())):
        return str(named)
    names = apps.get((tenant_id, flavour)) or apps.get((None, flavour)) or []
    return (
        names[0] if len(names) == 1 else {"igl": "instagram_login"}.get(flavour, "facebook_login")
    )
