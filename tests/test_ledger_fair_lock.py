"""The lock in front of SQLite's writers: first come, first served."""

from __future__ import annotations

import threading
import time

from igrules.ledger.fair_lock import FairLock


def queue_up(lock: FairLock, number: int) -> None:
    """Wait until so many threads stand in line."""
    until = time.monotonic() + 10
    while len(lock._waiting) < number:
        assert time.monotonic() < until
        threading.Event().wait(0.001)


def test_threads_get_the_lock_in_the_order_of_asking() -> None:
    lock, order = FairLock(), []
    assert lock.acquire(1)

    def ask(name: int) -> None:
        assert lock.acquire(10)
        order.append(name)
        lock.release()

    threads = []
    for name in range(8):
        threads.append(threading.Thread(target=ask, args=(name,)))
        threads[-1].start()
        queue_up(lock, name + 1)
    lock.release()
    for thread in threads:
        thread.join(10)

    assert order == list(range(8))


def test_only_one_thread_has_the_lock() -> None:
    lock, inside, most = FairLock(), [0], [0]

    def work() -> None:
        for _ in range(200):
            assert lock.acquire(10)
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1
            lock.release()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert most == [1]
    assert lock.acquire(0.01)


def test_who_gives_up_waiting_is_passed_over() -> None:
    lock = FairLock()
    assert lock.acquire(1)

    assert not lock.acquire(0.01)
    lock.release()

    assert lock.acquire(0.01)
