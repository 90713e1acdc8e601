"""Chores: once for all processes, again after a failure, never lost with a process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from igrules.errors import Unavailable, UsageError
from igrules.instagram.own_account import read_me
from igrules.ledger import Lane, Ledger
from igrules.ledger.chores import ChoreRow
from igrules.sandbox.server import Sandbox
from igrules.work.absence import Absence
from igrules.work.chores import CHORES, Chore, ChoreRunner, Duty
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration, read_configuration
from tests.conftest import PostgresCluster
from tests.ledgering import DAY, NOW
from tests.working import ACCOUNT, Recorder, publish

MINUTE, HOUR = 60_000, 3_600_000
LEASE = 10 * MINUTE


class Hands(Clock):
    """A clock moved by hand."""

    def __init__(self, now: int = NOW) -> None:
        super().__init__()
        self.at = now

    def now(self) -> int:
        return self.at


def runner(
    ledger: Ledger, clock: Clock, do: Callable[[Duty], object], name: str = "w1"
) -> ChoreRunner:
    chore = Chore("demo", lambda _: HOUR, do, lease=LEASE)
    return ChoreRunner(ledger, Configuration(), clock, name, [chore])


def row(ledger: Ledger) -> ChoreRow:
    (found,) = ledger.chores.list()
    return found


def test_a_chore_is_done_when_it_is_due_and_then_at_its_pace(ledger: Ledger) -> None:
    clock, done = Hands(), list[int]()
    here = runner(ledger, clock, lambda duty: done.append(duty.now))
    there = runner(ledger, clock, lambda duty: done.append(-duty.now), "w2")

    looks = []
    for at in (NOW, NOW + 1, NOW + HOUR - 1, NOW + HOUR, NOW + HOUR + 1):
        clock.at = at
        looks.append((here.look(), there.look()))

    assert looks == [(["demo"], []), ([], []), ([], []), (["demo"], []), ([], [])]
    assert done == [NOW, NOW + HOUR]
    assert row(ledger) == ChoreRow("demo", NOW + 2 * HOUR, None, None, NOW + HOUR, "")


def test_nobody_else_does_what_somebody_is_doing(ledger: Ledger) -> None:
    clock = Hands()
    meanwhile: list[list[str]] = []
    there = runner(ledger, clock, lambda duty: None, "w2")
    here = runner(ledger, clock, lambda duty: meanwhile.append(there.look()))

    assert here.look() == ["demo"]
    assert meanwhile == [[]]


def test_a_process_whose_clock_is_behind_takes_nothing_from_another(ledger: Ledger) -> None:
    """Both look at the time before they look at the row, so one is always a little behind."""
    meanwhile: list[list[str]] = []
    behind = runner(ledger, Hands(NOW - 50), lambda duty: None, "w2")
    here = runner(ledger, Hands(), lambda duty: meanwhile.append(behind.look()))

    assert here.look() == ["demo"]
    assert meanwhile == [[]]
    assert behind.look() == []


def test_a_failed_chore_says_why_and_is_tried_again_later(ledger: Ledger) -> None:
    clock, broken = Hands(), [True]

    def do(duty: Duty) -> None:
        if broken[0]:
            raise Unavailable("the disk is full", "free some space")

    here = runner(ledger, clock, do)
    here.look()
    failed = row(ledger)
    clock.at, broken[0] = failed.due, False
    here.look()

    assert failed == ChoreRow("demo", NOW + 5 * MINUTE, None, None, None, "the disk is full")
    assert row(ledger) == ChoreRow("demo", clock.at + HOUR, None, None, clock.at, "")


def test_what_the_database_cut_off_is_given_back_when_it_is_back(
    postgres: PostgresCluster, postgresql_url: str, tmp_path: Path
) -> None:
    """Its lease would keep everybody from it for ten minutes, and a backup for an hour."""

    def do(duty: Duty) -> None:
        postgres.stop_at_once()
        duty.ledger.chores.list()

    ledger = Ledger.open(postgresql_url, tmp_path / "state")
    here = runner(ledger, Hands(), do)
    with pytest.raises(Unavailable):
        here.look()
    postgres.start_again()
    done = here.look()
    given_back = row(ledger)
    ledger.close()

    assert done == []
    assert (given_back.due, given_back.owner, given_back.lease_until) == (
        NOW + 5 * MINUTE, None, None,
    )  # fmt: skip
    assert "PostgreSQL server" in given_back.last_error


def test_a_database_that_was_away_is_no_failure_of_a_chore(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """Everybody misses it, and that is one line already. What only the chore met is its own."""
    seconds = [0.0]
    clock = Clock(lambda: NOW + int(seconds[0]) * 1_000, lambda: seconds[0])
    database = Absence("away", "back", clock.monotonic)

    def do(duty: Duty) -> None:
        if duty.now == NOW + HOUR:
            database.missed(Unavailable("the server has gone"))
        raise Unavailable("the copy has no room", "free some space")

    chore = Chore("demo", lambda _: HOUR, do, lease=LEASE)
    here = ChoreRunner(ledger, Configuration(), clock, "w1", [chore], database=database)
    said = []
    for seconds[0] in (0.0, 3_600.0, 7_200.0):
        caplog.clear()
        assert here.look() == ["demo"]
        said.append([record.getMessage() for record in caplog.records])

    assert said == [["a chore failed"], ["away"], ["a chore failed"]]


def test_a_defect_in_one_chore_does_not_keep_the_next_from_being_done(ledger: Ledger) -> None:
    done = []

    def broken(duty: Duty) -> None:
        raise ZeroDivisionError

    chores = [
        Chore("a", lambda _: HOUR, broken),
        Chore("b", lambda _: HOUR, lambda duty: done.append("b")),
    ]

    names = ChoreRunner(ledger, Configuration(), Hands(), "w1", chores).look()

    assert (names, done) == (["a", "b"], ["b"])
    assert [one.last_error for one in ledger.chores.list()] == ["a defect: ZeroDivisionError", ""]


def test_a_dead_owner_keeps_a_chore_no_longer_than_its_lease(
    database_url: str, ledger: Ledger, tmp_path: Path
) -> None:
    program = (
        "import sys, os\nfrom igrules.ledger import Ledger\n"
        "ledger = Ledger.open(sys.argv[1], sys.argv[2], create=False)\n"
        f"ledger.chores.know(['demo'], {NOW})\n"
        f"print(ledger.chores.claim('demo', 'dead', {NOW}, lease={LEASE}, every={HOUR}))\n"
        "sys.stdout.flush()\nos.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, database_url, str(tmp_path / "state")],
        capture_output=True, env=dict(os.environ), check=False,
    )  # fmt: skip
    clock = Hands(NOW + LEASE - 1)
    here = runner(ledger, clock, lambda duty: None)
    before = here.look()
    clock.at += 1

    assert (killed.stdout, killed.returncode) == (b"True\n", -9)
    assert (before, here.look()) == ([], ["demo"])


def test_many_at_once_do_a_chore_once(ledger: Ledger) -> None:
    ledger.chores.know(["demo"], NOW)
    taken: list[bool] = []
    start = threading.Barrier(8)

    def claim(name: str) -> None:
        start.wait()
        taken.append(ledger.chores.claim("demo", name, NOW, lease=LEASE, every=HOUR))

    threads = [threading.Thread(target=claim, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == [False] * 7 + [True]


def test_who_outlasted_a_lease_gives_nothing_back(ledger: Ledger) -> None:
    ledger.chores.know(["demo"], NOW)
    ledger.chores.claim("demo", "slow", NOW, lease=LEASE, every=HOUR)
    later = NOW + LEASE
    ledger.chores.claim("demo", "next", later, lease=LEASE, every=HOUR)

    assert ledger.chores.finish("demo", "slow", later, later + HOUR) is False
    assert row(ledger).owner == "next"


def test_a_clock_that_was_wrong_or_a_shorter_pace_delays_nothing(ledger: Ledger) -> None:
    clock = Hands(NOW + 30 * DAY)
    here = runner(ledger, clock, lambda duty: None)
    here.look()
    clock.at = NOW

    assert here.look() == ["demo"]


def test_the_chore_backup_writes_where_it_is_told_and_else_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    chore = next(one for one in CHORES if one.name == "backup")
    off = Configuration()
    on = Configuration(backup_dir=str(tmp_path / "backups"), backup_encrypt=True)
    (tmp_path / "backups").mkdir()

    ran = [
        ChoreRunner(ledger, settings, Hands(), "w1", [chore]).look() for settings in (off, on, on)
    ]

    (written,) = (tmp_path / "backups").iterdir()
    assert ran == [[], ["backup"], []]
    assert written.name == "igrules-20260921T141320Z.sealed"
    assert written.read_bytes().startswith(b"igrules sealed 1\n")


def test_a_missing_backup_directory_is_said_in_words(ledger: Ledger, tmp_path: Path) -> None:
    chore = next(one for one in CHORES if one.name == "backup")
    settings = Configuration(backup_dir=str(tmp_path / "gone"))

    ChoreRunner(ledger, settings, Hands(), "w1", [chore]).look()

    assert row(ledger).last_error == f"there is no directory {tmp_path / 'gone'} for backups"


def test_every_chore_runs_on_an_empty_database(ledger: Ledger) -> None:
    """Otherwise one that was renamed would fail in the night only."""
    clock = Hands()
    here = ChoreRunner(ledger, Configuration(), clock, "w1")
    first = here.look()
    clock.at += MINUTE
    names = {*first, *here.look()}

    assert not {"tokens", "subscriptions"} & set(first)
    assert [one for one in ledger.chores.list() if one.last_error] == []
    assert names == {one.name for one in CHORES} - {"backup", "comments"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [("24h", 24 * HOUR), ("30m", 30 * MINUTE), ("7d", 7 * DAY), ("90 s", 90_000), ("5000", 5_000)],
)
def test_durations_are_written_with_their_unit(written: str, meant: int, tmp_path: Path) -> None:
    given = read_configuration({}, {"IGRULES_BACKUP_EVERY": written}, tmp_path)

    assert given.backup_every == meant


@pytest.mark.parametrize("written", ["soon", "0h", "-1h", "1w", ""])
def test_no_other_word_is_a_duration(written: str, tmp_path: Path) -> None:
    (tmp_path / "igrules.toml").write_text(f'backup_every = "{written}"\n')

    with pytest.raises(UsageError):
        read_configuration({}, {}, tmp_path)


def test_yes_and_no_are_words(tmp_path: Path) -> None:
    """``bool("false")`` would be true."""
    variables = [{"IGRULES_BACKUP_ENCRYPT": word} for word in ("false", "no", "0", "true", "YES")]

    read = [read_configuration({}, given, tmp_path).backup_encrypt for given in variables]

    assert read == [False, False, False, True, True]


def test_a_chore_that_asks_instagram_hears_what_it_says_about_budgets(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Otherwise polling and checking would use up what answers need, and nobody slowed down."""
    publish(ledger, Recorder().registry(), "rules:\n- {id: a, when: dm, do: {text: hi}}\n")
    (account,) = ledger.for_tenant(ledger.tenants.get("luz").id).accounts.list()
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=b"secret")
    box.add_account(ig_id=ACCOUNT, username="luz", token="token-of-luz")
    box.limits.allow(on=True, calls_a_day=1)
    box.start()

    def ask(duty: Duty) -> None:
        way = ledger.sends.way(Lane(0, account.tenant_id, account.id, "", 0, ""))
        assert way is not None
        read_me(duty.client, way)

    settings = Configuration(igl_url=f"{box.url}/igl", fbl_url=f"{box.url}/fbl")
    chores = ChoreRunner(ledger, settings, Hands(), "w1", [Chore("demo", lambda _: HOUR, ask)])
    chores.look()
    chores.stop()
    box.stop()

    slowed = ledger._db.all("SELECT account_id, bucket FROM rate WHERE slow_until > ?", (NOW,))
    assert slowed == [(account.id, "*")]
