"""What is away for an hour is two lines of the log, not two a second."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from igrules.errors import Unavailable
from igrules.ledger import Ledger
from igrules.work.absence import Absence
from igrules.work.bell import SweepOnly
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.crew import Crew
from igrules.work.upkeep import Sweeper
from igrules.work.worker import Worker
from tests.conftest import PostgresCluster
from tests.running import wait_until
from tests.working import Recorder

AWAY = Unavailable("the server has gone")


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int | None]]:
    """The lines so far, each with its milliseconds."""
    fields = [getattr(record, "igrules_fields", {}) for record in caplog.records]
    return [
        (record.getMessage(), its.get("ms"))
        for record, its in zip(caplog.records, fields, strict=True)
    ]


class Times:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def times(caplog: pytest.LogCaptureFixture) -> Times:
    caplog.set_level(logging.INFO)
    return Times()


def test_an_absence_is_said_once_and_its_end_with_its_length(
    times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    absence = Absence("away", "back", times)

    absence.found(times.at)
    for _ in range(7_200):
        absence.missed(AWAY)
        times.at += 0.5
    absence.found(times.at)
    absence.found(times.at)

    assert said(caplog) == [("away", None), ("back", 3_600_000)]


def test_what_comes_and_goes_is_said_once_a_minute(
    times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    absence = Absence("away", "back", times)

    for _ in range(120):
        absence.missed(AWAY)
        times.at += 0.5
        absence.found(times.at)
        times.at += 0.5

    assert said(caplog) == [("away", None), ("back", 500)] * 2


def test_what_went_well_before_it_was_missed_elsewhere_is_no_end(
    times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread may come to its end on a connection while the others find the server gone."""
    absence, began = Absence("away", "back", times), times.at
    times.at += 0.1

    absence.missed(AWAY)
    absence.found(began)

    assert said(caplog) == [("away", None)]


def test_a_database_that_can_only_be_read_is_not_back(
    tmp_path: Path, times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk, or a file that was moved: what a sweep reads is still there."""
    path, settings = tmp_path / "igrules.db", Configuration(threads=1)
    ledger = Ledger.open(str(path), tmp_path / "state")
    clock = Clock(passing=times)
    worker = Worker(ledger, Recorder().registry(), settings, clock=clock)
    sweeper = Sweeper(ledger, SweepOnly(), worker, settings, clock)

    sweeper.sweep()
    caplog.clear()
    path.rename(tmp_path / "away.db")
    for _ in range(20):
        times.at += 1
        sweeper.sweep()
    (tmp_path / "away.db").rename(path)
    times.at += 1
    sweeper.sweep()
    ledger.close()

    assert said(caplog) == [("the database is away", None), ("the database is back", 16_000)]


def test_a_database_that_is_away_is_two_lines_of_a_process(
    postgres: PostgresCluster,
    postgresql_url: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The sweep, the chores and each worker thread find it away, again and again."""
    caplog.set_level(logging.INFO, logger="igrules")
    ledger = Ledger.open(postgresql_url, tmp_path / "state")
    settings = Configuration(threads=2, sweep_every=20)
    crew = Crew(settings, Recorder().registry(), ledger, clock=Clock())
    crew.start()

    postgres.stop_at_once()
    turns = [crew.worker.turn() for _ in range(5)]
    postgres.start_again()
    wait_until(lambda: "is back" in caplog.text, 20)
    crew.stop(5.0)
    ledger.close()

    lines = [record.getMessage() for record in caplog.records]
    assert not any(turns)
    assert lines == ["the database is away", "the database is back"]
