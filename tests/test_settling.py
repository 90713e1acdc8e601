"""A worker settles what is unclear by looking: with the real calls, at a local Instagram."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.kinds import Channel, Registry
from igrules.ledger import Ledger, NewDelivery
from igrules.model import Account, Effect, Receipt, Unknown
from igrules.sandbox.scripts import Script
from igrules.sandbox.server import Sandbox
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.metrics import Metrics
from igrules.work.worker import Worker
from tests.talking import comment, dm, envelope
from tests.test_metrics import numbers
from tests.working import ACCOUNT, NOW, Recorder, publish

ANSWER = "rules: [{id: r1, when: dm, do: [{text: Um}, {text: Dois}]}]"
REPLY = "rules: [{id: r1, when: comment, do: {reply: Enviado}}]"
QUIET_OVER = 15_000 + 120_000


class Hands(Clock):
    """A clock that moves when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.at = NOW

    def now(self) -> int:
        return self.at


class Shop:
    """A tenant whose calls are carried out or not, and never answered clearly."""

    def __init__(self, ledger: Ledger, sandbox: Sandbox, rules: str, settings: str = "") -> None:
        self.ledger, self.sandbox, self.clock = ledger, sandbox, Hands()
        self.does = False
        self.channel = Recorder(self._answer)
        self.registry: Registry = self.channel.registry()
        self.tenant = publish(ledger, self.registry, rules, settings=settings)
        self.configuration = Configuration(
            rate_scale=1_000, igl_url=sandbox.url, fbl_url=sandbox.url
        )

    def _answer(self, effect: Effect, account: Account) -> Receipt:
        if self.does and effect.kind == "text":
            self.sandbox.people.write_as_owner(ACCOUNT, "ana", str(effect.payload["text"]))
        return Unknown("timeout")

    def hear(self, text: str = "oi") -> None:
        """Ana writes."""
        mid = self.sandbox.people.write(ACCOUNT, "ana", text)
        ana = self.sandbox.world.person(ACCOUNT, "ana").id
        self.store(dm(ACCOUNT, ana, mid, text, self.clock.at))

    def store(self, body: bytes) -> None:
        """Take a webhook."""
        (app,) = self.ledger.apps.list()
        self.ledger.deliveries.store([NewDelivery(app.id, None, body, self.clock.at)])

    def work(self, metrics: Metrics | None = None) -> None:
        """Do what is due."""
        worker = Worker(
            self.ledger, self.registry, self.configuration, clock=self.clock, metrics=metrics
        )
        self.ledger.lanes.sweep(self.clock.at)
        for _ in range(20):
            if not worker.turn():
                break

    def states(self) -> list[tuple[str, str, str]]:
        """State, reason and evidence of each send, in order."""
        rows = self.ledger.for_tenant(self.tenant).sends(10)
        return [(row.state, row.reason, row.evidence) for row in reversed(rows)]

    def readings(self) -> list[str]:
        """What was read of the local Instagram."""
        happened = self.sandbox.world.happenings
        return [one.what for one in happened if one.what.startswith("read")]


def echo(account: str, person: str, mid: str, text: str, at: int) -> bytes:
    """The webhook of a message that the account sent."""
    message = {"mid": mid, "text": text, "is_echo": True}
    element = {"sender": {"id": account}, "recipient": {"id": person}, "timestamp": at}
    return envelope(account, at, {"messaging": [{**element, "message": message}]})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """On one engine: what differs between them is tried with `test_doubts`."""
    opened = Ledger.open(str(tmp_path / "a.db"), tmp_path / "state")
    yield opened
    opened.close()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path / "journal.jsonl")
    box.start()
    box.add_account(
        ig_id=ACCOUNT, username="luz.loja", token="token-of-luz", posts=[{"id": "post_1"}]
    )
    yield box
    box.stop()


