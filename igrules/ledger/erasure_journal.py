"""The journal of erasures: remember beside the database what was asked to be forgotten.

Why: a backup that is restored because the database is lost brings persons back that were erased
after it was made, and then nothing else tells that they were. Keyed hashes only stand here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import igrules.ledger.new_file as new_file
from igrules.ledger.database import Database
from igrules.ledger.erasures import Erasure

FILE = "erasures.json"
_MOST = 10_000
"""Requests of an installation that are remembered; far more than a year of backups has."""


class ErasureJournal:
    """The file in the state directory, for one database."""

    def __init__(self, database: Database, name: str, state_dir: Path) -> None:
        self._db = database
        self._name = name
        self._path = state_dir / FILE
        self._written = 0

    def note(self) -> None:
        """Write down the requests that are new. Raises `OSError`."""
        newest = self._db.number("SELECT max(id) FROM erasure")
        if newest == self._written:
            return
        known = {_key(one): one for one in read(self._path.parent, self._name)}
        known.update((_key(one), one) for one in all_of(self._db))
        rows = [_row(one) for one in sorted(known.values(), key=lambda one: one.asked_at)]
        content = _load(self._path)
        content[self._name] = rows[-_MOST:]
        new_file.replace(self._path, json.dumps(content))
        self._written = newest


def read(state_dir: Path, name: str) -> list[Erasure]:
    """What the file remembers of this installation."""
    found = []
    for row in _load(state_dir / FILE).get(name, []):
        try:
            tenant_id, what, account_id, subject, asked_at = row
            one = _erasure(int(tenant_id), str(what), int(account_id), subject, int(asked_at))
        except (TypeError, ValueError):
            continue
        found.append(one)
    return found


def all_of(db: Database) -> Iterator[Erasure]:
    """Every request the database holds."""
    for tenant_id, what, account_id, subject, asked_at in db.all(
        "SELECT tenant_id, what, account_id, subject, asked_at FROM erasure ORDER BY id"
    ):
        yield _erasure(tenant_id, what, account_id, bytes(subject).hex(), asked_at)


def _erasure(tenant_id: int, what: str, account_id: int, subject: str, asked_at: int) -> Erasure:
    known = bytes.fromhex(subject)
    return Erasure(
        id=0,
        tenant_id=tenant_id,
        what=what,
        account_id=account_id,
        source="",
        state="done",
        asked_at=asked_at,
        done_at=None,
        subject=known,
    )


def _key(one: Erasure) -> tuple[int, str, int, bytes]:
    return one.tenant_id, one.what, one.account_id, one.subject


def _row(one: Erasure) -> list[Any]:
    return [one.tenant_id, one.what, one.account_id, one.subject.hex(), one.asked_at]


def _load(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {
        name: rows
        for name, rows in (found.items() if isinstance(found, dict) else ())
        if isinstance(rows, list)
    }
