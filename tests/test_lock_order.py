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
from igrules.model import Answer, NotDone, Usage
from tests.ledgering import DEADLINE, LEASE, NOW, QUIET, World, text

ORDER = ("seen", "lane", "contact", "run", "send", "quota", "rate", "hold", "turn")
_LOCKS = re.compile(
    r"(?:UPDATE (\w+) SET|INSERT INTO (\w+)|SELECT .* FROM (\w+) .*FOR UPDATE)", re.DOTALL
)


class Locks:
    """The tables of each transaction, in the order in which their rows are locked."""

    def __init__(self, url: str) -> None:
        chosen = drivers.choose(url)
        self.transactions: list[list[str]] = []
        self._now: list[str] = []
        commit, execute = chosen.peewee.commit, chosen.execute

        def commit_noted() -> Any:
            self.transactions.append(self._now)
            self._now = []
            return commit()

        def execute_noted(database: Any, sql: str, parameters: Sequence[Any]) -> Any:
            if database.in_transaction():
                self._note(sql)
            return execute(database, sql, parameters)

        chosen.peewee.commit = commit_noted
        self.driver = dataclasses.replace(chosen, execute=execute_noted)

    def _note(self, sql: str) -> None:
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
