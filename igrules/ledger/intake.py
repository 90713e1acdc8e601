"""Write the events of webhook bodies into lanes, each once.

Rows are locked in the order every other transaction uses: seen keys, lanes by account and person,
turns by tenant. A lane is locked before the ids of its events are drawn, so ids follow arrival.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import igrules.ledger.columns as columns
from igrules.errors import Unavailable
from igrules.ledger.database import MOST_PARAMETERS, Database, holders, tuples
from igrules.ledger.deployment import Deployment
from igrules.ledger.latecomers import UNNAMED, Latecomers, close_taken_back
from igrules.ledger.leaving import forgotten_accounts, hashed_name
from igrules.ledger.routing import Orphaned, Routes, Target
from igrules.ledger.stats import add_stat, day_begin
from igrules.ledger.turns import wake_tenants
from igrules.ledger.values import SplitResult
from igrules.model import Event

_T = TypeVar("_T")

ORPHANS_A_DAY = 1_000
"""How many orphans of an app are kept a day; further ones are only counted."""

_TRIES = 3
_LONGEST = 512

_NOBODYS = 0
"""Stands for the account in `seen` where an update has none."""

# One comment comes as two kinds when the post is an ad or live, so they share their keys.
_FAMILIES = {
    "live_comment": "comment",
    "own": "comment",
    "echo": "message",
    "self": "message",
    "mention_comment": "mention",
    "mention_caption": "mention",
}


@dataclass(frozen=True, slots=True)
class Body:
    """A webhook body and its events; ``None``: it cannot be read. ``id`` 0: not as delivered."""

    id: int
    app_id: int
    route_tenant_id: int | None
    received_at: int
    events: tuple[Event, ...] | None


@dataclass(frozen=True, slots=True)
class _Arrival:
    """One event, and by what its copies are recognised."""

    body: Body
    event: Event
    seen: tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class _Update(_Arrival):
    """One event on its way to a lane."""

    target: Target
    lane: tuple[int, str]
    """Account and person."""

    @property
    def tenant_id(self) -> int:
        """The tenant of the account."""
        return self.target.tenant_id


@dataclass(frozen=True, slots=True)
class _Stray(_Arrival):
    """One event without an account, on its way to the orphans. It is remembered as well, under an
    account that is nobody's, so that its copies are duplicates and not further orphans."""

    reason: str


_A = TypeVar("_A", bound=_Arrival)


