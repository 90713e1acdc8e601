"""What is left of a bell that rings no more: webhooks are stored, and the sweep finds the work."""

from __future__ import annotations

import time

import pytest

from igrules.ledger import Ledger, NewDelivery
from igrules.web.serving import Server
from igrules.work.bell_choice import make_bell, words
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.crew import Crew
from igrules.work.foreign_bell import ForeignBell
from igrules.work.postgres_line import PostgresLine
from igrules.work.redis_line import RedisLine
from igrules.work.shared_bell import SharedBell
from tests.bells import BrokenBell, installed
from tests.running import ENOUGH, Watch, free_port
from tests.talking import ask, dm, signed
from tests.working import ACCOUNT, SECRET, Recorder, publish

pytestmark = pytest.mark.faults
ANSWER = "rules:\n- {id: hello, when: dm, do: {text: 'Olá {{ event.text }}'}}\n"
ADAPTERS = ["memory", "local", "postgres", "redis", "tests.bells:QueueBell"]


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(params=ADAPTERS)
def at(request, tmp_path):
    """A ledger with a tenant, and settings with the bell of this name."""
    settings = {"port": 0, "threads": 2, "rate_scale": 1_000}
    with installed(request.param, request.getfixturevalue, tmp_path, **settings) as made:
        publish(made[0], Recorder().registry(), ANSWER)
        yield made


def post(server: Server, body: bytes) -> int:
    return ask(server.url, "POST", "/webhook", body, signed(body, SECRET)).status


def test_with_all_rings_gone_work_starts_within_two_seconds(at):
    ledger, configuration = at
    channel = Recorder()
    bell = make_bell(configuration, ledger, work=True)
    crew = Crew(configuration, channel.registry(), ledger, clock=Clock(), bell=bell)
    crew.start()

    with Watch() as watch:
        # Stored as the server does, and nobody rings.
        body = dm(ACCOUNT, "10001", "m_1", "oi", now())
        ledger.deliveries.store([NewDelivery(1, None, body, now())])

        assert channel.wait_for(1)
    assert watch.seconds < 2.0
    assert crew.stop(ENOUGH)


def down(ledger: Ledger, name: str):
    """A bell of this kind whose transport is not there."""
    if name == "postgres":
        url = f"postgresql://nobody@127.0.0.1:{free_port()}/x"
        return SharedBell(PostgresLine(url, "x"), words(ledger))
    if name == "redis":
        line = RedisLine(f"redis://127.0.0.1:{free_port()}", "x", 4)
        return SharedBell(line, words(ledger))
    return ForeignBell(BrokenBell())


@pytest.mark.parametrize("at", ["postgres", "redis", "tests.bells:BrokenBell"], indirect=True)
def test_with_the_transport_down_webhooks_are_stored_and_worked(at):
    ledger, configuration = at
    channel = Recorder()
    name = configuration.bell
    front = Server(configuration, channel.registry(), ledger, work=False, bell=down(ledger, name))
    bell = down(ledger, name)
    crew = Crew(configuration, channel.registry(), ledger, clock=Clock(), bell=bell)
    front.start()
    crew.start()

    for n in range(3):
        with Watch() as answer:
            assert post(front, dm(ACCOUNT, f"1000{n}", f"m_{n}", "oi", now())) == 200
        with Watch() as work:
            assert channel.wait_for(n + 1)
        assert answer.seconds < 1.0
        assert answer.seconds + work.seconds < 3.0

    with Watch() as end:
        assert front.stop()
        assert crew.stop(ENOUGH)
    assert end.seconds < 6.0


@pytest.mark.parametrize("at", ["local", "postgres", "redis"], indirect=True)
def test_two_processes_wake_each_other(at):
    """Webhooks here, workers there: an answer does not wait for the sweep."""
    ledger, configuration = at
    channel = Recorder()
    front = Server(configuration, channel.registry(), ledger, work=False)
    bell = make_bell(configuration, ledger, work=True)
    slow = Configuration(threads=2, sweep_every=60_000, rate_scale=1_000)
    crew = Crew(slow, channel.registry(), ledger, clock=Clock(), bell=bell)
    front.start()
    crew.start()
    assert post(front, dm(ACCOUNT, "20000", "m_first", "oi", now())) == 200
    # One ring may be lost before the others listen; the next one finds all that waits.
    channel.wait_for(1, 5)

    waits = []
    for n in range(10):
        with Watch() as watch:
            assert post(front, dm(ACCOUNT, f"3000{n}", f"m_{n}", "oi", now())) == 200
            assert channel.wait_for(n + 2)
        waits.append(watch.seconds)

    assert sorted(waits)[5] < 0.3
    assert crew.stop(ENOUGH)
    assert front.stop()
