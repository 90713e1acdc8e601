"""The contract every bell keeps: it wakes, it never works twice, it ends when told."""

from __future__ import annotations

import pickle
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from igrules.errors import Unavailable, UsageError
from igrules.ledger import Ledger
from igrules.work.bell import Bell, MemoryBell, SweepOnly
from igrules.work.bell_choice import bell_name, make_bell, make_line, words
from igrules.work.configuration import Configuration
from igrules.work.foreign_bell import ForeignBell
from igrules.work.postgres_line import PostgresLine
from igrules.work.redis_line import RedisLine
from igrules.work.shared_bell import Line, SharedBell, echo
from tests.bells import DownLine, LameBell, Turns, installed
from tests.instagram.certificates import make_certificate
from tests.redis_server import RedisServer
from tests.running import ENOUGH, Watch, free_port, wait_until

SHARED = ("local", "postgres", "redis")
# With a server of their own they take longer than tests of every day may.
_LONGER = [pytest.param(name, marks=pytest.mark.faults) for name in SHARED[1:]]
ADAPTERS = ["memory", "local", *_LONGER, "tests.bells:QueueBell"]
POSTGRES, REDIS = _LONGER[:1], _LONGER[1:]


class Installation:
    """An open ledger and the settings of a bell; the bells made here are closed at the end."""

    def __init__(self, ledger: Ledger, configuration: Configuration) -> None:
        self.ledger = ledger
        self.configuration = configuration
        self.name = bell_name(configuration, ledger.engine)
        self.listening: list[threading.Event] = []
        self.here = self.bell(work=True)
        self.there = self.bell(work=False) if self.name in SHARED else self.here

    def bell(self, work: bool) -> Bell:
        made = make_bell(self.configuration, self.ledger, work=work)
        if work and isinstance(made, SharedBell):
            self.listening.append(listening(made._line))
        return made

    @property
    def line(self) -> Any:
        return make_line(self.configuration, self.ledger)


def listening(line: Line) -> threading.Event:
    """Set as soon as somebody listens on a line: what is called from then on is heard."""
    listen, begun = line.listen, threading.Event()

    def noted() -> None:
        listen()
        begun.set()

    line.listen = noted
    return begun


@pytest.fixture
def installation(request, tmp_path):
    """``here`` has workers, ``there`` is another process that rings, where the kind has one."""
    with installed(request.param, request.getfixturevalue, tmp_path) as (ledger, settings):
        made = Installation(ledger, settings)
        yield made
        assert made.there.close(ENOUGH)
        assert made.here.close(ENOUGH)


every_bell = pytest.mark.parametrize("installation", ADAPTERS, indirect=True)
shared_bells = pytest.mark.parametrize("installation", ["local", *_LONGER], indirect=True)


def running(installation: Installation, work: int, workers: int = 2) -> Turns:
    """Workers that listen, with so much work before them."""
    turns = Turns(work)
    installation.here.run(workers, turns)
    return turns


def heard(installation: Installation, turns: Turns, *others: Turns) -> None:
    """Wait until the bells have found each other. By one ring, which has then been heard by all who
    hear it: one that came late would be taken for one of the test."""
    assert all(begun.wait(ENOUGH) for begun in installation.listening)
    if installation.name in SHARED:
        wait_until(installation.there._line.anybody, ENOUGH)
    all_turns = (turns, *others)
    called = 1 if installation.name == "redis" else len(all_turns)
    before = sum(one.calls for one in all_turns)
    installation.there.ring()
    wait_until(lambda: sum(one.calls for one in all_turns) == before + called, ENOUGH)


def woken(bell: Bell, turns: Turns) -> None:
    """Ring until somebody has taken a turn: a ring may be lost while the line is not there."""

    def taken() -> bool:
        before = turns.calls
        bell.ring()
        return turns.wait_for(lambda: turns.calls > before, 0.1)

    wait_until(taken, ENOUGH)


@contextmanager
def opened(directory: Path) -> Iterator[Ledger]:
    """An open SQLite ledger in a directory."""
    ledger = Ledger.open(str(directory / "igrules.db"), directory / "state")
    try:
        yield ledger
    finally:
        ledger.close()


@every_bell
def test_a_ring_wakes_a_worker_within_half_a_second(installation):
    turns = running(installation, 0)
    heard(installation, turns)
    turns.add()

    with Watch() as watch:
        installation.there.ring()

        assert turns.wait_for(lambda: turns.taken == 1)
    assert watch.seconds < 0.5


@every_bell
def test_one_ring_is_enough_for_all_the_work_there_is(installation):
    turns = running(installation, 0, workers=1)
    heard(installation, turns)
    for _ in range(50):
        turns.add()

    installation.there.ring()

    assert turns.wait_for(lambda: turns.taken == 50)


