"""Prove with a call that whoever holds the token also holds the app's secret.

Why only where one app can be meant: a proof by the wrong app refuses a call that would have been
taken without any.
"""

from __future__ import annotations

import hashlib
import hmac
import json

from igrules.errors import SealError
from igrules.ledger.database import Database
from igrules.ledger.seals import Place, Seals
from igrules.ledger.values import Lane


def proof_for(db: Database, seals: Seals, lane: Lane, token: str) -> str:
    """``appsecret_proof`` for a token of the lane's account, by its app's newest secret; empty when
    it is not plain which app that is."""
    rows = db.all(
        "SELECT p.id, p.tenant_id, p.secrets FROM account a JOIN app p ON p.flavour = 'fbl'"
        " AND (p.tenant_id = a.tenant_id OR p.tenant_id IS NULL)"
        " AND (a.app = '' OR p.name = a.app) WHERE a.id = ? AND a.tenant_id = ?",
        (lane.account_id, lane.tenant_id),
    )
    own = [row for row in rows if row[1] is not None]
    candidates = own or rows
    if len(candidates) != 1:
        return ""
    id, owner, sealed = candidates[0]
    try:
        secrets = json.loads(seals.open(sealed, Place("app", "secrets", owner or 0, id)))
    except SealError:
        return ""
    return hmac.new(secrets[0].encode(), token.encode(), hashlib.sha256).hexdigest()
