"""Refuse to work on a SQLite file with a library that can damage it.

Why only those who work: to look, to back up or to diagnose is safe, and needed then.
"""

from __future__ import annotations

from igrules.errors import Unavailable
from igrules.ledger import Ledger


def check_library(ledger: Ledger) -> None:
    """Return where the library of the ledger's driver has the WAL fix. Raises `Unavailable`."""
    facts = ledger.info()
    if not facts.get("wal_fix", True):
        raise Unavailable(
            f"the SQLite library {facts['library']} ({facts['driver']}) can corrupt the database",
            "leave sqlite_driver at auto, and: pip install --upgrade cysqlite",
        )