@every_bell
def test_a_thousand_rings_for_one_event_are_one_turn_of_work(installation):
    turns = running(installation, 0)
    heard(installation, turns)
    turns.add()
    before = turns.calls

    for _ in range(1_000):
        installation.there.ring(2)

    assert turns.wait_for(lambda: turns.taken == 1)
    assert installation.there.depth() <= 16
    wait_until(lambda: installation.there.depth() == 0, ENOUGH)
    assert turns.taken == 1
    if installation.name in SHARED:
        assert turns.calls - before < 200


@every_bell
def test_a_worker_that_rings_hears_itself(installation):
    """A split finds more conversations than its own thread can take."""
    turns = running(installation, 1)

    installation.here.ring()

    assert turns.wait_for(lambda: turns.taken == 1)


@every_bell
def test_closing_an_idle_bell_takes_less_than_two_seconds(installation):
    turns = running(installation, 0, workers=8)
    heard(installation, turns)

    with Watch() as watch:
        assert installation.here.close(ENOUGH)
        assert installation.there.close(ENOUGH)
    assert watch.seconds < 2.0


@every_bell
def test_closing_says_when_a_turn_is_still_under_way(installation):
    inside, may_end = threading.Event(), threading.Event()

    def turn() -> bool:
        inside.set()
        may_end.wait(2 * ENOUGH)
        return False

    installation.here.run(1, turn)
    installation.here.ring()
    assert inside.wait(ENOUGH)

    assert not installation.here.close(0.05)
    may_end.set()
    assert installation.here.close(ENOUGH)


@every_bell
def test_a_turn_that_raises_does_not_end_the_thread(installation):
    turns = Turns(work=1)
    failed = threading.Event()

    def turn() -> bool:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("broken")
        return turns()

    installation.here.run(1, turn)
    installation.here.ring()
    assert failed.wait(ENOUGH)
    installation.here.ring()

    assert turns.wait_for(lambda: turns.taken == 1)


@every_bell
def test_signal_handlers_stay_as_they_were(installation):
    """Otherwise Huey would take the signals by which igrules stops in good order."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]

    running(installation, 0)

    assert [signal.getsignal(number) for number in numbers] == before


class Touch:
    """Makes a file when somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("installation", ["memory", "local", *_LONGER], indirect=True)
def test_a_forged_message_is_refused_and_nothing_is_executed(
    installation, request, tmp_path, caplog
):
    turns = running(installation, 0)
    heard(installation, turns)
    wait_until(lambda: installation.there.depth() == 0, ENOUGH)
    calls = turns.calls
    bomb = pickle.dumps(Touch(tmp_path / "executed"))

    if installation.name == "memory":
        installation.here._huey.storage.enqueue(bomb + b":0000")
        said = "Error reading from queue"
    else:
        said = "a ring without our signature was refused"
        forged = ["8." + "0" * 32, "8", "", "x.y.z", "-1.", "\u00e9.\u00e9", bomb.hex()]
        forge(installation, request, forged)

    wait_until(lambda: said in caplog.text, ENOUGH)
    wait_until(lambda: installation.there.depth() == 0, ENOUGH)
    assert turns.calls == calls
    assert not (tmp_path / "executed").exists()
    turns.add()
    installation.there.ring()
    assert turns.wait_for(lambda: turns.taken == 1)


def forge(installation: Installation, request, messages: list[str]) -> None:
    """Put words on the line of an installation whose key one does not have."""
    if installation.name == "local":
        line = installation.line
        for message in messages:
            line.call(message, 1)
        line.close_calling()
        return
    if installation.name == "redis":
        client = request.getfixturevalue("redis_server").client
        client.lpush(installation.line._name, b"\xff\x00", *messages)
        return
    with psycopg.connect(installation.ledger.url, autocommit=True) as connection:
        for message in messages:
            connection.execute("SELECT pg_notify(%s, %s)", (installation.line._name, message))


def test_rings_before_the_workers_run_are_heard_later():
    bell, turns = MemoryBell(), Turns(work=1)
    bell.ring()

    bell.run(1, turns)

    assert turns.wait_for(lambda: turns.taken == 1)
    assert bell.close(ENOUGH)


@shared_bells
def test_whoever_has_workers_to_spare_does_not_wake_other_machines(installation):
    mine, others = running(installation, 0), Turns()
    other = installation.bell(work=True)
    other.run(1, others)
    heard(installation, mine, others)
    wait_until(lambda: installation.here._own.spare() == 2, ENOUGH)
    before = others.calls

    installation.here.ring(2)

    assert mine.wait_for(lambda: mine.calls > 0)
    assert not others.wait_for(lambda: others.calls > before, 0.1)
    assert other.close(ENOUGH)


