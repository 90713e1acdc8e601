"""The writer: one durable transaction for many requests, and never a 200 without it."""

from __future__ import annotations

import threading
import time

import pytest

from igrules.errors import Unavailable
from igrules.ledger import NewDelivery
from igrules.web.ingest import NotStored, Writer, _settle, _Waiting
from tests.running import wait_until


class Disk:
    """Records groups. ``gate`` holds commits back, ``bad`` bodies make a commit fail."""

    def __init__(self) -> None:
        self.groups: list[list[bytes]] = []
        self.tries = 0
        self.gate = threading.Event()
        self.gate.set()
        self.bad: set[bytes] = set()
        self.rings = 0
        self.rung = threading.Event()

    def store(self, deliveries) -> None:
        self.tries += 1
        assert self.gate.wait(60)
        bodies = [delivery.body for delivery in deliveries]
        if self.bad.intersection(bodies):
            raise Unavailable("disk full")
        self.groups.append(bodies)

    def ring(self) -> None:
        self.rings += 1
        self.rung.set()


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def writer(disk):
    writer = Writer(disk.store, disk.ring, answer_within=60)
    yield writer
    disk.gate.set()
    assert writer.close()


def delivery(body: bytes) -> NewDelivery:
    return NewDelivery(1, None, body, 1_000)


