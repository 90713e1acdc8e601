"""What deciding in batches gains a worker with its real ledger, and what the number of rules costs
it: goals 5 and 6.

Each ledger is a SQLite file of its own, and one thread works it. Messages are decided, and what
rules answer is sent through a channel that accepts everything, until nothing is left.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.measure import Row
from benchmarks.shops import TENANT, events_of, phrase_of, ruleset_of
from benchmarks.tenants import registry
from igrules.kinds import Registry
from igrules.language.fingerprint import fingerprint_of
from igrules.language.image import make_image
from igrules.language.ruleset import Ruleset
from igrules.ledger import Ledger, NewDelivery
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker

ROUNDS = 7
ONE_THREAD = Configuration(rate_scale=1_000, threads=1)
EVENTS = 200
LISTENED = 600
ACCOUNT = "17841400000000101"


class Shop:
    """One tenant with its own ledger and worker."""

    def __init__(
        self,
        directory: Path,
        kinds: Registry,
        ruleset: Ruleset,
        configuration: Configuration = ONE_THREAD,
    ) -> None:
        directory.mkdir()
        now = int(time.time() * 1000)
        self.ledger = Ledger.open(str(directory / "igrules.db"), directory)
        self._app = self.ledger.apps.add("meta", "instagram_login", ["secret"], "token", now)
        scope = self.ledger.for_tenant(self.ledger.tenants.add("luz", "Luz", now).id)
        # More rules than a tenant may have do not compile as one; the worker opens their image.
        version = scope.publish(
            {"tenant.yaml": TENANT}, ruleset.digest, ruleset.settings, "", "bench", now
        )
        image = make_image(ruleset, kinds, fingerprint_of(kinds))
        assert image is not None
        scope.keep_image(version.number, image)
        scope.secrets.set("access_token", "IGAA", now)
        self._worker = Worker(self.ledger, kinds, configuration)
        self._count = 0

    def receive(self, texts: list[str]) -> None:
        """Store one body with these messages, each of another person."""
        now = int(time.time() * 1000)
        messages = []
        for text in texts:
            self._count += 1
            messages.append(
                {
                    "sender": {"id": f"70{self._count:08}"},
                    "recipient": {"id": ACCOUNT},
                    "timestamp": now,
                    "message": {"mid": f"m_{self._count}", "text": text},
                }
            )
        entry = {"id": ACCOUNT, "time": now, "messaging": messages}
        body = json.dumps({"object": "instagram", "entry": [entry]}).encode()
        self.ledger.deliveries.store([NewDelivery(self._app.id, None, body, now)])

    def work(self) -> None:
        """Work until nothing is due."""
        while self._worker.turn():
            pass

    def split(self) -> None:
        """Split what was received."""
        self._worker.split()


def rows() -> Iterator[Row]:
    """Measure and yield the rows of goals 5 and 6."""
    kinds = registry()
    with tempfile.TemporaryDirectory() as directory:
        yield _batched(Path(directory), kinds)
        yield _rules(Path(directory), kinds)


def _batched(directory: Path, kinds: Registry) -> Row:
    """Messages no rule answers, as most are: with the time the disk takes, which is what batches
    share."""
    ruleset = ruleset_of(1_000, kinds)
    ways = {"one": replace(ONE_THREAD, claim_lanes=1), "many": ONE_THREAD}
    shops = {name: Shop(directory / name, kinds, ruleset, how) for name, how in ways.items()}
    texts = [event.text for event in events_of(1, lambda draw: "nada")]
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, shop in shops.items():
            shop.receive([texts[n % len(texts)] for n in range(LISTENED)])
            shop.split()
            started = time.perf_counter()
            shop.work()
            rates[name].append(LISTENED / (time.perf_counter() - started))
    for shop in shops.values():
        shop.ledger.close()
    ratio = statistics.median(a / b for a, b in zip(rates["many"], rates["one"], strict=True))
    one, many = (statistics.median(each) for each in rates.values())
    baseline = f"{one:.0f} events/s one by one, {many:.0f} with {ways['many'].claim_lanes} a claim"
    return Row(5, "worker without sending, 1,000 rules", baseline, ratio, ">= 4", "x", ratio >= 4)


def _rules(directory: Path, kinds: Registry) -> Row:
    rates: dict[int, list[float]] = {10: [], 10_000: []}
    shops = {}
    for size in rates:
        shops[size] = Shop(directory / str(size), kinds, ruleset_of(size, kinds))
    for _ in range(ROUNDS):
        for size, shop in shops.items():
            events = events_of(size, partial(phrase_of, size))
            shop.receive([events[n % len(events)].text for n in range(EVENTS)])
            rates[size].append(EVENTS / _seconds(shop.work))
    for shop in shops.values():
        shop.ledger.close()
    ratio = statistics.median(
        many / few for many, few in zip(rates[10_000], rates[10], strict=True)
    )
    few, many = (statistics.median(each) for each in rates.values())
    baseline = f"{few:.0f} events a processor second with 10 rules, {many:.0f} with 10,000"
    return Row(6, "worker with 10,000 rules", baseline, ratio, ">= 0.55", "x", ratio >= 0.55)


def _seconds(work: Callable[[], None]) -> float:
    """Processor time: the disk takes as long whatever the rules are, and would hide them."""
    started = time.process_time()
    work()
    return time.process_time() - started
