"""Check every promise after a fault test: from the sandbox's journal and the ledger alone.

Each promise is a name with the sentences that tell against it; a test asserts that there are none.
Acts carry no key of ours, so a fault test gives every answer a text of its own.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from igrules.ledger import Ledger
from igrules.ledger.quotas import limits
from igrules.sandbox.checker import Findings, check
from igrules.sandbox.journal import Act

ALL = 1_000_000
_AS_THE_PERSON = ("message", "postback", "reaction", "message_edit", "comment", "live_comment")


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``most`` acts of these kinds by one account in any ``length`` milliseconds."""

    kinds: tuple[str, ...]
    length: int
    most: int


@dataclass(frozen=True, slots=True)
class Checked:
    """``broken``: the promises that were not kept, each with what tells so; empty is good.
    ``figures``: what was counted, for `figures`."""

    broken: Mapping[str, tuple[str, ...]]
    figures: Mapping[str, int] = field(default_factory=dict)


def check_promises(
    ledger: Ledger,
    acts: Sequence[Act],
    acknowledged: Iterable[bytes] = (),
    *,
    now: int,
    windows: Sequence[Window] = (),
    in_turn: bool = False,
) -> Checked:
    """Check a ledger that was worked off at ``now`` against what was executed.

    ``acknowledged``: SHA-256 of each body that was answered with 200. ``in_turn``: every person
    waited for the 200 before writing on, so events arrive in the order they were written.
    """
    found: dict[str, list[str]] = defaultdict(list)
    found["lost"] += _lost(ledger, acknowledged)
    found["undecided"] += _undecided(ledger)
    found["out of order"] += _decided_out_of_order(ledger)
    if in_turn:
        found["out of order"] += _stored_out_of_order(ledger)
    found["left open"] += _left_open(ledger, now)
    found["stale write"] += _stale_writes(ledger)
    found["limit passed"] += [*_quotas(ledger), *_windows(acts, windows)]
    found["foreign rows"] += _foreign_rows(ledger)
    found["contradictions"] += ledger.check()
    unclear = 0
    for each in _each_tenant(ledger, acts, found["nobody's act"]):
        unclear += each.unclear
        found["doubled"] += each.doubled
        found["sent without act"] += each.lost
        found["done but closed unsent"] += each.denied
        found["nobody's act"] += each.foreign
        found["out of order"] += each.disordered
    found["doubled"] += _known_doubles(ledger)
    figures = {
        "events": ledger._db.number("SELECT count(*) FROM inbox"),
        "sent": ledger._db.number("SELECT count(*) FROM send WHERE state = 'sent'"),
        "lost": len(found["lost"]) + len(found["undecided"]),
        "doubles": len(found["doubled"]),
        "inversions": len(found["out of order"]),
        "stale": len(found["stale write"]),
        "unclear": unclear,
    }
    return Checked({name: tuple(what) for name, what in found.items() if what}, figures)


def is_at_rest(ledger: Ledger) -> bool:
    """Whether nothing is left to split, decide, send or go on with. One statement, because what
    moves on between two would be seen by neither: a run that wakes after sends were counted."""
    return not ledger._db.number(
        "SELECT (SELECT count(*) FROM delivery WHERE state = 'open')"
        " + (SELECT count(*) FROM inbox WHERE state = 'open')"
        " + (SELECT count(*) FROM send WHERE state IN ('pending', 'sending', 'doubt'))"
        " + (SELECT count(*) FROM run WHERE state <> 'ended')"
    )


def _each_tenant(ledger: Ledger, acts: Sequence[Act], strange: list[str]) -> Iterator[Findings]:
    """What each tenant's sends and acts say; acts of unknown accounts are ``strange``."""
    known: set[str] = set()
    for tenant in ledger.tenants.list():
        rows = ledger._db.all("SELECT ig_id FROM account WHERE tenant_id = ?", (tenant.id,))
        accounts = {str(row[0]) for row in rows}
        known |= accounts
        yield check_sends(ledger, tenant.id, accounts, acts)
    strange += [f"{account} is no account here" for account in {a.account for a in acts} - known]


