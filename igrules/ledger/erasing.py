"""Forget a person: end what is open, cut the conversation off its person, then empty it in slices.

What becomes of each column stands in `igrules.ledger.tables`; here is only how it is done.

Why the conversation is cut off first: from then on nothing is sent any more, a worker that is in
the middle of a turn has lost its lease and writes nothing back, and a later message begins a new
conversation with a new contact.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import igrules.ledger.columns as columns
from igrules.ledger.database import Database, Row, holders, tuples
from igrules.ledger.deployment import Deployment
from igrules.ledger.leases import NOBODY
from igrules.ledger.runs import PARKED
from igrules.ledger.tables import (
    BY_NAME,
    CLASSIFIED,
    HASHED,
    WIPED,
    Column,
    Table,
)

T = TypeVar("T")
_OPEN_SENDS = "state IN ('pending', 'sending', 'doubt', 'parked')"
_ALONE = frozenset({"key", "slot"})
"""Hashed columns that no two sends share, not even one and a later one under the same name."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as the tenant's accounts know them: ids at Instagram, and user names."""

    ids: tuple[str, ...]
    names: tuple[str, ...]


def subject(deployment: Deployment, tenant_id: int, ids: Iterable[str]) -> bytes:
    """What stands for these ids of a person and tells nothing: 16 bytes each, in order."""
    return b"".join(sorted(hashed_person(deployment, tenant_id, id) for id in set(ids)))


def hashed_person(deployment: Deployment, tenant_id: int, id: str) -> bytes:
    """16 bytes for one id of a person."""
    return deployment.hashed(b"person", str(tenant_id).encode(), id.encode("utf-8", "replace"))


def replaced(deployment: Deployment, value: str) -> str:
    """What stands in place of an id that has to stay unique."""
    return "#" + deployment.hashed(b"erased", value.encode("utf-8", "replace")).hex()


def find(db: Database, tenant_id: int, account_id: int, person: str) -> Person | None:
    """Everybody this id or ``@name`` means at the tenant's accounts (0: all of them); ``None``:
    nobody."""
    wanted = columns.text(person)
    name = wanted[1:] if wanted.startswith("@") else ""
    accounts = _accounts(db, tenant_id, account_id)
    rows = _contacts(db, tenant_id, accounts, "person", [wanted])
    if name:
        rows += _contacts(db, tenant_id, accounts, "username", [name])
    names = {row[2] for row in rows if row[2]} | ({name} - {""})
    # The same person has another id at every account; the user name is what they share. Where they
    # are known already, it may be somebody else's by now.
    elsewhere = sorted(set(accounts) - {row[3] for row in rows})
    rows += _contacts(db, tenant_id, elsewhere, "username", sorted(names))
    ids = {wanted, *(row[1] for row in rows), *(f"@{name}" for name in names)}
    if not rows and not lanes(db, tenant_id, account_id, ids):
        return None
    return Person(tuple(sorted(ids)), tuple(sorted(names)))


def contact_ids(db: Database, tenant_id: int, account_id: int, ids: Collection[str]) -> list[int]:
    """The rows of the contacts with these ids at Instagram."""
    accounts = _accounts(db, tenant_id, account_id)
    rows = _contacts(db, tenant_id, accounts, "person", sorted(ids))
    return sorted(row[0] for row in rows)


def _accounts(db: Database, tenant_id: int, account_id: int) -> list[int]:
    """This account, or (0) all of the tenant's."""
    if account_id:
        return [account_id]
    return [row[0] for row in db.all("SELECT id FROM account WHERE tenant_id = ?", (tenant_id,))]


def _contacts(
    db: Database, tenant_id: int, accounts: Sequence[int], column: str, values: Sequence[str]
) -> list[Row]:
    """Id, person, user name and account of the contacts with one of these values, by index."""
    rows: list[Row] = []
    for account in accounts:
        for part in _parts(values):
            rows += db.all(
                "SELECT id, person, username, account_id FROM contact WHERE account_id = ?"
                f" AND {column} IN ({holders(len(part))}) AND +tenant_id = ?",
                [account, *part, tenant_id],
            )
    return rows


def named(db: Database, tenant_id: int, ids: Collection[str]) -> Person:
    """These ids of a person, with the user names that are stored."""
    accounts = _accounts(db, tenant_id, 0)
    rows = _contacts(db, tenant_id, accounts, "person", sorted(ids))
    names = {row[2] for row in rows if row[2]}
    return Person(tuple(sorted(ids)), tuple(sorted(names)))


def detach(
    db: Database, tenant_id: int, account_id: int, ids: Collection[str], now: int
) -> list[int]:
    """End everything open of these people, take their names off their lanes and delete their
    contacts, inside a transaction. Gives the lanes, which nobody's worker holds any more."""
    found = lanes(db, tenant_id, account_id, ids, db.locked)
    for lane in found:
        _end(db, tenant_id, lane, now)
        db.run(
            "UPDATE lane SET person = ?, due = NULL, owner = NULL, deaths = 0, fence = fence + 1"
            " WHERE id = ? AND tenant_id = ?",
            (f"{NOBODY}{lane}", lane, tenant_id),
        )
    for part in _parts(contact_ids(db, tenant_id, account_id, ids)):
        for table, column in (("mark", "contact_id"), ("contact", "id")):
            db.run(
                f"DELETE FROM {table} WHERE {column} IN ({holders(len(part))}) AND +tenant_id = ?",
                [*part, tenant_id],
            )
    return found


