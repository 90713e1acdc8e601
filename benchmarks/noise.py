"""A tenant with a hundred thousand messages waiting beside one that gets one now and then: goal 19;
what the other one costs the noisy tenant, and how soon work goes on when everything was killed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row
from benchmarks.stand import Api, Poster, body_of, igrules, open_shops, percentile, store
from igrules.instagram.reader import read

WAITING = 100_000
SECONDS = 8.0
EVERY = 0.2
LATENCY = 20


def rows() -> Iterator[Row]:
    """Measure, and give the three rows."""
    with tempfile.TemporaryDirectory() as directory, Api(LATENCY) as api:
        home = Path(directory)
        url = str(home / "igrules.db")
        ledger = open_shops(url, home, 2)
        with igrules("serve", url, home, api.url) as (server,):
            alone, _ = _writes(server.url, api, "alone")
        # Nothing of this has to survive a power cut.
        ledger._db.run("PRAGMA synchronous = OFF")
        store(ledger, [f"a{n}" for n in range(WAITING)])
        while ledger.deliveries.split(read, int(time.time() * 1000)).deliveries:
            pass
        ledger.close()
        with igrules("serve", url, home, api.url) as (server,):
            api.wait_for(100)
            api.calls()
            time.sleep(SECONDS)
            solo = len(api.calls()) / SECONDS
            beside, noisy = _writes(server.url, api, "beside")
            server.kill()
        api.calls()
        with igrules("serve", url, home, api.url) as (server,):
            first = api.wait_for(1)[0][0] - server.started
    more = beside - alone
    what = f"p95 {alone:.2f} s alone, {beside:.2f} s beside {WAITING:,} waiting"
    yield Row(
        19, "a quiet tenant's delay beside a noisy one", what, more, "<= +1 s", " s", more <= 1
    )
    ratio = noisy / solo
    what = f"{solo:.0f} sends/s without the other"
    yield Row("D", "throughput of the noisy tenant", what, ratio, ">= 0.8", "x", ratio >= 0.8)
    what = f"kill -9 with more than {WAITING // 10:,} waiting, process start included"
    yield Row("D", "first send after all was killed", what, first, "<= 5 s", " s", first <= 5)


def _writes(url: str, api: Api, name: str) -> tuple[float, float]:
    """Let the quiet tenant's people write; gives the p95 of what their answers took, in seconds,
    and how many sends a second the other tenant made meanwhile."""
    poster, posted = Poster(url), dict[str, float]()
    began = time.time()
    api.calls()
    for number in range(int(SECONDS / EVERY)):
        time.sleep(max(0.0, began + number * EVERY - time.time()))
        posted[f"{name}{number}"] = time.time()
        poster.post(body_of([f"{name}{number}"], shop=1))
    calls = api.calls()
    noisy = sum(text not in posted for _, text in calls) / (time.time() - began)
    until = time.monotonic() + 60
    while sum(text in posted for _, text in calls) < len(posted) and time.monotonic() < until:
        time.sleep(0.1)
        calls += api.calls()
    delays = {text: at - posted[text] for at, text in calls if text in posted}
    # What never came counts as what it cost to wait for it.
    late = [delays.get(text, 60.0) for text in posted]
    return percentile(late, 0.95), noisy
