"""The contract every bell keeps: it wakes, it never works twice, it ends when told."""

from __future__ import annotations

import threading
import time

import pytest

from igrules.errors import UsageError
from igrules.work.bell import MemoryBell, SweepOnly, make_bell


class Turns:
    """Counts turns; says once per piece of work that there was one."""

    def __init__(self, work: int = 0) -> None:
        self.lock = threading.Lock()
        self.work = work
        self.taken = 0
        self.calls = 0
        self.called = threading.Condition(self.lock)

    def __call__(self) -> bool:
        with self.lock:
            self.calls += 1
            found = self.work > 0
            if found:
                self.work -= 1
                self.taken += 1
            self.called.notify_all()
            return found

    def wait_for(self, claim, seconds: float = 5.0) -> bool:
        with self.called:
            return self.called.wait_for(claim, seconds)


@pytest.fixture
def bell():
    bell = MemoryBell()
    yield bell
    assert bell.close()


def test_a_ring_wakes_a_worker_within_half_a_second(bell):
    turns = Turns(work=1)
    bell.run(2, turns)

    started = time.monotonic()
    bell.ring()

    assert turns.wait_for(lambda: turns.taken == 1)
    assert time.monotonic() - started < 0.5


def test_one_ring_is_enough_for_all_the_work_there_is(bell):
    turns = Turns(work=50)
    bell.run(1, turns)

    bell.ring()

    assert turns.wait_for(lambda: turns.taken == 50)


def test_a_thousand_rings_for_one_event_are_one_turn_of_work(bell):
    turns = Turns(work=1)
    bell.run(2, turns)

    for _ in range(1_000):
        bell.ring(2)

    assert turns.wait_for(lambda: turns.taken == 1)
    assert bell.depth() <= 4
    assert turns.taken == 1


def test_rings_before_the_workers_run_are_heard_later(bell):
    turns = Turns(work=1)
    bell.ring()

    bell.run(1, turns)

    assert turns.wait_for(lambda: turns.taken == 1)


def test_a_forged_message_is_refused_and_nothing_is_executed(bell, caplog):
    turns = Turns(work=1)
    bell.run(1, turns)

    bell._huey.storage.enqueue(b"cos\nsystem\n(S'false'\ntR.:0000")
    bell.ring()

    assert turns.wait_for(lambda: turns.taken == 1)
    assert "Error reading from queue" in caplog.text


def test_a_turn_that_raises_does_not_end_the_thread(bell, caplog):
    turns = Turns(work=1)
    failed = threading.Event()

    def turn() -> bool:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("broken")
        return turns()

    bell.run(1, turn)
    bell.ring()
    assert failed.wait(5)
    bell.ring()

    assert turns.wait_for(lambda: turns.taken == 1)


def test_closing_an_idle_bell_takes_less_than_two_seconds():
    bell = MemoryBell()
    bell.run(8, Turns())

    started = time.monotonic()

    assert bell.close()
    assert time.monotonic() - started < 2.0


def test_closing_says_when_a_turn_is_still_under_way():
    bell = MemoryBell()
    inside, may_end = threading.Event(), threading.Event()

    def turn() -> bool:
        inside.set()
        may_end.wait(10)
        return False

    bell.run(1, turn)
    bell.ring()
    assert inside.wait(5)

    assert not bell.close(0.05)
    may_end.set()
    assert bell.close(5.0)


def test_signal_handlers_stay_as_they_were(bell):
    """Otherwise Huey would take the signals by which igrules stops in good order."""
    import signal

    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    bell.run(1, Turns())

    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == before


def test_the_setting_names_a_bell():
    assert isinstance(make_bell("memory"), MemoryBell)
    assert isinstance(make_bell("none"), SweepOnly)
    with pytest.raises(UsageError) as raised:
        make_bell("gong")
    assert raised.value.help == "set bell to memory, or to none with --no-work"