@shared_bells
def test_a_ring_for_two_wakes_two(installation):
    """Each of the two might say so, and wake two more."""
    turns = Turns()
    installation.here.run(4, turns)
    heard(installation, turns)
    before = turns.calls

    installation.there.ring(2)

    assert turns.wait_for(lambda: turns.calls == before + 2)
    assert not turns.wait_for(lambda: turns.calls > before + 2, 0.1)


@shared_bells
def test_a_busy_process_wakes_the_others(installation):
    inside, may_end, others = threading.Event(), threading.Event(), Turns()

    def busy() -> bool:
        inside.set()
        return not may_end.wait(2 * ENOUGH)

    installation.here.run(1, busy)
    installation.here.ring()
    assert inside.wait(ENOUGH)
    other = installation.bell(work=True)
    other.run(1, others)
    woken(installation.there, others)

    woken(installation.here, others)

    may_end.set()
    assert other.close(ENOUGH)


@shared_bells
def test_two_installations_on_one_server_do_not_hear_each_other(installation, tmp_path):
    other = Ledger.open(str(tmp_path / "other.db"), tmp_path / "state-of-other")
    try:
        mine = words(installation.ledger).write(1)

        assert words(installation.ledger).read(mine) == 1
        assert words(other).read(mine) is None
        assert other.key_for("name of the bell") != installation.ledger.key_for("name of the bell")
    finally:
        other.close()


@shared_bells
def test_a_bell_answers_over_its_own_line(installation):
    line = make_line(installation.configuration, installation.ledger, own=True)

    with Watch() as watch:
        took = echo(line, words(installation.ledger), ENOUGH)

    assert took is not None
    assert took - watch.lost < 0.5


@pytest.mark.parametrize("installation", REDIS, indirect=True)
def test_redis_keeps_a_few_rings_for_a_minute(installation, redis_server):
    """Nobody listens, for a week."""
    client, name = redis_server.client, installation.line._name
    for _ in range(3):
        installation.there.ring(999)
        wait_until(lambda: not installation.there._far, ENOUGH)
        wait_until(lambda: client.llen(name) >= 16, ENOUGH)

    assert installation.there.close(ENOUGH)
    assert client.llen(name) == 16
    assert 0 < client.ttl(name) <= 60


@pytest.mark.parametrize("installation", REDIS, indirect=True)
def test_redis_killed_and_started_again_is_heard_again(installation, redis_server, caplog):
    caplog.set_level("INFO")
    turns = running(installation, 0)
    heard(installation, turns)
    redis_server.kill()
    installation.there.ring()
    wait_until(lambda: "the bell cannot be reached" in caplog.text, ENOUGH)

    redis_server.start()

    woken(installation.there, turns)
    wait_until(lambda: "the bell is back" in caplog.text, ENOUGH)
    assert caplog.text.count("the bell cannot be reached") <= 2
    assert "a-password-of-redis" not in caplog.text


@pytest.mark.parametrize("installation", POSTGRES, indirect=True)
def test_connections_that_the_server_ends_are_made_again(installation):
    turns = running(installation, 0)
    heard(installation, turns)
    with psycopg.connect(installation.ledger.url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'igrules bell'"
        ).fetchone()

    assert ended == (2,)
    woken(installation.there, turns)


@pytest.mark.parametrize("installation", REDIS, indirect=True)
def test_a_wrong_password_is_a_line_in_the_log_without_it(installation, redis_server, caplog):
    wrong = redis_server.url.replace("a-password", "quite-another")
    bell = SharedBell(RedisLine(wrong, "x", 8), words(installation.ledger))

    bell.ring()

    wait_until(lambda: "AuthenticationError" in caplog.text, ENOUGH)
    assert "quite-another" not in caplog.text
    assert bell.depth() == 0
    assert bell.close(ENOUGH)


@pytest.mark.parametrize("installation", REDIS, indirect=True)
def test_what_is_heard_may_come_as_text(installation, redis_server):
    """The thread that listens ended by it, and nobody was told."""
    line = RedisLine(f"{redis_server.url}?decode_responses=true", "x", 8)

    assert echo(line, words(installation.ledger), ENOUGH) is not None


@pytest.mark.faults
def test_redis_may_be_reached_by_tls_alone(tmp_path, redis_server):
    server = RedisServer(make_certificate(tmp_path))
    line = RedisLine(server.url, "x", 8)
    plain = RedisLine(server.url.replace("rediss://", "redis://").partition("?")[0], "x", 8)
    try:
        with opened(tmp_path) as ledger:
            took = echo(line, words(ledger), ENOUGH)

            assert took is not None
            with pytest.raises(Unavailable):
                plain.call("1.", 1)
    finally:
        server.kill()


