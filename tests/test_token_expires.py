"""A token that ends in the middle of answers: nothing is lost, everything waits, one alert, and a
new token lets it go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.ledger import Ledger, NewDelivery
from igrules.plugins import build_registry
from igrules.sandbox.server import Sandbox
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.tokens import TokenKeeper
from igrules.work.worker import Worker
from tests.talking import dm
from tests.working import ACCOUNT, publish

MESSAGES, BEFORE = 12, 5
HOUR = 3_600_000


class Hands(Clock):
    """The local Instagram's clock."""

    def __init__(self, box: Sandbox) -> None:
        super().__init__()
        self._box = box

    def now(self) -> int:
        return self._box.world.now()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=b"secret")
    box.start()
    box.add_account(ig_id=ACCOUNT, username="luz.loja", token="token-of-luz")
    yield box
    box.stop()


def test_a_token_that_ends_mid_run_costs_time_and_nothing_else(
    ledger: Ledger, box: Sandbox
) -> None:
    client = GraphClient(GraphUrls(f"{box.url}/igl", f"{box.url}/fbl"))
    registry = build_registry(graph=client, third_party=False)
    tenant_id = publish(ledger, registry, "replies: {oi: olá}")
    settings = Configuration(rate_scale=1_000, threads=1)
    clock = Hands(box)
    app = ledger.apps.list()[0].id

    def say(first: int, last: int) -> None:
        for n in range(first, last):
            person = box.world.person(ACCOUNT, f"p{n}")
            box.people.write(ACCOUNT, f"p{n}", "oi")
            body = dm(ACCOUNT, person.id, f"m{n}", "oi", clock.now())
            ledger.deliveries.store([NewDelivery(app, None, body, clock.now())])

    def work() -> None:
        worker = Worker(ledger, registry, settings, clock=clock)
        while worker.turn():
            pass

    def keep() -> None:
        TokenKeeper(ledger, client, clock.now(), threading.Event()).keep()

    say(0, BEFORE)
    work()
    box.change_account(ACCOUNT, token_expires_at=clock.now())
    say(BEFORE, MESSAGES)
    work()
    box.world.advance(2 * HOUR)
    work()
    keep()
    waited = [row.state for row in ledger.for_tenant(tenant_id).sends(100)]
    sent_before = len(box.acts())
    box.change_account(ACCOUNT, token="fresh", token_expires_at=0)
    ledger.for_tenant(tenant_id).secrets.set("access_token", "fresh", clock.now())
    keep()
    work()
    for _ in range(5):
        box.world.advance(60_000)
        work()
    client.close()

    acts = [act.target for act in box.acts()]
    assert (sent_before, waited.count("pending")) == (BEFORE, MESSAGES - BEFORE)
    assert (len(acts), len(set(acts))) == (MESSAGES, MESSAGES)
    assert {row.state for row in ledger.for_tenant(tenant_id).sends(100)} == {"sent"}
    assert [row.cause for row in ledger.alerts.list(9)] == ["reauth"]
    assert ledger.holds(clock.now()) == []