class Intake:
    """One split, inside its transaction."""

    def __init__(
        self, db: Database, deployment: Deployment, now: int, source: str = "webhook"
    ) -> None:
        self._db = db
        self._deployment = deployment
        self._now = now
        self._source = source
        self._counts: Counter[tuple[int, str]] = Counter()
        self._kinds: Counter[tuple[str, str]] = Counter()

    def take(self, bodies: Sequence[Body]) -> SplitResult:
        """Store the events of these bodies, which nobody else is splitting, and wipe the bodies."""
        unreadable = [body.id for body in bodies if body.events is None]
        readable = [body for body in bodies if body.events is not None]
        updates, strays = self._routed(readable)
        orphans = self._unseen(strays, "orphans")
        woken = self._put(updates)
        self._store_orphans(orphans)
        self._close(readable, unreadable)
        return self._result(len(bodies), len(unreadable), woken)

    def adopt(self, bodies: Sequence[Body]) -> SplitResult:
        """Store the events of these bodies, which belong to no delivery; one without an account
        stays what it is."""
        updates, _ = self._routed(bodies)
        return self._result(0, 0, self._put(updates))

    def polled(self, target: Target, events: Sequence[Event]) -> SplitResult:
        """Store events of an account that were read, not delivered."""
        body = Body(0, 0, None, self._now, tuple(events))
        updates = [self._update(body, event, target) for event in events]
        return self._result(0, 0, self._put(updates))

    def _put(self, updates: Sequence[_Update]) -> int:
        """Store what nobody has seen before and give the number of lanes that became due."""
        fresh, silent = self._told_apart(self._unseen(updates, "events"))
        lanes = self._lanes([*fresh, *(update for update, _ in silent)])
        self._store(fresh, lanes)
        close_taken_back(self._db, fresh, self._now)
        self._store_silent(silent, lanes)
        return self._wake(fresh, {update.lane: lanes[update.lane] for update in fresh})

    def _result(self, deliveries: int, unreadable: int, woken: int) -> SplitResult:
        total = Counter[str]()
        for (_, what), count in self._counts.items():
            total[what] += count
        return SplitResult(
            deliveries=deliveries,
            events=total["events"],
            duplicates=total["duplicates"],
            orphans=total["orphans"],
            unreadable=unreadable,
            lanes=woken,
            tests=total["tests"],
            kinds=self._kinds,
        )

    def _routed(self, bodies: Sequence[Body]) -> tuple[list[_Update], list[_Stray]]:
        pairs = [(body, event) for body in bodies for event in body.events or ()]
        routes = Routes(self._db, [event for _, event in pairs])
        updates, strays = [], []
        for body, event in pairs:
            if event.kind == "test":
                self._counts[body.id, "tests"] += 1
                continue
            target = routes.find(event, body.app_id, body.route_tenant_id)
            if isinstance(target, Orphaned):
                seen = (_NOBODYS, self._stray_key(body, event))
                strays.append(_Stray(body, event, seen, target.reason))
            else:
                updates.append(self._update(body, event, target))
        if tests := sum(n for (_, what), n in self._counts.items() if what == "tests"):
            add_stat(self._db, 0, self._now, "test", "", tests)
        return updates, strays

    def _update(self, body: Body, event: Event, target: Target) -> _Update:
        account = target.account_id
        return _Update(body, event, (account, self._key(event)), target, (account, _person(event)))

    def _key(self, event: Event) -> bytes:
        """What is the same for two copies of an update; 16 bytes."""
        family = _FAMILIES.get(event.kind, event.kind)
        if event.key:
            return self._deployment.hashed(family.encode(), _bytes(event.key))
        return self._deployment.hashed(
            family.encode(), _bytes(event.person), str(event.occurred_at).encode(), event.raw
        )

    def _stray_key(self, body: Body, event: Event) -> bytes:
        """The key of an update whose account is unknown: with everything that names it."""
        names = (str(body.app_id), event.entry, event.account)
        return self._deployment.hashed(*map(_bytes, names), self._key(event))

    def _unseen(self, arrivals: Sequence[_A], count_as: str) -> list[_A]:
        """Those nobody has seen before, each once, in order of arrival."""
        fresh: set[tuple[int, bytes]] = set()
        for part in _slices(sorted({arrival.seen for arrival in arrivals}), 3):
            parameters = [value for seen in part for value in (*seen, self._now)]
            rows = self._db.all(
                f"INSERT INTO seen (account_id, key, seen_at) VALUES {tuples(len(part), 3)}"
                " ON CONFLICT DO NOTHING RETURNING account_id, key",
                parameters,
            )
            fresh.update((account_id, bytes(key)) for account_id, key in rows)
        kept = []
        for arrival in arrivals:
            if arrival.seen in fresh:
                fresh.remove(arrival.seen)
                kept.append(arrival)
                self._counts[arrival.body.id, count_as] += 1
                if count_as == "events":
                    self._kinds["events", arrival.event.kind] += 1
            else:
                self._counts[arrival.body.id, "duplicates"] += 1
                self._kinds["duplicates", arrival.event.kind] += 1
        return kept

    def _told_apart(
        self, updates: Sequence[_Update]
    ) -> tuple[list[_Update], list[tuple[_Update, str]]]:
        """Those to work on, and those of which nothing may be kept, with the reason."""
        late = Latecomers(self._db, self._deployment, updates, self._now)
        kept: list[_Update] = []
        silent: list[tuple[_Update, str]] = []
        for update in updates:
            why = late.why(update)
            if not why:
                kept.append(update)
                continue
            event = dataclasses.replace(update.event, raw=b"", text="")
            if why == "erased":
                event = dataclasses.replace(event, person=UNNAMED, username="", ref="")
            lane = (update.target.account_id, _person(event))
            silent.append((dataclasses.replace(update, event=event, lane=lane), why))
        return kept, silent

    def _store_silent(
        self, silent: Sequence[tuple[_Update, str]], lanes: dict[tuple[int, str], int]
    ) -> None:
        """Store that something came, decided and without its contents."""
        for update, why in silent:
            event, tenant_id = update.event, update.tenant_id
            row = self._db.first(
                "INSERT INTO inbox (tenant_id, account_id, lane_id, delivery_id, kind, ref, source,"
                " occurred_at, received_at, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'closed') RETURNING id",
                (tenant_id, update.target.account_id, lanes[update.lane], update.body.id or None,
                 columns.text(event.kind), columns.text(event.ref), self._source,
                 event.occurred_at,
                 update.body.received_at),
            )  # fmt: skip
            assert row is not None  # it was inserted
            self._db.run(
                "INSERT INTO decision (inbox_id, replay, tenant_id, ruleset_version, outcome,"
                " reason, created_at) VALUES (?, 0, ?, 0, 'skipped', ?, ?)",
                (row[0], tenant_id, why, self._now),
            )

    def _lanes(self, updates: Sequence[_Update]) -> dict[tuple[int, str], int]:
        """Ids of the lanes, made where they are new, all locked in order."""
        tenants = {update.lane: update.target.tenant_id for update in updates}
        found: dict[tuple[int, str], int] = {}
        # A lane that is there can lose its person, or go, before it is locked.
        for _ in range(_TRIES):
            self._lock_lanes(tenants, found)
            if len(found) == len(tenants):
                return found
            found.clear()
        raise Unavailable("conversations are erased faster than they are found", "try again")

    def _lock_lanes(
        self, tenants: dict[tuple[int, str], int], found: dict[tuple[int, str], int]
    ) -> None:
        for part in _slices(sorted(tenants), 3):
            parameters = [value for lane in part for value in (tenants[lane], *lane)]
            self._db.run(
                "INSERT INTO lane (tenant_id, account_id, person)"
                f" VALUES {tuples(len(part), 3)} ON CONFLICT DO NOTHING",
                parameters,
            )
            rows = self._db.all(
                "SELECT account_id, person, id FROM lane"
                f" WHERE (account_id, person) IN (VALUES {tuples(len(part), 2)})"
                f" ORDER BY account_id, person{self._db.locked}",
                [value for lane in part for value in lane],
            )
            found.update(((account_id, person), id) for account_id, person, id in rows)

    def _store(self, updates: Sequence[_Update], lanes: dict[tuple[int, str], int]) -> None:
        for part in _slices(updates, 12):
            parameters: list[object] = []
            for update in part:
                event = update.event
                parameters += [update.target.tenant_id, update.target.account_id,
                               lanes[update.lane], update.body.id or None, columns.text(event.kind),
                               columns.text(event.ref), columns.text(event.username), self._source,
                               event.occurred_at, update.body.received_at, event.raw,
                               "open"]  # fmt: skip
            self._db.run(
                "INSERT INTO inbox (tenant_id, account_id, lane_id, delivery_id, kind, ref,"
                " username, source, occurred_at, received_at, body, state)"
                f" VALUES {tuples(len(part), 12)}",
                parameters,
            )

    def _store_orphans(self, orphans: Sequence[_Stray]) -> None:
        if not orphans:
            return
        room = {
            app_id: ORPHANS_A_DAY
            - self._db.number(
                "SELECT count(*) FROM orphan WHERE app_id = ? AND received_at >= ?",
                (app_id, day_begin(self._now)),
            )
            for app_id in {stray.body.app_id for stray in orphans}
        }
        reasons: Counter[str] = Counter()
        rows: list[tuple[object, ...]] = []
        gone = forgotten_accounts(self._db, self._now)
        for stray in orphans:
            body, event = stray.body, stray.event
            reasons[stray.reason] += 1
            self._kinds["orphans", stray.reason] += 1
            if gone and self._is_gone(event, gone):
                continue
            if room[body.app_id] > 0:
                room[body.app_id] -= 1
                rows.append((body.app_id, body.route_tenant_id,
                             columns.text(event.entry or event.account), stray.reason,
                             body.received_at, event.raw))  # fmt: skip
        for part in _slices(rows, 6):
            self._db.run(
                "INSERT INTO orphan (app_id, route_tenant_id, ig_id, reason, received_at, body)"
                f" VALUES {tuples(len(part), 6)}",
                [value for row in part for value in row],
            )
        for reason, count in sorted(reasons.items()):
            add_stat(self._db, 0, self._now, "orphan", reason, count)

    def _is_gone(self, event: Event, gone: frozenset[bytes]) -> bool:
        """Whether it is for an account that was erased: of such an update nothing is kept."""
        name = columns.text(event.entry or event.account)
        return hashed_name(self._deployment, "account", name) in gone

    def _wake(self, updates: Sequence[_Update], lanes: dict[tuple[int, str], int]) -> int:
        """Make the lanes due that nobody is working on; those will look again by themselves."""
        woken = 0
        for part in _slices(sorted(lanes.values()), 1):
            woken += self._db.run(
                "UPDATE lane SET due = ? WHERE owner IS NULL AND (due IS NULL OR due > ?)"
                f" AND id IN ({holders(len(part))})",
                [self._now, self._now, *part],
            )
        if woken:
            wake_tenants(self._db, {update.target.tenant_id for update in updates}, self._now)
        return woken

    def _close(self, readable: Sequence[Body], unreadable: Sequence[int]) -> None:
        for ids in _slices(unreadable, 1):
            self._db.run(
                f"UPDATE delivery SET state = 'unreadable' WHERE id IN ({holders(len(ids))})", ids
            )
        for part in _slices(readable, 5):
            parameters = [
                value
                for body in part
                for value in (body.id, *(self._counts[body.id, what] for what in _COUNTED))
            ]
            self._db.run(
                "UPDATE delivery SET state = 'split', body = NULL, events = counted.column2,"
                " duplicates = counted.column3, orphans = counted.column4,"
                f" tests = counted.column5 FROM (VALUES {tuples(len(part), 5)}) AS counted"
                " WHERE delivery.id = counted.column1",
                parameters,
            )


_COUNTED = ("events", "duplicates", "orphans", "tests")


def _person(event: Event) -> str:
    """Whose lane it is; an update without a person waits in a lane of its own, or the account's."""
    if event.person:
        return columns.text(event.person)
    if event.kind in ("mention_comment", "mention_caption"):
        return columns.text(f"~mention:{event.ref or event.media}")
    return "~account"


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _slices(items: Sequence[_T], width: int) -> Iterator[Sequence[_T]]:
    """The items in parts of 512, 256, 128 and so on, which are few different statements: the driver
    and the server know them by heart instead of reading each anew."""
    size, start = min(_LONGEST, 1 << (MOST_PARAMETERS // width).bit_length() - 1), 0
    while start < len(items):
        while size > len(items) - start:
            size //= 2
        yield items[start : start + size]
        start += size
