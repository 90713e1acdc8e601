"""Runs as people look at them: find them, read one, cancel them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import igrules.ledger.columns as columns
import igrules.ledger.runs as runs
from igrules.errors import NotFound
from igrules.ledger.database import Database, Row
from igrules.ledger.open_sends import CANCELLED, PENDING
from igrules.ledger.runs import PARKED
from igrules.runs import Run

ANY, STILL_PARKED = "any", "parked"
"""Which runs are listed, beside the states themselves."""

_NAMES = ", ".join(f"r.{name.strip()}" for name in runs.SELECT.split(","))
_ROW = (
    f"SELECT {_NAMES}, l.person, r.ended_at, CASE WHEN r.vars IS NULL THEN 0 ELSE 1 END"
    " FROM run r JOIN lane l ON l.id = r.lane_id WHERE r.tenant_id = ?"
)


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the ledger has it. ``known`` is false when what it knew is no longer stored."""

    run: Run = field(repr=False)
    person: str = ""
    ended_at: int | None = None
    known: bool = True

    @property
    def id(self) -> int:
        """The stored row."""
        return self.run.id


def newest(
    db: Database, tenant_id: int, limit: int, before: int | None, state: str, person: str
) -> list[RunRow]:
    """A tenant's runs, newest first; see `Scope.runs`."""
    where, values = "", [tenant_id]  # type: tuple[str, list[object]]
    if state == STILL_PARKED:
        where += f" AND r.{PARKED}"
    elif state != ANY:
        where += " AND r.state = ?" + ("" if state == "ended" else f" AND r.{PARKED}")
        values.append(state)
    if person:
        where += (
            " AND r.lane_id IN (SELECT id FROM lane WHERE tenant_id = ? AND person = ?"
            " AND account_id IN (SELECT id FROM account WHERE tenant_id = ?))"
        )
        values += [tenant_id, columns.text(person), tenant_id]
    if before is not None:
        where += " AND r.id < ?"
        values.append(before)
    rows = db.all(f"{_ROW}{where} ORDER BY r.id DESC LIMIT ?", [*values, limit])
    return [_row(row) for row in rows]


def one(db: Database, tenant_id: int, id: int) -> RunRow:
    """One run. Raises `NotFound`."""
    row = db.first(f"{_ROW} AND r.id = ?", (tenant_id, id))
    if row is None:
        raise _missing(id)
    return _row(row)


def _row(row: Row) -> RunRow:
    person, ended_at, known = row[-3:]
    return RunRow(runs.run_of_row(row[:-3]), person, ended_at, bool(known))


def _missing(id: int) -> NotFound:
    return NotFound(f"there is no run {id}", "look for it in the list of runs")


def cancel(db: Database, tenant_id: int, id: int, now: int) -> bool:
    """End a run, and what it has not said yet is not said; false when it had ended. Raises
    `NotFound`."""
    with db.transaction():
        row = db.first("SELECT lane_id FROM run WHERE id = ? AND tenant_id = ?", (id, tenant_id))
        if row is None:
            raise _missing(id)
        # The lane is locked before the run, as everywhere.
        db.first(
            f"SELECT id FROM lane WHERE id = ? AND tenant_id = ?{db.locked}", (row[0], tenant_id)
        )
        return bool(_end(db, tenant_id, "id = ?", [id], "cancelled", now))


def cancel_all(db: Database, tenant_id: int, now: int) -> int:
    """End all parked runs of a tenant; gives how many."""
    with db.transaction():
        db.all(
            "SELECT id FROM lane WHERE id IN (SELECT lane_id FROM run WHERE tenant_id = ?"
            f" AND {PARKED}) ORDER BY account_id, person{db.locked}",
            (tenant_id,),
        )
        return _end(db, tenant_id, "1 = 1", [], "cancelled", now)


def end_in_lane(
    db: Database, tenant_id: int, lane_id: int, ended: str, now: int, *, questions: bool = False
) -> None:
    """End the parked runs of a locked lane, or only the one whose question is open."""
    where = "lane_id = ?" + (" AND state = 'asking'" if questions else "")
    _end(db, tenant_id, where, [lane_id], ended, now)


def take_back(
    db: Database, tenant_id: int, lane_id: int, originals: str, which: Sequence[object], now: int
) -> None:
    """End the runs of a locked lane that these events began, and forget what they knew.
    ``originals`` is a statement of ours that gives the events, ``which`` its parameters."""
    where = f"lane_id = ? AND inbox_id IN ({originals})"
    _end(db, tenant_id, where, [lane_id, *which], "cancelled", now)
    db.run(
        f"UPDATE run SET vars = NULL WHERE {where} AND +tenant_id = ?",
        [lane_id, *which, tenant_id],
    )


def _end(
    db: Database, tenant_id: int, where: str, values: list[object], ended: str, now: int
) -> int:
    rows = db.all(
        "UPDATE run SET state = 'ended', ended = ?, wake_at = NULL, expects = '', ended_at = ?"
        f" WHERE {where} AND {PARKED} AND tenant_id = ? RETURNING id, lane_id",
        [ended, now, *values, tenant_id],
    )
    for id, lane_id in rows:
        db.run(
            f"UPDATE send SET state = {CANCELLED}, reason = ?, closed_at = ?"
            f" WHERE lane_id = ? AND {PENDING} AND run_id = ? AND +tenant_id = ?",
            (ended, now, lane_id, id, tenant_id),
        )
    return len(rows)
