"""Find events of a tenant: the newest first, of one person, one rule, one outcome.

Pages go by the time an event came and its id, so a page stays where it is while new ones come.
"""

from __future__ import annotations

from dataclasses import dataclass

import igrules.ledger.columns as columns
from igrules.ledger.database import Database
from igrules.ledger.history import SELECT_EVENT, event_of_row
from igrules.ledger.values import EventRow

_FAILED = frozenset({"failed", "quarantined"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events; what is empty does not matter. ``since`` is included, ``until`` not.
    ``rule`` is one that fired; ``outcome`` ``waiting`` are those not decided yet."""

    since: int | None = None
    until: int | None = None
    person: str = ""
    rule: str = ""
    outcome: str = ""
    kind: str = ""
    source: str = ""


ALL = Wanted()


def find(
    db: Database, tenant_id: int, wanted: Wanted, limit: int, before: tuple[int, int] | None
) -> list[EventRow]:
    """The newest of these, newest first; ``before`` is time and id of the last one seen."""
    where: list[str] = []
    values: list[object] = [tenant_id]

    def also(condition: str, *parameters: object) -> None:
        where.append(f" AND {condition}")
        values.extend(parameters)

    if before is not None:
        also("(i.received_at, i.id) < (?, ?)", *before)
    if wanted.since is not None:
        also("i.received_at >= ?", wanted.since)
    if wanted.until is not None:
        also("i.received_at < ?", wanted.until)
    if wanted.person:
        also(
            "i.lane_id IN (SELECT id FROM lane WHERE tenant_id = ? AND person = ? AND account_id"
            " IN (SELECT id FROM account WHERE tenant_id = ?))",
            tenant_id, columns.text(wanted.person), tenant_id,
        )  # fmt: skip
    if wanted.kind:
        also("i.kind = ?", columns.text(wanted.kind))
    if wanted.source:
        also("i.source = ?", wanted.source)
    if wanted.outcome == "waiting":
        also("d.id IS NULL")
    elif wanted.outcome:
        also("d.outcome = ?", wanted.outcome)
        if wanted.outcome in _FAILED:
            # Said again in the words of its index: what failed is found at once.
            also("d.outcome IN ('failed', 'quarantined') AND d.tenant_id = ?", tenant_id)
    if wanted.rule:
        also("d.rules LIKE ? ESCAPE '\\'", f"%,{_escaped(columns.text(wanted.rule))},%")
    few = bool(wanted.person) or wanted.outcome in _FAILED
    select = _among_few(SELECT_EVENT) if few else SELECT_EVENT
    rows = db.all(
        f"{select}{''.join(where)} ORDER BY i.received_at DESC, i.id DESC LIMIT ?",
        [*values, limit],
    )
    return [event_of_row(row) for row in rows]


def _among_few(select: str) -> str:
    """The statement, told that there are better ways to the rows than all of the tenant's."""
    return select.replace("WHERE i.tenant_id", "WHERE +i.tenant_id")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
