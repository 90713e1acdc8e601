"""Asking the database from one thread, briefly remembered."""

from __future__ import annotations

import threading
import time

import pytest

from igrules.errors import Unavailable
from igrules.web.lookups import Lookups
from igrules.work.clock import Clock
from tests.running import wait_until


class Still(Clock):
    """A clock whose monotonic time the test moves."""

    at = 100.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def clock():
    return Still()


@pytest.fixture
def lookups(clock):
    lookups = Lookups(clock)
    yield lookups
    lookups.close()


def test_an_answer_is_remembered_for_two_seconds(lookups, clock):
    answers = iter(["first", "second"])

    def look() -> str:
        return next(answers)

    assert lookups.find("key", look) == "first"
    clock.at += 1.9
    assert lookups.find("key", look) == "first"
    clock.at += 0.2
    assert lookups.find("key", look) == "second"


def test_nothing_is_not_remembered(lookups):
    answers = iter([None, "there"])

    assert lookups.find("key", lambda: next(answers)) is None
    assert lookups.find("key", lambda: next(answers)) == "there"


def test_what_is_forgotten_is_looked_up_again(lookups):
    answers = iter(["old", "new"])
    lookups.find("key", lambda: next(answers))

    lookups.forget("key")

    assert lookups.find("key", lambda: next(answers)) == "new"


def test_a_failed_look_is_not_remembered(lookups):
    def broken() -> str:
        raise Unavailable("no database")

    with pytest.raises(Unavailable, match="no database"):
        lookups.find("key", broken)
    assert lookups.find("key", lambda: "there") == "there"


def test_requests_that_come_together_look_once(lookups):
    may_go, looks, found = threading.Event(), [], []

    def look() -> str:
        looks.append(1)
        assert may_go.wait(5)
        return "answer"

    threads = [
        threading.Thread(target=lambda: found.append(lookups.find("key", look))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    may_go.set()
    for thread in threads:
        thread.join(5)

    assert found == ["answer"] * 8
    assert len(looks) == 1


def test_a_database_that_hangs_costs_a_second_and_a_half(lookups):
    may_go = threading.Event()

    started = time.monotonic()
    with pytest.raises(Unavailable):
        lookups.find("key", lambda: may_go.wait(30))

    assert 1.4 < time.monotonic() - started < 15
    may_go.set()


def test_after_the_end_nothing_is_found(lookups):
    lookups.close()

    with pytest.raises(Unavailable):
        lookups.find("key", lambda: "answer")


def test_who_stands_in_line_at_the_end_is_told_that_it_is_the_end(lookups):
    """Meta asks again after a 503; anything else is a defect of ours in its eyes."""
    inside, may_go, told = threading.Event(), threading.Event(), []

    def hang() -> str:
        inside.set()
        assert may_go.wait(5)
        return "first"

    def wait_in_line() -> None:
        try:
            lookups.find("second", lambda: "answer")
        except Unavailable as error:
            told.append(error)

    first = threading.Thread(target=lookups.find, args=("first", hang))
    first.start()
    assert inside.wait(5)
    second = threading.Thread(target=wait_in_line)
    second.start()
    wait_until(lambda: lookups._reader._work_queue.qsize() == 1, 15)

    lookups.close()
    second.join(5)
    may_go.set()
    first.join(5)

    assert [str(error) for error in told] == ["this process is stopping"]
