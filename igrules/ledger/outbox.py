"""Put effects into the lane as sends, and read them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import igrules.ledger.columns as columns
import igrules.ledger.fingerprints as fingerprints
from igrules.ledger.database import Database, Row, tuples
from igrules.ledger.deployment import Deployment
from igrules.ledger.values import Lane
from igrules.model import Effect

Values = Sequence[object]
"""A row of ``send`` that is not stored yet."""

_COLUMNS = (
    "tenant_id, account_id, lane_id, inbox_id, key, slot, track, channel, kind, target, payload,"
    " fingerprint, rule, step, state, reason, not_before, expires_at, counted, idempotent,"
    " on_doubt, on_error, companion, epoch, created_at, closed_at, run_id, again, unmuted,"
    " limited_by, attempt"
)
_NAMES = _COLUMNS.split(", ")
_WIDTH = len(_NAMES)

EFFECT = (
    "kind, target, payload, channel, track, slot, key, rule, step, expires_at, counted,"
    " idempotent, on_doubt, on_error, companion, again, unmuted, run_id,"
    " limited_by, retries"
)
"""The columns `effect` reads, in order."""

_FINGERPRINT = _NAMES.index("fingerprint")
_AS_READ = itemgetter(*(_NAMES.index(name) for name in EFFECT.split(", ")[:-1]))
"""What of a row is in `EFFECT`; it was not tried again yet."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A send that was stored as ``sending``. ``effect`` is as it would be read back."""

    id: int
    effect: Effect
    fingerprint: bytes | None


def rows_of(
    deployment: Deployment,
    lane: Lane,
    inbox_id: int | None,
    effects: Sequence[Effect],
    now: int,
) -> list[Values]:
    """The rows of effects as pending sends, for `add` and `add_begun`; without an event they name
    their keys. Nothing is read for it, so it need not be done inside a transaction."""
    return [
        _row(deployment, lane, inbox_id, effect, number, now)
        for number, effect in enumerate(effects)
    ]


def add(db: Database, effects: Sequence[Effect], rows: Sequence[Values], now: int) -> None:
    """Store effects as pending sends, in order.

    A key that exists stays as it is; one whose slot is taken ends as ``skipped: slot``.
    """
    if not rows:
        return
    if not any(effect.slot for effect in effects):
        db.run(
            f"INSERT INTO send ({_COLUMNS}) VALUES {tuples(len(rows), _WIDTH)}"
            " ON CONFLICT (key) DO NOTHING",
            [value for row in rows for value in row],
        )
        return
    for effect, row in zip(effects, rows, strict=True):
        _add_one(db, effect, row, now)


def add_begun(db: Database, rows: Sequence[Values], not_before: int) -> Begun | None:
    """The same for effects without slots, the first as ``sending`` by its first attempt, which is
    over at ``not_before``; ``None`` when its key exists, and it stays as it is."""
    first = list(rows[0])
    for name, value in (("state", "sending"), ("not_before", not_before), ("attempt", 1)):
        first[_NAMES.index(name)] = value
    made = db.all(
        f"INSERT INTO send ({_COLUMNS}) VALUES {tuples(len(rows), _WIDTH)}"
        " ON CONFLICT (key) DO NOTHING RETURNING id, key",
        [value for row in (first, *rows[1:]) for value in row],
    )
    read = effect((*_AS_READ(first), 0))
    ids = {key: id for id, key in made}
    if read.key not in ids:
        return None
    return Begun(ids[read.key], read, first[_FINGERPRINT])  # type: ignore[arg-type]  # as `_row` made it


def _add_one(db: Database, effect: Effect, row: Values, now: int) -> None:
    insert = f"INSERT INTO send ({_COLUMNS}) VALUES {tuples(1, _WIDTH)} ON CONFLICT"
    if not effect.slot:
        db.run(f"{insert} (key) DO NOTHING", row)
        return
    if db.run(f"{insert} DO NOTHING", row):
        return
    # Either the key or the slot was there. Without its slot only the key can be in the way.
    without = dict(zip(_NAMES, row, strict=True))
    without.update(slot=None, state="skipped", reason="slot", closed_at=now)
    db.run(f"{insert} (key) DO NOTHING", list(without.values()))


def _row(
    deployment: Deployment, lane: Lane, inbox_id: int | None, effect: Effect, number: int, now: int
) -> Values:
    key = effect.key or f"{inbox_id}:{effect.rule}:{effect.step}:{number}"
    return [
        lane.tenant_id,
        lane.account_id,
        lane.id,
        inbox_id,
        columns.text(key),
        columns.text(effect.slot) if effect.slot else None,
        columns.text(effect.track),
        columns.text(effect.channel),
        columns.text(effect.kind),
        columns.text(effect.target),
        columns.to_json(effect.payload),
        fingerprints.of_effect(deployment, effect.payload) if effect.reaches_contact else None,
        columns.text(effect.rule),
        columns.text(effect.step),
        "pending",
        "",
        now + effect.after,
        effect.expires_at or None,
        columns.yes(effect.counted),
        columns.yes(effect.idempotent),
        effect.on_doubt,
        effect.on_error,
        columns.text(effect.companion),
        deployment.epoch,
        now,
        None,
        effect.run or None,
        columns.yes(effect.again),
        columns.yes(effect.unmuted),
        columns.text(effect.limit),
        0,
    ]


def effect(row: Row) -> Effect:
    """The effect a row of `EFFECT` holds."""
    (
        kind, target, payload, channel, track, slot, key, rule, step, expires_at, counted,
        idempotent, on_doubt, on_error, companion, again, unmuted, run_id, limit, retries,
    ) = row  # fmt: skip
    return Effect(
        kind,
        target,
        columns.from_json(payload) or {},
        channel=channel,
        track=track,
        slot=slot,
        key=key,
        rule=rule,
        step=step,
        expires_at=expires_at or 0,
        counted=counted == "yes",
        idempotent=idempotent == "yes",
        on_doubt=on_doubt,
        on_error=on_error,
        companion=companion,
        again=again == "yes",
        unmuted=unmuted == "yes",
        run=run_id or 0,
        limit=limit,
        tries=retries,
    )
