"""What igrules costs while nothing happens: from delivery.md section 15."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row
from benchmarks.stand import Api, igrules, open_shops

SECONDS = 20.0


def rows() -> Iterator[Row]:
    """Measure, and give the two rows."""
    with tempfile.TemporaryDirectory() as directory, Api(0) as api:
        home = Path(directory)
        open_shops(str(home / "igrules.db"), home).close()
        with igrules("serve", str(home / "igrules.db"), home, api.url) as (server,):
            time.sleep(3)
            before = server.processor_seconds()
            time.sleep(SECONDS)
            share = 100 * (server.processor_seconds() - before) / SECONDS
            megabytes = server.megabytes()
    what = f"`igrules serve` for {SECONDS:.0f} s, nothing to do"
    yield Row("D", "idle process, share of a core", what, share, "<= 1 %", " %", share <= 1)
    yield Row("D", "idle process, memory", what, megabytes, "<= 150 MB", " MB", megabytes <= 150)
