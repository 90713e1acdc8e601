"""What arrives too late: about somebody who was forgotten meanwhile, or a message taken back; and
a message that is taken back while it waits.

Why: a body can wait at the door, or Meta repeat it for a day and a half, while the person it is
about is erased. It still counts as an event, and nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Protocol

import igrules.ledger.columns as columns
from igrules.ledger.database import Database, tuples
from igrules.ledger.days import DAY
from igrules.ledger.deployment import Deployment
from igrules.ledger.erasing import hashed_person, replaced
from igrules.ledger.leases import NOBODY
from igrules.model import Event

UNNAMED = NOBODY + "late"
"""Whose lane it is that takes what came too late."""

_LATE = 2 * DAY
"""So long after the fact Meta may still repeat an update."""
_CALL = 300_000
"""So long after an erasure an echo may tell of a call that was under way then."""
_ECHOES = frozenset({"echo", "seen"})
_OURS = frozenset({"echo", "own"})


class Arrived(Protocol):
    """An update with the account and the person it goes to."""

    @property
    def event(self) -> Event: ...
    @property
    def lane(self) -> tuple[int, str]: ...
    @property
    def tenant_id(self) -> int: ...


class Latecomers:
    """What this batch may not keep, read once."""

    def __init__(
        self, db: Database, deployment: Deployment, updates: Collection[Arrived], now: int
    ) -> None:
        self._db = db
        self._deployment = deployment
        self._erased = _erased(db, now)
        self._tenants = {tenant_id for tenant_id, _ in self._erased}
        self._deleted = _deleted(db, updates)

    def why(self, update: Arrived) -> str:
        """``erased``: keep neither contents nor person; ``deleted``: no contents; empty: keep
        all. To be asked in order of arrival."""
        if update.tenant_id in self._tenants and (
            self._is_erased(update) or self._is_answer(update)
        ):
            return "erased"
        event = update.event
        if not event.ref:
            return ""
        named = (update.lane[0], columns.text(event.ref))
        if event.kind == "message_deleted":
            self._deleted.add(named)
            return ""
        return "deleted" if event.kind == "message" and named in self._deleted else ""

    def _is_erased(self, update: Arrived) -> bool:
        account_id, person = update.lane
        event = update.event
        key = (update.tenant_id, hashed_person(self._deployment, update.tenant_id, person))
        asked_at = max(
            (at for account, at in self._erased.get(key, ()) if account in (0, account_id)),
            default=0,
        )
        if event.occurred_at <= asked_at:
            return asked_at > 0
        return (
            event.kind in _ECHOES
            and event.occurred_at <= asked_at + _CALL
            and not self._db.first(
                "SELECT id FROM lane WHERE account_id = ? AND person = ? AND tenant_id = ?",
                (account_id, person, update.tenant_id),
            )
        )

    def _is_answer(self, update: Arrived) -> bool:
        """Whether this is what we said to somebody who was erased meanwhile, coming back."""
        event, account_id = update.event, update.lane[0]
        if event.kind not in _OURS and event.person not in (event.account, event.entry):
            return False
        ours = (account_id, update.tenant_id, replaced(self._deployment, columns.text(event.ref)))
        if self._db.first(
            "SELECT id FROM send WHERE account_id = ? AND tenant_id = ? AND message_id = ?"
            " AND message_id <> ''",
            ours,
        ):
            return True
        if not event.parent:
            return False
        # The call was under way, and its answer was not written down any more.
        parent = replaced(self._deployment, columns.text(event.parent))
        return bool(
            self._db.first(
                "SELECT s.id FROM lane l JOIN send s ON s.lane_id = l.id WHERE l.account_id = ?"
                " AND l.tenant_id = ? AND l.person LIKE ? AND s.target = ? LIMIT 1",
                (account_id, update.tenant_id, f"{NOBODY}%", parent),
            )
        )


def close_taken_back(db: Database, updates: Iterable[Arrived], now: int) -> None:
    """Close the messages that these updates take back and that wait in a lane nobody works on:
    nothing answers them. To be called when the lanes are locked and the updates stored."""
    wanted = _refs(update for update in updates if update.event.kind == "message_deleted")
    for part in _parts(wanted):
        rows = db.all(
            "UPDATE inbox SET state = 'closed', body = NULL, old_epoch = NULL"
            " WHERE state = 'open' AND kind = 'message'"
            f" AND (account_id, ref) IN (VALUES {tuples(len(part), 2)})"
            " AND lane_id IN (SELECT id FROM lane WHERE id = inbox.lane_id AND owner IS NULL)"
            " RETURNING id, replays, tenant_id",
            [value for pair in part for value in pair],
        )
        for row in rows:
            db.run(
                "INSERT INTO decision (inbox_id, replay, tenant_id, ruleset_version, outcome,"
                " reason, created_at) VALUES (?, ?, ?, 0, 'skipped', 'deleted', ?)",
                (*row, now),
            )


def _erased(db: Database, now: int) -> dict[tuple[int, bytes], list[tuple[int, int]]]:
    """Tenant and person to the accounts and times of recent erasures."""
    found: dict[tuple[int, bytes], list[tuple[int, int]]] = {}
    rows = db.all(
        "SELECT tenant_id, account_id, subject, asked_at FROM erasure"
        " WHERE asked_at > ? AND what = 'contact'",
        (now - _LATE,),
    )
    for tenant_id, account_id, subject, asked_at in rows:
        whole = bytes(subject)
        for start in range(0, len(whole), 16):
            key = (tenant_id, whole[start : start + 16])
            found.setdefault(key, []).append((account_id, asked_at))
    return found


def _deleted(db: Database, updates: Iterable[Arrived]) -> set[tuple[int, str]]:
    """Account and id of messages that were taken back before they came."""
    found: set[tuple[int, str]] = set()
    for part in _parts(_refs(update for update in updates if update.event.kind == "message")):
        rows = db.all(
            "SELECT account_id, ref FROM inbox WHERE kind = 'message_deleted'"
            f" AND (account_id, ref) IN (VALUES {tuples(len(part), 2)})",
            [value for pair in part for value in pair],
        )
        found.update((account_id, ref) for account_id, ref in rows)
    return found


def _refs(updates: Iterable[Arrived]) -> list[tuple[int, str]]:
    return sorted({
        (update.lane[0], columns.text(update.event.ref)) for update in updates if update.event.ref
    })  # fmt: skip


def _parts(pairs: Sequence[tuple[int, str]]) -> Iterator[Sequence[tuple[int, str]]]:
    for start in range(0, len(pairs), 500):
        yield pairs[start : start + 500]
