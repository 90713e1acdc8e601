"""Count webhooks that were answered with 503: kept in memory while the database is the trouble,
stored with the next body that is."""

from __future__ import annotations

import threading
import time

from igrules.errors import LedgerError
from igrules.ledger.database import Database
from igrules.ledger.stats import add_stat

REFUSED = "refused_webhook"
_AT_MOST_EVERY = 1.0


class RefusedWebhooks:
    """The count of this process that is not stored yet."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._gate = threading.Lock()
        self._count = 0
        self._at = 0
        self._written_at = 0.0

    def add(self, now: int) -> None:
        """One more was refused."""
        with self._gate:
            self._count += 1
            self._at = now

    def write(self) -> None:
        """Store the count, at most once a second; what cannot be stored is kept."""
        if not self._count or time.monotonic() - self._written_at < _AT_MOST_EVERY:
            return
        with self._gate:
            count, self._count = self._count, 0
            self._written_at = time.monotonic()
        try:
            with self._db.transaction(durable=False) as db:
                add_stat(db, 0, self._at, REFUSED, "", count)
        except LedgerError:
            with self._gate:
                self._count += count
