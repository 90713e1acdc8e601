"""A reply within 50 ms of the moment a run stops waiting for it takes one branch, never two."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from igrules.ledger import Ledger, NewDelivery
from igrules.model import Effect
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.crew import Crew
from igrules.work.worker import Worker
from tests.checking import is_at_rest
from tests.running import wait_until
from tests.sizes import load, seed
from tests.talking import dm
from tests.working import ACCOUNT, NOW, Recorder, publish

pytestmark = pytest.mark.faults("F14")

WAITS = load(300, 1_000)
APART, AROUND = 10, 50
"""Milliseconds from one time-out to the next, and between a time-out and its reply at most."""
LEAD = 1_000
"""So long before the first time-out everybody is at his place."""
RULES = """
rules:
  - id: order
    when: dm
    if: {keywords: [pedido]}
    do:
      - ask: {text: "Qual tamanho?", save: size, timeout: 1h, on_timeout: [{text: tarde}]}
      - {text: anotado}
"""
HOUR = 3_600_000


class Flow(Clock):
    """A clock that stands still until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.at = NOW
        self._since: float | None = None

    def now(self) -> int:
        since = self._since
        return self.at if since is None else self.at + int((time.monotonic() - since) * 1_000)

    def go(self, at: int) -> None:
        """Go on from there."""
        self.at, self._since = at, time.monotonic()

    def agree(self, now: int) -> None:
        """Keep to the time of the test."""


def test_a_reply_at_the_moment_of_the_time_out_takes_one_branch(
    ledger: Ledger, figures: Callable[..., None]
) -> None:
    drawn = random.Random(number := seed())
    recorder, clock = Recorder(), Flow()
    registry = recorder.registry()
    publish(ledger, registry, RULES)
    settings = Configuration(threads=8, sweep_every=20, rate_scale=1_000_000.0)
    people = [f"1{number:05}" for number in range(WAITS)]
    asked = Worker(ledger, registry, settings, clock=clock)
    for person in people:
        clock.at += APART
        say(ledger, clock, person, "pedido")
        while asked.turn():
            pass
    assert len(recorder.calls) == WAITS
    due = sorted((due_at(ledger, person), person) for person in people)

    crew = Crew(settings, registry, ledger, clock=clock)
    clock.go(due[0][0] - LEAD)
    crew.start()
    replies = sorted((at + drawn.randint(-AROUND, AROUND), person) for at, person in due)
    threads = [
        threading.Thread(target=reply, args=(ledger, clock, crew, replies[part::4]))
        for part in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: not ledger.for_tenant(1).runs(1, state="parked"), 60, "every run has ended")
    wait_until(lambda: is_at_rest(ledger), 60, "everything is decided and sent")
    assert crew.stop(20)

    said = branches(recorder.calls)
    ends = Counter(row.run.ended for row in ledger.for_tenant(1).runs(WAITS))
    twice = [person for person in people if len(said[person]) != 1]
    told = Counter(words[0] for words in said.values())
    figures(f"F14 {ledger.engine}", waits=WAITS, twice=len(twice), replied=told["anotado"],
            timed_out=told["tarde"], seed=number)  # fmt: skip
    assert twice == []
    assert (ends["done"], ends["timed_out"]) == (told["anotado"], told["tarde"])
    assert min(told["anotado"], told["tarde"]) > 0
    assert ledger.check() == []


def due_at(ledger: Ledger, person: str) -> int:
    row = ledger._db.first(
        "SELECT r.wake_at FROM run r JOIN lane l ON l.id = r.lane_id WHERE l.person = ?", (person,)
    )
    assert row is not None
    return int(row[0])


def say(ledger: Ledger, clock: Flow, person: str, text: str) -> None:
    body = dm(ACCOUNT, person, f"{person}:{text}", text, clock.now())
    ledger.deliveries.store([NewDelivery(ledger.apps.list()[0].id, None, body, clock.now())])


def reply(ledger: Ledger, clock: Flow, crew: Crew, replies: list[tuple[int, str]]) -> None:
    """Write at the given times, not before."""
    pause = threading.Event()
    for at, person in replies:
        pause.wait(max(0, at - clock.now()) / 1_000)
        say(ledger, clock, person, "M")
        crew.bell.ring()


def branches(calls: list[Effect]) -> dict[str, list[str]]:
    """What each person was told after the question."""
    said: dict[str, list[str]] = defaultdict(list)
    for effect in calls:
        text = str(effect.payload.get("text", ""))
        if text in ("anotado", "tarde"):
            said[effect.target].append(text)
    return said
