"""The whole process: a signed webhook over HTTP becomes an answer, and stopping loses nothing."""

from __future__ import annotations

import dataclasses
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from email.utils import parsedate_to_datetime

import pytest

from igrules.errors import UsageError
from igrules.ledger import Ledger
from igrules.model import Sent
from igrules.web.serving import Server, run_worker
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.crew import Crew
from tests.running import wait_until
from tests.talking import ask, dm, signed
from tests.working import ACCOUNT, SECRET, Recorder, publish

ANSWER = "rules:\n- {id: hello, when: dm, do: {text: 'Olá {{ event.text }}'}}\n"
CONFIGURATION = Configuration(rate_scale=1_000, port=0, web_threads=4, threads=3, sweep_every=200)


@pytest.fixture
def channel():
    return Recorder()


@pytest.fixture
def server(ledger, channel):
    publish(ledger, channel.registry(), ANSWER)
    server = Server(CONFIGURATION, channel.registry(), ledger)
    server.start()
    yield server
    server.stop()


def now() -> int:
    return time.time_ns() // 1_000_000


def post(server: Server, body: bytes) -> int:
    return ask(server.url, "POST", "/webhook", body, signed(body, SECRET)).status


def states(ledger, tenant: int = 1) -> list[str]:
    return [row.state for row in ledger.for_tenant(tenant).sends(1_000)]


def test_a_signed_webhook_is_answered_decided_sent_and_settled(server, ledger, channel):
    assert post(server, dm(ACCOUNT, "10001", "m_1", "mundo", now())) == 200

    assert channel.wait_for(1)
    wait_until(lambda: states(ledger) == ["sent"], 30)
    (event,) = ledger.for_tenant(1).events(10)
    assert channel.texts == ["Olá mundo"]
    assert (event.outcome, event.ruleset_version) == ("answered", 1)


def test_the_bell_alone_wakes_a_worker(ledger, channel):
    """The sweep would take up to its interval, which is longer here than the test waits."""
    publish(ledger, channel.registry(), ANSWER)
    seldom = dataclasses.replace(CONFIGURATION, sweep_every=3_600_000)
    server = Server(seldom, channel.registry(), ledger)
    server.start()
    for n in range(5):
        assert post(server, dm(ACCOUNT, f"2000{n}", f"m_{n}", "oi", now())) == 200
        assert channel.wait_for(n + 1)
    server.stop()


def test_many_conversations_at_once_are_all_answered_once(server, ledger, channel):
    bodies = [dm(ACCOUNT, f"3{n % 20:04}", f"m_{n}", str(n), now()) for n in range(100)]
    threads = [
        threading.Thread(target=lambda part=part: [post(server, body) for body in part])
        for part in (bodies[0::4], bodies[1::4], bodies[2::4], bodies[3::4])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert channel.wait_for(100, 30)
    wait_until(lambda: states(ledger) == ["sent"] * 100, 30)
    assert sorted(channel.texts) == sorted(f"Olá {n}" for n in range(100))


def test_work_that_waits_since_the_last_time_is_taken_up_at_the_start(ledger, channel):
    publish(ledger, channel.registry(), ANSWER)
    front = Server(CONFIGURATION, channel.registry(), ledger, work=False)
    front.start()
    assert post(front, dm(ACCOUNT, "10001", "m_1", "oi", now())) == 200
    assert front.stop()

    server = Server(CONFIGURATION, channel.registry(), ledger)
    server.start()

    assert channel.wait_for(1)
    assert server.stop()


def test_without_a_bell_the_sweep_finds_the_work(ledger, channel):
    """So do workers in a process of their own on SQLite, and everybody after a lost ring."""
    publish(ledger, channel.registry(), ANSWER)
    front = Server(CONFIGURATION, channel.registry(), ledger, work=False)
    crew = Crew(
        Configuration(rate_scale=1_000, threads=2), channel.registry(), ledger, clock=Clock()
    )
    front.start()
    crew.start()

    assert post(front, dm(ACCOUNT, "10001", "m_1", "oi", now())) == 200

    assert channel.wait_for(1)
    assert crew.stop(20)
    assert front.stop()


def held_back():
    """A channel whose calls end when they may; when one has begun, and what lets it end."""
    inside, may_end = threading.Event(), threading.Event()

    def slow(effect, account):
        inside.set()
        assert may_end.wait(30)
        return Sent("out")

    return Recorder(slow), inside, may_end


def test_a_call_under_way_is_finished_and_settled_before_the_end(ledger):
    channel, inside, may_end = held_back()
    publish(ledger, channel.registry(), ANSWER)
    server = Server(CONFIGURATION, channel.registry(), ledger)
    server.start()
    post(server, dm(ACCOUNT, "10001", "m_1", "oi", now()))
    assert inside.wait(30)
    url, ended = server.url, []

    stopping = threading.Thread(target=lambda: ended.append(server.stop()))
    stopping.start()
    wait_until(lambda: ask(url, "GET", "/api/ready").status == 503, 15)
    late = dm(ACCOUNT, "10002", "m_2", "late", now())
    assert ask(url, "POST", "/webhook", late, signed(late, SECRET)).status == 503
    may_end.set()
    stopping.join(20)

    assert ended == [True]
    assert states(ledger) == ["sent"]
    assert ledger.stats(None)["deliveries"] == 1


def test_each_answer_bears_one_date_and_a_name_of_its_own(server):
    names = set()
    for path in ("/api/health", "/api/health", "/nowhere"):
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        dates = [value for name, value in answer.getheaders() if name.lower() == "date"]
        connection.close()
        assert len(dates) == 1
        assert abs(parsedate_to_datetime(dates[0]).timestamp() - time.time()) < 60
        names.add(answer.getheader("X-Request-Id"))
    assert len(names) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in names)


