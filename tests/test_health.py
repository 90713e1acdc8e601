"""Whether a process should be given work."""

from __future__ import annotations

import threading

import pytest

from igrules.errors import Unavailable
from igrules.ledger import NewDelivery
from igrules.web.health import Readiness, Stopping
from igrules.web.ingest import Writer
from igrules.work.clock import Clock
from tests.running import wait_until


class Moving(Clock):
    """A clock whose monotonic time the test moves."""

    at = 100.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def clock():
    return Moving()


@pytest.fixture
def writer():
    return Writer(lambda deliveries: None, lambda: None)


def test_a_quick_commit_is_ready(writer, clock):
    assert Readiness(writer, lambda now: None, Stopping(), clock).reasons() == []


def test_a_commit_is_made_at_most_once_a_second(writer, clock):
    """Otherwise whoever asks often decides how busy the database is."""
    commits = []
    readiness = Readiness(writer, commits.append, Stopping(), clock)

    readiness.reasons()
    readiness.reasons()
    clock.at += 1.1
    readiness.reasons()

    assert len(commits) == 2


def test_a_slow_commit_is_not_ready(writer, clock):
    def slow(now: int) -> None:
        clock.at += 1.0

    assert Readiness(writer, slow, Stopping(), clock).reasons() == ["slow database"]


def test_a_failed_commit_is_not_ready_until_one_succeeds(writer, clock):
    broken = [True]

    def commit(now: int) -> None:
        if broken[0]:
            raise Unavailable("no database")

    readiness = Readiness(writer, commit, Stopping(), clock)
    assert readiness.reasons() == ["database"]
    broken[0] = False
    clock.at += 1.1

    assert readiness.reasons() == []


def test_only_one_request_waits_for_a_database_that_hangs(writer, clock):
    inside, may_go = threading.Event(), threading.Event()

    def hang(now: int) -> None:
        inside.set()
        assert may_go.wait(30)

    readiness = Readiness(writer, hang, Stopping(), clock)
    first = threading.Thread(target=readiness.reasons)
    first.start()
    assert inside.wait(30)
    clock.at += 2.0

    assert readiness.reasons() == ["slow database"]
    may_go.set()
    first.join()


def test_a_slow_group_of_webhooks_does_not_count_once_commits_are_quick_again(clock):
    """A balancer sends nothing to who is not ready, so no later group would ever say otherwise."""

    def slow(deliveries) -> None:
        clock.at += 5.0

    writer = Writer(slow, lambda: None, passing=clock.monotonic)
    writer.put(NewDelivery(1, None, b"x", 1))
    assert writer.close()

    assert Readiness(writer, lambda now: None, Stopping(), clock).reasons() == []


def test_a_full_queue_is_not_ready(clock):
    may_go, inside = threading.Event(), threading.Event()

    def store(deliveries) -> None:
        inside.set()
        may_go.wait(60)

    writer = Writer(store, lambda: None, places=5, answer_within=60)
    readiness = Readiness(writer, lambda now: None, Stopping(), clock)
    item = NewDelivery(1, None, b"x", 1)
    requests = [threading.Thread(target=writer.put, args=(item,)) for _ in range(5)]
    requests[0].start()
    assert inside.wait(30)
    for request in requests[1:]:
        request.start()
    wait_until(lambda: writer.load() == 0.8, 30)

    assert readiness.reasons() == ["busy"]
    may_go.set()
    for request in requests:
        request.join()
    assert writer.close()


def test_a_process_that_stops_is_not_ready(writer, clock):
    stopping = Stopping()
    readiness = Readiness(writer, lambda now: None, stopping, clock)

    stopping.begin()

    assert readiness.reasons() == ["stopping"]
