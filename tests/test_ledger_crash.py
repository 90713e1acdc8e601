"""kill -9 of processes that store, split, decide and send: nothing is lost, nothing is done twice."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from tests.ledgering import World

EVENTS, SECONDS = 400, 8.0
ROLES = ("store", "work-1", "work-2", "work-3")
SEED = 20_260_921


class Crew:
    """Processes on one ledger, of which one after the other is shot and replaced."""

    def __init__(self, url: str, directory: Path) -> None:
        self._url, self._directory = url, directory
        self._random = random.Random(SEED)
        self._running = {role: self._start(role) for role in ROLES}
        self.kills = 0
        self.own_ends: list[str] = []

    def _start(self, role: str) -> subprocess.Popen[bytes]:
        with (self._directory / f"{role}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.ledger_process", role, self._url, self._directory],
                stdout=log,
                stderr=log,
            )

    def shoot(self, role: str | None = None) -> None:
        """Kill one, and start it again."""
        role = role or self._random.choice(ROLES)
        self._end(role)
        self._running[role] = self._start(role)

    def _end(self, role: str) -> None:
        process = self._running[role]
        if process.poll() is not None:
            self.own_ends.append(f"{role}: {(self._directory / f'{role}.log').read_text()}")
        process.kill()
        process.wait(10)
        self.kills += 1

    def end(self, *roles: str) -> None:
        """Kill these for good."""
        for role in roles or ROLES:
            self._end(role)


def lines(path: Path) -> list[str]:
    return path.read_text().split("\n")[:-1] if path.exists() else []


def wait_for(claim: object, seconds: float) -> bool:
    """Whether the claim came true in time; looked at every 50 ms."""
    over, pause = time.monotonic() + seconds, threading.Event()
    while not claim():  # type: ignore[operator]  # a function without parameters
        if time.monotonic() > over:
            return False
        pause.wait(0.05)
    return True


def is_drained(ledger: Ledger) -> bool:
    open_sends = ledger._db.number(
        "SELECT count(*) FROM send WHERE state IN ('pending', 'sending', 'doubt')"
    )
    stats = ledger.stats(None)
    return stats["unsplit"] == 0 and stats["waiting"] == 0 and open_sends == 0


def test_killing_processes_at_random_loses_nothing_and_doubles_nothing(
    ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    world = World(ledger)
    acknowledged, executed = tmp_path / "acknowledged", tmp_path / "executed"
    crew = Crew(database_url, tmp_path)
    pause, until = threading.Event(), time.monotonic() + SECONDS

    assert wait_for(lambda: len(lines(executed)) > 10, 30)
    while time.monotonic() < until or (
        len(lines(acknowledged)) < EVENTS and time.monotonic() < until + 20
    ):
        pause.wait(0.25)
        crew.shoot()
    crew.end("store")
    drained = wait_for(lambda: is_drained(ledger), 60)
    crew.end("work-1", "work-2", "work-3")

    assert crew.own_ends == []
    assert drained
    events = world.scope.events(100_000)
    stored = Counter(row.ref for row in events)
    assert set(lines(acknowledged)) <= set(stored)
    assert set(stored.values()) == {1}
    assert {row.outcome for row in events} == {"answered"}
    acts = [line.split() for line in lines(executed)]
    assert [key for key, times in Counter(key for _, key in acts).items() if times > 1] == []
    conversations: dict[str, list[str]] = defaultdict(list)
    for person, key in acts:
        conversations[person].append(key)
    for keys in conversations.values():
        assert keys == sorted(keys, key=lambda key: order_of(key, events))
    states = {row.key: row.state for row in world.scope.sends(100_000)}
    done = {key for _, key in acts}
    assert {key for key, state in states.items() if state == "sent"} <= done
    assert {states[key] for key in done} <= {"sent", "parked"}
    assert set(states.values()) <= {"sent", "parked"}
    assert len(states) == 2 * len(events)
    assert ledger.check() == []
    assert ledger.stats(None)["double_sends"] == 0
    print(f"seed {SEED}: {crew.kills} kills, {len(events)} events, {Counter(states.values())}")


def order_of(key: str, events: list[object]) -> tuple[int, str]:
    """Where a send belongs: by the arrival of its event, then by its number."""
    ref, _, number = key.partition(".")
    return next(row.id for row in events if row.ref == ref), number  # type: ignore[attr-defined]  # event rows