def test_who_comes_while_a_process_stops_is_told_so(ledger):
    """Somebody who reads that the database is away would look for the trouble there."""
    channel, inside, may_end = held_back()
    publish(ledger, channel.registry(), ANSWER)
    own = ledger.tenants.verify_token(ledger.tenants.get("luz").id)
    server = Server(CONFIGURATION, channel.registry(), ledger)
    server.start()
    post(server, dm(ACCOUNT, "10001", "m_1", "oi", now()))
    assert inside.wait(30)
    url = server.url

    stopping = threading.Thread(target=server.stop)
    stopping.start()
    wait_until(lambda: server._access._lookups._closed, 15)
    late = dm(ACCOUNT, "10002", "m_2", "late", now())
    replies = [
        ask(url, "POST", "/webhook", late, signed(late, SECRET)),
        ask(
            url, "GET", f"/webhook/{own}?hub.mode=subscribe&hub.challenge=1&hub.verify_token={own}"
        ),
        ask(url, "GET", "/api/v1", headers={"Authorization": "Bearer igk_op_1"}),
    ]
    may_end.set()
    stopping.join(20)

    assert [(one.status, one.json["description"]) for one in replies] == [
        (503, "this process is stopping and has not stored this; send it again"),
        (503, "this process is stopping; try again"),
        (503, "this process is stopping; try again"),
    ]


def test_a_call_that_does_not_end_is_left_in_doubt_by_a_stop(ledger):
    inside, may_end = threading.Event(), threading.Event()

    def endless(effect, account):
        inside.set()
        may_end.wait(30)
        return Sent("out")

    channel = Recorder(endless)
    publish(ledger, channel.registry(), ANSWER)
    server = Server(CONFIGURATION, channel.registry(), ledger)
    server.start()
    post(server, dm(ACCOUNT, "10001", "m_1", "oi", now()))
    assert inside.wait(30)

    started = time.monotonic()
    ended = server.stop(1.5)

    assert not ended
    assert time.monotonic() - started < 15
    assert states(ledger) == ["sending"]
    may_end.set()
    wait_until(lambda: states(ledger) == ["sent"], 30)


def test_stopping_an_idle_server_is_quick_and_closes_the_port(server):
    host, port = server.url.removeprefix("http://").split(":")

    started = time.monotonic()

    assert server.stop()
    assert time.monotonic() - started < 15
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=1)


def test_a_connection_that_stays_open_does_not_hold_up_the_stop(server):
    parts = server.url.removeprefix("http://").split(":")
    with socket.create_connection((parts[0], int(parts[1]))) as idle:
        idle.sendall(b"POST /webhook HTTP/1.1\r\nHost: x\r\n")
        started = time.monotonic()

        assert server.stop()
        assert time.monotonic() - started < 15


