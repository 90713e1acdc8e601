"""How often a worker claims, and looks for webhooks."""

from __future__ import annotations

import pytest

from igrules.ledger import Ledger
from igrules.work.worker import Worker
from tests.talking import dm
from tests.test_worker import ANSWER, CONFIGURATION, Hands, deliver, work_off
from tests.working import ACCOUNT, NOW, Recorder, publish

PEOPLE = 12


class Stopped(Hands):
    """Its time stands still altogether."""

    def monotonic(self) -> float:
        return 1_000.0


@pytest.fixture
def channel() -> Recorder:
    return Recorder()


def body(n: int) -> bytes:
    """A message of the person with this number."""
    return dm(ACCOUNT, f"1{n:04}", f"m_{n}", "oi", NOW)


def transactions(ledger: Ledger) -> list[bool]:
    """Grows by one with each: whether it waits for the disk."""
    written, found = ledger._db.written, list[bool]()

    def counted(durable: bool):
        found.append(durable)
        return written(durable)

    ledger._db.written = counted  # type: ignore[method-assign]  # it is counted
    return found


def test_the_next_lane_is_claimed_as_the_last_is_given_back(ledger, channel) -> None:
    if ledger._db.engine != "sqlite":
        pytest.skip("PostgreSQL locks lanes and turns one by one, so claims stand alone there")
    publish(ledger, channel.registry(), ANSWER)
    deliver(ledger, *map(body, range(PEOPLE)))
    worker = Worker(ledger, channel.registry(), CONFIGURATION, clock=Stopped())
    worker.split()
    found = transactions(ledger)

    work_off(worker)

    assert len(channel.calls) == PEOPLE
    assert sum(found) <= 2 * PEOPLE, "more than two waits for the disk an event"
    assert len(found) - sum(found) <= PEOPLE // 2 + 1, "claims of their own"
    assert ledger._db.number("SELECT count(*) FROM lane WHERE owner IS NOT NULL") == 0


def test_what_another_process_stores_is_found_at_once(
    ledger, channel, database_url, tmp_path
) -> None:
    """Also when this one has looked a moment ago: nobody rings twice for it."""
    publish(ledger, channel.registry(), ANSWER)
    deliver(ledger, body(1))
    worker = Worker(ledger, channel.registry(), CONFIGURATION, clock=Stopped())
    work_off(worker)

    another = Ledger.open(database_url, tmp_path / "state")
    deliver(another, body(2))
    another.close()

    assert worker.turn()
    assert len(channel.calls) == 2


def test_a_message_takes_three_transactions_and_looking_for_another_none(ledger, channel) -> None:
    """Each waits for the one place to write, so who wakes in vain must not ask for it."""
    if ledger._db.engine != "sqlite":
        pytest.skip("PostgreSQL has more than one place to write")
    publish(ledger, channel.registry(), ANSWER)
    worker = Worker(ledger, channel.registry(), CONFIGURATION, clock=Hands(NOW))
    found = transactions(ledger)

    deliver(ledger, body(1))
    stored = len(found)
    worker.turn()
    answered = len(found)
    found_more = [worker.turn() for _ in range(3)]

    assert len(channel.calls) == 1
    assert answered - stored == 3, "split and claim, decision, receipt"
    assert found_more == [False, False, False]
    assert len(found) == answered


def test_many_tenants_that_have_nothing_are_put_off_in_time(ledger) -> None:
    """Whoever looks whether a claim is worth it passes a few of them, and no more."""
    for number in range(9):
        ledger.tenants.add(f"quiet{number}", "Quiet", NOW)
    ledger._db.run("UPDATE turn SET next_due = 1, served_at = 0")

    claimed = [ledger.lanes.claim("w", NOW, lease=1_000, limit=1) for _ in range(4)]

    assert claimed == [[], [], [], []]
    assert ledger._db.number("SELECT count(*) FROM turn WHERE next_due <= 1") < 4
