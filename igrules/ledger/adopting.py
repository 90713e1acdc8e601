"""Feed orphans in once their account is known: they become events as if they had come just now, to
the address all tenants share.

Why the address they came to does not count any more: whoever adopts them says that it was wrong
then. The app that signed still has to be that of the account.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from igrules.errors import Unreadable
from igrules.ledger.database import Database, holders
from igrules.ledger.deployment import Deployment
from igrules.ledger.intake import Body, Intake
from igrules.ledger.leases import hold_splits
from igrules.ledger.routing import Orphaned, Routes
from igrules.ledger.values import SplitResult
from igrules.model import Event

Read = Callable[[bytes, int], Sequence[Event]]

_SLICE = 200
MOST = 1_000
"""How many are taken at once: one transaction, which webhooks wait for."""


@dataclass(frozen=True, slots=True)
class Stray:
    """An orphan that has found an account, read and ready to be taken."""

    id: int
    body: Body


def ready(db: Database, read: Read, app: str | None = None) -> list[Stray]:
    """The oldest orphans that a tenant can take, up to `MOST`; ``app`` is the name of an app."""
    found: list[Stray] = []
    where, values = ("", []) if app is None else (" AND a.name = ?", [app])
    last = 0
    while len(found) < MOST:
        rows = db.all(
            "SELECT o.id, o.app_id, o.received_at, o.body FROM orphan o"
            f" JOIN app a ON a.id = o.app_id WHERE o.id > ? AND o.body IS NOT NULL{where}"
            " ORDER BY o.id LIMIT ?",
            [last, *values, _SLICE],
        )
        if not rows:
            break
        last = rows[-1][0]
        bodies = [
            Stray(id, Body(0, app_id, None, at, _events(read, bytes(body), at)))
            for id, app_id, at, body in rows
        ]
        found += _at_home(db, bodies)
    return found[:MOST]


def _events(read: Read, body: bytes, received_at: int) -> tuple[Event, ...]:
    try:
        return tuple(read(body, received_at))
    except Unreadable:
        return ()


def _at_home(db: Database, strays: Sequence[Stray]) -> list[Stray]:
    """Those of which everything has an account now."""
    routes = Routes(db, [event for stray in strays for event in stray.body.events or ()])
    return [
        stray
        for stray in strays
        if stray.body.events
        and not any(
            isinstance(routes.find(event, stray.body.app_id, None), Orphaned)
            for event in stray.body.events
        )
    ]


def adopt(db: Database, known: Deployment, strays: Sequence[Stray], now: int) -> SplitResult:
    """Make these orphans events, each once, and forget them as orphans."""
    with db.transaction():
        # As a split: one at a time, and never beside an erasure.
        hold_splits(db)
        left: set[int] = set()
        for start in range(0, len(strays), _SLICE):
            ids = [stray.id for stray in strays[start : start + _SLICE]]
            where = f"id IN ({holders(len(ids))})"
            left.update(row[0] for row in db.all(f"SELECT id FROM orphan WHERE {where}", ids))
        taken = _at_home(db, [stray for stray in strays if stray.id in left])
        result = Intake(db, known, now).adopt([stray.body for stray in taken])
        for start in range(0, len(taken), _SLICE):
            ids = [stray.id for stray in taken[start : start + _SLICE]]
            db.run(f"DELETE FROM orphan WHERE id IN ({holders(len(ids))})", ids)
    return result
