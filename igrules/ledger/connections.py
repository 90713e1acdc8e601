"""Who connected an account, and what happens when they take the permission back."""

from __future__ import annotations

from dataclasses import dataclass

import igrules.ledger.alerts as alerts
import igrules.ledger.columns as columns
import igrules.ledger.probes as probes
from igrules.errors import NotFound
from igrules.ledger.database import Database
from igrules.ledger.deployment import Deployment
from igrules.ledger.holds import TOKEN
from igrules.ledger.leases import wake_lane
from igrules.ledger.open_sends import CANCELLED

DEAUTHORIZED = "deauthorized"
"""Why nothing goes out from an account whose owner took the permission back."""

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
            # Sends are locked before accounts and holds, as everywhere.
            _end_waiting(db, left.tenant_id, left.account_id, now)
            destroy_token(db, left.tenant_id, left.account_id)
            _hold(db, left.account_id, now)
            alerts.note(
                db, "reauth", f"account {left.account_id}",
                "the owner took back the permission at Instagram, so nothing goes out: connect the"
                " account again, then store its token",
                now, left.tenant_id,
            )  # fmt: skip

    def code(self, app_id: int, user_id: str, asked_at: int) -> str:
        """The confirmation code of a request: nobody can guess it, and who asks twice gets the
        same."""
        words = (b"deletion", str(app_id).encode(), user_id.encode("utf-8", "replace"))
        return self._deployment.hashed(*words, str(asked_at).encode()).hex()

    def asked(self, app_id: int, user_id: str) -> bytes:
        """What stands for who asked, in the row of a request."""
        words = (str(app_id).encode(), user_id.encode("utf-8", "replace"))
        return self._deployment.hashed(b"asked", *words)


def destroy_token(db: Database, tenant_id: int, account_id: int) -> None:
    """Forget the token of an account and the secret it comes from, inside a transaction. Raises
    `NotFound`."""
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
    waiting = f"SELECT lane_id FROM send WHERE account_id = ? AND tenant_id = ? AND {_WAITING}"
    db.all(
        f"SELECT id FROM lane WHERE id IN ({waiting}) ORDER BY account_id, person{db.locked}",
        (account_id, tenant_id),
    )
    db.run(
        f"UPDATE send SET state = {CANCELLED}, reason = ?, closed_at = ?"
        f" WHERE account_id = ? AND tenant_id = ? AND {_WAITING}",
        (DEAUTHORIZED, now, account_id, tenant_id),
    )


def reconnected(db: Database, tenant_id: int, secret: str, now: int) -> None:
    """A new token is stored under this name: let the accounts that use it speak again, and where
    the old one was refused, one send try. Inside a transaction; `probes.finish` wakes what waited
    for one where there was none."""
    lanes = probes.hurry(db, tenant_id, secret, now)
    # Nothing is known of the new one yet; a chore asks whose it is.
    db.run(
        "UPDATE account SET token_next = NULL, token_expires_at = NULL, token_warned = 0,"
        " checked_at = NULL WHERE tenant_id = ? AND token_secret = ?",
        (tenant_id, secret),
    )
    db.run(
        "DELETE FROM hold WHERE scope = 'account' AND reason = ? AND scope_id IN"
        " (SELECT CAST(id AS TEXT) FROM account WHERE tenant_id = ? AND token_secret = ?)",
        (DEAUTHORIZED, tenant_id, secret),
    )
    db.run(
        "UPDATE hold SET lifted_at = ?, probe = NULL WHERE scope = 'account' AND reason = ?"
        " AND lifted_at IS NULL AND scope_id IN"
        " (SELECT CAST(id AS TEXT) FROM account WHERE tenant_id = ? AND token_secret = ?)",
        (now, TOKEN, tenant_id, secret),
    )
    # What wakes is locked last.
    for lane_id in lanes:
        wake_lane(db, lane_id, now)
