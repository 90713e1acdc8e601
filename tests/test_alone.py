"""A SQLite file belongs to one machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from igrules.errors import Conflict
from igrules.ledger import Ledger
from igrules.work.alone import wait_until_alone
from igrules.work.clock import Clock
from tests.working import NOW


class Hands(Clock):
    """A clock that moves when somebody pauses; ``beside`` is what happens meanwhile."""

    def __init__(self, beside: Callable[[int], object] = lambda now: None) -> None:
        super().__init__()
        self.passed = 0.0
        self._beside = beside

    def now(self) -> int:
        return NOW + int(self.passed * 1000)

    def monotonic(self) -> float:
        return self.passed

    def pause(self, seconds: float) -> None:
        self.passed += seconds
        self._beside(self.now())


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / "state")
    yield opened
    opened.close()


def elsewhere(ledger: Ledger, now: int) -> None:
    """Let a process of another machine say that it lives."""
    ledger.beat("other:1:a", now, kind="work")
    ledger._db.run("UPDATE process SET host = 'other' WHERE name = 'other:1:a'")


def test_nobody_is_waited_for_when_nobody_else_was_there(sqlite: Ledger) -> None:
    clock = Hands()
    sqlite.beat("here:1:a", NOW, kind="work")

    wait_until_alone(sqlite, clock, clock.pause)

    assert clock.passed == 0


def test_a_machine_that_fell_silent_is_waited_for(sqlite: Ledger) -> None:
    """A container that is replaced has a new name; its last words may be seconds old."""
    clock = Hands()
    elsewhere(sqlite, NOW)

    wait_until_alone(sqlite, clock, clock.pause)

    assert clock.passed == 30


def test_a_machine_that_was_silent_for_long_is_not_waited_for(sqlite: Ledger) -> None:
    clock = Hands()
    elsewhere(sqlite, NOW - 31_000)

    wait_until_alone(sqlite, clock, clock.pause)

    assert clock.passed == 0


def test_a_machine_that_goes_on_is_left_alone(sqlite: Ledger) -> None:
    clock = Hands(lambda now: elsewhere(sqlite, now))
    elsewhere(sqlite, NOW)

    with pytest.raises(Conflict, match="'other' works on this database"):
        wait_until_alone(sqlite, clock, clock.pause)


def test_many_machines_share_postgresql(postgresql_url: str, tmp_path: Path) -> None:
    clock = Hands()
    ledger = Ledger.open(postgresql_url, tmp_path / "state")
    elsewhere(ledger, NOW)

    wait_until_alone(ledger, clock, clock.pause)
    ledger.close()

    assert clock.passed == 0
