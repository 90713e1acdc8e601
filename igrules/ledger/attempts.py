"""The calls that were made for a send, as they were settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from igrules.ledger.database import Database, holders


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One call. ``ended_at`` ``None``: it is under way, or nobody heard of its end."""

    send_id: int
    number: int
    started_at: int
    ended_at: int | None
    outcome: str
    status: int
    code: int
    subcode: int
    trace_id: str


def of_sends(db: Database, tenant_id: int, send_ids: Sequence[int]) -> list[AttemptRow]:
    """All attempts of these sends of a tenant, in order."""
    if not send_ids:
        return []
    rows = db.all(
        "SELECT a.send_id, a.n, a.started_at, a.ended_at, a.outcome, a.status, a.code, a.subcode,"
        " a.fbtrace_id FROM attempt a JOIN send s ON s.id = a.send_id"
        f" WHERE s.tenant_id = ? AND a.send_id IN ({holders(len(send_ids))})"
        " ORDER BY a.send_id, a.n",
        [tenant_id, *send_ids],
    )
    return [AttemptRow(*row) for row in rows]