def _end(db: Database, tenant_id: int, lane: int, now: int) -> None:
    """Close what waits in a lane: its events without an answer, its sends unsent, its runs."""
    db.run(
        "INSERT INTO decision (inbox_id, replay, tenant_id, ruleset_version, outcome, reason,"
        " created_at) SELECT id, replays, tenant_id, 0, 'skipped', 'erased', ? FROM inbox"
        " WHERE lane_id = ? AND tenant_id = ? AND state = 'open' ON CONFLICT DO NOTHING",
        (now, lane, tenant_id),
    )
    db.run(
        "UPDATE inbox SET state = 'closed', old_epoch = NULL"
        " WHERE lane_id = ? AND tenant_id = ? AND state = 'open'",
        (lane, tenant_id),
    )
    db.run(
        "UPDATE send SET state = 'cancelled', reason = 'erased', closed_at = ?"
        f" WHERE lane_id = ? AND tenant_id = ? AND {_OPEN_SENDS}",
        (now, lane, tenant_id),
    )
    db.run(
        "UPDATE run SET state = 'ended', ended = 'cancelled', why = 'erased', wake_at = NULL,"
        f" ended_at = ? WHERE lane_id = ? AND tenant_id = ? AND {PARKED}",
        (now, lane, tenant_id),
    )


def lanes(
    db: Database, tenant_id: int, account_id: int, ids: Iterable[str], locked: str = ""
) -> list[int]:
    """The lanes of these people."""
    accounts = _accounts(db, tenant_id, account_id)
    pairs = sorted((account, id) for account in accounts for id in ids)
    found: list[int] = []
    for part in _parts(pairs):
        rows = db.all(
            "SELECT id FROM lane WHERE (account_id, person) IN"
            f" (VALUES {tuples(len(part), 2)}) AND tenant_id = ?"
            f" ORDER BY account_id, person{locked}",
            [value for pair in part for value in pair] + [tenant_id],
        )
        found += [row[0] for row in rows]
    return found


def wipe(
    db: Database, deployment: Deployment, tenant_id: int, which: Sequence[int], limit: int
) -> int:
    """Empty up to ``limit`` rows of these lanes, in one transaction; 0: nothing is left."""
    for table in CLASSIFIED:
        if table.erasure != WIPED or not table.lane:
            continue
        for lane in which:
            rows = _unwiped(db, table, tenant_id, lane, limit)
            if rows:
                with db.transaction():
                    for row in rows:
                        if table.name == "send":
                            _wipe_echo(db, deployment, tenant_id, row[0])
                        _wipe_row(db, deployment, table, tenant_id, row)
                return len(rows)
    return 0


def _wipe_echo(db: Database, deployment: Deployment, tenant_id: int, send_id: int) -> None:
    """What we said came back as an event, perhaps in a lane of the account's own."""
    for (id,) in db.all(
        "SELECT i.id FROM send s JOIN inbox i ON i.account_id = s.account_id"
        " AND i.ref = s.message_id WHERE s.id = ? AND s.tenant_id = ? AND s.message_id <> ''",
        (send_id, tenant_id),
    ):
        _wipe_row(db, deployment, BY_NAME["inbox"], tenant_id, (id,))
        for row in db.all(
            "SELECT id FROM decision WHERE inbox_id = ? AND tenant_id = ?", (id, tenant_id)
        ):
            _wipe_row(db, deployment, BY_NAME["decision"], tenant_id, row)


def _unwiped(db: Database, table: Table, tenant_id: int, lane: int, limit: int) -> list[Row]:
    left = " OR ".join(_left(name, how.erased, how.blank) for name, how in _changing(table))
    names = ", ".join([*table.key, *_hashed(table)])
    return db.all(
        f"SELECT {names} FROM {table.name} WHERE {table.lane} AND ({left}) LIMIT ?",
        (lane, tenant_id, limit),
    )


def _left(name: str, erased: str, blank: str | None) -> str:
    """The condition that a column still says something."""
    if erased == HASHED:
        return f"({name} <> '' AND {name} NOT LIKE '#%')"
    if blank is None:
        return f"{name} IS NOT NULL"
    return f"{name} <> ''" if not blank else f"{name} NOT IN ('', '{blank}')"


def _wipe_row(db: Database, deployment: Deployment, table: Table, tenant_id: int, row: Row) -> None:
    changes: list[str] = []
    values: list[object] = []
    given = dict(zip((*table.key, *_hashed(table)), row, strict=True))
    for name, how in _changing(table):
        if how.erased == HASHED:
            value = given[name]
            plain = not value or str(value).startswith("#")
            whole = f"{value} {given['id']}" if name in _ALONE else value
            changes.append(f"{name} = ?")
            values.append(value if plain else replaced(deployment, whole))
        elif how.blank:
            changes.append(f"{name} = CASE WHEN {name} = '' THEN '' ELSE '{how.blank}' END")
        else:
            changes.append(f"{name} = {'NULL' if how.blank is None else repr('')}")
    where = [f"{name} = ?" for name in table.key]
    values += [given[name] for name in table.key]
    if "tenant_id" in table.columns:
        where.append("tenant_id = ?")
        values.append(tenant_id)
    db.run(f"UPDATE {table.name} SET {', '.join(changes)} WHERE {' AND '.join(where)}", values)


def _changing(table: Table) -> list[tuple[str, Column]]:
    return [(name, how) for name, how in table.columns.items() if how.erased in (HASHED, WIPED)]


def _hashed(table: Table) -> list[str]:
    return [name for name, how in table.columns.items() if how.erased == HASHED]


def _parts(items: Collection[T]) -> Iterable[list[T]]:
    """The items in portions, since a statement takes so many parameters only."""
    whole = list(items)
    for start in range(0, len(whole), 500):
        yield whole[start : start + 500]
