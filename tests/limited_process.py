"""Worker processes for tests of limits: their own clock, and a platform that takes everything.

``python -m tests.limited_process URL DIRECTORY PROCESSES THREADS CLOCK SETTINGS`` works until its
standard input ends, in so many processes: copies of one, since loading it takes longest. CLOCK is
``[VIRTUAL, REAL, SPEED]``: what the clock shows at a real time, both in milliseconds, and how many
times as fast it goes. What was sent is noted in ``executed`` as ``TIME KIND KEY``.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from igrules.kinds import Channel
from igrules.ledger import Ledger
from igrules.model import Account, Effect, Receipt, Sent
from igrules.plugins import build_registry
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.crew import Crew
from tests.ledger_process import Notes


class OtherClock(Clock):
    """A clock that begins elsewhere and goes at another speed; nobody corrects it."""

    def __init__(self, virtual: int, real: int, speed: float) -> None:
        super().__init__()
        self.shows = (virtual, real, speed)

    def now(self) -> int:
        virtual, real, speed = self.shows
        return int(virtual + (time.time_ns() // 1_000_000 - real) * speed)

    def agree(self, now: int) -> None:
        """The database goes by the real time."""


@dataclasses.dataclass(frozen=True)
class Executed:
    """What the platform took, in the order of its times."""

    time: int
    kind: str
    key: str


def executed(directory: Path) -> list[Executed]:
    """Everything that went out so far."""
    path = directory / "executed"
    lines = path.read_text().splitlines() if path.exists() else []
    rows = (line.split(" ", 2) for line in lines)
    return sorted((Executed(int(at), kind, key) for at, kind, key in rows), key=lambda x: x.time)


@contextmanager
def working(
    url: str,
    directory: Path,
    clock: OtherClock,
    *,
    processes: int = 4,
    threads: int = 2,
    settings: Mapping[str, object] | None = None,
) -> Iterator[None]:
    """So many processes with so many threads each, until the block ends."""
    arguments = [
        sys.executable, "-m", "tests.limited_process", url, str(directory), str(processes),
        str(threads), json.dumps(clock.shows), json.dumps(settings or {}),
    ]  # fmt: skip
    with (directory / "workers.log").open("ab") as log:
        running = subprocess.Popen(arguments, stdin=subprocess.PIPE, stderr=log, stdout=log)
    try:
        yield
    finally:
        assert running.stdin is not None
        running.stdin.close()
        code = running.wait(60)
    assert code == 0, (directory / "workers.log").read_text()


def main() -> None:
    """Work until nobody asks any more."""
    url, place, processes, threads, clock, more = sys.argv[1:]
    directory = Path(place)
    others: list[int] = []
    for _ in range(int(processes) - 1):
        others.append(os.fork())
        if not others[-1]:
            others = []
            break
    ledger = Ledger.open(url, directory / "state", create=False)
    notes, ours = Notes(directory / "executed"), OtherClock(*json.loads(clock))

    def deliver(effect: Effect, account: Account) -> Receipt:
        notes.add(f"{ours.now()} {effect.kind} {effect.key}")
        return Sent(f"id.{effect.key}", account.ig_id)

    registry = dataclasses.replace(
        build_registry(third_party=False),
        channels={"instagram": Channel("instagram", "Takes everything", deliver)},
    )
    configuration = Configuration(threads=int(threads), sweep_every=100, **json.loads(more))
    crew = Crew(configuration, registry, ledger, clock=ours)
    crew.start()
    sys.stdin.read()
    stopped = crew.stop(30)
    ledger.close()
    codes = [os.waitpid(other, 0)[1] for other in others]
    sys.exit(0 if stopped and not any(codes) else 1)


if __name__ == "__main__":
    main()
