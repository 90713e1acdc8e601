"""Work of several threads in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from igrules.errors import LedgerError, NotFound, Unavailable
from igrules.ledger import Ledger

THREADS = 4
ADD = "INSERT INTO chore (name, due) VALUES (?, 1)"


def chores(ledger: Ledger) -> set[str]:
    """Those that a test has stored."""
    return {row[0] for row in ledger._db.all("SELECT name FROM chore WHERE due = 1")}


def together(ledger: Ledger, *works: Callable[[Any], Any]) -> tuple[list[Future[Any]], int]:
    """Let one thread each ask for these while another one writes; give what came of it, and how
    many transactions it took."""
    began: list[bool] = []
    written = ledger._db.written

    @contextmanager
    def counted(durable: bool) -> Iterator[Any]:
        began.append(durable)
        with written(durable) as db:
            yield db

    ledger._db.written = counted  # type: ignore[method-assign]  # it is counted
    with ThreadPoolExecutor(len(works)) as threads:
        with ledger._db.turn():
            asked = []
            for number, work in enumerate(works, 1):
                asked.append(threads.submit(ledger._db.share, work))
                until(lambda number=number: len(ledger._db._shared._waiting) == number)
        for one in asked:
            one.exception(10)
    return asked, len(began)


def until(claim: Callable[[], bool]) -> None:
    """Wait for it."""
    patience = time.monotonic() + 10
    while not claim():
        assert time.monotonic() < patience


@pytest.fixture
def sqlite(ledger: Ledger) -> Ledger:
    """The ledger, where commits are shared."""
    if ledger._db.engine != "sqlite":
        pytest.skip("PostgreSQL shares the wait for the disk by itself")
    return ledger


def added(name: str) -> Callable[[Any], str]:
    """Work that stores a chore and gives its name."""

    def work(db: Any) -> str:
        db.run(ADD, (name,))
        return name

    return work


def test_those_who_wait_together_are_stored_by_one_commit(sqlite: Ledger) -> None:
    names = [f"c{n}" for n in range(THREADS)]

    asked, transactions = together(sqlite, *map(added, names))

    assert [one.result() for one in asked] == names
    assert chores(sqlite) == set(names)
    assert transactions == 1


def test_what_fails_is_undone_by_itself(sqlite: Ledger) -> None:
    def fails(db: Any) -> None:
        db.run(ADD, ("undone",))
        raise NotFound("nothing")

    def refused(db: Any) -> None:
        db.run("SELECT no_such_column FROM chore")

    asked, transactions = together(sqlite, added("one"), fails, refused, added("two"))

    assert isinstance(asked[1].exception(), NotFound)
    assert isinstance(asked[2].exception(), LedgerError)
    assert chores(sqlite) == {"one", "two"}
    # What the database itself refuses may have taken everything with it, so each is tried alone.
    assert transactions == 5


def test_a_commit_that_fails_is_tried_again_one_by_one(sqlite: Ledger) -> None:
    commit, failures = sqlite._db._peewee.commit, [True]

    def fails_once() -> None:
        if failures:
            failures.pop()
            raise sqlite._db._errors[0]("disk I/O error")
        commit()

    sqlite._db._peewee.commit = fails_once
    asked, transactions = together(sqlite, added("one"), added("two"))

    assert [one.result() for one in asked] == ["one", "two"]
    assert chores(sqlite) == {"one", "two"}
    assert transactions == 3


def test_nobody_hears_of_it_before_it_is_stored(sqlite: Ledger) -> None:
    """A call is made because its `sending` is on the disk."""
    commit = sqlite._db._peewee.commit
    asked, unheard = list[Future[Any]](), list[bool]()

    def looked() -> None:
        unheard.append(not any(one.done() for one in asked))
        commit()

    with ThreadPoolExecutor(2) as threads, sqlite._db.turn():
        sqlite._db._peewee.commit = looked
        asked += [threads.submit(sqlite._db.share, added(name)) for name in ("one", "two")]
        until(lambda: len(sqlite._db._shared._waiting) == 2)
        assert chores(sqlite) == set()
    assert unheard == [True]


def test_who_waits_too_long_hears_it(sqlite: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("igrules.ledger.database.BUSY_SECONDS", 0.01)

    with ThreadPoolExecutor(1) as threads, sqlite._db.turn():
        problem = threads.submit(sqlite._db.share, added("late")).exception(10)

    assert isinstance(problem, Unavailable)
    assert sqlite._db.share(added("next")) == "next"
    assert chores(sqlite) == {"next"}


def test_work_inside_a_transaction_is_part_of_it(ledger: Ledger) -> None:
    def undone() -> None:
        with ledger._db.joined():
            ledger._db.share(added("undone"))
            raise NotFound("nothing")

    with ledger._db.joined():
        assert ledger._db.share(added("one")) == "one"
    with pytest.raises(NotFound):
        undone()

    assert chores(ledger) == {"one"}
