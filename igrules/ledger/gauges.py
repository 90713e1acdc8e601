"""What waits and what stands in the whole installation, read in a few cheap statements.

Why not `stats`: those add up what ever happened; these are asked for every few seconds and read
only what is open, by indices that hold nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import igrules.ledger.holds as holds
from igrules.ledger.database import Database, Row
from igrules.ledger.days import DAY
from igrules.ledger.open_sends import GIVEN_UP, OPEN
from igrules.ledger.runs import PARKED

ALIVE = 15_000
"""A process that has not been heard of for longer is gone: it beats every 5 s."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """``oldest_due``: milliseconds. ``waits``: runs that wait for an answer, a time or a call.
    ``token_days_left``: of the token that ends first; ``None`` when no end is known.
    ``unknown_codes``: answers by ``code/subcode`` that is on no list. ``backlog``: events and sends
    that wait, by slug."""

    lanes_due: int
    oldest_due: int
    waits: int
    sends_open: Mapping[str, int]
    holds: Mapping[tuple[str, str], int]
    chore_ages: Mapping[str, int]
    processes: Mapping[str, int]
    token_days_left: float | None
    doubts_settled: Mapping[str, int]
    double_sends: int
    unknown_codes: Mapping[str, int]
    backlog: Mapping[int, int]
    slugs: Mapping[int, str]


def read(db: Database, now: int) -> Gauges:
    """Read all of it."""
    rare = db.all(
        "SELECT what, label, sum(n) FROM stat WHERE what IN"
        " ('double_send', 'doubt_settled', 'unknown_code')"
        " GROUP BY what, label"
    )
    expires = db.first(
        "SELECT min(token_expires_at) FROM account"
        " WHERE state = 'connected' AND token_expires_at IS NOT NULL"
    )
    end = expires[0] if expires else None
    return Gauges(
        lanes_due=db.number("SELECT count(*) FROM lane WHERE due <= ?", (now,)),
        oldest_due=max(0, now - oldest(db, now)),
        waits=db.number(f"SELECT count(*) FROM run WHERE {PARKED}"),
        sends_open=_sends_open(db),
        holds=Counter((hold.scope, hold.reason) for hold in holds.active(db, now)),
        chore_ages={
            name: max(0, now - last_ok)
            for name, last_ok in db.all(
                "SELECT name, last_ok FROM chore WHERE last_ok IS NOT NULL AND name <> 'split'"
            )
        },
        processes=_counts(
            db.all(
                "SELECT kind, count(*) FROM process WHERE beat_at > ? GROUP BY kind", (now - ALIVE,)
            )
        ),
        token_days_left=None if end is None else (end - now) / DAY,
        doubts_settled={label: int(n) for what, label, n in rare if what == "doubt_settled"},
        unknown_codes={label: int(n) for what, label, n in rare if what == "unknown_code"},
        double_sends=sum(int(n) for what, _, n in rare if what == "double_send"),
        backlog=_backlog(db),
        slugs=dict(db.all("SELECT id, slug FROM tenant")),
    )


def oldest(db: Database, now: int) -> int:
    """Since when the oldest lane or body waits; ``now`` when nothing does."""
    found = db.all(
        "SELECT min(due) FROM lane WHERE due <= ? UNION ALL"
        " SELECT min(received_at) FROM delivery WHERE state = 'open'",
        (now,),
    )
    return min((int(row[0]) for row in found if row[0] is not None), default=now)


def _sends_open(db: Database) -> dict[str, int]:
    rows = db.all(f"SELECT state, count(*) FROM send WHERE {OPEN} GROUP BY state")
    parked = db.number(f"SELECT count(*) FROM send WHERE {GIVEN_UP} AND state = 'parked'")
    return {"pending": 0, "doubt": 0, **_counts(rows), "parked": parked}


def _backlog(db: Database) -> dict[int, int]:
    waiting = Counter[int]()
    for query in (
        "SELECT tenant_id, count(*) FROM inbox WHERE state = 'open' GROUP BY tenant_id",
        f"SELECT tenant_id, count(*) FROM send WHERE {OPEN} GROUP BY tenant_id",
    ):
        for tenant_id, count in db.all(query):
            waiting[tenant_id] += int(count)
    return dict(waiting)


def _counts(rows: list[Row]) -> dict[str, int]:
    return {str(word): int(count) for word, count in rows}