def test_an_answer_leaves_as_one(server):
    """Two pieces would wake whoever waits for it twice."""
    host, port = server.url.removeprefix("http://").split(":")
    asked = b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n"

    with socket.create_connection((host, int(port)), timeout=10) as line:
        first = []
        for _ in range(30):
            line.sendall(asked)
            answer = line.recv(65_536)
            first.append(answer)
            headers, _, body = answer.partition(b"\r\n\r\n")
            length = int(headers.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            while len(body) < length:
                body += line.recv(65_536)

    assert {len(answer) for answer in first} == {len(headers) + 4 + length}


def test_a_port_that_is_taken_is_said_in_words(ledger, server):
    port = int(server.url.rsplit(":", 1)[1])
    second = Server(Configuration(port=port), Recorder().registry(), ledger, work=False)

    with pytest.raises(UsageError) as raised:
        second.start()
    assert f"127.0.0.1:{port}" in raised.value.message


HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_database_that_does_not_answer_in_time_is_503_and_heals(tmp_path, channel):
    """Meta gives up after 5 s and asks again after a 503."""
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path)
    publish(ledger, channel.registry(), ANSWER)
    server = Server(CONFIGURATION, channel.registry(), ledger)
    server.start()
    assert post(server, dm(ACCOUNT, "10001", "m_0", "oi", now())) == 200
    assert channel.wait_for(1)
    body = dm(ACCOUNT, "10001", "m_1", "ola", now())
    # Another process, since locks on files do not count between the threads of one.
    command = [sys.executable, "-c", HOLD, str(tmp_path / "igrules.db")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout.readline() == "held\n"
        started = time.monotonic()
        assert post(server, body) == 503
        assert 2.5 < time.monotonic() - started < 5
        other.communicate()

    assert post(server, body) == 200
    assert channel.wait_for(2)
    assert server.stop()
    ledger.close()


def test_working_off_ends_when_nothing_is_due(ledger, channel):
    publish(ledger, channel.registry(), ANSWER)
    front = Server(CONFIGURATION, channel.registry(), ledger, work=False)
    front.start()
    for n in range(20):
        post(front, dm(ACCOUNT, f"1{n:04}", f"m_{n}", str(n), now()))
    front.stop()

    assert run_worker(CONFIGURATION, channel.registry(), ledger, once=True) == 0

    assert sorted(channel.texts) == sorted(f"Olá {n}" for n in range(20))
    assert states(ledger) == ["sent"] * 20


SCRIPT = """
import sys
from igrules.ledger import Ledger
from igrules.web.serving import Server, run_worker
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.crew import Crew
from tests.working import Recorder
import threading

def answer(effect, account):
    print("inside", flush=True)
    threading.Event().wait(float(sys.argv[3]))
    return __import__("igrules.model").model.Sent("out")

ledger = Ledger.open(sys.argv[1], sys.argv[2])
configuration = Configuration(rate_scale=1_000, port=0, threads=2, sweep_every=100)
registry = Recorder(answer).registry()
if sys.argv[4] == "serve":
    code = Server(configuration, registry, ledger).run(lambda url: print(url, flush=True))
else:
    ready = lambda: print("ready", flush=True)
    code = run_worker(configuration, registry, ledger, announce=ready)
sys.exit(code)
"""


@pytest.fixture
def process(tmp_path):
    """Start a process of its own on an SQLite file; it is killed when the test ends."""
    database = tmp_path / "process.db"
    ledger = Ledger.open(str(database), tmp_path)
    publish(ledger, Recorder().registry(), ANSWER)
    started = []

    def start(seconds: float, what: str) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-c", SCRIPT, str(database), str(tmp_path), str(seconds), what]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
        started.append(running)
        assert running.stdout is not None
        return running, running.stdout.readline().strip()

    yield start, ledger
    for running in started:
        running.kill()
        running.communicate()
    ledger.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_in_good_order(process, number):
    start, ledger = process
    running, url = start(0.5, "serve")
    body = dm(ACCOUNT, "10001", "m_1", "oi", now())
    assert ask(url, "POST", "/webhook", body, signed(body, SECRET)).status == 200
    assert running.stdout.readline() == "inside\n"

    running.send_signal(number)

    assert running.wait(30) == 0
    assert states(ledger) == ["sent"]


def test_a_second_signal_ends_at_once(process):
    start, ledger = process
    running, url = start(60, "serve")
    body = dm(ACCOUNT, "10001", "m_1", "oi", now())
    ask(url, "POST", "/webhook", body, signed(body, SECRET))
    assert running.stdout.readline() == "inside\n"

    running.send_signal(signal.SIGTERM)
    wait_until(lambda: b"stopping" in ask(url, "GET", "/api/ready").body, 15)

    def ask_again() -> bool:
        running.send_signal(signal.SIGTERM)
        return running.poll() is not None

    wait_until(ask_again, 15, "it ends", pause=0.1)
    assert running.returncode == 128 + signal.SIGTERM
    assert states(ledger) == ["sending"]


def test_a_signal_that_reaches_the_process_twice_is_one(process):
    """`timeout` sends it to the process and to its group. Here they come together, however busy the
    machine is: of one number, the second one would be lost meanwhile."""
    start, ledger = process
    running, url = start(0.5, "serve")
    body = dm(ACCOUNT, "10001", "m_1", "oi", now())
    ask(url, "POST", "/webhook", body, signed(body, SECRET))
    assert running.stdout.readline() == "inside\n"

    for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
        running.send_signal(number)

    assert running.wait(30) == 0
    assert states(ledger) == ["sent"]


def ask_ready(url: str) -> int:
    return ask(url, "GET", "/api/ready").status


def test_a_worker_process_ends_by_a_signal(process):
    start, _ = process
    running, _ = start(0, "work")

    running.send_signal(signal.SIGTERM)

    assert running.wait(30) == 0


def test_an_idle_process_uses_next_to_no_processor(process):
    start, _ = process
    running, url = start(0, "serve")
    wait_until(lambda: ask_ready(url) == 200, 30)

    before, began = cpu_seconds(running.pid), time.monotonic()
    threading.Event().wait(2.0)
    used = cpu_seconds(running.pid) - before

    assert used / (time.monotonic() - began) < 0.05


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
