"""The Instagram accounts of tenants. An account belongs to one tenant."""

from __future__ import annotations

import re

import igrules.ledger.columns as columns
import igrules.ledger.holds as holds
from igrules.errors import Conflict, UsageError
from igrules.kinds import Secret, Settings
from igrules.ledger.database import Database, Row
from igrules.model import Account

# '~' marks the id of an account that somebody gave up.
_ID = re.compile(r"[0-9A-Za-z_.-]{1,512}", re.ASCII)
_SELECT = (
    "SELECT a.id, a.tenant_id, t.slug, a.ig_id, a.flavour, a.page_id, a.username FROM account a"
    " JOIN tenant t ON t.id = a.tenant_id"
)


def connected(db: Database, tenant_id: int) -> list[Account]:
    """The accounts of a tenant, without tokens."""
    rows = db.all(
        f"{_SELECT} WHERE a.tenant_id = ? AND a.state = 'connected' ORDER BY a.id", (tenant_id,)
    )
    return [_account(row) for row in rows]


def _account(row: Row) -> Account:
    id, tenant_id, slug, ig_id, flavour, page_id, username = row
    return Account(id, tenant_id, slug, ig_id, columns.api(flavour), page_id, username)


def connect(db: Database, tenant_id: int, settings: Settings, now: int) -> None:
    """Make the account of the settings this tenant's, and its only one, inside a transaction.

    Raises `Conflict` when it belongs to another tenant, `UsageError` for what is no id.
    """
    wanted = columns.text(str(settings.instagram.get("account_id") or ""))
    for (id,) in db.all(
        "UPDATE account SET state = 'disconnected' WHERE tenant_id = ? AND ig_id <> ?"
        " AND state = 'connected' RETURNING id",
        (tenant_id, wanted),
    ):
        holds.forget(db, id)
    if not wanted:
        return
    if not _ID.fullmatch(wanted):
        raise UsageError(
            f"'{wanted[:60]}' is no id of an account", "copy the digits from the account's page"
        )
    row = db.first(
        f"SELECT id, tenant_id, state FROM account WHERE ig_id = ?{db.locked}", (wanted,)
    )
    if row is not None and row[1] != tenant_id:
        _take_over(db, wanted, row)
    stored = db.run(
        "INSERT INTO account (tenant_id, ig_id, flavour, page_id, username, app, token_secret,"
        " preset, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (ig_id) DO UPDATE SET flavour = excluded.flavour,"
        " page_id = excluded.page_id, username = excluded.username, app = excluded.app,"
        " token_secret = excluded.token_secret, preset = excluded.preset, state = 'connected',"
        " token_next = NULL, checked_at = NULL, token_expires_at = CASE"
        " WHEN account.token_secret = excluded.token_secret THEN account.token_expires_at END"
        " WHERE account.tenant_id = excluded.tenant_id",
        (tenant_id, wanted, *_columns(settings), now),
    )
    if not stored:
        # Another tenant connected it since it was looked for.
        raise _elsewhere(wanted)


def _take_over(db: Database, ig_id: str, row: Row) -> None:
    """Free the id of an account that another tenant gave up; its history stays with that tenant."""
    id, _, state = row
    if state == "connected":
        raise _elsewhere(ig_id)
    db.run("UPDATE account SET ig_id = ? WHERE id = ?", (f"{ig_id}~{id}", id))


def _elsewhere(ig_id: str) -> Conflict:
    return Conflict(
        f"the account {ig_id} is already connected elsewhere",
        "take it out of the other tenant's tenant.yaml and publish that first; at /api/clients give"
        " that client the instagram_account_id null",
    )


def _columns(settings: Settings) -> tuple[str, str, str, str, str, str]:
    instagram = settings.instagram
    token = instagram.get("token")
    return (
        columns.flavour(str(instagram.get("api") or "")),
        columns.text(str(instagram.get("page_id") or "")),
        columns.text(str(instagram.get("username") or "")),
        columns.text(str(instagram.get("app") or "")),
        token.name if isinstance(token, Secret) else "",
        settings.preset,
    )
