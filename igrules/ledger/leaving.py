"""Take leave of an account or a tenant: its name and its keys at once, its rows in slices.

Who leaves is an account whose owner asks Meta to have everything deleted, or a tenant that is
removed.
"""

from __future__ import annotations

from igrules.errors import NotFound
from igrules.ledger.connections import destroy_token
from igrules.ledger.database import Database
from igrules.ledger.days import DAY
from igrules.ledger.deployment import Deployment
from igrules.ledger.tables import CLASSIFIED, DELETED

_REMEMBERED = 90 * DAY
"""So long Meta may go on to send what nobody wants any more."""


def disconnect(db: Database, deployment: Deployment, tenant_id: int, account_id: int) -> bytes:
    """Take an account away from its tenant and forget who connected it, inside a transaction.
    Gives what stands for it. A worker that is in the middle of something loses its lease."""
    # Lanes are locked before accounts, as everywhere.
    _end_lanes(db, "account_id = ? AND tenant_id = ?", [account_id, tenant_id])
    row = db.first(
        f"SELECT ig_id FROM account WHERE id = ? AND tenant_id = ?{db.locked}",
        (account_id, tenant_id),
    )
    if row is None:
        raise NotFound("there is no such account", "igrules tenant show lists them")
    ig_id = str(row[0])
    destroy_token(db, tenant_id, account_id)
    db.run("DELETE FROM orphan WHERE ig_id = ?", (ig_id,))
    db.run(
        "DELETE FROM hold WHERE scope = 'account' AND (scope_id = ? OR scope_id LIKE ?)",
        (str(account_id), f"{account_id}:%"),
    )
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
    _end_lanes(db, "tenant_id = ?", [tenant_id])
    hashes = [disconnect(db, deployment, tenant_id, account_id) for (account_id,) in accounts]
    db.run("DELETE FROM secret WHERE tenant_id = ?", (tenant_id,))
    db.run(
        "UPDATE key SET revoked_at = ? WHERE tenant_id = ? AND revoked_at IS NULL",
        (now, tenant_id),
    )
    db.run("UPDATE app SET secrets = '', verify_token = '' WHERE tenant_id = ?", (tenant_id,))
    db.run("DELETE FROM app WHERE tenant_id = ?", (tenant_id,))
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


def delete(db: Database, level: str, id: int, limit: int) -> int:
    """Delete up to ``limit`` rows of an ``account`` or of a ``tenant``, in one transaction, from
    the outermost in; 0: nothing is left."""
    for table in CLASSIFIED:
        reach = table.account if level == "account" else table.tenant
        if not reach or table.leaving != DELETED:
            continue
        key = ", ".join(table.key)
        whole = key if len(table.key) == 1 else f"({key})"
        with db.transaction():
            done = db.run(
                f"DELETE FROM {table.name} WHERE {whole} IN"
                f" (SELECT {key} FROM {table.name} WHERE {reach} LIMIT ?)",
                (id, limit),
            )
        if done:
            return done
    return 0
