"""Write a decision and everything that follows from it, inside one transaction that holds the
lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import igrules.ledger.alerts as alerts
import igrules.ledger.columns as columns
import igrules.ledger.contacts as contacts
import igrules.ledger.epochs as epochs
import igrules.ledger.outbox as outbox
import igrules.ledger.run_list as run_list
import igrules.ledger.runs as runs
import igrules.ledger.starting as starting
import igrules.ledger.versions as versions
from igrules.errors import Conflict, Stale
from igrules.ledger.database import Database, holders, tuples
from igrules.ledger.deployment import Deployment
from igrules.ledger.facts import of_all, of_post
from igrules.ledger.open_sends import CANCELLED
from igrules.ledger.quarantine import tell_of_event, tell_of_run, words
from igrules.ledger.starting import Start
from igrules.ledger.values import Decided, Lane, ReadFacts, Ready, StoredEvent
from igrules.model import EMPTY, Change, Decision, Event, Facts, Mark
from igrules.runs import Run


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is stored of a decision as it is stored, made before anybody has to wait for it."""

    trace: bytes
    sends: Sequence[outbox.Values]


def prepare(deployment: Deployment, item: Decided, now: int) -> Prepared:
    """Make ready what `write` stores."""
    decision = item.decision
    sends = outbox.rows_of(deployment, item.lane, item.stored.id, decision.effects, now)
    return Prepared(columns.to_json(decision.trace), sends)


def write(
    db: Database,
    deployment: Deployment,
    item: Decided,
    now: int,
    prepared: Prepared,
    start: Start | None = None,
) -> tuple[int, Ready | None]:
    """Close the event with its decision, all but its marks, and give the contact's id, 0 for none,
    and the send that was begun with it; see `Lanes.record`."""
    lane, stored, decision = item.lane, item.stored, item.decision
    old_epoch = _close(db, [item], "closed").get(stored.id)
    _store(db, [(item, prepared.trace)], now)
    contact_id = contacts.keep(db, lane, stored, decision.changes, now)
    if contact_id and decision.changes:
        _tell_of_loop(db, lane, contact_id, decision.changes, now)
    if stored.kind == "message_deleted":
        _take_back(db, lane, stored, now)
    fresh = decision.runs if old_epoch is None else runs.expired(decision.runs)
    new = runs.keep(db, deployment, lane, fresh, now) if fresh else EMPTY
    effects = runs.linked(decision.effects, new)
    rows = prepared.sends
    if effects is not decision.effects:
        rows = outbox.rows_of(deployment, lane, stored.id, effects, now)
    may_start = start if old_epoch is None else None
    ready = starting.keep(db, deployment, lane, effects, rows, now, may_start)
    versions.note_offers(db, lane.tenant_id, decision.effects, now)
    _add_events(db, lane, decision.events, now, old_epoch)
    if old_epoch is not None:
        epochs.doubt(db, stored.id, lane.tenant_id, now)
    return contact_id or 0, ready


def is_bare(item: Decided) -> bool:
    """Whether nothing follows from the decision: it is stored, and that is all."""
    decision, facts = item.decision, item.facts
    return not (
        decision.effects
        or decision.changes
        or decision.marks
        or decision.runs
        or decision.events
        or item.stored.kind == "message_deleted"
        or (isinstance(facts, ReadFacts) and facts.new_profile)
    )


def write_bare(db: Database, items: Sequence[tuple[Decided, Prepared]], now: int) -> None:
    """Do what `write` does for many such decisions of one tenant, with as many statements as for
    one. Raises `Conflict` when an event of them is decided already."""
    old = _close(db, [item for item, _ in items], "closed")
    _store(db, [(item, prepared.trace) for item, prepared in items], now)
    contacts.hear(db, [(item.lane, item.stored) for item, _ in items], now)
    for item, _ in items:
        if old[item.stored.id] is not None:
            epochs.doubt(db, item.stored.id, item.lane.tenant_id, now)


