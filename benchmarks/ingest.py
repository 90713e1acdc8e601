"""Goals 1 to 4: what durable ingest costs, over real HTTP from another process, side by side.

All servers stand at once and are asked in turn, so that a busy minute of the machine hits all of
them: one that only checks the signature and answers, one with a commit per request, and ours; and
the latter two once more on a disk whose fsync takes 2 ms longer.
"""

from __future__ import annotations

import json
import logging
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Row
from igrules.errors import LedgerError
from igrules.kinds import Registry
from igrules.ledger import Ledger, NewDelivery
from igrules.web.app import build_app
from igrules.web.front import Front
from igrules.web.health import Stopping
from igrules.web.ingest import NotStored, Writer
from igrules.web.listeners import public
from igrules.web.serving import Server
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.heap import settle_heap
from igrules.work.logs import log_to_stderr

ROUNDS = 7
SECONDS = 1.5
BATCH = 100
CONNECTIONS = 32
SECRET = "benchmark-secret"
KINDS = ("bare", "single", "grouped", "single-slow", "grouped-slow")
SLOWER = 0.002
"""Seconds that a commit takes longer on the slow disk."""


def rows() -> Iterator[Row]:
    """Measure and give the rows of goals 1 to 4."""
    rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
    slowest: dict[str, list[float]] = {kind: [] for kind in KINDS}
    batched: list[float] = []
    with tempfile.TemporaryDirectory() as directory, servers(Path(directory)) as urls:
        for kind in KINDS:
            ask(urls[kind], 0.5)
        for _ in range(ROUNDS):
            for kind in KINDS:
                seen = ask(urls[kind], SECONDS)
                rates[kind].append(seen["rate"])
                slowest[kind].append(seen["p99"])
            batched.append(BATCH * ask(urls["grouped"], SECONDS, BATCH)["rate"])
    bare, single, ours, slow, _ = (statistics.median(rates[kind]) for kind in KINDS)
    baseline = f"{bare:.0f}/s falcon + waitress with the same check; ours {ours:.0f}/s"
    ratio = _ratio(rates, "grouped", "bare")
    yield Row(1, "durable ingest, 32 connections", baseline, ratio, ">= 0.60", "x", ratio >= 0.60)
    gain = _ratio(rates, "grouped", "single")
    each = f"{single:.0f}/s one commit per request"
    yield Row(2, "the same", each, gain, ">= 1.4", "x", gain >= 1.4)
    gain = _ratio(rates, "grouped-slow", "single-slow")
    each = f"{slow:.0f}/s one commit per request"
    yield Row(2, "the same, fsync 2 ms slower", each, gain, ">= 5", "x", gain >= 5)
    late = statistics.median(slowest["grouped"]) / statistics.median(slowest["bare"])
    wait = f"p99 {statistics.median(slowest['bare']):.1f} ms of falcon + waitress"
    yield Row(3, "durable ingest, p99", wait, late, "<= 2.0", "x", late <= 2.0)
    gain = statistics.median(a / b for a, b in zip(batched, rates["grouped"], strict=True))
    each = f"{ours:.0f}/s from bodies of one, {statistics.median(batched):.0f}/s of {BATCH}"
    yield Row(4, f"events/s stored from {BATCH}-event bodies", each, gain, ">= 25", "x", gain >= 25)


def _ratio(rates: dict[str, list[float]], kind: str, baseline: str) -> float:
    """The median over the rounds of one rate by the other."""
    return statistics.median(a / b for a, b in zip(rates[kind], rates[baseline], strict=True))


def ask(url: str, seconds: float, events: int = 1) -> dict[str, Any]:
    """Load ``url`` from another process, so many events a body. Fails when anything but 200 comes
    back."""
    load = [url, str(seconds), str(CONNECTIONS), SECRET, str(events)]
    command = [sys.executable, "-m", "benchmarks.load", *load]
    seen: dict[str, Any] = json.loads(
        subprocess.run(command, capture_output=True, check=True).stdout
    )
    if set(seen["statuses"]) != {"200"}:
        raise RuntimeError(f"{url} answered {seen['statuses']}")
    return seen


@contextmanager
def servers(directory: Path) -> Iterator[dict[str, str]]:
    """Start one server process of each kind; give their webhook addresses."""
    running = []
    try:
        for kind in KINDS:
            command = [sys.executable, "-m", "benchmarks.ingest", kind, str(directory / kind)]
            if kind == "bare":
                command = [sys.executable, "-m", "benchmarks.bare", SECRET]
            running.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
        yield {
            kind: process.stdout.readline().strip()
            for kind, process in zip(KINDS, running, strict=True)
            if process.stdout is not None
        }
    finally:
        for process in running:
            process.communicate()


class OneByOne(Writer):
    """A commit for every request, by the thread that serves it."""

    def put(self, delivery: NewDelivery) -> None:
        """Store it alone."""
        try:
            self._store([delivery])
        except LedgerError as error:
            raise NotStored from error


class SlowDisk:
    """Storing that holds everybody up for 2 ms longer, as a slower fsync does."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()

    def store(self, items: Sequence[NewDelivery]) -> list[int]:
        """Store, slowly, one after the other."""
        with self._lock:
            time.sleep(SLOWER)
            return self._ledger.deliveries.store(items)


def serve(kind: str, directory: Path) -> None:
    """Run one server until the standard input ends."""
    log_to_stderr(level=logging.ERROR)
    configuration = Configuration(port=0)
    directory.mkdir()
    ledger = Ledger.open(str(directory / "igrules.db"), directory)
    ledger.apps.add("meta", "instagram_login", [SECRET], "token", 1_790_000_000_000)
    front: Front | Server
    if kind == "grouped":
        front = Server(configuration, Registry(), ledger, work=False)
    else:
        if kind.startswith("single"):
            # Without this, those who write at the same moment would share a commit all the same.
            ledger._db._shared = None
        store = SlowDisk(ledger).store if kind.endswith("slow") else ledger.deliveries.store
        way = OneByOne if kind.startswith("single") else Writer
        writer = way(store, lambda: None, linger=configuration.linger)
        app = build_app(
            ledger,
            writer,
            registry=Registry(),
            configuration=configuration,
            clock=Clock(),
            stopping=Stopping(),
        )
        front = Front([public(configuration, app)])
    settle_heap()
    front.start()
    print(f"{front.url}/webhook", flush=True)
    sys.stdin.read()
    front.stop(2.0)


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
