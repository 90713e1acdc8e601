"""The door to rate buckets for calls that are no sends."""

from __future__ import annotations

import igrules.ledger.usage as usage
from igrules.ledger.buckets import COME, OF_APP, App, preset_of, take
from igrules.ledger.database import Database
from igrules.ledger.presets import paces_for
from igrules.model import Usage


class Buckets:
    """What reads count against."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def take(
        self,
        account_id: int,
        bucket: str,
        now: int,
        *,
        rate_scale: float = 1.0,
        wait: bool = True,
    ) -> int | None:
        """Take one of a bucket, ``conversations`` or ``other``; ``None`` when it was, else the time
        to try again.

        Each caller gets a time of its own and shall come then; one that will not come says so by
        ``wait``.
        """
        with self._db.transaction(durable=False) as db:
            row = db.first(
                "SELECT a.preset, t.ceiling, p.slow_until, p.shut_until FROM account a"
                f" JOIN tenant t ON t.id = a.tenant_id{OF_APP} WHERE a.id = ?",
                (account_id,),
            )
            if row is None:
                return None
            paces = paces_for(f"read {bucket}", preset_of(row[0], row[1]), rate_scale)
            found = take(db, account_id, App(*row[2:]), paces, COME, now, queue=wait)
        return None if found is None else found.until

    def hear(self, account_id: int, said: Usage, now: int) -> None:
        """Keep what an answer for an account says about its budgets."""
        with self._db.transaction(durable=False) as db:
            usage.hear(db, account_id, said, now)
