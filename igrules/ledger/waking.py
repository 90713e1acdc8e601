"""Wake the conversations whose sends were kept back by what is over now, in slices.

Why in slices, and why the row of a hold stays until the last: ten thousand conversations in one
transaction would keep everybody else from writing, and a process that dies in between leaves a row
by which the next one goes on.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from igrules.ledger.database import Database, Row, holders
from igrules.ledger.open_sends import HELD
from igrules.ledger.turns import wake_tenants

_SLICE = 500
_DUE = "not_before = ?, reason = ''"
_DROPPED = "state = 'skipped', closed_at = ?, reason = 'paused'"


def share(send_id: int, span: int) -> int:
    """A part of ``span`` that is always the same for a send and even over many."""
    return zlib.crc32(str(send_id).encode()) % max(1, span)


def let_gates_end(db: Database, tenant_id: int | None) -> None:
    """Wait until whoever may have found a gate closed that is open now has stored that its send
    waits: it keeps its lane locked until then. ``tenant_id`` ``None``: a gate of all tenants. On
    SQLite nobody writes beside us."""
    if not db.locked:
        return
    only, which = ("", []) if tenant_id is None else (" AND tenant_id = ?", [tenant_id])
    with db.transaction():
        db.all(
            f"SELECT id FROM lane WHERE owner IS NOT NULL AND due IS NOT NULL{only}"
            f" ORDER BY account_id, person{db.locked}",
            which,
        )


def wake(
    database: Database,
    accounts: Sequence[int],
    reason: str,
    kind: str,
    now: int,
    *,
    drop: bool = False,
) -> int:
    """Make due what waits at these accounts for this reason, the oldest first; gives how many.
    ``kind``: only these sends, unless empty. ``drop``: they end as skipped instead."""
    change = _DROPPED if drop else _DUE
    return sum(_wake_account(database, id, reason, kind, now, change) for id in accounts)


def leave_line(database: Database, account_id: int, reason: str, now: int) -> int:
    """Make due what waits in a line of this account, the oldest first, as if it had just come;
    gives how many."""
    return _wake_account(database, account_id, reason, "", now, f"{_DUE}, place = NULL")


def _wake_account(
    database: Database, account_id: int, reason: str, kind: str, now: int, change: str
) -> int:
    count, last = 0, 0
    while True:
        rows = held(database, account_id, reason, kind, after=last, limit=_SLICE)
        if not rows:
            return count
        last = rows[-1][0]
        with database.transaction() as db:
            count += _change(db, rows, reason, now, change)


def held(
    db: Database, account_id: int, reason: str, kind: str, *, after: int = 0, limit: int = 1
) -> list[tuple[int, int]]:
    """The oldest sends that wait for this reason, each with its lane."""
    only, more = (" AND kind = ?", [kind]) if kind else ("", [])
    rows = db.all(
        f"SELECT id, lane_id FROM send WHERE {HELD} AND account_id = ? AND id > ? AND reason = ?"
        f"{only} ORDER BY account_id, id LIMIT ?",
        [account_id, after, reason, *more, limit],
    )
    return [(int(id), int(lane_id)) for id, lane_id in rows]


def _change(
    db: Database, rows: Sequence[tuple[int, int]], reason: str, now: int, change: str
) -> int:
    ids, lanes = [id for id, _ in rows], sorted({lane for _, lane in rows})
    locked = db.all(
        f"SELECT id, tenant_id FROM lane WHERE id IN ({holders(len(lanes))})"
        f" ORDER BY account_id, person{db.locked}",
        lanes,
    )
    count = db.run(
        f"UPDATE send SET {change} WHERE id IN ({holders(len(ids))})"
        " AND state = 'pending' AND reason = ?",
        [now, *ids, reason],
    )
    make_due(db, locked, now)
    return count


def make_due(db: Database, lanes: Sequence[Row], due: int) -> None:
    """Have these lanes, each with its tenant, looked at by ``due``, inside the transaction that has
    locked them."""
    for start in range(0, len(lanes), _SLICE):
        ids = [id for id, _ in lanes[start : start + _SLICE]]
        db.run(
            f"UPDATE lane SET due = ? WHERE id IN ({holders(len(ids))}) AND owner IS NULL"
            " AND (due IS NULL OR due > ?)",
            [due, *ids, due],
        )
    wake_tenants(db, {tenant_id for _, tenant_id in lanes}, due)
