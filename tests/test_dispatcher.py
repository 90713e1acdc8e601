"""The threads that answer: each request by one of them, none lost to another's defect."""

from __future__ import annotations

import logging
import threading

from igrules.web.dispatcher import Dispatcher
from tests.running import wait_until


class Task:
    """A request that may be held up, or break."""

    def __init__(self, gate: threading.Event | None = None, breaks: bool = False) -> None:
        self.gate = gate
        self.breaks = breaks
        self.began = threading.Event()
        self.done = threading.Event()
        self.cancelled = False

    def service(self) -> None:
        self.began.set()
        if self.gate is not None:
            assert self.gate.wait(30)
        if self.breaks:
            raise RuntimeError("a defect")
        self.done.set()

    def cancel(self) -> None:
        self.cancelled = True


def test_requests_are_answered_at_the_same_time():
    dispatcher = Dispatcher(2)
    gate = threading.Event()
    tasks = [Task(gate), Task(gate)]

    for task in tasks:
        dispatcher.add_task(task)

    assert all(task.began.wait(10) for task in tasks)
    gate.set()
    assert all(task.done.wait(10) for task in tasks)
    assert dispatcher.shutdown(timeout=10)


def test_a_request_that_breaks_takes_no_thread_with_it(caplog):
    dispatcher = Dispatcher(1)
    after = Task()

    with caplog.at_level(logging.ERROR):
        dispatcher.add_task(Task(breaks=True))
        dispatcher.add_task(after)

        assert after.done.wait(10)
    assert "a request was not answered" in caplog.text
    assert dispatcher.shutdown(timeout=10)


def test_at_the_end_what_is_under_way_is_answered_and_the_rest_given_up():
    dispatcher = Dispatcher(2)
    gate = threading.Event()
    under_way, left = [Task(gate), Task(gate)], Task()
    for task in (*under_way, left):
        dispatcher.add_task(task)
    assert all(task.began.wait(10) for task in under_way)

    def go_on() -> None:
        # By then what waited was taken back, and each thread has been told to end.
        wait_until(lambda: dispatcher._tasks.qsize() == 2, 10)
        gate.set()

    meanwhile = threading.Thread(target=go_on)
    meanwhile.start()
    ended = dispatcher.shutdown(timeout=30)
    meanwhile.join()

    assert ended
    assert all(task.done.is_set() for task in under_way)
    assert (left.cancelled, left.done.is_set()) == (True, False)


def test_a_thread_that_hangs_does_not_hold_up_the_end():
    dispatcher = Dispatcher(1)
    gate = threading.Event()
    task = Task(gate)
    dispatcher.add_task(task)
    assert task.began.wait(10)

    assert dispatcher.shutdown(timeout=0.05) is False
    gate.set()
