"""Requests to forget: a contact, an account, a tenant. Each is a job that is done in slices, by
whoever comes to it, and that a killed process leaves in a state from which it goes on.

Why a row stays: it holds keyed hashes only, and by them a restored backup forgets again.
"""

from __future__ import annotations

import builtins
import hashlib
import itertools
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import igrules.ledger.contacts as contacts
import igrules.ledger.erasing as erasing
import igrules.ledger.leaving as leaving
import igrules.ledger.mentions as mentions
import igrules.ledger.scrubbing as scrubbing
from igrules.errors import IgrulesError, LedgerError, NotFound, SealError, Unavailable
from igrules.ledger.database import Database, Row
from igrules.ledger.deployment import Deployment
from igrules.ledger.erasing import Person
from igrules.ledger.leases import hold_splits
from igrules.ledger.seals import Place, Seals

_SELECT = (
    "SELECT id, tenant_id, what, account_id, source, state, asked_at, done_at, subject FROM erasure"
)
_AT_ONCE = 20
"""Slices that are done while somebody waits."""
_SMALL_PAGES = 20_000
"""Pages of tables in PostgreSQL up to which they are vacuumed while somebody waits."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request to forget. ``what`` is ``contact``, ``account`` or ``tenant``, ``state``
    ``received``, ``running`` or ``done``."""

    id: int
    tenant_id: int
    what: str
    account_id: int
    source: str
    state: str
    asked_at: int
    done_at: int | None
    subject: bytes = field(repr=False)


