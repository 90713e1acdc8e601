"""Compare what the platform lists with what was meant to be sent.

Why a known message has to be in the listing: one that is not up to date shows nothing of what was
sent last, and what is missing there is not missing.

Why a message with the same words is taken for ours whoever wrote it: to take it for somebody
else's would send it a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from igrules.ledger.database import Database, holders
from igrules.ledger.days import DAY
from igrules.ledger.doubts import ABSENT, CONVERSATION, FOUND, REPLIES, STALE, UNSURE, Finding
from igrules.ledger.fingerprints import look_of, look_of_effect
from igrules.ledger.unclear import Doubt
from igrules.ledger.values import Lane
from igrules.listings import Listed, Listing
from igrules.model import Effect

_SLACK = 300_000
"""How far the platform's clock and ours may be apart."""
_RECENT = 20


@dataclass(frozen=True, slots=True)
class _Known:
    """What we know of a listing: when its messages came to be known, by id, and which of them are
    sends of ours. ``is_current``: the newest message we know of is among them."""

    heard: Mapping[str, int]
    sent: Mapping[str, int]
    is_current: bool


def of_messages(
    db: Database, lane: Lane, doubts: Sequence[Doubt], listing: Listing
) -> dict[int, Finding]:
    """What the newest messages of a conversation say about unclear sends, oldest first."""
    known = _known(db, lane, listing)
    found: dict[int, Finding] = {}
    used: set[str] = set()
    for doubt in doubts:
        finding = _of_message(doubt, listing, known, used)
        used |= {finding.message_id} - {""}
        found[doubt.id] = finding
    return found


def _of_message(doubt: Doubt, listing: Listing, known: _Known, used: set[str]) -> Finding:
    span, reaches = _since(doubt, listing, known)
    ours = [one for one in span if one.own and one.id not in known.sent and one.id not in used]
    look = look_of_effect(doubt.effect.payload)
    # The oldest of them, since sends go out in their order.
    for one in reversed(ours):
        if look is not None and look_of(one.text, one.media[0] if one.media else "") == look:
            return Finding(FOUND, CONVERSATION, one.id)
    if not known.is_current:
        return Finding(STALE, CONVERSATION)
    strange = [one for one in ours if one.id not in known.heard]
    if not reaches or any(_could_be(doubt.effect, one) for one in strange):
        return Finding(UNSURE, CONVERSATION)
    return Finding(ABSENT, CONVERSATION)


def _since(doubt: Doubt, listing: Listing, known: _Known) -> tuple[Sequence[Listed], bool]:
    """What is newer than the first call, and whether the listing goes that far back."""
    for place, one in enumerate(listing.items):
        learned = known.heard.get(one.id, known.sent.get(one.id))
        if learned is not None and learned <= doubt.since:
            return listing.items[:place], True
    newer = [one for one in listing.items if not one.at or one.at >= doubt.since - _SLACK]
    return newer, listing.whole or len(newer) < len(listing.items)


def _could_be(effect: Effect, one: Listed) -> bool:
    """Whether a message of the account nobody knows can be this send although it looks different.
    Words are listed as they were sent; of all else we do not know what a listing makes of it."""
    is_plain = effect.kind in ("text", "private_reply") and not effect.payload.get("buttons")
    return not is_plain or not (one.text.strip() or one.media)


def _known(db: Database, lane: Lane, listing: Listing) -> _Known:
    ids = [one.id for one in listing.items]
    if not ids:
        return _Known({}, {}, False)
    heard = db.all(
        "SELECT ref, min(received_at) FROM inbox WHERE account_id = ? AND +tenant_id = ?"
        f" AND kind <> 'message_deleted' AND ref IN ({holders(len(ids))}) GROUP BY ref",
        [lane.account_id, lane.tenant_id, *ids],
    )
    sent = db.all(
        "SELECT message_id, coalesce(closed_at, created_at) FROM send WHERE account_id = ?"
        f" AND +tenant_id = ? AND message_id IN ({holders(len(ids))}) AND message_id <> ''",
        [lane.account_id, lane.tenant_id, *ids],
    )
    known = _Known(dict(heard), dict(sent), False)
    newest = _newest(db, lane)
    if newest:
        is_current = newest in ids
    else:
        is_current = bool(known.heard or known.sent)
    return _Known(known.heard, known.sent, is_current)


def _newest(db: Database, lane: Lane) -> str:
    """The id of the newest message of the conversation that we know of; empty: of none.

    Taps are left out: whether a listing shows them is not documented.
    """
    heard = db.all(
        "SELECT i.ref, i.received_at FROM inbox i WHERE i.lane_id = ? AND i.id > ?"
        " AND +i.tenant_id = ? AND i.kind IN ('message', 'echo') AND i.ref <> ''"
        " AND NOT EXISTS (SELECT 1 FROM inbox d WHERE d.account_id = i.account_id"
        " AND d.ref = i.ref AND d.kind = 'message_deleted') ORDER BY i.id DESC LIMIT 1",
        (lane.id, 0, lane.tenant_id),
    )
    since = heard[0][1] if heard else 0
    sent = db.all(
        "SELECT message_id, closed_at FROM send WHERE lane_id = ? AND created_at > ?"
        " AND +tenant_id = ? AND state = 'sent' AND message_id <> '' AND kind <> 'reply'"
        f" ORDER BY created_at DESC LIMIT {_RECENT}",
        (lane.id, since - DAY, lane.tenant_id),
    )
    both = [*heard, *((id, at) for id, at in sent if at is not None)]
    return str(max(both, key=lambda one: one[1])[0]) if both else ""


def of_replies(db: Database, lane: Lane, doubt: Doubt, listing: Listing) -> Finding:
    """What the replies to a comment say about one that is unclear."""
    ours = {
        str(row[0])
        for row in db.all(
            "SELECT message_id FROM send WHERE lane_id = ? AND created_at > ? AND +tenant_id = ?"
            " AND track = ? AND kind = 'reply' AND state = 'sent' AND message_id <> ''"
            " AND id <> ?",
            (lane.id, doubt.since - 8 * DAY, lane.tenant_id, doubt.effect.track, doubt.id),
        )
    }
    look = look_of_effect(doubt.effect.payload)
    for one in listing.items:
        if one.own and one.id not in ours and look is not None and look_of(one.text) == look:
            return Finding(FOUND, REPLIES, one.id)
    if not ours <= {one.id for one in listing.items}:
        return Finding(STALE, REPLIES)
    return Finding(ABSENT if listing.whole else UNSURE, REPLIES)
