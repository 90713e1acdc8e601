"""Rate buckets of accounts: how much may go out at any time, and in which order the rest does.

A bucket keeps one number, the time at which it would be as if nobody had taken anything (GCRA): one
may be taken while that is no further ahead than its room, and moves it on by a step.

Why a line: ten thousand sends that wait for one bucket must not all wake when it lets one through.
Each gets a place of its own, a step behind the one before, and newcomers stand behind them all. A
place after the end of a send's window is given to nobody: it would keep the next ones waiting. Who
comes at its place and finds the bucket closed, because it was slowed meanwhile or a send of another
line took the last one, gets a place at the front, which nobody may pass, and its line moves back by
a step. So the order stays, and two lines that share a bucket take turns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import igrules.ledger.ceilings as ceilings
from igrules.ledger.database import Database, holders
from igrules.ledger.open_sends import HELD
from igrules.ledger.presets import PRESETS, WORDS, Pace
from igrules.ledger.values import Wait

ACCOUNT = "*"
"""The bucket that stands for all of an account: it slows or shuts the others."""
REASON = "rate:"
"""Begins the reason of what waits for a bucket; its name follows."""
THROTTLED = "throttled"
"""The reason of what waits because the platform wants nothing of an account for a while."""

NEWCOMER, COME = None, 0
"""Places of a send that was never in line, and of one whose place has come."""

Paces = Sequence[tuple[str, Pace]]


def app_of(flavour: str, app: str) -> str:
    """The bucket that stands for all accounts of an app, under the account 0."""
    return f"app {flavour} {app}"


@dataclass(frozen=True, slots=True)
class App:
    """How the app of an account stands, in microseconds; `OF_APP` reads it."""

    slow_until: int | None = None
    shut_until: int | None = None


OF_APP = " LEFT JOIN rate p ON p.account_id = 0 AND p.bucket = 'app ' || a.flavour || ' ' || a.app"
"""Joins what `App` holds to ``account a``, as ``p.slow_until, p.shut_until``."""


def take(
    db: Database,
    account_id: int,
    app: App,
    paces: Paces,
    place: int | None,
    now: int,
    *,
    queue: bool = True,
    latest: int | None = None,
) -> Wait | None:
    """Take one of each of these buckets inside a transaction, or of none and say when to try again.

    It waits in the line of the first. ``place`` is what an earlier `Wait` gave. Without ``queue``
    no place is kept for it, and none after ``latest``.
    """
    if not paces:
        return None
    rates = _locked(db, account_id, paces)
    if any(name not in rates for name, _ in paces):
        _open(db, account_id)
        rates = _locked(db, account_id, paces)
    whole = (rates.get(ACCOUNT, _Rate()), _Rate(0, app.slow_until or 0, app.shut_until or 0))
    if _is_open(rates, whole, paces, place, now * 1000):
        _take(db, account_id, rates, whole, paces, now * 1000)
        return None
    closed = _closed(rates, whole, paces, now * 1000)
    if not queue or (latest is not None and _ms(closed.until) > latest):
        return Wait(_ms(closed.until), closed.reason)
    return _stand_in_line(db, account_id, rates, closed, paces, place, now, latest)


def take_in_turn(
    db: Database,
    account_id: int,
    app: App,
    paces: Paces,
    place: int | None,
    now: int,
    latest: int | None,
) -> Wait | None:
    """The same for a send; a newcomer does not stand behind a line that everybody has left."""
    found = take(db, account_id, app, paces, place, now, latest=latest)
    if found is None or place is not NEWCOMER or not _forget_line(db, account_id, paces, now):
        return found
    return take(db, account_id, app, paces, place, now, latest=latest)


def _forget_line(db: Database, account_id: int, paces: Paces, now: int) -> bool:
    """Begin a line anew in which nobody stands any more: they were dropped, or had to go. Who asks
    has no place that is stored yet."""
    return bool(
        db.run(
            "UPDATE rate SET next_place = 0, promised = 0, shift = 0"
            " WHERE account_id = ? AND bucket = ? AND NOT EXISTS (SELECT 1 FROM send"
            f" WHERE send.account_id = ? AND {HELD} AND place + rate.shift > ?)",
            (account_id, paces[0][0], account_id, now * 1000),
        )
    )


def change_preset(db: Database, account_id: int, before: str, after: str, now: int) -> None:
    """Count what was taken so far at the pace of the preset that holds now. Where that is the
    faster one, every line begins anew, and whoever stands in one has to leave it."""
    is_faster, at = after == ceilings.PRESETS[-1], now * 1000
    with db.transaction():
        for name, tat in db.all(
            f"SELECT bucket, tat FROM rate WHERE account_id = ? ORDER BY bucket{db.locked}",
            (account_id,),
        ):
            old, new = PRESETS[before].get(name), PRESETS[after].get(name)
            if old and new and old.step and tat > at:
                tat = at + (tat - at) * new.step // old.step
            lines = ", next_place = 0, promised = 0, shift = 0, front = 0" if is_faster else ""
            db.run(
                f"UPDATE rate SET tat = ?{lines} WHERE account_id = ? AND bucket = ?",
                (tat, account_id, name),
            )


def _is_open(
    rates: Mapping[str, _Rate], whole: Sequence[_Rate], paces: Paces, place: int | None, now: int
) -> bool:
    """Whether all buckets let one through, and nobody is before it."""
    if any(one.shut_until > now for one in whole):
        return False
    for name, pace in paces:
        rate = rates[name]
        if rate.shut_until > now or rate.tat > now + pace.room:
            return False
        if place != COME and rate.front > now:
            return False
    line = rates[paces[0][0]]
    return place == COME or (place or line.next_place) + line.shift <= now


def _take(
    db: Database,
    account_id: int,
    rates: Mapping[str, _Rate],
    whole: Sequence[_Rate],
    paces: Paces,
    now: int,
) -> None:
    is_slow = any(one.slow_until > now for one in whole)
    taken: list[object] = []
    for name, pace in paces:
        rate = rates[name]
        step = pace.slow if is_slow or rate.slow_until > now else pace.step
        taken += [name, max(rate.tat, now) + step]
    db.run(
        f"UPDATE rate SET tat = CASE bucket {'WHEN ? THEN ? ' * len(paces)}END"
        f" WHERE account_id = ? AND bucket IN ({holders(len(paces))})",
        [*taken, account_id, *(name for name, _ in paces)],
    )


@dataclass(frozen=True, slots=True)
class _Rate:
    """A bucket as it stands, in microseconds.

    Where the line ends: ``next_place`` is free for the next newcomer, and ``promised`` what `tat`
    will be once all in line have taken theirs; both as if the line had never been moved back, which
    it was by ``shift``. ``front`` is the next place before the line.
    """

    tat: int = 0
    slow_until: int = 0
    shut_until: int = 0
    next_place: int = 0
    promised: int = 0
    shift: int = 0
    front: int = 0


@dataclass(frozen=True, slots=True)
class _Closed:
    """When all buckets of a send let one through, why not before, how far the line moves back for
    it, and which buckets are in the way."""

    until: int
    reason: str
    moves: int
    names: tuple[str, ...]


def _stand_in_line(
    db: Database,
    account_id: int,
    rates: Mapping[str, _Rate],
    closed: _Closed,
    paces: Paces,
    place: int | None,
    now: int,
    latest: int | None,
) -> Wait:
    line = rates[paces[0][0]]
    if place and place + line.shift > now * 1000:
        # The line was moved back since this place was given.
        return Wait(_ms(place + line.shift), REASON + paces[0][0], place)
    if place is NEWCOMER:
        return _to_the_end(db, account_id, paces, line, closed, latest)
    return _to_the_front(db, account_id, paces, line, closed, now * 1000)


def _to_the_end(
    db: Database,
    account_id: int,
    paces: Paces,
    line: _Rate,
    closed: _Closed,
    latest: int | None,
) -> Wait:
    pace, follows = paces[0][1], paces[-1][1]
    taken = max(line.promised + line.shift, line.tat)
    free = taken - pace.room
    at = max(line.next_place + line.shift, free, closed.until)
    # The bucket in the way now may open long before the line's own has one left.
    reason = REASON + paces[0][0] if at == free > closed.until else closed.reason
    if latest is not None and _ms(at) > latest:
        return Wait(_ms(at), reason)
    db.run(
        "UPDATE rate SET next_place = ?, promised = ? WHERE account_id = ? AND bucket = ?",
        (
            at - line.shift + (follows.step or follows.slow),
            max(taken, at) - line.shift + pace.step,
            account_id,
            paces[0][0],
        ),
    )
    return Wait(_ms(at), reason, at - line.shift)


def _to_the_front(
    db: Database, account_id: int, paces: Paces, line: _Rate, closed: _Closed, now: int
) -> Wait:
    for name in closed.names:
        pace = dict(paces)[name]
        db.run(
            "UPDATE rate SET front = ? WHERE account_id = ? AND bucket = ?",
            (closed.until + (pace.step or pace.slow), account_id, name),
        )
    if line.next_place + line.shift > now:
        db.run(
            "UPDATE rate SET shift = shift + ? WHERE account_id = ? AND bucket = ?",
            (closed.moves, account_id, paces[0][0]),
        )
    return Wait(_ms(closed.until), closed.reason, COME)


def _closed(rates: Mapping[str, _Rate], whole: Sequence[_Rate], paces: Paces, now: int) -> _Closed:
    is_slow = any(one.slow_until > now for one in whole)
    opens = max(now, *(one.shut_until for one in whole))
    until, reason, moves = opens, THROTTLED if opens > now else "", opens - now
    names = []
    for name, pace in paces:
        rate = rates[name]
        at = max(rate.shut_until, rate.tat - pace.room, rate.front)
        if at <= opens:
            continue
        names.append(name)
        if at > until:
            until, reason = at, REASON + name
        slow = is_slow or rate.slow_until > now or not pace.step
        moves = max(moves, pace.slow if slow else pace.step, rate.shut_until - now)
    return _Closed(until, reason or REASON + paces[0][0], moves, tuple(names) or (paces[-1][0],))


def _locked(db: Database, account_id: int, paces: Paces) -> dict[str, _Rate]:
    """The buckets by name, that of the whole account among them.

    Locked in order: two sends that take two buckets each must not wait for one another.
    """
    rows = db.all(
        "SELECT bucket, tat, slow_until, shut_until, next_place, promised, shift, front FROM rate"
        f" WHERE account_id = ? AND bucket IN ({holders(len(paces) + 1)})"
        f" ORDER BY bucket{db.locked}",
        [account_id, ACCOUNT, *(name for name, _ in paces)],
    )
    return {row[0]: _Rate(*row[1:]) for row in rows}


def _open(db: Database, account_id: int) -> None:
    """Make all buckets of an account at once, in their order: who made those it lacks would hold
    later ones by then."""
    names = sorted(WORDS)
    db.run(
        f"INSERT INTO rate (account_id, bucket) VALUES {', '.join(['(?, ?)'] * len(names))}"
        " ON CONFLICT DO NOTHING",
        [value for name in names for value in (account_id, name)],
    )


def _ms(microseconds: int) -> int:
    """Never earlier than it says."""
    return -(-microseconds // 1000)


def preset_of(own: str, ceiling: bytes | None) -> str:
    """The slower of the tenant's own preset and the one its operator allows."""
    if own != ceilings.PRESETS[-1] or ceilings.preset_in(ceiling) == ceilings.PRESETS[0]:
        return ceilings.PRESETS[0]
    return own
