"""Several processes of igrules on one database, and the one that kills them at random."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from igrules.sandbox.server import Sandbox
from tests.running import PAUSE, answers, free_port, wait_until

QUICK = {
    "IGRULES_LEASE": "3000",
    "IGRULES_QUIET": "2000",
    "IGRULES_RETRY_SCALE": "0.1",
    "IGRULES_RATE_SCALE": "1000",
    "IGRULES_OPS_LISTEN": "none",
}
"""Leases, quiet times and retries as short as fault tests need them, and no rate in the way."""


class Fleet:
    """Named processes, each started by its arguments. Made of copies of one that is loaded."""

    def __init__(
        self, roles: Mapping[str, list[str]], environment: Mapping[str, str], directory: Path
    ) -> None:
        self.roles = roles
        self.own_ends: list[str] = []
        """Processes that ended without being killed, and how."""
        self._environment = {**QUICK, **environment}
        self._directory = directory
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()
        self._source = subprocess.Popen(
            [sys.executable, "-m", "tests.forking"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip

    def start(self, *names: str) -> None:
        """Start these, or all of them."""
        for name in names or self.roles:
            log = str(self._directory / f"{name}.log")
            asked = {"arguments": self.roles[name], "environment": self._environment, "log": log}
            self._running[name] = int(self._ask(do="start", **asked)["pid"])

    def signal(self, name: str, number: int) -> None:
        """Send a signal; 9 returns when the process is gone."""
        code = self._ask(do="look", pid=self._running[name])["code"]
        if code is not None:
            self.own_ends.append(f"{name} ended by itself with {code}")
            del self._running[name]
            return
        self._ask(do="signal", pid=self._running[name], signal=int(number))
        if number == signal.SIGKILL:
            del self._running[name]

    def kill(self, name: str) -> None:
        """``kill -9``."""
        self.signal(name, signal.SIGKILL)

    def pid(self, name: str) -> int:
        """The process id of one that runs."""
        return self._running[name]

    def revive(self) -> list[str]:
        """Start again those that have ended by themselves, and give their names."""
        ended = []
        for name, pid in list(self._running.items()):
            if self._ask(do="look", pid=pid)["code"] is not None:
                ended.append(name)
                self.start(name)
        return ended

    def end(self, name: str, seconds: float = 25.0) -> int:
        """Ask one to end in good order, and give its exit code."""
        self.signal(name, signal.SIGTERM)
        codes: list[int] = []

        def gone() -> bool:
            code = self._ask(do="look", pid=self._running[name])["code"]
            codes.extend([] if code is None else [int(code)])
            return bool(codes)

        wait_until(gone, seconds, f"{name} ends")
        del self._running[name]
        return codes[0]

    def stop(self, seconds: float = 25.0) -> dict[str, int]:
        """Ask all of them to end in good order, and give their exit codes."""
        names, codes = list(self._running), dict[str, int]()
        for name in names:
            self.signal(name, signal.SIGTERM)

        def all_gone() -> bool:
            for name in [one for one in names if one in self._running]:
                code = self._ask(do="look", pid=self._running[name])["code"]
                if code is not None:
                    codes[name] = int(code)
                    del self._running[name]
            return not self._running

        wait_until(all_gone, seconds, "all processes end")
        return codes

    def close(self) -> None:
        """Kill what still runs."""
        for name in list(self._running):
            self.kill(name)
        assert self._source.stdin is not None
        assert self._source.stdout is not None
        self._source.stdin.close()
        self._source.wait(10)
        self._source.stdout.close()

    def said(self) -> str:
        """What the processes wrote, of each the end."""
        logs = sorted(self._directory.glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-2_000:]}" for log in logs)

    def _ask(self, **question: Any) -> Any:
        assert self._source.stdin is not None
        assert self._source.stdout is not None
        with self._lock:
            self._source.stdin.write(json.dumps(question) + "\n")
            self._source.stdin.flush()
            return json.loads(self._source.stdout.readline())


ENGINES = ("sqlite", "postgresql")
WAYS = (*ENGINES, "postgresql and redis")


@dataclass(frozen=True, slots=True)
class Way:
    """How processes share their work: a database, and what wakes them."""

    name: str
    database_url: str
    environment: Mapping[str, str]

    @classmethod
    def of(cls, name: str, fixture: Callable[[str], Any]) -> Way:
        """Make it from the fixtures of a test."""
        if name == "sqlite":
            return cls(name, str(fixture("tmp_path") / "igrules.db"), {})
        url = str(fixture("postgresql_url"))
        redis = {"IGRULES_REDIS_URL": fixture("redis_server").url} if "redis" in name else {}
        return cls(name, url, redis)

    def roles(self, port: int, workers: int) -> dict[str, list[str]]:
        """On SQLite the web process works as well; on PostgreSQL each does one thing."""
        alone = [] if self.name == "sqlite" else ["--no-work"]
        web = ["serve", "--port", str(port), "--threads", "4", *alone]
        hands = {f"work-{n + 1}": ["work", "--threads", "4"] for n in range(workers)}
        return {"web": web, **hands}


def ways(*names: str) -> Any:
    """The fixture ``way`` of a module, so that its tests run with each of these."""

    @pytest.fixture(name="way", params=names)
    def made(request: pytest.FixtureRequest) -> Way:
        return Way.of(request.param, request.getfixturevalue)

    return made


@contextmanager
def answering(
    way: Way, sandbox: Sandbox, directory: Path, *, workers: int = 3, **settings: str
) -> Iterator[Fleet]:
    """A fleet that gets the sandbox's webhooks; it ends in good order with the block."""
    port = free_port()
    environment = {
        "IGRULES_DATABASE_URL": way.database_url,
        "IGRULES_STATE_DIR": str(directory / "state"),
        "IGRULES_IGL_URL": sandbox.url,
        "IGRULES_FBL_URL": sandbox.url,
        **way.environment,
        **settings,
    }
    fleet = Fleet(way.roles(port, workers), environment, directory)
    try:
        fleet.start()
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/api/health"), 30, "the server is up")
        sandbox.set_webhook_url(f"http://127.0.0.1:{port}/webhook")
        yield fleet
        fleet.stop()
    finally:
        fleet.close()


class Killer:
    """Kills a random process of a fleet every 0.5 to 1.5 s and starts it again at once, from the
    beginning of a block to `end`, or to its own end."""

    def __init__(
        self,
        fleet: Fleet,
        seed: int,
        spared: tuple[str, ...] = (),
        pause: tuple[float, float] = (0.5, 1.5),
    ) -> None:
        self.kills = 0
        self._fleet = fleet
        self._random = random.Random(seed)
        self._names = sorted(set(fleet.roles) - set(spared))
        self._pause = pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> int:
        """Leave all of them running, and say how many were killed."""
        self._over.set()
        self._thread.join()
        return self.kills

    def _run(self) -> None:
        while not self._over.wait(self._random.uniform(*self._pause)):
            name = self._random.choice(self._names)
            self._fleet.kill(name)
            self.kills += 1
            self._fleet.start(name)


def sleep(seconds: float) -> None:
    """Give others time; for a pace, never for a result."""
    threading.Event().wait(max(PAUSE, seconds))