def write_wake(
    db: Database,
    deployment: Deployment,
    lane: Lane,
    run: Run,
    decision: Decision,
    now: int,
    start: Start | None = None,
) -> tuple[int, Ready | None]:
    """Store how a woken run goes on or ends, and give what `write` does; see
    `Lanes.record_wake`."""
    contact_id = contacts.changed(db, lane, decision.changes)
    new = runs.keep(db, deployment, lane, decision.runs, now)
    effects = runs.linked(decision.effects, new)
    rows = outbox.rows_of(deployment, lane, run.event.id, effects, now)
    ready = starting.keep(db, deployment, lane, effects, rows, now, start)
    versions.note_offers(db, lane.tenant_id, decision.effects, now)
    _add_events(db, lane, decision.events, now, None)
    if decision.outcome == "quarantined":
        tell_of_run(db, lane, run.id, now)
    return contact_id or 0, ready


def quarantine(db: Database, lane: Lane, stored: StoredEvent, now: int, version: int) -> None:
    """Set an event aside with a decision that says so."""
    item = Decided(lane, stored, Decision("quarantined", words(lane.deaths)), None, version, 0)
    _close(db, [item], "quarantined")
    _store(db, [(item, columns.to_json(item.decision.trace))], now)
    tell_of_event(db, lane, stored.id, now)


def _tell_of_loop(
    db: Database, lane: Lane, contact_id: int, changes: Sequence[Change], now: int
) -> None:
    """Tell a person when the guard against loops has silenced a conversation."""
    if not any(change.kind == "quiet" and change.name == "loop" for change in changes):
        return
    said = f"contact {contact_id} got more than 8 answers within a minute, so rules are silent"
    said += " there for 10 minutes; is it a bot, or do two rules answer each other?"
    alerts.note(db, "loop", f"contact {contact_id}", said, now, lane.tenant_id)


def _close(db: Database, items: Sequence[Decided], state: str) -> dict[int, int | None]:
    """Close the events of one tenant, and give of each the generation of the database it was left
    over from, if any."""
    ids = [item.stored.id for item in items]
    some = holders(len(ids))
    rows = db.all(
        f"UPDATE inbox SET state = ? WHERE id IN ({some}) AND +lane_id IN ({some})"
        " AND state = 'open' AND +tenant_id = ? RETURNING id, old_epoch",
        [state, *ids, *(item.lane.id for item in items), items[0].lane.tenant_id],
    )
    closed: dict[int, int | None] = dict(rows)
    for id in ids:
        if id not in closed:
            raise Conflict(f"event {id} is decided already", "nothing to do")
    return closed


def _store(db: Database, items: Sequence[tuple[Decided, bytes]], now: int) -> None:
    """Store the decisions, each with its trace."""
    db.run(
        "INSERT INTO decision (inbox_id, replay, tenant_id, ruleset_version, outcome, reason,"
        f" took_us, trace, created_at, rules) VALUES {tuples(len(items), 10)}",
        [value for item, trace in items for value in _row_of(item, trace, now)],
    )


def _row_of(item: Decided, trace: bytes, now: int) -> tuple[object, ...]:
    stored, decision = item.stored, item.decision
    return (
        stored.id, stored.replays, item.lane.tenant_id, item.version, decision.outcome,
        columns.text(decision.reason), item.took_us, trace, now, _fired(decision),
    )  # fmt: skip


def _fired(decision: Decision) -> str:
    """The rules that fired or went on, so that events can be found by them."""
    rules = [columns.text(rule) for rule in decision.rules]
    return f",{','.join(rules)}," if rules else ""


