"""Who leaves: an account whose owner takes back the permission, or asks Meta to have everything
deleted, and a tenant that is removed."""

from __future__ import annotations

from dataclasses import dataclass

import igrules.ledger.columns as columns
from igrules.errors import NotFound
from igrules.ledger.database import Database
from igrules.ledger.deployment import Deployment

DEAUTHORIZED = "deauthorized"
"""Why nothing goes out from an account whose owner took the permission back."""

_REMEMBERED = 90 * 86_400_000
"""So long Meta may go on to send what nobody wants any more."""
_WAITING = "state IN ('pending', 'parked')"


@dataclass(frozen=True, slots=True)
class Left:
    """An account that somebody took the permission from."""

    tenant_id: int
    account_id: int


class Connections:
    """The accounts behind the person who connected them, as Meta's callbacks name that person."""

    def __init__(self, database: Database, deployment: Deployment) -> None:
        self._db = database
        self._deployment = deployment

    def identify(
        self, tenant_id: int, account_id: int, *, app_scoped_id: str = "", fb_user_id: str = ""
    ) -> None:
        """Note by which ids Meta's callbacks will name who connected an account. Empty ones change
        nothing."""
        with self._db.transaction() as db:
            for column, value in (("app_scoped_id", app_scoped_id), ("fb_user_id", fb_user_id)):
                if value:
                    db.run(
                        f"UPDATE account SET {column} = ? WHERE id = ? AND tenant_id = ?",
                        (columns.text(value), account_id, tenant_id),
                    )

    def of_user(self, app_id: int, user_id: str) -> list[Left]:
        """The accounts that this person connected through this app."""
        rows = self._db.all(
            "SELECT a.tenant_id, a.id FROM account a JOIN app p ON p.id = ?"
            " WHERE ? <> '' AND (a.app_scoped_id = ? OR a.fb_user_id = ? OR a.ig_id = ?)"
            " AND (p.tenant_id IS NULL OR p.tenant_id = a.tenant_id)"
            " AND a.app IN ('', 'default', p.name) ORDER BY a.id",
            (app_id, *[columns.text(user_id)] * 4),
        )
        return [Left(tenant_id, account_id) for tenant_id, account_id in rows]

    def deauthorize(self, left: Left, now: int) -> None:
        """Destroy the token, let nothing out, and end what waits. Contents stay."""
        with self._db.transaction() as db:
            _destroy_token(db, left.tenant_id, left.account_id)
            _hold(db, left.account_id, now)
            _end_waiting(db, left.tenant_id, left.account_id, now)

    def code(self, app_id: int, user_id: str, asked_at: int) -> str:
        """The confirmation code of a request: nobody can guess it, and who asks twice gets the
        same."""
        words = (b"deletion", str(app_id).encode(), user_id.encode("utf-8", "replace"))
        return self._deployment.hashed(*words, str(asked_at).encode()).hex()

    def asked(self, app_id: int, user_id: str) -> bytes:
        """What stands for who asked, in the row of a request."""
        words = (str(app_id).encode(), user_id.encode("utf-8", "replace"))
        return self._deployment.hashed(b"asked", *words)


def _destroy_token(db: Database, tenant_id: int, account_id: int) -> None:
    row = db.first(
        f"SELECT token_secret FROM account WHERE id = ? AND tenant_id = ?{db.locked}",
        (account_id, tenant_id),
    )
    if row is None:
        raise NotFound("there is no such account", "igrules tenant show lists them")
    db.run(
        "UPDATE account SET token = '', token_expires_at = NULL WHERE id = ? AND tenant_id = ?",
        (account_id, tenant_id),
    )
    if row[0]:
        db.run("DELETE FROM secret WHERE tenant_id = ? AND name = ?", (tenant_id, row[0]))


def _hold(db: Database, account_id: int, now: int) -> None:
    db.run(
        "INSERT INTO hold (scope, scope_id, reason, mode, since, set_by)"
        " VALUES ('account', ?, ?, 'drop', ?, 'meta')"
        " ON CONFLICT (scope, scope_id, reason) DO NOTHING",
        (str(account_id), DEAUTHORIZED, now),
    )


def _end_waiting(db: Database, tenant_id: int, account_id: int, now: int) -> None:
    db.run(
        "UPDATE send SET state = 'cancelled', reason = ?, closed_at = ?"
        f" WHERE account_id = ? AND tenant_id = ? AND {_WAITING}",
        (DEAUTHORIZED, now, account_id, tenant_id),
    )


