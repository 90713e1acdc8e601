"""What this machine has seen of a database, kept outside of it: how far it had come.

Why: a database that was put back by hand (a copied file, a server restored by its own means) looks
whole and up to date from inside. Only who remembers a newer state can tell that it would send
again what has been sent.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import igrules.ledger.epochs as epochs
import igrules.ledger.new_file as new_file
from igrules.ledger.database import Database
from igrules.ledger.deployment import Deployment
from igrules.ledger.erasure_journal import ErasureJournal

FILE = "high-water.json"

_NEVER = 2**63 - 1
"""Noted in place of an event: no database reaches it, so only a person lets an old one send."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Generation and last event of a database."""

    epoch: int
    event: int


class HighWater:
    """The file in the state directory. One file serves all databases that share the directory."""

    def __init__(self, database: Database, deployment: Deployment, state_dir: Path) -> None:
        self._db = database
        self._deployment = deployment
        self._path = state_dir / FILE
        self._written: Mark | None = None
        self._newer: Mark | None = None
        self._journal = ErasureJournal(database, deployment.name, state_dir)

    def look(self) -> bool:
        """Compare, and let nothing out while the database is older than this machine knows it.

        True: it is older. That stays so, whatever comes in meanwhile, until `forget`.
        """
        seen = self._seen()
        behind = seen is not None and (seen == self._newer or self._is_behind(seen))
        self._newer = seen if behind else None
        if behind:
            self._deployment.behind.set()
        else:
            self._deployment.behind.clear()
        return behind

    def note(self) -> bool:
        """The same, and remember how far the database has come, or that it is older. Where the
        file cannot be written, nothing is remembered."""
        if self.look():
            if self._newer is not None and self._newer.event != _NEVER:
                with suppress(OSError):
                    self._write(Mark(self._newer.epoch, _NEVER))
            return True
        mark = self._now()
        if mark != self._written:
            with suppress(OSError):
                self._write(mark)
                self._written = mark
        with suppress(OSError):
            self._journal.note()
        return False

    def forget(self) -> None:
        """From now on the database counts as it is: a person has said so."""
        with suppress(OSError):
            self._write(self._now(), fresh=True)
        self._deployment.behind.clear()

    def _is_behind(self, seen: Mark) -> bool:
        epoch = epochs.read(self._db).number
        if epoch != seen.epoch:
            return epoch < seen.epoch
        # Old events are deleted in time, so the newest one that is left tells too little.
        return self._now().event < seen.event and self._drawn() < seen.event

    def _now(self) -> Mark:
        newest = self._db.number("SELECT max(id) FROM inbox")
        return Mark(epochs.read(self._db).number, newest)

    def _drawn(self) -> int:
        """The newest id any event ever had."""
        if self._db.engine == "sqlite":
            return self._db.number("SELECT seq FROM sqlite_sequence WHERE name = 'inbox'")
        return self._db.number(
            "SELECT pg_sequence_last_value(pg_get_serial_sequence('inbox', 'id')::regclass)"
        )

    def _seen(self) -> Mark | None:
        known = self._read().get(self._deployment.name)
        return Mark(*known) if known else None

    def _read(self) -> dict[str, list[int]]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {
            name: mark
            for name, mark in found.items()
            if isinstance(mark, list) and len(mark) == 2 and all(type(n) is int for n in mark)
        }

    def _write(self, mark: Mark, fresh: bool = False) -> None:
        known = self._read()
        before = known.get(self._deployment.name)
        if before is not None and before[0] == mark.epoch and not fresh:
            mark = Mark(mark.epoch, max(before[1], mark.event))
        if before == [mark.epoch, mark.event]:
            return
        known[self._deployment.name] = [mark.epoch, mark.event]
        new_file.replace(self._path, json.dumps(known))