class Erasures:
    """Takes requests and carries them out."""

    def __init__(self, database: Database, seals: Seals, deployment: Deployment) -> None:
        self._db = database
        self._seals = seals
        self._deployment = deployment

    def request(
        self, tenant_id: int, account_id: int | None, person: str, source: str, now: int
    ) -> Erasure:
        """Begin to forget the person of this id or ``@name``, at one account or (``None``) at all.

        From now on nothing is sent to them, and a later message makes a new contact. What is
        stored goes with `run`. Raises `NotFound`.
        """
        account = account_id or 0
        with self._db.transaction() as db:
            hold_splits(db)
            found = erasing.find(db, tenant_id, account, person)
            if found is None:
                raise contacts.missing()
            return self._begin(tenant_id, account, found, source, now)

    def _begin(
        self, tenant_id: int, account_id: int, person: Person, source: str, now: int
    ) -> Erasure:
        subject = erasing.subject(self._deployment, tenant_id, person.ids)
        erasure = self._add(tenant_id, "contact", account_id, subject, source, now)
        lanes = erasing.detach(self._db, tenant_id, account_id, person.ids, now)
        self._keep(erasure, person, lanes)
        return erasure

    def request_account(
        self,
        tenant_id: int,
        account_id: int,
        source: str,
        now: int,
        *,
        code: str = "",
        asked: bytes = b"",
    ) -> Erasure:
        """Begin to forget everything of an account, and who connected it. ``code`` opens the page
        that tells how far this is, ``asked`` stands for who asked, see `asked_by`."""
        with self._db.transaction() as db:
            hold_splits(db)
            account = leaving.disconnect(db, self._deployment, tenant_id, account_id)
            subject = (asked or bytes(16)) + account
            return self._add(tenant_id, "account", account_id, subject, source, now, code)

    def request_tenant(self, tenant_id: int, source: str, now: int) -> Erasure:
        """Begin to forget a tenant: tokens and secrets at once, its account and name are free,
        everything else goes with `run`. Raises `NotFound`."""
        with self._db.transaction() as db:
            hold_splits(db)
            subject = leaving.close_tenant(db, self._deployment, tenant_id, now)
            return self._add(tenant_id, "tenant", 0, subject, source, now)

    def list(
        self, tenant_id: int | None, *, limit: int = 50, before: int | None = None
    ) -> list[Erasure]:
        """The newest requests of a tenant, or (``None``) of the installation, newest first."""
        where = " WHERE 1 = 1" if tenant_id is None else " WHERE tenant_id = ?"
        values = [] if tenant_id is None else [tenant_id]
        if before is not None:
            where, values = where + " AND id < ?", [*values, before]
        rows = self._db.all(f"{_SELECT}{where} ORDER BY id DESC LIMIT ?", [*values, limit])
        return [_erasure(row) for row in rows]

    def get(self, id: int, tenant_id: int | None = None) -> Erasure:
        """One request. Raises `NotFound`."""
        of, values = ("", []) if tenant_id is None else (" AND tenant_id = ?", [tenant_id])
        row = self._db.first(f"{_SELECT} WHERE id = ?{of}", [id, *values])
        if row is None:
            raise NotFound(f"there is no erasure {id}", "look for it in the list of erasures")
        return _erasure(row)

    def of_code(self, code: str) -> Erasure | None:
        """The request whose page this code opens."""
        row = self._db.first(f"{_SELECT} WHERE code_hash = ?", (_code_hash(code),))
        return _erasure(row) if row else None

    def asked_by(self, asked: bytes) -> builtins.list[Erasure]:
        """The requests that Meta made for the same person, newest first."""
        rows = self._db.all(
            f"{_SELECT} WHERE source = 'meta' AND what = 'account' AND substr(subject, 1, 16) = ?"
            " ORDER BY id DESC",
            (asked[:16],),
        )
        return [_erasure(row) for row in rows]

    def run(self, now: int, *, slice: int = 500, only: int | None = None, slices: int = 0) -> int:
        """Go on with every request that is not done, or with ``only`` this one, and give the rows
        that were emptied or deleted.

        With ``slices`` no more than so many are worked off, for somebody who waits; the rest is
        done by the next run. Each slice is a transaction of its own.
        """
        chosen, values = ("", []) if only is None else (" AND id = ?", [only])
        rows = self._db.all(f"{_SELECT} WHERE state <> 'done'{chosen} ORDER BY id", values)
        worked, through = 0, []
        failed: IgrulesError | None = None
        for erasure in map(_erasure, rows):
            self._set_state(erasure, "received", "running")
            try:
                done = list(itertools.islice(self._slices(erasure, slice), slices or None))
            except Unavailable:
                raise
            except (SealError, LedgerError) as error:
                # One that cannot be read any more, or refuses, must not hold up the others.
                failed = error
                continue
            worked += sum(done)
            if (not slices or len(done) < slices) and not self._unsplit(erasure):
                through.append(erasure)
        if through and scrubbing.scrub(self._db, _SMALL_PAGES if slices else 0):
            for erasure in through:
                self._finish(erasure, now)
        if failed is not None:
            raise failed
        return worked

    def hurry(self, id: int, now: int) -> None:
        """Do a small one at once, for somebody who waits; what is left is done by `run`.

        Nothing is raised: the request is stored, and whoever runs next hears what is wrong.
        """
        with suppress(LedgerError):
            self.run(now, only=id, slices=_AT_ONCE)

    def again(self, before: Iterable[Erasure], now: int) -> int:
        """Forget once more what had been forgotten before a backup was restored; ``before``: the
        requests as they stood then. Gives how many persons and accounts came up again."""
        found = 0
        for erasure in before:
            if erasure.what == "contact":
                found += self._again_person(erasure, now)
            elif erasure.what == "account" and self._is_back("account", erasure):
                self.request_account(erasure.tenant_id, erasure.account_id, "restore", now)
                found += 1
            elif erasure.what == "tenant" and self._is_back("tenant", erasure):
                self.request_tenant(erasure.tenant_id, "restore", now)
                found += 1
        return found

    def _is_back(self, what: str, erasure: Erasure) -> bool:
        """Whether the account or tenant stands there as it did before; a restored database may give
        its number to another one."""
        if what == "account":
            name, id, at = "ig_id", erasure.account_id, 16
        else:
            name, id, at = "slug", erasure.tenant_id, 0
        row = self._db.first(f"SELECT {name}, created_at FROM {what} WHERE id = ?", (id,))
        if row is None or row[1] > erasure.asked_at:
            return False
        known = leaving.hashed_name(self._deployment, what, row[0])
        return known == erasure.subject[at : at + 16]

    def _again_person(self, erasure: Erasure, now: int) -> int:
        subject = erasure.subject
        wanted = {subject[at : at + 16] for at in range(0, len(subject), 16)}
        ids: list[str] = []
        after = 0
        while rows := self._db.all(
            "SELECT id, person FROM lane WHERE tenant_id = ? AND id > ? ORDER BY id LIMIT 5000",
            (erasure.tenant_id, after),
        ):
            after = rows[-1][0]
            for lane, person in rows:
                known = erasing.hashed_person(self._deployment, erasure.tenant_id, person)
                if known in wanted and self._is_older(erasure, lane, person):
                    ids.append(person)
        if not ids:
            return 0
        with self._db.transaction() as db:
            hold_splits(db)
            person = erasing.named(db, erasure.tenant_id, ids)
            self._begin(erasure.tenant_id, erasure.account_id, person, "restore", now)
        return 1

    def _is_older(self, erasure: Erasure, lane: int, person: str) -> bool:
        """Whether this is still what had to be forgotten, not somebody who wrote again since."""
        tenant_id, asked_at = erasure.tenant_id, erasure.asked_at
        return bool(
            self._db.first(
                "SELECT id FROM contact WHERE tenant_id = ? AND person = ? AND first_at <= ?"
                " UNION ALL SELECT id FROM inbox"
                " WHERE lane_id = ? AND tenant_id = ? AND received_at <= ?"
                " UNION ALL SELECT id FROM send"
                " WHERE lane_id = ? AND tenant_id = ? AND created_at <= ? LIMIT 1",
                (tenant_id, person, asked_at, *[lane, tenant_id, asked_at] * 2),
            )
        )

    def _slices(self, erasure: Erasure, limit: int) -> Iterable[int]:
        """Work slice by slice; each item is what one of them did."""
        if erasure.what != "contact":
            id = erasure.account_id if erasure.what == "account" else erasure.tenant_id
            while done := leaving.delete(self._db, erasure.what, id, limit):
                yield done
            return
        kept = self._kept(erasure)
        if kept is None:
            return
        person, lanes = kept
        while done := erasing.wipe(self._db, self._deployment, erasure.tenant_id, lanes, limit):
            yield done
        for table in ("orphan", "delivery"):
            after = 0
            while True:
                hits, after = mentions.forget(self._db, person, after, table)
                if not after:
                    break
                yield hits

    def _unsplit(self, erasure: Erasure) -> bool:
        """Whether a body from before the request still waits to be split; see `Latecomers`."""
        return bool(
            self._db.first(
                "SELECT id FROM delivery WHERE state = 'open' AND received_at <= ? LIMIT 1",
                (erasure.asked_at,),
            )
        )

    def _add(
        self,
        tenant_id: int,
        what: str,
        account_id: int,
        subject: bytes,
        source: str,
        now: int,
        code: str = "",
    ) -> Erasure:
        row = self._db.first(
            "INSERT INTO erasure (tenant_id, what, account_id, subject, code_hash, source, state,"
            " asked_at) VALUES (?, ?, ?, ?, ?, ?, 'received', ?)"
            " ON CONFLICT (tenant_id, what, account_id, subject, asked_at) DO UPDATE SET"
            " source = excluded.source"
            " RETURNING id, tenant_id, what, account_id, source, state, asked_at, done_at, subject",
            (tenant_id, what, account_id, subject, _code_hash(code) if code else None, source, now),
        )
        assert row is not None  # an upsert gives its row
        return _erasure(row)

    def _place(self, erasure: Erasure) -> Place:
        return Place("erasure", "sealed", erasure.tenant_id, erasure.id)

    def _keep(self, erasure: Erasure, person: Person, lanes: Sequence[int]) -> None:
        """Seal who it is until the job is done: bodies at the door are searched for the name."""
        value = json.dumps([person.ids, person.names, list(lanes)]).encode()
        self._db.run(
            "UPDATE erasure SET sealed = ? WHERE id = ? AND tenant_id = ?",
            (self._seals.seal(value, self._place(erasure)), erasure.id, erasure.tenant_id),
        )

    def _kept(self, erasure: Erasure) -> tuple[Person, builtins.list[int]] | None:
        row = self._db.first(
            "SELECT sealed FROM erasure WHERE id = ? AND tenant_id = ?",
            (erasure.id, erasure.tenant_id),
        )
        if row is None or not row[0]:
            return None
        ids, names, lanes = json.loads(self._seals.open(row[0], self._place(erasure)))
        return Person(tuple(ids), tuple(names)), lanes

    def _set_state(self, erasure: Erasure, before: str, after: str) -> None:
        if erasure.state == before:
            with self._db.transaction() as db:
                db.run(
                    "UPDATE erasure SET state = ? WHERE id = ? AND tenant_id = ? AND state = ?",
                    (after, erasure.id, erasure.tenant_id, before),
                )

    def _finish(self, erasure: Erasure, now: int) -> None:
        with self._db.transaction() as db:
            db.run(
                "UPDATE erasure SET state = 'done', done_at = ?, sealed = ''"
                " WHERE id = ? AND tenant_id = ? AND state <> 'done'",
                (now, erasure.id, erasure.tenant_id),
            )


def _erasure(row: Row) -> Erasure:
    id, tenant_id, what, account_id, source, state, asked_at, done_at, subject = row
    return Erasure(
        id, tenant_id, what, account_id, source, state, asked_at, done_at, bytes(subject)
    )


def _code_hash(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "replace")).digest()