def _take_back(db: Database, lane: Lane, stored: StoredEvent, now: int) -> None:
    """The person deleted a message: nothing that answers it goes out any more, and its words go."""
    originals = (
        "SELECT id FROM inbox WHERE account_id = ? AND ref = ? AND ref <> ''"
        " AND tenant_id = ? AND kind <> 'message_deleted'"
    )
    parameters = (lane.account_id, stored.ref, lane.tenant_id)
    db.run(
        f"UPDATE send SET state = {CANCELLED}, reason = 'deleted', closed_at = ?"
        f" WHERE state = 'pending' AND +tenant_id = ? AND inbox_id IN ({originals})",
        (now, lane.tenant_id, *parameters),
    )
    run_list.take_back(db, lane.tenant_id, lane.id, originals, parameters, now)
    closed = "state NOT IN ('pending', 'sending', 'doubt')"
    db.run(
        f"UPDATE send SET payload = NULL WHERE +tenant_id = ? AND {closed}"
        f" AND inbox_id IN ({originals})",
        (lane.tenant_id, *parameters),
    )
    db.run(
        f"UPDATE send SET payload = NULL WHERE +tenant_id = ? AND {closed}"
        " AND account_id = ? AND message_id = ? AND message_id <> ''",
        (lane.tenant_id, lane.account_id, stored.ref),
    )
    db.run(
        "UPDATE decision SET trace = NULL, shadow = NULL"
        f" WHERE +tenant_id = ? AND inbox_id IN ({originals})",
        (lane.tenant_id, *parameters),
    )
    db.run(
        f"UPDATE inbox SET body = NULL WHERE state <> 'open' AND id IN ({originals})", parameters
    )


def _add_events(
    db: Database, lane: Lane, events: Sequence[Event], now: int, old_epoch: int | None
) -> None:
    if not events:
        return
    db.run(
        "INSERT INTO inbox (tenant_id, account_id, lane_id, kind, ref, username, source,"
        f" occurred_at, received_at, body, state, old_epoch) VALUES {tuples(len(events), 12)}",
        [
            value
            for event in events
            for value in (
                lane.tenant_id, lane.account_id, lane.id, columns.text(event.kind),
                columns.text(event.ref), columns.text(event.username), "internal",
                event.occurred_at or now, now, columns.from_event(event), "open", old_epoch,
            )
        ],
    )  # fmt: skip


def add_marks(
    db: Database, lane: Lane, contact_id: int, marks: Sequence[Mark], facts: Facts | None
) -> None:
    """Note what fired: last of all, because the tenant's turn may be locked for it.

    Raises `Stale` when marks that count beyond the lane are no longer what ``facts`` say.
    """
    if not marks:
        return
    if isinstance(facts, ReadFacts):
        _check_wide(db, lane, {mark.name for mark in marks}, facts)
    db.run(
        "INSERT INTO mark (tenant_id, contact_id, name, post, at, n)"
        f" VALUES {tuples(len(marks), 6)}",
        [
            value
            for mark in marks
            for value in (lane.tenant_id, contact_id, columns.text(mark.name),
                          columns.text(mark.post), mark.at, mark.n)
        ],
    )  # fmt: skip


def _check_wide(db: Database, lane: Lane, names: set[str], facts: ReadFacts) -> None:
    """Nobody else may have used up what counts for a post or for everyone since it was read.

    From here to the end of the transaction no other lane of the tenant can add such a mark.
    """
    post = [(name, count) for name, count in facts.wide_post if name in names and facts.post]
    everyone = [(name, count) for name, count in facts.wide_all if name in names]
    if not post and not everyone:
        return
    db.first(f"SELECT tenant_id FROM turn WHERE tenant_id = ?{db.locked}", (lane.tenant_id,))
    seen_post = tuple(mark for mark in facts.marks_post if mark.name in dict(post))
    seen_all = tuple(mark for mark in facts.marks_all if mark.name in dict(everyone))
    if (
        of_post(db, lane.tenant_id, facts.post, post) != seen_post
        or of_all(db, lane.tenant_id, everyone) != seen_all
    ):
        raise Stale("another conversation used up what this decision counted on", "decide again")
