"""Two hundred webhooks a second for half a minute: how long until the 200, until the decision,
until the answer is on its way. Goal 14, and of delivery: the acknowledgement and the decision."""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row
from benchmarks.stand import Api, Poster, body_of, open_shops, percentile, spread_out

RATE = 200
SECONDS = 30
SENDERS = 16
LATENCY = 20
"""Milliseconds a call takes: sixteen threads carry 800 sends a second."""


def rows() -> Iterator[Row]:
    """Measure, and give the three rows."""
    with tempfile.TemporaryDirectory() as directory, Api(LATENCY) as api:
        home = Path(directory)
        url = str(home / "igrules.db")
        open_shops(url, home).close()
        with spread_out(url, home, api.url) as server:
            paced(server.url, "warm", RATE)
            api.wait_for(RATE)
            posted, took = paced(server.url, "m", RATE * SECONDS)
            calls = api.wait_for(RATE * SECONDS)
        decided = _decided(url, home, "m")
    delays = [1000 * (at - posted[text]) for at, text in calls if text in posted]
    what = f"at {RATE} webhooks/s for {SECONDS} s"
    acked = 1000 * percentile(took, 0.99)
    yield Row("D", "acknowledgement, p99", what, acked, "<= 200 ms", " ms", acked <= 200)
    late = percentile(decided, 0.99)
    yield Row("D", "stored until decided, p99", what, late, "<= 250 ms", " ms", late <= 250)
    half = percentile(delays, 0.5)
    what = f"{what}; a call takes {LATENCY} ms more, p95 {percentile(delays, 0.95):.0f} ms"
    yield Row(
        14, "webhook until the call is made, p50", what, half, "<= 100 ms", " ms", half <= 100
    )


def paced(
    url: str, name: str, count: int, rate: int = RATE
) -> tuple[dict[str, float], list[float]]:
    """Post so many messages at an even pace; gives when each was due and how long each 200 took."""
    numbers, lock = itertools.count(), threading.Lock()
    began = time.time() + 0.1
    posted: dict[str, float] = {}
    took: list[float] = []

    def send() -> None:
        poster = Poster(url)
        while True:
            with lock:
                number = next(numbers)
            if number >= count:
                return
            text, due = f"{name}{number}", began + number / rate
            body = body_of([text])
            time.sleep(max(0.0, due - time.time()))
            posted[text] = due
            poster.post(body)
            # From when it was due: a generator that falls behind hides nothing.
            took.append(time.time() - due)

    threads = [threading.Thread(target=send) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return posted, took


def _decided(url: str, home: Path, name: str) -> list[float]:
    """Milliseconds from storing each message of this name to its decision."""
    from igrules.ledger import Ledger

    first = f"m_0_{name}"
    ledger = Ledger.open(url, home, create=False)
    rows = ledger._db.all(
        "SELECT d.created_at - i.received_at FROM decision d JOIN inbox i ON i.id = d.inbox_id"
        " WHERE substr(i.ref, 1, ?) = ?",
        (len(first), first),
    )
    ledger.close()
    return [float(row[0]) for row in rows]
