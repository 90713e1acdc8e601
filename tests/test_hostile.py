"""Hostile and broken things from outside: every update still has one outcome, and no 200 lies."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from igrules.instagram.reader import read
from igrules.ledger import Ledger, NewDelivery
from igrules.web.serving import Server
from igrules.work.bell import SweepOnly
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.upkeep import Sweeper
from igrules.work.worker import Worker
from tests.talking import ask, dm, signed
from tests.working import ACCOUNT, SECRET, Recorder, publish

ANSWER = "rules:\n- {id: hello, when: dm, do: {text: 'Olá {{ event.text }}'}}\n"
JUNK: tuple[Any, ...] = (
    None, 0, -1, 1.5, 10**300, True, "", "x", "\x00", "\ud800", "😀", [], [[]], [None], {},
    {"a": {"b": [1]}},
)  # fmt: skip
STRANGER = "17841499999999999"


@pytest.fixture
def channel() -> Recorder:
    return Recorder()


@pytest.fixture
def server(ledger: Ledger, channel: Recorder) -> Iterator[Server]:
    publish(ledger, channel.registry(), ANSWER)
    server = Server(Configuration(port=0, web_threads=16), channel.registry(), ledger, work=False)
    server.start()
    yield server
    assert server.stop()


def post(server: Server, body: bytes, path: str = "/webhook") -> int:
    return ask(server.url, "POST", path, body, signed(body, SECRET)).status


def now() -> int:
    return time.time_ns() // 1_000_000


def split(ledger: Ledger) -> None:
    while ledger.deliveries.split(read, now()).deliveries:
        pass


def kept(ledger: Ledger) -> dict[str, Any]:
    """Everything that a second copy of an update must not change."""
    stats = ledger.stats(None)
    return {name: stats[name] for name in ("stored", "orphaned", "orphans", "unreadable")}


def envelope(entries: list[Any]) -> bytes:
    return json.dumps({"object": "instagram", "entry": entries}).encode()


def nonsense(at: int) -> list[Any]:
    """Entries in which one thing after the other is of every type it should not be."""
    return [entry for junk in JUNK for entry in _broken_by(junk, at)] + _large(at)


def _broken_by(junk: Any, at: int) -> Iterator[Any]:
    name = json.dumps(junk)
    head = {"id": ACCOUNT, "time": at}
    yield junk
    yield {"id": junk, "time": junk, "messaging": [_message(f"id {name}", at)]}
    yield {"id": STRANGER, "time": at, "messaging": [junk]}
    yield {**head, "field": junk, "value": junk}
    for form in ("messaging", "standby", "changes"):
        yield {**head, form: junk}
        yield {**head, form: [junk]}
    for key in ("sender", "recipient", "timestamp", "message", "reaction", "read", "postback"):
        yield {**head, "messaging": [{**_message(f"{key} {name}", at), key: junk}]}
    for key in ("mid", "text", "attachments", "quick_reply", "reply_to", "is_echo", "is_deleted"):
        item = _message(f"{key} {name}", at)
        yield {**head, "messaging": [{**item, "message": {**item["message"], key: junk}}]}
    for key in ("id", "from", "text", "media", "parent_id"):
        value = {"id": f"18{name}{key}", "from": {"id": "7003"}, "text": "oi", key: junk}
        yield {**head, "changes": [{"field": "comments", "value": value}]}


def _message(mid: str, at: int, text: str = "oi", person: str = "7001") -> dict[str, Any]:
    return {
        "sender": {"id": person},
        "recipient": {"id": ACCOUNT},
        "timestamp": at,
        "message": {"mid": f"m {mid}", "text": text},
    }


def _large(at: int) -> list[Any]:
    texts = ("nul\x00", "lone\ud800", 100_000 * "x", 1_000 * "😀")
    people = ("70050", "\x00", "\ud800", 600 * "9", 100 * "😀")
    nested: Any = {}
    for _ in range(400):
        nested = [nested]
    items = [
        _message(f"{number} {index}", at, text, person)
        for number, text in enumerate(texts)
        for index, person in enumerate(people)
    ]
    return [{"id": int(ACCOUNT), "time": at, "messaging": [*items, nested]}]


def test_every_piece_of_nonsense_has_one_outcome_whatever_its_order_and_batches(
    server: Server, ledger: Ledger
) -> None:
    entries = nonsense(now())
    updates = len(read(envelope(entries), now()))

    first = post(server, envelope(entries))
    split(ledger)
    before = kept(ledger)
    random.Random(1).shuffle(entries)
    batches = [entries[start : start + 60] for start in range(0, len(entries), 60)]
    with ThreadPoolExecutor(16) as senders:
        later = list(senders.map(lambda batch: post(server, envelope(batch)), 2 * batches))
    split(ledger)

    stats = ledger.stats(None)
    outcomes = [stats[name] for name in ("stored", "duplicates", "orphaned", "tests")]
    assert (first, set(later)) == (200, {200})
    assert kept(ledger) == before
    assert sum(outcomes) == 3 * updates


def test_nothing_in_a_message_stops_a_worker(ledger: Ledger, channel: Recorder) -> None:
    tenant = publish(ledger, channel.registry(), ANSWER)
    app = ledger.apps.list()[0].id
    ledger.deliveries.store([NewDelivery(app, None, envelope(nonsense(now())), now())])
    worker = Worker(ledger, channel.registry(), Configuration(rate_scale=1_000))

    while worker.turn():
        pass

    outcomes = {event.outcome for event in ledger.for_tenant(tenant).events(10_000)}
    assert outcomes == {"answered", "no_match", "skipped"}


def test_a_copy_of_an_orphan_is_a_duplicate(ledger: Ledger, channel: Recorder) -> None:
    publish(ledger, channel.registry(), ANSWER)
    app = ledger.apps.list()[0].id
    body = dm(STRANGER, "10001", "m_1", "oi", now())
    other = dm(STRANGER + "1", "10001", "m_1", "oi", now())

    for one in (body, body, other):
        ledger.deliveries.store([NewDelivery(app, None, one, now())])
        split(ledger)

    stats = ledger.stats(None)
    assert (stats["orphans"], stats["duplicates"]) == ({"unknown_account": 2}, 1)


def test_an_orphan_is_no_duplicate_once_its_account_is_connected(
    ledger: Ledger, channel: Recorder
) -> None:
    """Instagram asks for hours; what came too early must be taken when it comes again."""
    publish(ledger, channel.registry(), ANSWER)
    app = ledger.apps.list()[0].id
    item = NewDelivery(app, None, dm(STRANGER, "10001", "m_1", "oi", now()), now())
    ledger.deliveries.store([item])
    split(ledger)
    publish(ledger, channel.registry(), ANSWER, "bia", STRANGER)

    ledger.deliveries.store([item])
    split(ledger)

    assert ledger.stats(None)["stored"] == 1


@pytest.mark.parametrize("length", [4_097, 20_000])
def test_an_address_that_is_too_long_is_refused(server: Server, length: int) -> None:
    assert ask(server.url, "GET", f"/webhook?{(length - 9) * 'a'}").status == 414
    assert post(server, b"{}", f"/webhook/{(length - 9) * 'a'}") == 414


def test_a_deleted_database_is_503_until_it_is_back(tmp_path: Path, channel: Recorder) -> None:
    """SQLite would go on writing into the file without a name, and the 200 would be a lie."""
    path = tmp_path / "igrules.db"
    ledger = Ledger.open(str(path), tmp_path)
    publish(ledger, channel.registry(), ANSWER)
    server = Server(
        Configuration(rate_scale=1_000, port=0, web_threads=4), channel.registry(), ledger
    )
    server.start()
    bodies = [dm(ACCOUNT, "10001", f"m_{n}", f"oi {n}", now()) for n in range(5)]

    assert post(server, bodies[0]) == 200
    path.rename(tmp_path / "away.db")
    assert post(server, bodies[1]) == 503
    assert ask(server.url, "GET", "/api/ready").status == 503
    assert not path.exists()
    shutil.copy(tmp_path / "away.db", path)
    assert post(server, bodies[2]) == 503
    (tmp_path / "away.db").rename(path)
    assert post(server, bodies[3]) == 200

    assert channel.wait_for(2)
    assert server.stop()
    ledger.close()


NO_ROOM = """
import resource, signal, sys
from pathlib import Path
from igrules.errors import Unavailable
from igrules.ledger import Ledger, NewDelivery
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ledger = Ledger.open(sys.argv[1], sys.argv[2])
app = ledger.apps.add("meta", "instagram_login", ["secret"], "token", 1).id
room = Path(sys.argv[1] + "-wal").stat().st_size
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (room + int(sys.argv[3]), most))
try:
    ledger.deliveries.store([NewDelivery(app, None, 20_000 * b"x", 1)])
