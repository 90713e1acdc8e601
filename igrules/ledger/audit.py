"""Who did what: entries that are written with the act they tell of, and cannot be changed unseen.

Every entry is signed together with its id; the number of entries of each day is signed once the
day is over, so a changed entry, an added one and a missing one show. Somebody who has both the
database and the master key can write the log anew; against him helps a copy elsewhere
(`igrules audit export`).

Why hashes of what was and what is: the log outlives erasures, so it may hold no contents.
"""

from __future__ import annotations

import builtins
import hmac
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import igrules.ledger.columns as columns
from igrules.ledger.database import Database, Row
from igrules.ledger.days import DAY
from igrules.ledger.deployment import Deployment

KEPT_DAYS = 365
_LATE = 3_600_000
"""How long after midnight a day is sealed, so that acts under way at midnight are counted."""
_LONGEST = 512
_COLUMNS = "id, at, actor, tenant_id, action, object, before_hash, after_hash, address, request"


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody is about to do. ``actor`` is ``key:<id>``, ``os:<user>`` or ``meta``;
    ``tenant_id`` 0: it concerns the installation."""

    actor: str
    action: str
    tenant_id: int = 0
    object: str = ""
    address: str = ""
    request: str = ""


@dataclass(slots=True)
class Noted:
    """The entry of an act under way; what is set before the act ends is stored. Of ``before`` and
    ``after`` a hash is kept."""

    object: str
    tenant_id: int
    before: str | bytes = ""
    after: str | bytes = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry. The hashes are empty when nothing was given; equal values have equal ones."""

    id: int
    at: int
    actor: str
    tenant_id: int
    action: str
    object: str
    before_hash: str
    after_hash: str
    address: str
    request: str


