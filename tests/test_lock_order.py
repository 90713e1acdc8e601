"""Rows are locked in one order everywhere: two transactions never wait for each other in a ring.

What a transaction locks is read off its statements on PostgreSQL. A table counts by its first lock,
since what is locked already needs no waiting.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from igrules.kinds import Rate
from igrules.ledger import DueSend, Ledger, drivers
from igrules.ledger.connections import Left
from igrules.ledger.doubts import Finding
from igrules.ledger.presets import WORDS
from igrules.model import Answer, NotDone, Receipt, Refused, Sent, Unknown, Usage
from tests.ledgering import DEADLINE, LEASE, NOW, QUIET, World, public, text

ORDER = ("seen", "lane", "contact", "run", "send", "quota", "rate", "account", "hold", "turn")
_LOCKS = re.compile(
    r"(?:UPDATE (\w+) SET|INSERT INTO (\w+)|DELETE FROM (\w+)|SELECT .* FROM (\w+) .*FOR UPDATE)",
    re.DOTALL,
)
_INNER = re.compile(r"\([^()]*\)")
"""What stands in brackets is read, not locked."""


class Locks:
    """The tables of each transaction, in the order in which their rows are locked."""

    def __init__(self, url: str) -> None:
        chosen = drivers.choose(url)
        self.transactions: list[list[str]] = []
        self.unsorted: list[str] = []
        self.counted: list[str] = []
        self._now: list[str] = []
        self._buckets = False
        commit, execute = chosen.peewee.commit, chosen.execute

        def commit_noted() -> Any:
            self.transactions.append(self._now)
            self._now, self._buckets = [], False
            return commit()

        def execute_noted(connection: Any, sql: str, parameters: Sequence[Any]) -> Any:
            if chosen.peewee.in_transaction():
                self._note(sql, parameters)
            return execute(connection, sql, parameters)

        chosen.peewee.commit = commit_noted
        self.driver = dataclasses.replace(chosen, execute=execute_noted)

    def _note(self, sql: str, parameters: Sequence[Any]) -> None:
        if sql.startswith("INSERT INTO stat"):
            self.counted.append(str(parameters[3]))
        self._buckets |= "FROM rate" in sql and "ORDER BY bucket FOR UPDATE" in sql
        if sql.startswith("UPDATE rate") and "bucket = " not in sql and not self._buckets:
            self.unsorted.append(sql)
        while _INNER.search(sql):
            sql = _INNER.sub("", sql)
        for found in _LOCKS.findall(sql):
            table = next(filter(None, found))
            if table in ORDER and table not in self._now:
                self._now.append(table)

    def wrong(self) -> list[list[str]]:
        """The transactions that lock in another order."""
        return [one for one in self.transactions if one != sorted(one, key=ORDER.index)]


@pytest.fixture
def locks(postgresql_url: str) -> Locks:
    return Locks(postgresql_url)


@pytest.fixture
def world(locks: Locks, postgresql_url: str, tmp_path: Path) -> Iterator[World]:
    ledger = Ledger.open(postgresql_url, tmp_path / "state", driver=locks.driver)
    yield World(ledger)
    ledger.close()


def test_a_limited_send_locks_the_tenants_turn_last(world: World, locks: Locks) -> None:
    """Others hold a quota or a bucket when they come for the turn."""
    lane = world.answer(text("k1", limit="shop.coupon"))
    due = world.next(lane)
    assert isinstance(due, DueSend)

    world.ledger.sends.begin(
        lane, due, NOW, lease=LEASE, quiet=QUIET, deadline=lambda _: DEADLINE,
        rates={"shop.coupon": Rate(5, 60_000)},
    )  # fmt: skip

    assert locks.wrong() == []


def test_a_limit_that_is_used_up_takes_nothing_else(world: World, locks: Locks) -> None:
    """A send that ends for it must not keep others waiting for a bucket."""
    rates = {"shop.coupon": Rate(1, 60_000)}
    lane = world.answer(*(text(f"k{n}", limit="shop.coupon") for n in range(2)))
    for _ in range(2):
        due = world.next(lane)
        found = world.ledger.sends.begin(
            lane, due, NOW, lease=LEASE, quiet=QUIET, deadline=lambda _: DEADLINE, rates=rates
        )
        before = world.ledger._db.all("SELECT bucket, tat FROM rate ORDER BY bucket")
        if due.effect.key == "k0":
            world.settle(found, NotDone(1, "no"))
            world.ledger._db.run("UPDATE send SET not_before = ? WHERE key = 'k0'", (NOW + LEASE,))
            world.ledger._db.run("UPDATE send SET track = 'other' WHERE key = 'k0'")
            taken = before

    assert world.states()["k1"] == ("skipped", "limited")
    assert before == taken


def test_an_answer_with_a_budget_locks_buckets_before_holds(world: World, locks: Locks) -> None:
    """A send that tries under a hold takes its buckets before the hold."""
    lane = world.answer(text("k1"))
    ready = world.started(lane)
    answer = Answer(cls="THROTTLE", status=400, code=4, usage=Usage(account=90, app=90))

    world.settle(ready, NotDone(60_000, "throttled", answer=answer))

    assert "hold" in locks.transactions[-1]
    assert locks.wrong() == []


def test_an_answer_locks_the_buckets_it_slows_in_their_order(world: World, locks: Locks) -> None:
    ready = world.started(world.answer(text("k1")))

    world.settle(ready, NotDone(60_000, "slow", answer=Answer("THROTTLE", 400, 613)))

    assert locks.unsorted == []


def test_what_was_found_of_several_sends_is_counted_in_one_order(
    world: World, locks: Locks
) -> None:
    """Another conversation of the client is settled meanwhile, with the same counters."""
    lane = world.answer(text("k1"), text("k2", track="x"), text("k3", track="y"))
    for _ in range(3):
        world.settle(world.started(lane), Unknown("reset"))
    later = NOW + 10 * QUIET
    (lane,) = world.claim(later)
    first, second, third = (one.id for one in world.ledger.sends.doubts(lane, later))
    found = {first: Finding("found", "replies"), second: Finding("found", "conversation")}

    world.ledger.sends.conclude(lane, {**found, third: Finding("absent")}, later)

    assert locks.counted == ["absent", "conversation", "replies"]
    assert locks.wrong() == []


def test_the_buckets_of_an_account_are_made_all_at_once(world: World) -> None:
    """Who has locked some of its own and makes the rest would wait for who makes them in order."""
    world.started(world.answer(public("k1")))

    made = [row[0] for row in world.ledger._db.all("SELECT bucket FROM rate ORDER BY bucket")]

    assert made == sorted(WORDS)


@pytest.mark.parametrize("receipt", [Sent("mid"), Refused("no"), Unknown("reset")])
def test_the_answer_to_a_try_under_a_hold_locks_the_account_before_the_hold(
    world: World, locks: Locks, receipt: Receipt
) -> None:
    """Other calls of the account are answered meanwhile, and may stop it once more."""
    lane = world.answer(text("k1"), text("k2", track="x"))
    world.settle(world.started(lane), NotDone(1, "b", False, Answer("BLOCKED", 400, 368)))
    later = NOW + 6 * 3_600_000
    (lane,) = world.claim(later)
    ready = world.started(lane, later)
    world.ledger._db.run("UPDATE account SET strikes = 1, strikes_at = ?", (later,))

    world.settle(ready, receipt, later)

    assert {"account", "hold"} <= {table for one in locks.transactions for table in one}
    assert locks.wrong() == []


def test_a_new_token_locks_the_account_before_holds(world: World, locks: Locks) -> None:
    ready = world.started(world.answer(text("k1")))
    world.settle(ready, NotDone(60_000, "reauth", False, Answer("REAUTH", 400, 190)))

    world.scope.secrets.set("access_token", "IGAA-new", NOW + 1)

    assert locks.transactions[-1][-2:] == ["account", "hold"]
    assert locks.wrong() == []


def test_a_missing_token_and_its_return_lock_the_account_before_holds(
    world: World, locks: Locks
) -> None:
    lane = world.answer(text("k1"))
    world.scope.secrets.remove("access_token")
    world.begin(lane)
    world.ledger.lanes.release(lane, NOW)
    world.scope.secrets.set("access_token", "IGAA-new", NOW + 1)
    world.ledger.finish_lifting(NOW + 1)

    assert ["account", "hold"] in [one[-2:] for one in locks.transactions]
    assert locks.wrong() == []


def test_an_account_that_leaves_locks_its_lanes_and_sends_first(world: World, locks: Locks) -> None:
    """The answers of its calls still come in."""
    lane = world.answer(text("k1"), text("k2", track="x"))
    world.started(lane)
    account_id = lane.account_id

    world.ledger.connections.deauthorize(Left(world.tenant.id, account_id), NOW)
    world.ledger.erasures.request_account(world.tenant.id, account_id, "api", NOW)
    world.ledger.erasures.request_tenant(world.tenant.id, "api", NOW)

    assert locks.wrong() == []
