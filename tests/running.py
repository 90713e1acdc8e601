"""Real processes of igrules for tests: start, kill, wait for a condition with a bound."""

from __future__ import annotations

import itertools
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psycopg

PAUSE = 0.02
ENOUGH = 30.0
"""Seconds after which what should come does not: a machine may stand still for some of them."""
_NAP, _LATE = 0.01, 0.1
# Below all that systems give to whoever asks for any port, so that nobody is given one of these
# between two starts of a server that needs the same again. Of those each worker has a share.
_SHARE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
_PORTS = range(10_000, 18_000)[_SHARE::4]
_drawn = itertools.count(secrets.randbelow(len(_PORTS)))


def wait_until(
    claim: Callable[[], bool], seconds: float, what: str = "the condition", pause: float = PAUSE
) -> None:
    """Return as soon as ``claim`` holds; fail with ``what`` when it does not in time. ``pause``:
    how long between two looks, more where looking costs. One look counts for a second at most: a
    machine that stood still has kept what is waited for from happening, too."""
    left = seconds
    began = time.monotonic()
    while not claim():
        if left <= 0:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)
        now = time.monotonic()
        left -= min(now - began, max(1.0, pause))
        began = now


class Watch:
    """The seconds that a block takes, without those in which the machine stood still: what is
    asked for is how long igrules takes, and a thread that only sleeps was as late."""

    def __init__(self) -> None:
        self.lost = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._nap)
        self._began = self._ended = 0.0

    def __enter__(self) -> Watch:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = time.monotonic()
        self._over.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """How long it took, once the block is over."""
        return self._ended - self._began - self.lost

    def _nap(self) -> None:
        is_over, then = False, self._began
        while not is_over:
            is_over = self._over.wait(_NAP)
            now = time.monotonic() if not is_over else self._ended
            late = now - then - _NAP
            self.lost += late if late > _LATE else 0.0
            then = now


def free_port() -> int:
    """A port of loopback that nobody listens on, and that no other test is given by chance."""
    for _ in _PORTS:
        port = _PORTS[next(_drawn) % len(_PORTS)]
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class Process:
    """``igrules`` with these arguments, in a process group of its own."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self._arguments = arguments
        # Servers of tests that run side by side would take each other's usual port.
        usual = {"IGRULES_OPS_LISTEN": "none"}
        self._environment = {**os.environ, **usual, **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; what it writes goes to the log file."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "igrules.cli", *self._arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """``kill -9``, at once and without a chance to tidy up."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self, seconds: float = 25.0) -> int:
        """Ask it to end and give its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(seconds)

    def stop_twice(self, seconds: float = 25.0) -> tuple[int, float]:
        """Ask it and its group to end, as `timeout` does. Give its exit code, and how many seconds
        lay between the two at most."""
        assert self._process is not None
        began = time.monotonic()
        self._process.terminate()
        os.killpg(self._process.pid, signal.SIGTERM)
        apart = time.monotonic() - began
        return self._process.wait(seconds), apart

    @property
    def runs(self) -> bool:
        """Whether it is there."""
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        """Everything it wrote so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""


def answers(url: str) -> bool:
    """Whether a GET of ``url`` gives 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def waits_for_a_lock(url: str) -> bool:
    """Whether somebody waits for a lock in this PostgreSQL database."""
    with psycopg.connect(url) as asked:
        found = asked.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock'"
        ).fetchone()
    return found is not None and found[0] > 0