class Audit:
    """Writes, reads and checks the log."""

    def __init__(self, database: Database, deployment: Deployment) -> None:
        self._db = database
        self._key = deployment.audit_key

    @contextmanager
    def act(self, act: Act, now: int) -> Iterator[Noted]:
        """Do what follows and note it, in one transaction: both are stored, or neither."""
        with self._db.joined():
            noted = Noted(act.object, act.tenant_id)
            yield noted
            self._write(act, noted, now)

    def note(self, act: Act, now: int) -> None:
        """Note something that changes nothing else."""
        with self.act(act, now):
            pass

    def add(self, act: Act, now: int) -> None:
        """Note something inside the transaction that does it."""
        self._write(act, Noted(act.object, act.tenant_id), now)

    def list(
        self,
        tenant_id: int | None,
        *,
        since: int | None = None,
        until: int | None = None,
        action: str | None = None,
        actor: str | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> builtins.list[AuditRow]:
        """The newest entries, newest first; those of a tenant, or of all (``None``). ``since``
        belongs to them, ``until`` does not; ``before`` is an id to go on from."""
        wanted = {
            "tenant_id = ?": tenant_id,
            "at >= ?": since,
            "at < ?": until,
            "action = ?": None if action is None else columns.text(action),
            "actor = ?": None if actor is None else columns.text(actor),
            "id < ?": before,
        }
        chosen = {claim: value for claim, value in wanted.items() if value is not None}
        where = f" WHERE {' AND '.join(chosen)}" if chosen else ""
        rows = self._db.all(
            f"SELECT {_COLUMNS} FROM audit{where} ORDER BY id DESC LIMIT ?",
            (*chosen.values(), limit),
        )
        return [AuditRow(*row) for row in rows]

    def seal_days(self, now: int) -> int:
        """Sign the number of entries of each day that is over, up to yesterday; gives how many
        days."""
        with self._db.transaction() as db:
            last = db.first("SELECT day, total FROM audit_day ORDER BY day DESC LIMIT 1")
            if last is None:
                first = db.first("SELECT min(at) FROM audit")
                if first is None or first[0] is None:
                    return 0
                day, total = _day(first[0]), 0
            else:
                day, total = _next(last[0]), last[1]
            sealed = 0
            while _end(day) + _LATE <= now:
                total = self._seal_day(day, total)
                day, sealed = _next(day), sealed + 1
        return sealed

    def forget_before(self, now: int) -> int:
        """Delete the entries of days more than a year ago; gives how many. Days that are not
        sealed stay."""
        oldest = _day(now - KEPT_DAYS * DAY)
        with self._db.transaction() as db:
            # The newest day stays: the next one counts on from it.
            newest = db.first("SELECT max(day) FROM audit_day")
            if newest is None or newest[0] is None:
                return 0
            oldest = min(oldest, newest[0])
            db.run("DELETE FROM audit_day WHERE day < ?", (oldest,))
            return db.run("DELETE FROM audit WHERE at < ?", (_begin(oldest),))

    def verify(self, now: int) -> builtins.list[str]:
        """What is wrong with the log; empty when every entry is as it was written and none is
        missing."""
        days: dict[str, int] = {}
        found: builtins.list[str] = []
        last = 0
        while rows := self._db.all(
            f"SELECT {_COLUMNS}, mac FROM audit WHERE id > ? ORDER BY id LIMIT 1000", (last,)
        ):
            for *fields, mac in rows:
                last, day = fields[0], _day(fields[1])
                days[day] = days.get(day, 0) + 1
                if not hmac.compare_digest(self._signed("entry", *fields), bytes(mac)):
                    found.append(f"entry {last} of {day} was changed or added")
        return found + self._wrong_days(days, now)

    def _write(self, act: Act, noted: Noted, now: int) -> None:
        db = self._db
        # A clock that went back must not put an entry into a day that is counted already.
        newest = db.first("SELECT max(day) FROM audit_day")
        at = max(now, _end(newest[0])) if newest and newest[0] else now
        fields = (
            at,
            *(columns.text(act.actor)[:_LONGEST], noted.tenant_id),
            *(columns.text(word)[:_LONGEST] for word in (act.action, noted.object)),
            *(self._hash(value) for value in (noted.before, noted.after)),
            *(columns.text(word)[:_LONGEST] for word in (act.address, act.request)),
        )
        row = db.first(
            "INSERT INTO audit (at, actor, tenant_id, action, object, before_hash, after_hash,"
            " address, request, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (*fields, b""),
        )
        assert row is not None  # it was inserted
        db.run(
            "UPDATE audit SET mac = ? WHERE id = ? AND tenant_id = ?",
            (self._signed("entry", row[0], *fields), row[0], noted.tenant_id),
        )

    def _seal_day(self, day: str, total: int) -> int:
        row = self._db.first(
            "SELECT count(*), coalesce(max(id), 0) FROM audit WHERE at >= ? AND at < ?",
            (_begin(day), _end(day)),
        )
        assert row is not None  # a count gives a row
        entries, last_id = row
        total += entries
        self._db.run(
            "INSERT INTO audit_day (day, entries, total, last_id, mac) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (day) DO NOTHING",
            (day, entries, total, last_id, self._signed("day", day, entries, total, last_id)),
        )
        return total

    def _wrong_days(self, days: dict[str, int], now: int) -> builtins.list[str]:
        sealed = self._db.all(
            "SELECT day, entries, total, last_id, mac FROM audit_day ORDER BY day"
        )
        found = [
            f"the seal of {day} was changed"
            for day, entries, total, last_id, mac in sealed
            if not hmac.compare_digest(
                self._signed("day", day, entries, total, last_id), bytes(mac)
            )
        ]
        found += [
            f"{day} has {days.get(day, 0)} entries, {entries} were written"
            for day, entries, *_ in sealed
            if days.get(day, 0) != entries
        ]
        return found + _gaps(sealed, days, now)

    def _hash(self, value: str | bytes) -> str:
        if not value:
            return ""
        given = value.encode("utf-8", "replace") if isinstance(value, str) else value
        return hmac.digest(self._key, b"value\0" + given, "sha256")[:16].hex()

    def _signed(self, *fields: object) -> bytes:
        parts = [str(field).encode() for field in fields]
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(self._key, framed, "sha256")


def _gaps(sealed: list[Row], days: dict[str, int], now: int) -> list[str]:
    """What is wrong between the sealed days, and before the first of them: it has to be the first
    ever, or as old as what is dropped with age. Days after the last one are not sealed yet."""
    if not sealed:
        return []
    day, entries, total, *_ = sealed[0]
    found = [f"{early} has entries and no seal" for early in sorted(days) if early < day]
    if total != entries and day > _day(now - KEPT_DAYS * DAY):
        found.append(f"{total - entries} entries before {day} are missing")
    for before, after in itertools.pairwise(sealed):
        if after[0] != _next(before[0]) or after[2] != before[2] + after[1]:
            found.append(f"seals between {before[0]} and {after[0]} are missing")
    return found


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()


def _next(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _begin(day: str) -> int:
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000


def _end(day: str) -> int:
    return _begin(day) + DAY