def test_a_line_that_stays_down_is_told_once_and_not_said_to_be_back(tmp_path, caplog):
    caplog.set_level("INFO")
    seen: list[bool] = []
    with opened(tmp_path) as ledger:
        line = DownLine()
        bell, turns = SharedBell(line, words(ledger), seen.append), Turns()
        bell.run(1, turns)

        wait_until(lambda: line.tries >= 3, ENOUGH)

        assert caplog.text.count("the bell cannot be reached") == 1
        assert "the bell is back" not in caplog.text
        assert set(seen) == {False}
        assert bell.close(ENOUGH)


def test_a_line_that_is_down_does_not_hold_up_the_one_who_rings(tmp_path):
    with opened(tmp_path) as ledger:
        line = PostgresLine(f"postgresql://nobody@127.0.0.1:{free_port()}/x", "x")
        bell, turns = SharedBell(line, words(ledger)), Turns(work=1)
        bell.run(1, turns)

        with Watch() as watch:
            bell.ring()

            assert turns.wait_for(lambda: turns.taken == 1)
        assert watch.seconds < 0.5
        assert bell.close(ENOUGH)


@pytest.mark.parametrize(
    ("engine", "settings", "name"),
    [
        ("sqlite", {}, "local"),
        ("sqlite", {"bell": "memory"}, "memory"),
        ("postgresql", {}, "postgres"),
        ("sqlite", {"redis_url": "redis://x"}, "redis"),
        ("postgresql", {"redis_url": "redis://x"}, "redis"),
        ("postgresql", {"bell": "memory"}, "memory"),
        ("postgresql", {"bell": "none"}, "none"),
        ("sqlite", {"bell": "my.module:bell"}, "my.module:bell"),
    ],
)
def test_the_bell_fits_the_database_unless_it_is_named(engine, settings, name):
    assert bell_name(Configuration(**settings), engine) == name


@pytest.mark.parametrize(
    ("settings", "message", "help"),
    [
        (
            {"bell": "gong"}, "unknown bell 'gong'",
            "set bell to auto, local, memory, postgres, redis, none, or module:object",
        ),
        (
            {"bell": "postgres"},
            "the bell 'postgres' rings through a PostgreSQL database, and this one is SQLite",
            "set bell to auto, or database_url to postgresql://…",
        ),
        (
            {"bell": "redis"}, "the bell 'redis' needs an address",
            "set IGRULES_REDIS_URL to redis://host:6379",
        ),
        (
            {"redis_url": "http://:secret@x"}, "redis_url cannot be read",
            "write redis://:password@host:6379/0, or rediss://…",
        ),
        (
            {"redis_url": "redis://x?timeout=3"}, "redis_url cannot be read",
            "write redis://:password@host:6379/0, or rediss://…",
        ),
        (
            {"bell": "no.such.module:bell"},
            "the bell 'no.such.module:bell' cannot be loaded"
            " (ModuleNotFoundError: No module named 'no')",
            "bell takes module:object, an object that can be imported",
        ),
        (
            {"bell": "tests.bells:NO_BELL"},
            "the bell 'tests.bells:NO_BELL' cannot be loaded"
            " (TypeError: 'object' object is not callable)",
            "bell takes module:object, an object that can be imported",
        ),
        (
            {"bell": "tests.bells:Turns"},
            "the bell 'tests.bells:Turns' lacks ring, run, depth, close",
            "a bell has the calls ring(n), run(workers, turn), depth() and close(seconds)",
        ),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_refused_with_its_remedy(tmp_path, settings, message, help):
    with opened(tmp_path) as ledger, pytest.raises(UsageError) as raised:
        make_bell(Configuration(**settings), ledger, work=True)

    assert (raised.value.message, raised.value.help) == (message, help)


def test_while_somebody_elses_bell_cannot_start_its_workers_those_of_igrules_work(caplog):
    """A process that ended there would be started again and again until the transport is back."""
    bell, turns = ForeignBell(LameBell()), Turns(work=1)
    bell.run(1, turns)

    bell.ring()

    assert turns.wait_for(lambda: turns.taken == 1)
    assert "the bell failed" in caplog.text
    assert bell.close(ENOUGH)


def test_within_one_process_only_its_workers_are_woken(tmp_path):
    with opened(tmp_path) as ledger:
        for name in ("memory", "none"):
            configuration = Configuration(bell=name)

            assert isinstance(make_bell(configuration, ledger, work=True), MemoryBell)
            assert isinstance(make_bell(configuration, ledger, work=False), SweepOnly)


def test_the_address_of_redis_is_not_shown():
    assert "secret" not in repr(Configuration(redis_url="redis://:secret@host"))
