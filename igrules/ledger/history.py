"""Read what happened: a tenant's events and sends."""

from __future__ import annotations

import igrules.ledger.columns as columns
from igrules.errors import NotFound
from igrules.ledger.database import Database, Row
from igrules.ledger.open_sends import GIVEN_UP, OPEN
from igrules.ledger.values import EventRow, SendRow

SELECT_EVENT = (
    "SELECT i.id, i.kind, i.ref, l.person, i.received_at, i.occurred_at, i.state, i.body,"
    " d.outcome, d.reason, d.ruleset_version, d.trace, d.took_us, i.account_id, i.username,"
    " i.source, i.replays, d.created_at FROM inbox i JOIN lane l ON l.id = i.lane_id"
    " LEFT JOIN decision d ON d.inbox_id = i.id AND d.replay = i.replays WHERE i.tenant_id = ?"
)
_FOLLOWS = (
    "CASE WHEN s.state = 'pending' AND EXISTS (SELECT 1 FROM send o WHERE o.lane_id = s.lane_id"
    f" AND o.track = s.track AND o.id < s.id AND o.{OPEN}) THEN 1 ELSE 0 END"
)
_SEND = (
    "SELECT s.id, s.key, s.kind, s.target, s.payload, s.state, s.reason, s.message_id,"
    " s.evidence, s.attempt, s.created_at, s.closed_at, s.rule, s.step, s.inbox_id, l.person,"
    f" s.track, s.slot, s.not_before, s.expires_at, {_FOLLOWS} FROM send s"
    " JOIN lane l ON l.id = s.lane_id WHERE s.tenant_id = ?"
)
_MOST_SENDS = 200
"""Of one event; no decision makes as many."""


def event(db: Database, tenant_id: int, id: int) -> EventRow:
    """One event. Raises `NotFound`."""
    row = db.first(f"{SELECT_EVENT} AND i.id = ?", (tenant_id, id))
    if row is None:
        raise NotFound(f"there is no event {id}", "look for it in the list of events")
    return event_of_row(row)


def sends_of_event(db: Database, tenant_id: int, event_id: int) -> list[SendRow]:
    """The sends of an event, in the order they go out."""
    rows = db.all(
        f"{_SEND} AND s.inbox_id = ? ORDER BY s.id LIMIT {_MOST_SENDS}", (tenant_id, event_id)
    )
    return [_send(row) for row in rows]


def sends(
    db: Database,
    tenant_id: int,
    limit: int,
    before: int | None,
    state: str | None,
    since: int | None,
    person: str | None,
) -> list[SendRow]:
    """The newest sends, newest first; see `Scope.sends`."""
    wanted: dict[str, tuple[object, ...]] = {}
    if before is not None:
        wanted["s.id < ?"] = (before,)
    if state is not None:
        # Said again in the words of its index: what a person has to look at is found at once.
        index = f" AND s.{GIVEN_UP}" if state in ("parked", "dead", "doubt") else ""
        wanted[f"s.state = ?{index}"] = (columns.text(state),)
    if since is not None:
        wanted["s.created_at >= ?"] = (since,)
    if person is not None:
        wanted[
            "s.lane_id IN (SELECT id FROM lane WHERE tenant_id = ? AND person = ?"
            " AND account_id IN (SELECT id FROM account WHERE tenant_id = ?))"
        ] = (tenant_id, columns.text(person), tenant_id)
    where = "".join(f" AND {claim}" for claim in wanted)
    values = [value for some in wanted.values() for value in some]
    rows = db.all(f"{_SEND}{where} ORDER BY s.id DESC LIMIT ?", [tenant_id, *values, limit])
    return [_send(row) for row in rows]


def send(db: Database, tenant_id: int, id: int) -> SendRow:
    """One send. Raises `NotFound`."""
    row = db.first(f"{_SEND} AND s.id = ?", (tenant_id, id))
    if row is None:
        raise NotFound(f"there is no send {id}", "look for it in the list of sends")
    return _send(row)


def event_of_row(row: Row) -> EventRow:
    """The event a row of `SELECT_EVENT` holds."""
    (
        id, kind, ref, person, received_at, occurred_at, state, body, outcome, reason, version,
        trace, took_us, account_id, username, source, replays, decided_at,
    ) = row  # fmt: skip
    return EventRow(
        id=id,
        kind=kind,
        ref=ref,
        person=person,
        received_at=received_at,
        occurred_at=occurred_at,
        state=state,
        body=bytes(body or b""),
        outcome=outcome or "",
        reason=reason or "",
        ruleset_version=version or 0,
        trace=columns.from_json(trace),
        took_us=took_us or 0,
        account_id=account_id,
        username=username,
        source=source,
        replays=replays,
        decided_at=decided_at,
    )


def _send(row: Row) -> SendRow:
    (
        id, key, kind, target, payload, state, reason, message_id, evidence, attempt, created_at,
        closed_at, rule, step, event_id, person, track, slot, not_before, expires_at,
        follows,
    ) = row  # fmt: skip
    return SendRow(
        id=id,
        key=key,
        kind=kind,
        target=target,
        payload=columns.from_json(payload) or {},
        state=state,
        reason=reason,
        message_id=message_id,
        evidence=evidence,
        attempt=attempt,
        created_at=created_at,
        closed_at=closed_at,
        rule=rule,
        step=step,
        event_id=event_id,
        person=person,
        track=track,
        slot=slot,
        not_before=not_before,
        expires_at=expires_at or 0,
        follows=follows == 1,
    )