def _known_doubles(ledger: Ledger) -> list[str]:
    count = ledger.stats(None)["double_sends"]
    return [f"the ledger itself counted {count}"] if count else []


def check_sends(
    ledger: Ledger, tenant_id: int, accounts: Iterable[str], acts: Sequence[Act]
) -> Findings:
    """A tenant's sends against what its accounts did. What is still open is judged elsewhere, and
    a send that may be made again after a doubt may have been."""
    sends = ledger.for_tenant(tenant_id).sends(ALL)
    allowed = {
        str(key): int(attempts)
        for key, attempts in ledger._db.all(
            "SELECT key, attempt FROM send WHERE tenant_id = ? AND on_doubt = 'resend'"
            " AND kind <> 'private_reply'",
            (tenant_id,),
        )
    }
    return check(acts, sends, accounts, drained=False, again=allowed)


def _lost(ledger: Ledger, acknowledged: Iterable[bytes]) -> Iterator[str]:
    """Acknowledged bodies that are not there, or that nobody has looked into."""
    rows = ledger._db.all("SELECT sha256, state FROM delivery")
    stored = {bytes(digest): state for digest, state in rows}
    for digest in set(acknowledged):
        state = stored.get(digest, "not stored")
        if state not in ("split", "unreadable"):
            yield f"a body was acknowledged and is {state}: {digest.hex()[:16]}"


def _undecided(ledger: Ledger) -> Iterator[str]:
    rows = ledger._db.all(
        "SELECT i.id, i.kind, i.state FROM inbox i WHERE i.state = 'open' OR NOT EXISTS"
        " (SELECT 1 FROM decision d WHERE d.inbox_id = i.id AND d.replay = i.replays) ORDER BY i.id"
    )
    for number, kind, state in rows:
        yield f"event {number} ({kind}) is {state} and has no decision"


def _decided_out_of_order(ledger: Ledger) -> Iterator[str]:
    """Events of a lane are decided as they came. Two may not be: a mention, which moves between
    lanes, and what the account itself said, which comes first because it proves what was sent."""
    rows = ledger._db.all(
        "SELECT i.lane_id, i.id, d.id FROM inbox i JOIN decision d ON d.inbox_id = i.id"
        " WHERE d.replay = 0 AND i.kind NOT LIKE 'mention%' AND i.kind NOT IN ('echo', 'own')"
        " ORDER BY i.lane_id, d.id"
    )
    yield from _falling(rows, "was decided after a later one")


def _stored_out_of_order(ledger: Ledger) -> Iterator[str]:
    kinds = ", ".join(f"'{kind}'" for kind in _AS_THE_PERSON)
    rows = ledger._db.all(
        "SELECT lane_id, occurred_at, id FROM inbox WHERE source = 'webhook'"
        f" AND kind IN ({kinds}) ORDER BY lane_id, id"
    )
    yield from _falling(rows, "was stored after a later one")


def _falling(rows: Iterable[Sequence[int]], how: str) -> Iterator[str]:
    latest: dict[int, int] = {}
    for lane, number, _ in rows:
        if number < latest.get(lane, 0):
            yield f"event {number} of lane {lane} {how}"
        latest[lane] = max(number, latest.get(lane, 0))


def _left_open(ledger: Ledger, now: int) -> Iterator[str]:
    """What should have gone on by now. A send that waits says why, and until when."""
    rows = ledger._db.all(
        "SELECT key, state, reason, not_before FROM send"
        " WHERE state IN ('sending', 'pending', 'doubt') ORDER BY id"
    )
    for key, state, reason, not_before in rows:
        if state == "sending" or not reason or not_before <= now:
            yield f"send {key} is {state} ({reason or 'without a reason'}) at the end"
    for number, due_at in ledger._db.all(
        "SELECT id, wake_at FROM run WHERE state <> 'ended' AND wake_at <= ?", (now,)
    ):
        yield f"run {number} was due at {due_at}"