def put_all(writer: Writer, bodies: list[bytes]) -> tuple[list[threading.Thread], dict]:
    """Put every body from a thread of its own. The answers appear in the mapping."""
    answers: dict[bytes, bool] = {}

    def put(body: bytes) -> None:
        try:
            writer.put(delivery(body))
            answers[body] = True
        except NotStored:
            answers[body] = False

    threads = [threading.Thread(target=put, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    return threads, answers


def join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_putting_returns_after_the_commit(writer, disk):
    writer.put(delivery(b"a"))

    assert disk.groups == [[b"a"]]


def test_requests_that_come_during_a_commit_share_the_next(writer, disk):
    disk.gate.clear()
    first, _ = put_all(writer, [b"first"])
    wait_until(lambda: disk.tries == 1, 30)
    bodies = [b"%d" % n for n in range(20)]
    threads, answers = put_all(writer, bodies)
    wait_until(lambda: writer.load() == 20 / 1_000, 30)

    disk.gate.set()
    join(first + threads)

    assert [sorted(group) for group in disk.groups] == [[b"first"], sorted(bodies)]
    assert answers == dict.fromkeys(bodies, True)


def test_a_group_holds_at_most_64_bodies(writer, disk):
    disk.gate.clear()
    first, _ = put_all(writer, [b"first"])
    wait_until(lambda: disk.tries == 1, 30)
    threads, _ = put_all(writer, [b"%d" % n for n in range(100)])
    wait_until(lambda: writer.load() == 100 / 1_000, 30)

    disk.gate.set()
    join(first + threads)

    assert [len(group) for group in disk.groups] == [1, 64, 36]


def test_a_group_ends_at_four_mebibytes(writer, disk):
    disk.gate.clear()
    first, _ = put_all(writer, [b"first"])
    wait_until(lambda: disk.tries == 1, 30)
    big = [bytes([n]) * 3 * 1024 * 1024 for n in range(3)]
    threads, _ = put_all(writer, big)
    wait_until(lambda: writer.load() == 3 / 1_000, 30)

    disk.gate.set()
    join(first + threads)

    assert [len(group) for group in disk.groups] == [1, 2, 1]


def test_one_body_the_database_refuses_does_not_fail_its_neighbours(writer, disk):
    disk.bad = {b"bad"}
    disk.gate.clear()
    first, _ = put_all(writer, [b"first"])
    wait_until(lambda: disk.tries == 1, 30)
    threads, answers = put_all(writer, [b"a", b"bad", b"b"])
    wait_until(lambda: writer.load() == 3 / 1_000, 30)

    disk.gate.set()
    join(first + threads)

    assert answers == {b"a": True, b"bad": False, b"b": True}


def test_a_failed_commit_is_not_stored(writer, disk):
    disk.bad = {b"a"}

    with pytest.raises(NotStored):
        writer.put(delivery(b"a"))
    assert disk.groups == []


def test_a_commit_that_takes_too_long_is_not_stored(disk):
    """Meta gives up after 5 s; a 503 before that lets it ask again."""
    writer = Writer(disk.store, disk.ring, answer_within=0.05)
    disk.gate.clear()

    with pytest.raises(NotStored):
        writer.put(delivery(b"slow"))
    disk.gate.set()
    assert writer.close()


def test_a_body_nobody_waits_for_any_more_is_not_written(disk):
    writer = Writer(disk.store, disk.ring, answer_within=0.05)
    disk.gate.clear()
    # The thread of the writer may come too late for the first.
    while not disk.tries:
        given_up(writer, b"first")
    given_up(writer, b"second")

    disk.gate.set()

    assert writer.close()
    assert disk.groups == [[b"first"]]


def given_up(writer: Writer, body: bytes) -> None:
    with pytest.raises(NotStored):
        writer.put(delivery(body))


def test_a_full_queue_refuses_at_once(disk):
    writer = Writer(disk.store, disk.ring, places=2, answer_within=60)
    disk.gate.clear()
    first, _ = put_all(writer, [b"first"])
    wait_until(lambda: disk.tries == 1, 30)
    threads, answers = put_all(writer, [b"a", b"b"])
    wait_until(lambda: writer.load() == 1.0, 30)

    started = time.monotonic()
    with pytest.raises(NotStored):
        writer.put(delivery(b"c"))

    assert time.monotonic() - started < 30
    disk.gate.set()
    join(first + threads)
    assert answers == {b"a": True, b"b": True}
    assert writer.close()


def test_closing_writes_what_waits_and_then_refuses(writer, disk):
    disk.gate.clear()
    threads, answers = put_all(writer, [b"a"])
    wait_until(lambda: disk.tries == 1, 30)
    more, more_answers = put_all(writer, [b"b", b"c"])
    wait_until(lambda: writer.load() == 2 / 1_000, 30)
    disk.gate.set()

    assert writer.close()

    join(threads + more)
    assert {**answers, **more_answers} == {b"a": True, b"b": True, b"c": True}
    with pytest.raises(NotStored):
        writer.put(delivery(b"late"))


def test_the_bell_rings_once_per_group(writer, disk):
    disk.gate.clear()
    first, _ = put_all(writer, [b"first"])
    wait_until(lambda: disk.tries == 1, 30)
    threads, _ = put_all(writer, [b"%d" % n for n in range(20)])
    wait_until(lambda: writer.load() == 20 / 1_000, 30)

    disk.gate.set()
    join(first + threads)
    assert writer.close()

    assert disk.rings == 2


def test_a_failing_bell_is_logged_and_changes_nothing(disk, caplog):
    def broken() -> None:
        disk.rung.set()
        raise OSError("no transport")

    writer = Writer(disk.store, broken)

    writer.put(delivery(b"a"))
    assert disk.rung.wait(30)
    writer.put(delivery(b"b"))

    assert writer.close()
    assert disk.groups == [[b"a"], [b"b"]]
    assert "the bell failed, the sweep will find the work" in caplog.text


def test_a_defect_answers_everybody_and_the_next_request_starts_anew(disk, monkeypatch):
    """Otherwise one bug would leave a process that answers nothing but time-outs."""
    ended = []
    monkeypatch.setattr(threading, "excepthook", lambda how: ended.append(how.exc_type))

    def store(deliveries) -> None:
        if deliveries[0].body == b"boom":
            raise ValueError("a defect")
        disk.store(deliveries)

    writer = Writer(store, disk.ring)

    with pytest.raises(NotStored):
        writer.put(delivery(b"boom"))
    writer.put(delivery(b"after"))

    assert disk.groups == [[b"after"]]
    wait_until(lambda: ended == [ValueError], 30)
    assert writer.close()


@pytest.mark.parametrize("gone", [{0}, {1}, {0, 1}, {1, 2}, {3}])
def test_requests_that_gave_up_do_not_keep_the_news_from_the_others(gone):
    """One request wakes the next; one that is not there any more must not break that off."""
    group = [_Waiting(NewDelivery(1, None, b"x", 1)) for _ in range(4)]
    for place in gone:
        assert group[place].wait(0.001) is False

    _settle(group, True)

    left = [waiting for place, waiting in enumerate(group) if place not in gone]
    assert [waiting.wait(10) for waiting in left] == [True] * len(left)


def test_a_request_that_gives_up_while_it_is_woken_passes_the_news_on():
    first, second = (_Waiting(NewDelivery(1, None, b"x", 1)) for _ in range(2))
    given_up = threading.Thread(target=first.wait, args=(0.002,))
    given_up.start()

    _settle([first, second], True)

    assert second.wait(10)
    given_up.join()
