"""Runs that have stopped somewhere: stored with everything their next step may look at.

Why the event that started a run is stored once more: what came in is emptied by age, and a run may
live longer than that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import igrules.ledger.columns as columns
from igrules.errors import Stale
from igrules.ledger.database import Database, Row, tuples
from igrules.ledger.deployment import Deployment
from igrules.ledger.values import Lane
from igrules.model import Effect
from igrules.runs import LONGEST_LIFE, Run, plain_run, read_run

PARKED = "state <> 'ended'"
"""The condition of the indices of what has not ended. With a table's alias: ``r.{PARKED}``."""

SELECT = (
    "id, inbox_id, rule, ruleset_version, step, vars, state, ended, why, wake_at, expects,"
    " unless_reply, steps_used, started_at, expires_at"
)
"""The columns `run_of_row` reads, in order."""


def parked(db: Database, lane: Lane) -> tuple[Run, ...]:
    """The lane's runs that have not ended, oldest first."""
    rows = db.all(
        f"SELECT {SELECT} FROM run WHERE lane_id = ? AND {PARKED} AND +tenant_id = ? ORDER BY id",
        (lane.id, lane.tenant_id),
    )
    return tuple(run_of_row(row) for row in rows)


def one(db: Database, lane: Lane, id: int) -> Run | None:
    """One parked run of the lane."""
    row = db.first(
        f"SELECT {SELECT} FROM run WHERE id = ? AND lane_id = ? AND {PARKED} AND +tenant_id = ?",
        (id, lane.id, lane.tenant_id),
    )
    return run_of_row(row) if row else None


def keep(
    db: Database, deployment: Deployment, lane: Lane, runs: Sequence[Run], now: int
) -> Mapping[str, int | None]:
    """Store new runs and the new state of known ones, inside a transaction that holds the lane.

    Gives the row of each new run by its rule, ``None`` where this event has started it before.
    Raises `Stale` when a known one has ended meanwhile: somebody cancelled it.
    """
    new: dict[str, int | None] = {}
    for run in runs:
        if run.id:
            _change(db, lane, run, now)
        else:
            new[run.rule] = _insert(db, deployment, lane, run, now)
    return new


def _insert(db: Database, deployment: Deployment, lane: Lane, run: Run, now: int) -> int | None:
    state = _state(run, now)
    row = db.first(
        "INSERT INTO run (tenant_id, account_id, lane_id, inbox_id, key, rule, ruleset_version,"
        f" started_at, epoch, {', '.join(state)}) VALUES {tuples(1, 9 + len(state))}"
        " ON CONFLICT (key) DO NOTHING RETURNING id",
        [lane.tenant_id, lane.account_id, lane.id, run.event.id, columns.text(run.key),
         columns.text(run.rule), run.version, run.started_at or now, deployment.epoch,
         *state.values()],
    )  # fmt: skip
    return int(row[0]) if row else None


def _change(db: Database, lane: Lane, run: Run, now: int) -> None:
    state = _state(run, now)
    changes = ", ".join(f"{name} = ?" for name in state)
    if not db.run(
        f"UPDATE run SET {changes} WHERE id = ? AND lane_id = ? AND {PARKED} AND +tenant_id = ?",
        [*state.values(), run.id, lane.id, lane.tenant_id],
    ):
        raise Stale(f"run {run.id} has ended meanwhile", "decide again")


def _state(run: Run, now: int) -> dict[str, Any]:
    """The columns that change while a run lives."""
    is_over = run.state == "ended"
    expires_at = run.expires_at or (run.started_at or now) + LONGEST_LIFE
    wake_at = None if is_over else run.wake_at
    return {
        "step": columns.text(run.step),
        "vars": columns.to_json(plain_run(run)),
        "state": run.state,
        "ended": run.ended,
        "why": columns.text(run.why),
        "wake_at": wake_at,
        "due_at": expires_at if wake_at is None else min(wake_at, expires_at),
        "expects": columns.text(run.expects) if run.state == "calling" else "",
        "unless_reply": columns.yes(run.unless_reply),
        "steps_used": run.steps_used,
        "expires_at": expires_at,
        "ended_at": now if is_over else None,
    }


def run_of_row(row: Row) -> Run:
    """The run a row of `SELECT` holds."""
    (
        id, inbox_id, rule, version, step, variables, state, ended, why, wake_at, expects,
        unless_reply, steps_used, started_at, expires_at,
    ) = row  # fmt: skip
    known = read_run({"event": {}, **(columns.from_json(variables) or {})})
    return replace(
        known,
        rule=rule,
        version=version,
        event=replace(known.event, id=inbox_id),
        state=state,
        ended=ended,
        why=why,
        step=step,
        wake_at=wake_at,
        expects=expects,
        unless_reply=unless_reply == "yes",
        steps_used=steps_used,
        started_at=started_at,
        expires_at=expires_at,
        id=id,
    )


def linked(effects: Sequence[Effect], new: Mapping[str, int | None]) -> Sequence[Effect]:
    """The effects with the rows of the runs that make them.

    Those of a run that the same event has started before are left out: they were made then, or
    that run has gone another way since.
    """
    if not new:
        return effects
    return [
        effect
        if effect.run or effect.rule not in new
        else replace(effect, run=new[effect.rule] or 0)
        for effect in effects
        if effect.run or new.get(effect.rule, 0) is not None
    ]


def expired(runs: Sequence[Run]) -> Sequence[Run]:
    """The runs, over before they could wait for anything."""
    return [replace(run, state="ended", ended="expired") for run in runs]