def _stale_writes(ledger: Ledger) -> Iterator[str]:
    """Attempts that were begun under a claim after a later one had begun another."""
    rows = ledger._db.all(
        "SELECT s.lane_id, a.fence, a.send_id FROM attempt a JOIN send s ON s.id = a.send_id"
        " ORDER BY s.lane_id, a.started_at, a.fence"
    )
    latest: dict[int, int] = {}
    for lane, fence, send in rows:
        if fence < latest.get(lane, 0):
            yield f"send {send} of lane {lane} was begun under claim {fence}, which was over"
        latest[lane] = max(fence, latest.get(lane, 0))


def _quotas(ledger: Ledger) -> Iterator[str]:
    """Messages of a day against its limit: those that hold a place, and those that went out."""
    for tenant in ledger.tenants.list():
        most = limits(ledger._db, tenant.id).per_day
        if most is None:
            continue
        taken = ledger._db.all("SELECT day, used FROM quota WHERE tenant_id = ?", (tenant.id,))
        made = ledger._db.all(
            "SELECT quota_day, count(*) FROM send WHERE tenant_id = ? AND quota_day IS NOT NULL"
            " AND counted = 'yes' AND state IN ('sent', 'parked', 'doubt') GROUP BY quota_day",
            (tenant.id,),
        )
        for day, count in [*taken, *made]:
            if count > most:
                yield f"tenant {tenant.slug} used {count} of {most} on {day}"


def _windows(acts: Sequence[Act], windows: Sequence[Window]) -> Iterator[str]:
    for window in windows:
        times: dict[str, list[int]] = defaultdict(list)
        for act in acts:
            if act.kind in window.kinds:
                times[act.account].append(act.time)
        for account, all_times in times.items():
            most = most_within(all_times, window.length)
            if most > window.most:
                kinds = ", ".join(window.kinds)
                yield f"{account}: {most} {kinds} in {window.length} ms, allowed {window.most}"


def most_within(times: Sequence[int], length: int) -> int:
    """The largest number of these times that lie in one half-open window."""
    ordered, first, most = sorted(times), 0, 0
    for last, time in enumerate(ordered):
        while ordered[first] <= time - length:
            first += 1
        most = max(most, last - first + 1)
    return most


_FOREIGN = (
    ("event", "inbox x JOIN account o ON o.id = x.account_id"),
    ("event", "inbox x JOIN lane o ON o.id = x.lane_id"),
    ("decision", "decision x JOIN inbox o ON o.id = x.inbox_id"),
    ("lane", "lane x JOIN account o ON o.id = x.account_id"),
    ("contact", "contact x JOIN account o ON o.id = x.account_id"),
    ("mark", "mark x JOIN contact o ON o.id = x.contact_id"),
    ("run", "run x JOIN lane o ON o.id = x.lane_id"),
    ("run", "run x JOIN inbox o ON o.id = x.inbox_id"),
    ("send", "send x JOIN account o ON o.id = x.account_id"),
    ("send", "send x JOIN lane o ON o.id = x.lane_id"),
    ("send", "send x JOIN inbox o ON o.id = x.inbox_id"),
    ("send", "send x JOIN run o ON o.id = x.run_id"),
)


def _foreign_rows(ledger: Ledger) -> Iterator[str]:
    """Rows of one tenant that hang on another's, and acts of one tenant's key at another's."""
    for what, tables in _FOREIGN:
        count = ledger._db.number(f"SELECT count(*) FROM {tables} WHERE x.tenant_id <> o.tenant_id")
        if count:
            yield f"{count} rows: a {what} of one tenant hangs on another's ({tables})"
    names = {f"key:{name}": tenant for name, tenant in ledger._db.all(
        "SELECT name, tenant_id FROM key WHERE kind = 'tenant'"
    )}  # fmt: skip
    for actor, tenant in ledger._db.all("SELECT DISTINCT actor, tenant_id FROM audit"):
        if actor in names and names[actor] != tenant:
            yield f"{actor} of tenant {names[actor]} acted at tenant {tenant}"


def digest(body: bytes) -> bytes:
    """What the ledger keeps of a body."""
    return hashlib.sha256(body).digest()
