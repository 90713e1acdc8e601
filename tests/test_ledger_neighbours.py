"""Processes that write into one SQLite file let each other in."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from igrules.ledger.database import Database
from igrules.ledger.drivers import choose
from igrules.ledger.neighbours import Neighbours
from tests.running import wait_until

ROOT = Path(__file__).parent.parent
BUSY = """
import sys
from igrules.ledger.database import Database
from igrules.ledger.drivers import choose
database = Database(choose(sys.argv[1]))
while True:
    with database.transaction(durable=False) as db:
        db.run("UPDATE count SET n = n + 1")
        # Some milliseconds of work.
        db.all("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000)"
               " SELECT max(n) FROM c")
"""
HOLDING = """
import sys, time
from pathlib import Path
from igrules.ledger.neighbours import Neighbours
neighbours = Neighbours(Path(sys.argv[1]))
# Two processes that look at the same moment see each other the next time only.
while not neighbours.take():
    time.sleep(0.01)
print("taken", flush=True)
sys.stdin.readline()
neighbours.give()
sys.stdin.readline()
"""


SPLITTING = """
import sys
from pathlib import Path
from igrules.ledger.neighbours import Neighbours
neighbours = Neighbours(Path(sys.argv[1]))
assert neighbours.may_split()
print("splitting", flush=True)
sys.stdin.readline()
neighbours.has_split()
print("done", flush=True)
sys.stdin.readline()
"""


@contextmanager
def another(program: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process at this database."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.db"


@pytest.fixture
def ours(path):
    """Makes neighbours of this process; the first one only shows that it is there."""
    made = []

    def make(patience: float = 10.0) -> Neighbours:
        made.append(Neighbours(path, patience))
        return made[-1]

    assert not make().take()
    yield make
    for one in made:
        one.close()


def test_one_who_wants_to_write_is_next_however_busy_another_process_is(path):
    """Otherwise a webhook waits for seconds, until it finds the moment between two transactions."""
    path.touch()
    database = Database(choose(str(path)))
    database.run("CREATE TABLE count (n INTEGER)")
    database.run("INSERT INTO count VALUES (0)")

    def count() -> int:
        return database.number("SELECT n FROM count")

    with another(BUSY, path):
        wait_until(lambda: count() > 20, 30)
        passed = []
        for _ in range(12):
            asked = count()
            with database.transaction():
                passed.append(count() - asked)
            seen = count()
            wait_until(lambda seen=seen: count() > seen, 20)
    database.close()

    # What was under way, and what came between the count and the asking.
    assert sorted(passed)[8] <= 5


def test_one_process_splits_at_a_time_and_a_killed_one_holds_nobody_up(path, ours):
    """Woken by the same webhook, all would read its body and then wait to write, for nothing."""
    mine = ours()
    with another(SPLITTING, path) as process:
        assert process.stdout.readline() == b"splitting\n"
        meanwhile = mine.may_split()
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"done\n"
        after = mine.may_split()
        mine.has_split()
    with another(SPLITTING, path) as process:
        assert process.stdout.readline() == b"splitting\n"
        beside = mine.may_split()
        process.kill()
        process.wait()

        assert (meanwhile, after, beside) == (False, True, False)
        assert mine.may_split()
        mine.has_split()


def test_one_that_was_stopped_while_it_splits_holds_nobody_up_for_ever(path, ours):
    mine = ours(patience=0.2)
    with another(SPLITTING, path) as process:
        assert process.stdout.readline() == b"splitting\n"

        assert not mine.may_split()
        wait_until(mine.may_split, 20, "it goes on without the other")
        mine.has_split()


def test_the_turn_of_another_process_is_waited_for(path, ours):
    with another(HOLDING, path) as process:
        assert process.stdout.readline() == b"taken\n"
        mine, got = ours(), []
        thread = threading.Thread(target=lambda: got.append(mine.take()))
        thread.start()
        thread.join(0.05)
        assert thread.is_alive()

        process.stdin.write(b"\n")
        process.stdin.flush()
        thread.join(10)

        assert got == [True]
        assert process.poll() is None


def test_one_who_keeps_the_turn_is_not_waited_for_again_and_again(path, ours):
    """A process that was stopped at this very moment; SQLite's lock decides meanwhile."""
    with another(HOLDING, path) as process:
        assert process.stdout.readline() == b"taken\n"
        mine = ours(0.2)
        assert not mine.take()

        started = time.monotonic()
        for _ in range(100):
            assert not mine.take()

        # Else it would take twenty seconds.
        assert time.monotonic() - started < 5


def test_a_turn_ends_with_its_process(path, ours):
    with another(HOLDING, path) as killed:
        assert killed.stdout.readline() == b"taken\n"
        killed.kill()
        killed.wait(10)

    with another(HOLDING, path) as process:
        assert process.stdout.readline() == b"taken\n"


def test_where_there_can_be_no_file_nobody_is_asked(tmp_path):
    assert not Neighbours(tmp_path / "nowhere" / "a.db").take()
