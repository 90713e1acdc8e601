"""Delete what is older than it may be, slice by slice, so that nobody waits for it.

How long what is kept stands in `igrules.ledger.tables`. Open things are never touched: an event
that waits, a send whose outcome is not known.

Why rows of events and sends are walked from the oldest on: ids follow time, so a slice is found
without an index of its own, and the walk ends where the young ones begin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from igrules.ledger.audit import Audit
from igrules.ledger.database import Database, Row, holders
from igrules.ledger.days import DAY
from igrules.ledger.open_sends import OPEN
from igrules.ledger.tables import BY_NAME, CLASSIFIED, Kept, Table

SLICE = 500
_WALKED = ("inbox", "send")
_APART = (*_WALKED, "contact", "run")
_PEOPLE = 2_000
"""Contacts that are looked at in one go."""


def purge(
    db: Database, audit: Audit, now: int, is_over: Callable[[], bool], slice: int = SLICE
) -> int:
    """Delete or empty everything whose time is over; gives the number of rows. ``is_over`` is
    asked after each slice: the rest stays for the next time."""
    total = 0
    for count in chain(
        _texts(db, now, slice),
        _people(db, now),
        _runs(db, now, slice),
        _history(db, now, slice),
        _rest(db, now, slice),
    ):
        total += count
        if is_over():
            return total
    return total + audit.forget_before(now)


def _rest(db: Database, now: int, slice: int) -> Iterator[int]:
    for table in CLASSIFIED:
        for kept in table.kept:
            if table.name not in _APART and not kept.shortened:
                yield from _simple(db, table, kept, now, slice)


def _texts(db: Database, now: int, slice: int) -> Iterator[int]:
    """Empty what people wrote, and what was answered, tenant by tenant."""
    for tenant_id, keep in db.all("SELECT id, keep FROM tenant ORDER BY id"):
        for table in CLASSIFIED:
            for kept in table.kept:
                if kept.shortened:
                    days = kept.days * DAY
                    before = now - (days if keep is None else min(keep, days))
                    yield from _emptied(db, table, kept, tenant_id, before, slice)


def _emptied(
    db: Database, table: Table, kept: Kept, tenant_id: int, before: int, slice: int
) -> Iterator[int]:
    first = kept.wipes[0]
    # The words of the index of texts, which holds only what is not empty yet.
    old = f"tenant_id = ? AND {kept.by} < ? AND {first} IS NOT NULL"
    if kept.where:
        old += f" AND {kept.where}"
    yield from _repeat(db, table, kept, slice, old, [tenant_id, before])


def _blank(table: Table, name: str) -> str:
    return "''" if table.columns[name].blank == "" else "NULL"


def _simple(db: Database, table: Table, kept: Kept, now: int, slice: int) -> Iterator[int]:
    """Rows that an index finds, or of which there are few."""
    old = f"{kept.by} < ?" + (f" AND {kept.where}" if kept.where else "")
    if kept.wipes:
        old += f" AND {kept.wipes[0]} IS NOT NULL"
    yield from _repeat(db, table, kept, slice, old, [now - kept.days * DAY])


def _repeat(
    db: Database, table: Table, kept: Kept, slice: int, old: str, values: Sequence[int]
) -> Iterator[int]:
    """Empty, or delete, what is ``old``. Looked for first: mostly there is nothing, and then nobody
    has to wait for the turn to write."""
    key = ", ".join(table.key)
    whole = key if len(table.key) == 1 else f"({key})"
    emptied = ", ".join(f"{name} = {_blank(table, name)}" for name in kept.wipes)
    change = f"UPDATE {table.name} SET {emptied}" if emptied else f"DELETE FROM {table.name}"
    sql = f"{change} WHERE {whole} IN (SELECT {key} FROM {table.name} WHERE {old} LIMIT ?)"
    while db.first(f"SELECT 1 FROM {table.name} WHERE {old} LIMIT 1", values):
        with db.transaction(durable=False):
            count = db.run(sql, [*values, slice])
        yield count


def _history(db: Database, now: int, slice: int) -> Iterator[int]:
    """Delete events with their decisions, and sends with their attempts."""
    for name, hanging, by in (("send", "attempt", "send_id"), ("inbox", "decision", "inbox_id")):
        (kept,) = [one for one in BY_NAME[name].kept if not one.wipes]
        before = now - kept.days * DAY
        after = 0
        while rows := db.all(
            f"SELECT id, {kept.by}, CASE WHEN {kept.where} THEN 1 ELSE 0 END, lane_id FROM {name}"
            " WHERE id > ? ORDER BY id LIMIT ?",
            (after, slice),
        ):
            old = [row for row in rows if row[1] < before and row[2]]
            if old:
                yield _drop(db, name, hanging, by, old)
            if rows[-1][1] >= before:
                break
            after = rows[-1][0]


def _runs(db: Database, now: int, slice: int) -> Iterator[int]:
    """Delete runs that ended long ago."""
    (kept,) = [one for one in BY_NAME["run"].kept if not one.wipes]
    old = f"SELECT id, lane_id FROM run WHERE {kept.by} < ? AND {kept.where} LIMIT ?"
    while rows := db.all(old, (now - kept.days * DAY, slice)):
        with db.transaction(durable=False):
            ids = [row[0] for row in rows]
            count = db.run(f"DELETE FROM run WHERE id IN ({holders(len(ids))})", ids)
            count += _drop_lanes(db, sorted({row[1] for row in rows}))
        yield count


def _drop(db: Database, name: str, hanging: str, by: str, rows: Sequence[Row]) -> int:
    ids = [row[0] for row in rows]
    with db.transaction(durable=False):
        count = db.run(f"DELETE FROM {hanging} WHERE {by} IN ({holders(len(ids))})", ids)
        count += db.run(f"DELETE FROM {name} WHERE id IN ({holders(len(ids))})", ids)
        return count + _drop_lanes(db, sorted({row[3] for row in rows}))


def _drop_lanes(db: Database, lanes: Sequence[int]) -> int:
    """Delete those of these conversations that nothing hangs on any more."""
    if not lanes:
        return 0
    # Locked first: what a split has put into one meanwhile is seen by the next statement.
    idle = [
        row[0]
        for row in db.all(
            f"SELECT id FROM lane WHERE id IN ({holders(len(lanes))}) AND due IS NULL"
            f" AND owner IS NULL ORDER BY account_id, person{db.skipping}",
            lanes,
        )
    ]
    if not idle:
        return 0
    return db.run(
        f"DELETE FROM lane WHERE id IN ({holders(len(idle))})"
        " AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.lane_id = lane.id)"
        " AND NOT EXISTS (SELECT 1 FROM send s WHERE s.lane_id = lane.id)"
        " AND NOT EXISTS (SELECT 1 FROM run r WHERE r.lane_id = lane.id)"
        " AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.account_id = lane.account_id"
        " AND c.person = lane.person)",
        idle,
    )


def _people(db: Database, now: int) -> Iterator[int]:
    """Delete contacts nobody has heard of for long, with their marks, and profiles that are out of
    date."""
    profile, whole = BY_NAME["contact"].kept
    emptied = ", ".join(f"{name} = NULL" for name in profile.wipes)
    newest = db.number("SELECT max(id) FROM contact")
    for start in range(0, newest, _PEOPLE):
        part = (start, start + _PEOPLE)
        with db.transaction(durable=False):
            count = db.run(
                f"UPDATE contact SET {emptied} WHERE id > ? AND id <= ? AND {profile.by} < ?",
                (*part, now - profile.days * DAY),
            )
        yield count
        rows = db.all(
            "SELECT id, account_id, person FROM contact WHERE id > ? AND id <= ?"
            f" AND {whole.by} < ? AND NOT EXISTS (SELECT 1 FROM lane l JOIN send s"
            " ON s.lane_id = l.id WHERE l.account_id = contact.account_id"
            f" AND l.person = contact.person AND s.{OPEN})"
            f" ORDER BY id LIMIT {SLICE}",
            (*part, now - whole.days * DAY),
        )
        if rows:
            yield _drop_people(db, rows, now - whole.days * DAY)


def _drop_people(db: Database, rows: Sequence[Row], before: int) -> int:
    ids = [row[0] for row in rows]
    by = BY_NAME["contact"].kept[1].by
    with db.transaction(durable=False):
        # Looked at once more under lock: they may have written since.
        gone = [
            row[0]
            for row in db.all(
                f"SELECT id FROM contact WHERE id IN ({holders(len(ids))}) AND {by} < ?{db.locked}",
                [*ids, before],
            )
        ]
        if not gone:
            return 0
        count = db.run(f"DELETE FROM mark WHERE contact_id IN ({holders(len(gone))})", gone)
        count += db.run(f"DELETE FROM contact WHERE id IN ({holders(len(gone))})", gone)
        lanes = [
            found[0]
            for id, account_id, person in rows
            if id in gone
            for found in db.all(
                "SELECT id FROM lane WHERE account_id = ? AND person = ?", (account_id, person)
            )
        ]
        return count + _drop_lanes(db, lanes)
