"""Every update comes one to five times, by sixteen senders at once: it has one effect."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from igrules.ledger import Ledger, NewDelivery
from igrules.web.ingest import NotStored, Writer
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.crew import Crew
from tests.checking import is_at_rest
from tests.running import wait_until
from tests.sizes import load, seed
from tests.talking import dm
from tests.working import ACCOUNT, Recorder, publish

pytestmark = pytest.mark.faults("P2")

EVENTS = load(600, 50_000)
SENDERS, MOST, EACH = 16, 5, 4
"""Who sends, how often an update comes at most, how many each person writes."""
PATIENCE = 60.0
"""Seconds each sender waits for his answer."""
RULES = "rules: [{id: answer, when: dm, do: {text: 'heard {{ event.text }}'}}]\n"


def test_a_redelivery_has_no_second_effect(ledger: Ledger, figures: Callable[..., None]) -> None:
    drawn, started = random.Random(number := seed()), time.monotonic()
    recorder = Recorder()
    registry = recorder.registry()
    publish(ledger, registry, RULES)
    clock = Clock()
    settings = Configuration(threads=4, sweep_every=100, rate_scale=1_000_000.0)
    crew = Crew(settings, registry, ledger, clock=clock)
    crew.start()
    # Who is told too late comes again with what is stored already, and every copy is counted below.
    writer = Writer(ledger.deliveries.store, crew.bell.ring, answer_within=PATIENCE)
    bodies = [message(event, clock.now()) for event in range(EVENTS)]
    # Copies come close together, which is harder than far apart.
    order = [(n + drawn.randint(0, 40), n) for n in range(EVENTS) for _ in range(copies(drawn))]
    sent = [bodies[n] for _, n in sorted(order)]

    share(sent, lambda body: writer.put(delivery(ledger, body, clock.now())))
    wait_until(lambda: is_at_rest(ledger), 600, "everything is decided and sent", 0.25)
    assert writer.close()
    assert crew.stop(20)

    told = Counter(recorder.texts)
    stats = ledger.stats(None)
    twice = [text for text, count in told.items() if count > 1]
    figures(f"P2 {ledger.engine}", events=EVENTS, deliveries=len(sent), effects=told.total(),
            twice=len(twice), seconds=round(time.monotonic() - started), seed=number)  # fmt: skip
    assert twice == []
    assert set(told) == {f"heard words {event}" for event in range(EVENTS)}
    assert (stats["stored"], stats["duplicates"]) == (EVENTS, len(sent) - EVENTS)
    assert ledger.check() == []


def copies(drawn: random.Random) -> int:
    return drawn.randint(1, MOST)


def message(event: int, now: int) -> bytes:
    return dm(ACCOUNT, f"1{event // EACH:06}", f"m{event}", f"words {event}", now)


def delivery(ledger: Ledger, body: bytes, now: int) -> NewDelivery:
    return NewDelivery(ledger.apps.list()[0].id, None, body, now)


def share(bodies: Sequence[bytes], act: Callable[[bytes], None]) -> None:
    """Sixteen senders take one after the other from the same pile."""
    pile, lock = iter(bodies), threading.Lock()

    def send() -> None:
        while True:
            with lock:
                body = next(pile, None)
            if body is None:
                return
            while not is_taken(act, body):
                pass

    senders = [threading.Thread(target=send) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


def is_taken(act: Callable[[bytes], None], body: bytes) -> bool:
    """False: the answer was 503, and it is sent again."""
    try:
        act(body)
    except NotStored:
        return False
    return True
