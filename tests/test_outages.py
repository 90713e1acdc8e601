"""The servers we stand on fall down and get up again: nothing is lost, and nobody has to help."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.conftest import PostgresCluster
from tests.fleet import sleep
from tests.network import Network, Trouble, tcp, unix
from tests.redis_server import RedisServer
from tests.running import Watch, wait_until
from tests.sizes import load, seed
from tests.town import Town, running, settled

SEED = seed()
RESTARTS, EVENTS = load(3, 20), load(200, 4_000)
TROUBLES = load(10, 300)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path, 10, EVENTS, SEED)
    yield town
    town.sandbox.stop()


@pytest.mark.faults("F6")
def test_a_database_that_is_torn_down_and_started_again_is_a_hiccup(
    postgres: PostgresCluster,
    postgresql_url: str,
    town: Town,
    tmp_path: Path,
    figures: Callable[..., None],
) -> None:
    town.publish(postgresql_url, tmp_path / "state")
    done: list[float] = []
    answered: list[int] = []
    # After each start there is something left to write, so that an answer has to come.
    part = EVENTS / (RESTARTS + 1)
    with running(town, postgresql_url, tmp_path) as fleet:
        writing = Thread(
            target=town.write, args=(lambda written: written < part * (len(answered) + 1),)
        )
        writing.start()
        for number in range(RESTARTS):
            wait_until(lambda at=number: town.answered() > at * part, 60, "answers")
            postgres.stop_at_once()
            sleep(1.0)
            postgres.start_again()
            with Watch() as watch:
                answered.append(town.answered())
                wait_until(lambda: town.answered() > answered[-1], 60, "an answer again")
            done.append(watch.seconds)
        writing.join(120)
        with settled(town, postgresql_url, tmp_path) as ledger:
            fleet.stop()
            found = town.check(ledger)

    figures(
        "F6", restarts=len(done), **found.figures, working_again_s=max(done),
        answers=sorted(town.statuses()), seed=SEED,
    )  # fmt: skip
    assert (found.broken, fleet.own_ends) == ({}, []), f"seed {SEED}"
    assert max(done) <= 10.0
    assert town.statuses() <= {200, 503}


@pytest.mark.faults("F7")
def test_a_redis_that_is_flushed_and_killed_costs_two_seconds_at_most(
    postgresql_url: str,
    redis_server: RedisServer,
    town: Town,
    tmp_path: Path,
    figures: Callable[..., None],
) -> None:
    redis_server.start()
    town.publish(postgresql_url, tmp_path / "state")

    def answer_takes() -> float:
        answered = town.answered()
        with Watch() as watch:
            town.write_one()
            wait_until(lambda: town.answered() > answered, 60, "an answer")
        return watch.seconds

    with running(town, postgresql_url, tmp_path, redis_url=redis_server.url) as fleet:
        answer_takes()
        healthy = [answer_takes() for _ in range(10)]
        ill: list[float] = []
        for _ in range(RESTARTS):
            redis_server.flush()
            ill.append(answer_takes())
            redis_server.kill()
            ill += [answer_takes() for _ in range(3)]
            redis_server.start()
            ill.append(answer_takes())
        with settled(town, postgresql_url, tmp_path) as ledger:
            fleet.stop()
            found = town.check(ledger)

    extra = max(ill) - statistics.median(healthy)
    figures(
        "F7", kills=RESTARTS, **found.figures, healthy_s=statistics.median(healthy),
        extra_s=extra, seed=SEED,
    )  # fmt: skip
    assert (found.broken, fleet.own_ends) == ({}, []), f"seed {SEED}"
    assert town.statuses() == {200}
    assert extra <= 2.0


@pytest.mark.faults("F15")
def test_processes_that_are_replaced_one_by_one_leave_nothing_open(
    postgresql_url: str, town: Town, tmp_path: Path, figures: Callable[..., None]
) -> None:
    """A rolling upgrade: each is asked to end, and a new one takes its place."""
    town.publish(postgresql_url, tmp_path / "state")
    took: list[float] = []
    with running(town, postgresql_url, tmp_path, webs=2) as fleet:
        writing = Thread(
            target=town.write, args=(lambda written: len(took) >= 4 * written / EVENTS - 1,)
        )
        writing.start()
        for number, name in enumerate(fleet.roles):
            wait_until(lambda at=number: town.answered() > at * EVENTS / 8, 60)
            started = time.monotonic()
            code = fleet.end(name)
            took.append(time.monotonic() - started)
            assert code == 0
            fleet.start(name)
        writing.join(120)
        with settled(town, postgresql_url, tmp_path) as ledger:
            assert set(fleet.stop().values()) == {0}
            found = town.check(ledger)

    figures("F15", replaced=len(took), **found.figures, longest_end_s=max(took), seed=SEED)
    assert (found.broken, fleet.own_ends) == ({}, []), f"seed {SEED}"
    assert found.figures["unclear"] == 0
    assert max(took) <= 20.0


@pytest.mark.faults("F17")
def test_a_bad_network_on_every_side_breaks_no_promise(
    postgresql_url: str,
    redis_server: RedisServer,
    town: Town,
    tmp_path: Path,
    figures: Callable[..., None],
) -> None:
    """Between us and the database, Redis and Instagram, connections are reset, refused, silent."""
    redis_server.start()
    town.publish(postgresql_url, tmp_path / "state")
    where = conninfo_to_dict(postgresql_url)
    networks = [
        Network(unix(f"{where['host']}/.s.PGSQL.5432")),
        Network(tcp(redis_server.port)),
        Network(tcp(int(town.sandbox.url.rsplit(":", 1)[1]))),
    ]
    database, redis, api = networks
    try:
        with running(
            town,
            f"postgresql://postgres@127.0.0.1:{database.port}/{where['dbname']}",
            tmp_path,
            redis_url=redis_server.url.replace(str(redis_server.port), str(redis.port)),
            igl_url=f"http://127.0.0.1:{api.port}",
        ) as fleet:
            trouble = Trouble(networks, SEED)
            try:
                town.write(lambda written: trouble.count >= TROUBLES * written / EVENTS - 1)
            finally:
                count = trouble.end()
            with settled(town, postgresql_url, tmp_path, 90) as ledger:
                fleet.stop()
                found = town.check(ledger)
    finally:
        for network in networks:
            network.close()

    figures("F17", troubles=count, **found.figures, answers=sorted(town.statuses()), seed=SEED)
    assert (found.broken, fleet.own_ends) == ({}, []), f"seed {SEED}"
    assert town.statuses() <= {200, 503}
