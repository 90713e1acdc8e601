"""How many messages a tenant may send on a day of its own, and how many it has.

Why a day may begin with a number: while a tenant has no limit nothing is counted, since every
message of it would wait for one row. When it gets one in the middle of a day, what went out before
is looked up once.
"""

from __future__ import annotations

from dataclasses import dataclass

from igrules.ledger.database import Database
from igrules.ledger.days import begins, local_day, next_midnight, zone_at
from igrules.ledger.open_sends import OPEN

LIMITS = "t.per_day, t.most_per_day, t.zone, t.zone_next, t.zone_from"
"""The columns of ``tenant t`` that `Limits` holds, in order."""

REASON = "daily_limit"
"""Why a send waits for the next day, or has ended."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What limits a tenant's day: its own limit, the operator's, and the zone of the day."""

    own: int | None
    most: int | None
    zone: str
    zone_next: str
    zone_from: int | None

    @property
    def per_day(self) -> int | None:
        """The lower of the two limits; ``None``: there is none."""
        limits = [limit for limit in (self.own, self.most) if limit is not None]
        return min(limits) if limits else None

    def zone_at(self, now: int) -> str:
        """The zone that counts at a time."""
        return zone_at(self.zone, self.zone_next, self.zone_from, now)

    def day_at(self, now: int) -> str:
        """The day that counts at a time."""
        return local_day(self.zone_at(now), now)

    def next_day(self, now: int) -> int:
        """When another day counts: a midnight after which a new zone has the same date is none."""
        day, at = self.day_at(now), now
        while self.day_at(at) == day:
            at = next_midnight(self.zone_at(at), at)
        return at


def limits(db: Database, tenant_id: int) -> Limits:
    """The limits of a tenant; of one that is not there, none."""
    row = db.first(f"SELECT {LIMITS} FROM tenant t WHERE t.id = ?", (tenant_id,))
    return Limits(*row) if row else Limits(None, None, "", "", None)


def take(db: Database, tenant_id: int, zone: str, day: str, limit: int) -> bool:
    """Take one of a day, inside a transaction; false when none is left."""
    if db.run(
        "INSERT INTO quota (tenant_id, day) VALUES (?, ?) ON CONFLICT (tenant_id, day) DO NOTHING",
        (tenant_id, day),
    ):
        db.run(
            "UPDATE quota SET used = ? WHERE tenant_id = ? AND day = ?",
            (_look_up(db, tenant_id, zone, day), tenant_id, day),
        )
    return bool(
        db.run(
            "UPDATE quota SET used = used + 1 WHERE tenant_id = ? AND day = ? AND used < ?",
            (tenant_id, day, limit),
        )
    )


def give_back(db: Database, tenant_id: int, day: str | None) -> None:
    """Return what was taken from the limit of this day."""
    if day:
        db.run(
            "UPDATE quota SET used = used - 1 WHERE tenant_id = ? AND day = ? AND used > 0",
            (tenant_id, day),
        )


def used(db: Database, tenant_id: int, limits: Limits, now: int) -> int:
    """How many messages count for the day so far: sent, or perhaps sent."""
    zone, day = limits.zone_at(now), limits.day_at(now)
    if limits.per_day is not None:
        row = db.first("SELECT used FROM quota WHERE tenant_id = ? AND day = ?", (tenant_id, day))
        if row is not None:
            return int(row[0])
    return _look_up(db, tenant_id, zone, day)


def change(db: Database, tenant_id: int, before: Limits, now: int) -> None:
    """Count the day anew when a limit came where none was, inside a transaction that has changed
    the limits."""
    after = limits(db, tenant_id)
    if before.per_day is None and after.per_day is not None:
        db.run("DELETE FROM quota WHERE tenant_id = ? AND day = ?", (tenant_id, after.day_at(now)))


def _look_up(db: Database, tenant_id: int, zone: str, day: str) -> int:
    """What holds a place of this day, and what went out on it without taking one."""
    closed = db.number(
        "SELECT count(*) FROM send WHERE tenant_id = ? AND closed_at IS NOT NULL"
        " AND closed_at >= ? AND counted = 'yes' AND ((quota_day = ? AND state <> 'dead')"
        " OR (quota_day IS NULL AND state IN ('sent', 'parked')))",
        (tenant_id, begins(zone, day), day),
    )
    # One that is `sending` without an attempt is just about to take its place.
    under_way = db.number(
        f"SELECT count(*) FROM send WHERE {OPEN} AND +tenant_id = ? AND counted = 'yes'"
        " AND (quota_day = ? OR (quota_day IS NULL AND (state = 'doubt' OR (state = 'sending'"
        " AND EXISTS (SELECT 1 FROM attempt WHERE attempt.send_id = send.id)))))",
        (tenant_id, day),
    )
    return closed + under_way
