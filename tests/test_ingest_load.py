"""Sixteen senders at once: whatever is answered with 200 is stored once, and nothing else is said
than 200 and 503.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from igrules.sandbox.server import Sandbox
from igrules.sandbox.webhooks import Manner
from tests.busy_shop import ACCOUNT, TENANT, is_drained, open_shop, publish_shop
from tests.checking import check_promises
from tests.fleet import ENGINES, Way, answering, sleep, ways
from tests.running import Watch, wait_until
from tests.sizes import load, seed

pytestmark = pytest.mark.faults("F20")

PACED, BULK, BLOCKED = load(1_000, 120_000), load(18_600, 50_000), 400
"""How many at 200 a second, in bodies of a thousand, and while nothing can be stored."""
PER_SECOND, SENDERS = 200, 16
AGAIN = (100,) * 1_000
RULES = """\
igrules: 1
rules:
  - {id: few, when: dm, if: {matches: {regex: "00$"}}, do: {text: "heard {{ event.text }}"}}
"""
SEED = seed()
way = ways(*ENGINES)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    box = open_shop(tmp_path, seed=SEED, senders=SENDERS)
    yield box
    box.stop()


class Writers:
    """Whoever writes: each message by somebody else, so that no loop guard steps in."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.written = 0

    def write(self, count: int, per_second: float = 0) -> None:
        """Write as many, at a pace or all at once."""
        began = time.monotonic()
        for number in range(count):
            if per_second:
                sleep_until(began + number / per_second)
            self._sandbox.people.write(ACCOUNT, f"p{self.written}", f"words {self.written}")
            self.written += 1

    def wait(self) -> None:
        """Until all of it is acknowledged."""
        assert self._sandbox.postman.wait_idle(120), "not everything was acknowledged"


def sleep_until(moment: float) -> None:
    left = moment - time.monotonic()
    if left > 0:
        sleep(left)


def percentile(values: list[int], share: float) -> int:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0


@contextmanager
def blocked(ledger: Ledger) -> Iterator[None]:
    """Let nobody store a body until the end of the block."""
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with ledger._db.transaction() as db:
            if ledger.engine == "postgresql":
                db.run("LOCK TABLE delivery IN EXCLUSIVE MODE")
            held.set()
            over.wait(25)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(15)
        yield
    finally:
        over.set()
        thread.join()


def test_what_is_acknowledged_is_stored_once_and_quickly(
    way: Way, sandbox: Sandbox, tmp_path: Path, figures: Callable[..., None]
) -> None:
    publish_shop(way.database_url, tmp_path / "state", rules=RULES, tenant=TENANT)
    ledger = Ledger.open(way.database_url, tmp_path / "state", create=False)
    writers, postman = Writers(sandbox), sandbox.postman
    # On a machine that others keep busy, only Meta's own deadline can be asked for.
    calm = os.getloadavg()[0] <= 2 * (os.cpu_count() or 1)
    started = time.monotonic()
    with answering(way, sandbox, tmp_path, workers=1) as fleet:
        postman.set_manner(Manner(retry_ms=AGAIN, duplicate=0.2))
        with Watch() as watch:
            writers.write(PACED, PER_SECOND)
            writers.wait()
        paced = [one.took_ms for one in list(postman.log)]
        # Bodies of a thousand, each twice at the same time.
        postman.set_manner(Manner(retry_ms=AGAIN, batch=1_000, duplicate=1.0, hold=True))
        writers.write(BULK)
        postman.set_manner(Manner(retry_ms=AGAIN, batch=1_000, duplicate=1.0))
        writers.wait()
        postman.set_manner(Manner(retry_ms=AGAIN, duplicate=1.0))
        with Watch() as block, blocked(ledger):
            writers.write(BLOCKED)
            wait_until(lambda: any(one.status == 503 for one in list(postman.log)), 20, "refused")
        writers.wait()
        wait_until(lambda: is_drained(ledger, sandbox), 90, "all is settled", 0.25)

    told = Counter(one.status for one in list(postman.log))
    found = check_promises(ledger, sandbox.acts(), postman.acknowledged, now=sandbox.world.now())
    stored = ledger._db.number("SELECT count(*) FROM inbox WHERE kind = 'message'")
    ledger.close()
    figures(
        f"F20 {way.name}", **found.figures, requests=sum(told.values()), refused=told[503],
        p99_ms=percentile(paced, 0.99), calm=calm, seconds=time.monotonic() - started, seed=SEED,
    )  # fmt: skip
    assert (found.broken, fleet.own_ends) == ({}, []), f"seed {SEED}"
    assert stored == writers.written
    # Whoever asks hears nothing where the machine stands still until his five seconds are over.
    assert set(told) - ({0} if block.lost > 1 else set()) == {200, 503}
    assert percentile(paced, 0.99) - 1_000 * watch.lost <= (200 if calm else 5_000)