except Unavailable as error:
    print("unavailable")
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
ledger.deliveries.store([NewDelivery(app, None, 20_000 * b"x", 1)])
print(ledger.stats(None)["deliveries"])
ledger.close()
"""


@pytest.mark.parametrize("room", [0, 6_000])
def test_a_disk_that_takes_no_more_is_a_hiccup(tmp_path: Path, room: int) -> None:
    """A receipt is tried again while the database is away; it must be told that this is such a
    moment, whether the disk is full at a statement or at the commit."""
    command = [sys.executable, "-c", NO_ROOM, str(tmp_path / "igrules.db"), str(tmp_path)]
    ended = subprocess.run([*command, str(room)], capture_output=True, text=True, timeout=30)

    assert (ended.stdout.split(), ended.stderr) == (["unavailable", "1"], "")


def test_a_sweep_outlives_whatever_the_database_says(ledger: Ledger, channel: Recorder) -> None:
    """The sweep is the only healer: if its thread ended, lost rings would stay lost."""
    configuration, clock = Configuration(rate_scale=1_000), Clock()
    worker = Worker(ledger, channel.registry(), configuration, clock=clock)
    sweeper = Sweeper(ledger, SweepOnly(), worker, configuration, clock)
    with ledger._db.transaction() as db:
        db.run("ALTER TABLE turn RENAME TO elsewhere")
    refused = sweeper.sweep()
    with ledger._db.transaction() as db:
        db.run("ALTER TABLE elsewhere RENAME TO turn")

    assert refused is False
    assert sweeper.sweep() is False