def test_what_stands_in_the_conversation_was_sent(ledger: Ledger, sandbox: Sandbox) -> None:
    shop = Shop(ledger, sandbox, ANSWER)
    shop.does = True
    shop.hear()
    shop.work()

    shop.clock.at += QUIET_OVER
    shop.work()

    assert shop.states() == [("sent", "", "conversation"), ("doubt", "timeout", "")]
    assert shop.channel.texts == ["Um", "Dois"]


def test_what_is_settled_counts_as_what_it_became(ledger: Ledger, sandbox: Sandbox) -> None:
    """Else fewer messages were sent by the metrics than by the tenant's statistics."""
    shop, metrics = Shop(ledger, sandbox, ANSWER), Metrics()
    shop.does = True
    shop.hear()
    shop.work(metrics)
    shop.clock.at += QUIET_OVER
    shop.work(metrics)
    ana = sandbox.world.person(ACCOUNT, "ana").id
    shop.store(echo(ACCOUNT, ana, "mid.2", "Dois", shop.clock.at))
    shop.work(metrics)

    counted = numbers(metrics.text()).items()
    found = {name: count for name, count in counted if "_sends_total" in name}
    assert [state for state, *_ in shop.states()] == ["sent", "sent"]
    assert found == {
        "igrules_sends_total{kind=text,state=doubt}": 2,
        "igrules_sends_total{kind=text,state=sent}": 2,
    }


