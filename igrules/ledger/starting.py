"""The first send of a decision, begun as it is stored: one wait for the disk less.

Why it is written as ``sending`` before its gates are asked: nearly always they are open, a send
that is written once costs half of one that is written twice, and sends are locked before quotas
and rates everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import igrules.ledger.gates as gates
import igrules.ledger.outbox as outbox
from igrules.ledger.database import Database
from igrules.ledger.deployment import Deployment
from igrules.ledger.doubts import quiet_of
from igrules.ledger.leases import hold_lane, lease_for
from igrules.ledger.open_sends import OPEN
from igrules.ledger.outbox import Begun, Values
from igrules.ledger.values import Closed, DueSend, Lane, Ready, Wait
from igrules.model import Account, Effect


@dataclass(frozen=True, slots=True)
class Start:
    """By which account, and how, the first send may be begun; the rest as in `Sends.begin`."""

    way: Account
    lease: int
    quiet: int
    deadline: Callable[[Effect], int]
    rate_scale: float


def keep(
    db: Database,
    deployment: Deployment,
    lane: Lane,
    effects: Sequence[Effect],
    rows: Sequence[Values],
    now: int,
    start: Start | None,
) -> Ready | None:
    """Store effects, with their rows, as sends of a lane that this transaction holds, and begin the
    first when it may go out at once.

    ``None`` when it has to wait, or a gate is closed, which is then told by `Sends.begin`.
    """
    if not effects or start is None or not _is_first(db, lane, effects):
        outbox.add(db, effects, rows, now)
        return None
    allowed = start.deadline(effects[0])
    not_before = now + allowed + quiet_of(effects[0], start.quiet)
    begun = outbox.add_begun(db, rows, not_before)
    return _begin(db, deployment, lane, begun, start, allowed, now) if begun else None


def _is_first(db: Database, lane: Lane, effects: Sequence[Effect]) -> bool:
    """Whether the first of these is what the lane would send next."""
    first = effects[0]
    if first.after or first.limit or any(effect.slot for effect in effects):
        return False
    # A private reply whose time runs out goes before all others.
    if any(effect.kind == "private_reply" and effect.expires_at for effect in effects[1:]):
        return False
    return not db.first(
        f"SELECT id FROM send WHERE lane_id = ? AND {OPEN} AND +tenant_id = ? LIMIT 1",
        (lane.id, lane.tenant_id),
    )


def _begin(
    db: Database,
    deployment: Deployment,
    lane: Lane,
    begun: Begun,
    start: Start,
    allowed: int,
    now: int,
) -> Ready | None:
    send = DueSend(begun.id, begun.effect, 0)
    found = gates.check_new(
        db, deployment, lane, send, begun.fingerprint, start.way, now, start.rate_scale
    )
    if isinstance(found, Closed | Wait):
        gates.take_back(db, lane, send.id, found, now)
        return None
    held = lease_for(allowed, start.lease)
    if held > start.lease:
        hold_lane(db, lane, now + held)
    gates.attempted(db, lane, send.id, 1, now, allowed)
    if found.day is not None:
        gates.counted(db, lane, send.id, found.day)
    return Ready(send.effect, start.way, 1, send.id, now + allowed)
