"""The clock of a process, when that of the machine is set: waits are right again, days count once,
and nothing is thrown away meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from igrules.ledger import Ledger
from igrules.ledger.days import local_day, next_midnight
from igrules.work.bell import SweepOnly
from igrules.work.chores import CHORES, ChoreRunner
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.crew import run_worker
from igrules.work.upkeep import Heartbeat, Sweeper
from igrules.work.worker import Worker
from tests.ledgering import DAY, NOW, World, dm
from tests.running import wait_until
from tests.working import Recorder

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
JUMPS = [HOUR, -HOUR, 7 * DAY]


class Machine:
    """A machine whose clock can be set while time passes."""

    def __init__(self) -> None:
        self.passed, self.off = 0, 0
        self.clock = Clock(lambda: NOW + self.passed + self.off, lambda: self.passed / 1000)

    def pass_time(self, ms: int) -> int:
        self.passed += ms
        return self.clock.now()


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_is_not_believed_for_ten_minutes_and_is_told_once(jump: int) -> None:
    machine = Machine()
    machine.pass_time(MINUTE)
    machine.off = jump
    at_once = machine.pass_time(SECOND)
    told = [machine.clock.take_jump(), machine.clock.take_jump()]
    unsure = machine.clock.is_sure
    nearly = machine.pass_time(10 * MINUTE - 2 * SECOND)
    after = machine.pass_time(3 * SECOND)

    assert (at_once, nearly) == (NOW + 61 * SECOND, NOW + 11 * MINUTE - SECOND)
    assert told == [jump, None]
    assert (unsure, machine.clock.is_sure) == (False, True)
    # Backwards it never goes: the process keeps its own time, which goes on at its pace.
    assert after - (NOW + 11 * MINUTE + 2 * SECOND) == max(0, jump)


@pytest.mark.parametrize("jump", JUMPS)
def test_a_wait_that_begins_once_the_clock_is_stable_ends_in_time(jump: int) -> None:
    machine = Machine()
    machine.pass_time(MINUTE)
    machine.off = jump
    machine.pass_time(1)
    machine.pass_time(10 * MINUTE)
    begun, due = machine.passed, machine.clock.now() + HOUR
    while machine.pass_time(SECOND) < due:
        pass

    assert abs(machine.passed - begun - HOUR) <= 2 * SECOND


@pytest.mark.parametrize("jump", JUMPS)
def test_a_clock_that_is_set_right_again_in_time_has_done_nothing(jump: int) -> None:
    machine = Machine()
    machine.pass_time(MINUTE)
    machine.off = jump
    machine.pass_time(5 * MINUTE)
    machine.off = 0
    times = [machine.pass_time(MINUTE) for _ in range(3)]

    assert times == [NOW + minutes * MINUTE for minutes in (7, 8, 9)]


def test_small_steps_are_followed_forwards_and_waited_out_backwards() -> None:
    machine = Machine()
    times = []
    for off in (0, 2_000, 1_000, 0, 250_000):
        machine.off = off
        times.append(machine.pass_time(SECOND) - NOW - machine.passed)

    assert times == [0, 2_000, 2_000, 2_000, 250_000]
    assert (machine.clock.is_sure, machine.clock.take_jump()) == (True, None)


@pytest.mark.parametrize("jump", JUMPS)
def test_the_clock_of_a_database_is_followed_both_ways(jump: int) -> None:
    """All machines go by it, so one that stayed behind would hold leases nobody understands."""
    machine = Machine()
    machine.clock.agree(NOW)
    off = []
    for second in range(1, 603):
        machine.passed += SECOND
        machine.clock.agree(NOW + jump + second * SECOND)
        off.append(machine.clock.now() - NOW - second * SECOND)

    assert off == [*([0] * 600), jump, jump]


def test_the_first_word_of_a_database_counts_at_once() -> None:
    """It is the machine that starts that may be wrong."""
    machine = Machine()
    machine.pass_time(SECOND)
    machine.clock.agree(NOW - HOUR)

    assert machine.clock.now() == NOW - HOUR
    assert machine.clock.is_sure


@pytest.mark.parametrize("kind", ["serve --no-work", "work --once"])
def test_all_processes_of_a_shared_database_go_by_its_clock(ledger: Ledger, kind: str) -> None:
    """Otherwise what came in time at one machine is too late for another."""
    machine = Machine()
    shared = ledger.clock()

    if kind == "work --once":
        run_worker(Configuration(), Recorder().registry(), ledger, True, clock=machine.clock)
    else:
        beat = Heartbeat(ledger, machine.clock, "a:1:web", "web")
        beat.start()
        wait_until(lambda: ledger._db.number("SELECT count(*) FROM process") == 1, 10)
        beat.stop()

    assert abs(machine.clock.now() - (NOW if shared is None else shared)) < MINUTE


def test_nothing_is_purged_while_the_clock_is_in_doubt_and_a_person_is_told(
    ledger: Ledger,
) -> None:
    world, machine = World(ledger), Machine()
    world.deliver(dm("m1"))
    lane = world.claim()[0]
    world.decide(lane)
    ledger.lanes.release(lane, NOW)
    purge = [one for one in CHORES if one.name == "purge"]
    settings = Configuration()
    registry = Recorder().registry()
    worker = Worker(ledger, registry, settings, clock=machine.clock)
    sweeper = Sweeper(ledger, SweepOnly(), worker, settings, machine.clock)
    runner = ChoreRunner(ledger, settings, machine.clock, "w1", purge, registry=registry)

    def texts() -> int:
        return ledger._db.number("SELECT count(*) FROM inbox WHERE body IS NOT NULL")

    machine.clock.now()
    machine.off = 40 * DAY
    machine.pass_time(SECOND)
    told = machine.clock.take_jump()
    runner.look()
    in_doubt = texts()
    machine.pass_time(10 * MINUTE)
    runner.look()
    sweeper._tell_of(told or 0)

    assert (in_doubt, texts()) == (1, 0)
    (row,) = ledger.alerts.list(9)
    assert row.cause == "clock"
    assert "jumped forwards by 3456000 s" in row.words


@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
        ("Europe/Lisbon", "2026-03-29"),
        ("Europe/Lisbon", "2026-10-25"),
        ("America/Sao_Paulo", "2018-11-04"),  # midnight itself did not exist
        ("America/Santiago", "2026-04-05"),  # the day before had its last hour twice
        ("Australia/Lord_Howe", "2026-04-05"),  # half an hour
    ],
)
def test_each_local_day_is_counted_once_when_the_clocks_change(zone: str, around: str) -> None:
    day = datetime.fromisoformat(around).replace(tzinfo=UTC)
    start = int(day.timestamp() * 1000) - 2 * DAY
    days: list[str] = []
    midnights = set()
    for at in range(start, start + 5 * DAY, 10 * MINUTE):
        days.append(local_day(zone, at))
        midnights.add(next_midnight(zone, at))
    runs = [days[0], *(b for a, b in pairwise(days) if a != b)]
    local = [datetime.fromtimestamp(at / 1000, ZoneInfo(zone)) for at in sorted(midnights)]

    assert runs == sorted(set(days))
    assert len(runs) in (5, 6)
    assert [one.strftime("%Y-%m-%d") for one in local] == [
        *runs[1:],
        local_day(zone, max(midnights)),
    ]
