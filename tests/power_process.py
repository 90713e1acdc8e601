"""A process that stores, decides and sends without pause: what the power is cut of.

``python -m tests.power_process URL DIRECTORY GROUPS``; the notes are those of
`tests.ledger_process`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from igrules.ledger import Ledger
from tests.ledger_process import Notes, Store, Work

CHECKPOINT_EVERY = 15


def main() -> None:
    """Work through that many groups of updates."""
    url, directory, groups = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    ledger = Ledger.open(url, directory / "state", create=False)
    store = Store(ledger, Notes(directory / "acknowledged"))
    worker = Work(ledger, Notes(directory / "executed"), "only")
    for number in range(groups):
        store.group(3 * number)
        worker.turn()
        if number % CHECKPOINT_EVERY == CHECKPOINT_EVERY - 1:
            how = "TRUNCATE" if number % 2 else "PASSIVE"
            ledger._db.all(f"PRAGMA wal_checkpoint({how})")
    ledger.close()


if __name__ == "__main__":
    main()