def test_what_is_missing_is_sent_again_and_then_a_person_decides(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    shop = Shop(ledger, sandbox, ANSWER)
    shop.hear()
    shop.work()

    shop.clock.at += QUIET_OVER
    shop.work()
    again = shop.states()
    shop.clock.at += QUIET_OVER
    sandbox.world.advance(2_000)
    shop.work()

    assert again == [("doubt", "timeout", ""), ("pending", "", "")]
    assert shop.states()[0] == ("parked", "unclear", "absent")
    assert shop.channel.texts == ["Um", "Um", "Dois"]


def test_the_conversation_is_looked_for_once_and_read_once_for_all(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    shop = Shop(ledger, sandbox, "rules: [{id: r1, when: dm, do: {text: '{{ event.text }}'}}]")
    shop.does = True
    shop.hear()
    shop.work()

    shop.clock.at += QUIET_OVER
    shop.work()
    first = shop.readings()
    shop.hear("mais")
    shop.work()
    shop.clock.at += QUIET_OVER
    sandbox.world.advance(2_000)
    shop.work()

    assert first == ["read · GET conversations", "read · GET node"]
    assert shop.readings() == [*first, "read · GET node"]


def test_a_listing_that_is_late_settles_nothing(ledger: Ledger, sandbox: Sandbox) -> None:
    """It shows none of our messages, and that proves nothing."""
    shop = Shop(ledger, sandbox, "rules: [{id: r1, when: dm, do: {text: Um}}]")
    shop.does = True
    shop.hear()
    shop.work()
    sandbox.world.listing_lag_ms = 3_600_000

    shop.clock.at += QUIET_OVER
    shop.work()
    late = shop.states()
    sandbox.world.listing_lag_ms = 0
    sandbox.world.advance(2_000)
    shop.clock.at += 60_000
    shop.work()

    assert late == [("doubt", "timeout", "")]
    assert shop.states() == [("sent", "", "conversation")]
    assert shop.channel.texts == ["Um"]


@pytest.mark.parametrize(
    ("script", "state"),
    [
        (Script(code=2, status=500, kind="read", times=0), "doubt"),
        (Script(code=613, status=429, kind="read", times=0), "doubt"),
        (Script(code=200, status=403, kind="read", times=0), "parked"),
    ],
)
def test_what_cannot_be_read_is_read_later_unless_it_is_forbidden(
    ledger: Ledger, sandbox: Sandbox, script: Script, state: str
) -> None:
    shop = Shop(ledger, sandbox, "rules: [{id: r1, when: dm, do: {text: Um}}]")
    shop.hear()
    shop.work()
    sandbox.scripts.add(script)

    shop.clock.at += QUIET_OVER
    shop.work()

    assert shop.states()[0][0] == state
    assert shop.channel.texts == ["Um"]


def test_a_public_reply_is_looked_for_among_the_replies_after_a_minute(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    shop = Shop(ledger, sandbox, REPLY)
    asked = sandbox.people.comment("post_1", "ana", "preço?")
    shop.store(comment(ACCOUNT, "10001", "ana", asked, "preço?", NOW))
    shop.work()

    shop.clock.at += 15_000 + 60_000
    shop.work()
    missing = shop.channel.texts
    below = sandbox.world.comments[asked]
    sandbox.world.add_comment(
        dataclasses.replace(below, id="18000000000000009", author="account", parent=asked,
                            username="luz.loja", text="Enviado")
    )  # fmt: skip
    shop.clock.at += 15_000 + 60_000
    shop.work()

    assert missing == ["Enviado", "Enviado"]
    assert shop.states() == [("sent", "", "replies")]


@pytest.mark.parametrize(
    ("settings", "step", "state"),
    [
        ("on_doubt: strict", "{text: Um}", "parked"),
        ("on_doubt: strict", "{text: Um, on_doubt: drop}", "doubt"),
        ("", "{text: Um, on_doubt: strict}", "parked"),
        ("on_doubt: drop", "{text: Um}", "doubt"),
    ],
)
def test_the_tenant_or_the_step_says_what_happens(
    ledger: Ledger, sandbox: Sandbox, settings: str, step: str, state: str
) -> None:
    """What is missing is parked by `strict`; the others send it again, and here in vain."""
    shop = Shop(ledger, sandbox, f"rules: [{{id: r1, when: dm, do: {step}}}]", settings)
    shop.hear()
    shop.work()

    shop.clock.at += QUIET_OVER
    shop.work()

    assert shop.states()[0][0] == state
    assert len(shop.channel.calls) == (1 if state == "parked" else 2)


@pytest.mark.parametrize(
    ("look", "states"),
    [
        (lambda effect, account: "found", [("sent", "", "look")]),
        (lambda effect, account: "absent", [("doubt", "timeout", "")]),
        (lambda effect, account: "unknown", [("parked", "unclear", "unsure")]),
        (lambda effect, account: 1 / 0, [("parked", "unclear", "unsure")]),
        (None, [("parked", "unclear", "unsure")]),
    ],
)
def test_a_plugin_looks_for_what_its_channel_did(
    ledger: Ledger, sandbox: Sandbox, look: object, states: list[tuple[str, str, str]]
) -> None:
    shop = Shop(ledger, sandbox, "rules: [{id: r1, when: dm, do: {text: Um}}]")
    known = shop.registry.actions["text"]
    other = dataclasses.replace(
        known, plan=lambda moment, options: [
            Effect("shop.order", "p1", {"text": "x"}, channel="shop", counted=False)
        ],
    )  # fmt: skip
    channel = Channel("shop", "Orders", shop.channel, look=look)  # type: ignore[arg-type]
    shop.registry = dataclasses.replace(
        shop.registry,
        actions={**shop.registry.actions, "text": other},
        channels={**shop.registry.channels, "shop": channel},
    )
    shop.hear()
    shop.work()

    shop.clock.at += QUIET_OVER
    shop.work()

    assert shop.states() == states
    assert len(shop.channel.calls) == (2 if states[0][0] == "doubt" else 1)


def test_a_lane_whose_workers_die_is_settled_without_a_look(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    shop = Shop(ledger, sandbox, "rules: [{id: r1, when: dm, do: {text: Um}}]")
    shop.hear()
    shop.work()
    shop.clock.at += QUIET_OVER
    for _ in range(3):
        ledger.lanes.claim("dead", shop.clock.at, lease=30_000, limit=1)
        shop.clock.at += 30_001

    shop.work()

    assert shop.states() == [("parked", "unclear", "unsure")]
    assert shop.readings() == []
