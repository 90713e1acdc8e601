"""Change a contact because a person says so: tags, fields, handoff.

Why changes are differences: what a turn of the worker writes at the same moment stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import igrules.ledger.contacts as contacts
import igrules.ledger.run_list as run_list
from igrules.errors import Conflict
from igrules.ledger.database import Database
from igrules.ledger.handoffs import ended_event, put
from igrules.ledger.leases import wake_lane
from igrules.model import FOR_GOOD, Change, Contact

MOST_FIELDS = 50
LONGEST_FIELD = 1000
"""Characters of one field."""
MOST_TAGS = 200


def change(
    db: Database, tenant_id: int, person: str, changes: Sequence[Change], now: int
) -> Contact:
    """Apply changes to what is stored now, and tell rules about tags that are new and about a
    handoff that ended. Raises `NotFound`, and `Conflict` for more than a contact may have."""
    with db.transaction():
        found = contacts.known(db, tenant_id, person)
        place = _locked(db, tenant_id, found)
        before = contacts.by_id(db, tenant_id, found.id)
        contacts.apply(db, tenant_id, found.id, changes)
        after = contacts.by_id(db, tenant_id, found.id)
        if len(after.fields) > MOST_FIELDS:
            raise Conflict(
                f"a contact has at most {MOST_FIELDS} fields", "unset some in the same request"
            )
        if len(after.tags) > MOST_TAGS:
            raise Conflict(f"a contact has at most {MOST_TAGS} tags", "remove some")
        _end_runs(db, tenant_id, place[0], before, after, now)
        _tell(db, tenant_id, place, before, after, now)
    return after


def _end_runs(
    db: Database, tenant_id: int, lane_id: int, before: Contact, after: Contact, now: int
) -> None:
    """Nobody waits for the answer of somebody who talks with a person now, or wants no more."""
    if after.opted_out and not before.opted_out:
        run_list.end_in_lane(db, tenant_id, lane_id, "opted_out", now)
    if (after.handoff_until or 0) > max(now, before.handoff_until or 0):
        run_list.end_in_lane(db, tenant_id, lane_id, "handed_off", now, questions=True)


def _locked(db: Database, tenant_id: int, contact: Contact) -> tuple[int, int, str]:
    """Lane, account and the account's id at Instagram, with the lane locked: whoever changes a
    contact holds its lane."""
    row = db.first(
        "SELECT c.account_id, a.ig_id FROM contact c JOIN account a ON a.id = c.account_id"
        " WHERE c.id = ? AND c.tenant_id = ?",
        (contact.id, tenant_id),
    )
    if row is None:
        raise contacts.missing()
    account_id, ig_id = row
    db.run(
        "INSERT INTO lane (tenant_id, account_id, person) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (tenant_id, account_id, contact.person),
    )
    lane = db.first(
        f"SELECT id FROM lane WHERE account_id = ? AND person = ? AND tenant_id = ?{db.locked}",
        (account_id, contact.person, tenant_id),
    )
    if lane is None:
        raise contacts.missing()
    return int(lane[0]), int(account_id), str(ig_id).partition("~")[0]


def _tell(
    db: Database,
    tenant_id: int,
    place: tuple[int, int, str],
    before: Contact,
    after: Contact,
    now: int,
) -> None:
    """Put an internal event for each new tag, and for a handoff that ended, behind what waits."""
    lane_id, account_id, ig_id = place
    gone = ended_event(ig_id, after.person, after.username, f"api:{now}:handoff", now)
    events = [
        replace(gone, kind="tag_added", sub="1", key=f"api:{now}:{tag}", tag=tag)
        for tag in sorted(after.tags - before.tags)
    ]
    if (before.handoff_until or 0) > now and after.handoff_until is None:
        events.append(gone)
    for event in events:
        put(db, tenant_id, account_id, lane_id, event, now)
    if events:
        wake_lane(db, lane_id, now)
    elif after.handoff_until is not None and after.handoff_until < FOR_GOOD:
        wake_lane(db, lane_id, after.handoff_until)
