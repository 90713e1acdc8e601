"""kill -9 of what stores, splits, decides and sends: nothing is lost, nothing is done twice.

The witnesses are the notes of the processes, made when they were told 200 or made a call, and the
ledger.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from tests.ledgering import World

pytestmark = pytest.mark.faults

KILLS, BETWEEN = 12, 12
"""How many processes are shot, and how many updates are acknowledged between two shots."""

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

    def shoot(self) -> None:
        """Kill one, and start it again."""
        role = self._random.choice(ROLES)
        self.end(role)
        self._running[role] = self._start(role)

    def end(self, *roles: str) -> None:
        """Kill these for good."""
        for role in roles:
            process = self._running[role]
            if process.poll() is not None:
                self.own_ends.append(f"{role}: {(self._directory / f'{role}.log').read_text()}")
            process.kill()
            process.wait(10)
            self.kills += 1


def lines(path: Path) -> list[str]:
    return path.read_text().split("\n")[:-1] if path.exists() else []


def wait_for(claim: Callable[[], bool], seconds: float) -> bool:
    """Whether the claim came true in time; looked at every 50 ms."""
    over, pause = time.monotonic() + seconds, threading.Event()
    while not claim():
        if time.monotonic() > over:
            return False
        pause.wait(0.05)
    return True


def is_drained(ledger: Ledger) -> bool:
    stats = ledger.stats(None)
    states = set(stats["sends"]) & {"pending", "sending", "doubt"}
    return not (stats["unsplit"] or stats["waiting"] or states)


def broken_promises(world: World, acknowledged: Path, executed: Path) -> list[str]:
    """What the notes and the ledger say against each other; empty when every promise was kept."""
    events = sorted(world.scope.events(100_000), key=lambda row: row.id)
    order = {row.ref: row.id for row in events}
    acts = [line.split() for line in lines(executed)]
    states = {row.key: row.state for row in world.scope.sends(100_000)}
    said: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for person, key in acts:
        ref, _, number = key.partition(".")
        said[person].append((order[ref], number))
    found = {
        "lost": set(lines(acknowledged)) - set(order),
        "stored twice": set(Counter(row.ref for row in events).values()) - {1},
        "undecided": {row.ref for row in events if row.outcome != "answered"},
        "done twice": {key for key, n in Counter(key for _, key in acts).items() if n > 1},
        "out of order": {person for person, keys in said.items() if keys != sorted(keys)},
        "sent without a call": {key for key, state in states.items() if state == "sent"}
        - {key for _, key in acts},
        "left open": {key for key, state in states.items() if state not in ("sent", "parked")},
        "not made": {f"{ref}.{n}" for ref in order for n in (1, 2)} - set(states),
        "contradictions": set(world.ledger.check()),
        "double": {world.ledger.stats(None)["double_sends"]} - {0},
    }
    return [f"{what}: {sorted(map(str, which))}" for what, which in found.items() if which]


def test_killing_processes_at_random_loses_nothing_and_doubles_nothing(
    ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    world = World(ledger)
    acknowledged, executed = tmp_path / "acknowledged", tmp_path / "executed"
    crew = Crew(database_url, tmp_path)

    for _ in range(KILLS):
        before = len(lines(acknowledged)), len(lines(executed))
        assert wait_for(
            lambda before=before: (
                len(lines(acknowledged)) >= before[0] + BETWEEN  # type: ignore[misc]  # bound here
                and len(lines(executed)) > before[1]
            ),
            20,
        )
        crew.shoot()
    crew.end("store")
    drained = wait_for(lambda: is_drained(ledger), 40)
    crew.end("work-1", "work-2", "work-3")

    states = ledger.stats(None)["sends"]
    print(f"seed {SEED}: {crew.kills} kills, {ledger.stats(None)['stored']} events, sends {states}")
    assert (drained, crew.own_ends) == (True, [])
    assert len(lines(acknowledged)) >= KILLS * BETWEEN
    assert broken_promises(world, acknowledged, executed) == []