def reconnected(db: Database, tenant_id: int, secret: str) -> None:
    """A new token is stored under this name: let the accounts that use it speak again. Inside a
    transaction."""
    db.run(
        "DELETE FROM hold WHERE scope = 'account' AND reason = ? AND scope_id IN"
        " (SELECT CAST(id AS TEXT) FROM account WHERE tenant_id = ? AND token_secret = ?)",
        (DEAUTHORIZED, tenant_id, secret),
    )


def disconnect(db: Database, deployment: Deployment, tenant_id: int, account_id: int) -> bytes:
    """Take an account away from its tenant and forget who connected it, inside a transaction.
    Gives what stands for it. A worker that is in the middle of something loses its lease."""
    row = db.first(
        f"SELECT ig_id FROM account WHERE id = ? AND tenant_id = ?{db.locked}",
        (account_id, tenant_id),
    )
    if row is None:
        raise NotFound("there is no such account", "igrules tenant show lists them")
    ig_id = str(row[0])
    _destroy_token(db, tenant_id, account_id)
    _end_lanes(db, "account_id = ? AND tenant_id = ?", [account_id, tenant_id])
    db.run("DELETE FROM orphan WHERE ig_id = ?", (ig_id,))
    db.run("DELETE FROM hold WHERE scope = 'account' AND scope_id = ?", (str(account_id),))
    db.run(
        "UPDATE account SET state = 'disconnected', ig_id = ?, app_scoped_id = '',"
        " fb_user_id = '', page_id = '', own_igsid = '', username = '' WHERE id = ?"
        " AND tenant_id = ?",
        (f"~{account_id}", account_id, tenant_id),
    )
    return hashed_name(deployment, "account", ig_id)


def hashed_name(deployment: Deployment, what: str, name: str) -> bytes:
    """16 bytes for the id of an ``account`` at Instagram, or the slug of a ``tenant``."""
    return deployment.hashed(what.encode(), name.partition("~")[0].encode("utf-8", "replace"))


def forgotten_accounts(db: Database, now: int) -> frozenset[bytes]:
    """The accounts that were erased lately, as `hashed_name` writes them."""
    rows = db.all(
        "SELECT subject FROM erasure WHERE asked_at > ? AND what IN ('account', 'tenant')",
        (now - _REMEMBERED,),
    )
    wholes = [bytes(subject) for (subject,) in rows]
    return frozenset(whole[at : at + 16] for whole in wholes for at in range(16, len(whole), 16))


def close_tenant(db: Database, deployment: Deployment, tenant_id: int, now: int) -> bytes:
    """Take tokens, secrets, keys, accounts and the name from a tenant, inside a transaction. Gives
    what stands for it. Raises `NotFound`."""
    row = db.first(f"SELECT slug FROM tenant WHERE id = ?{db.locked}", (tenant_id,))
    if row is None or str(row[0]).startswith("~"):
        raise NotFound("there is no such tenant", "igrules tenant list shows all")
    accounts = db.all(
        "SELECT id FROM account WHERE tenant_id = ? AND ig_id NOT LIKE '~%' ORDER BY id",
        (tenant_id,),
    )
    hashes = [disconnect(db, deployment, tenant_id, account_id) for (account_id,) in accounts]
    db.run("DELETE FROM secret WHERE tenant_id = ?", (tenant_id,))
    db.run(
        "UPDATE key SET revoked_at = ? WHERE tenant_id = ? AND revoked_at IS NULL",
        (now, tenant_id),
    )
    db.run("UPDATE app SET secrets = '', verify_token = '' WHERE tenant_id = ?", (tenant_id,))
    db.run("DELETE FROM app WHERE tenant_id = ?", (tenant_id,))
    _end_lanes(db, "tenant_id = ?", [tenant_id])
    db.run(
        "DELETE FROM hold WHERE (scope = 'tenant' AND scope_id = ?)"
        " OR (scope = 'rule' AND scope_id LIKE ?)",
        (str(tenant_id), f"{tenant_id}:%"),
    )
    db.run(
        "UPDATE tenant SET state = 'deactivated', deactivated_at = ?, slug = ?, name = '',"
        " email = '', verify_token = '', verify_hash = NULL WHERE id = ?",
        (now, f"~{tenant_id}", tenant_id),
    )
    return b"".join([hashed_name(deployment, "tenant", str(row[0])), *hashes])


def _end_lanes(db: Database, where: str, which: list[int]) -> None:
    """Take the lanes that are due, or that somebody works on, away from everybody."""
    busy = f"{where} AND (due IS NOT NULL OR owner IS NOT NULL)"
    db.all(f"SELECT id FROM lane WHERE {busy} ORDER BY account_id, person{db.locked}", which)
    db.run(
        f"UPDATE lane SET due = NULL, owner = NULL, deaths = 0, fence = fence + 1 WHERE {busy}",
        which,
    )
