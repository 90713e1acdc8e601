"""Calls end to end: a message is answered with what another service said, over real TLS."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from igrules import (
    Account,
    Action,
    Channel,
    Effect,
    Guard,
    Moment,
    Rate,
    Refused,
    Secret,
    Sent,
    Slot,
)
from igrules.kinds import Registry
from igrules.ledger import Ceiling, Ledger
from igrules.plugins import build_registry
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker
from tests.calling import HOST, service
from tests.instagram.double import Double, answer
from tests.talking import dm
from tests.test_worker import Hands, deliver, work_off
from tests.working import ACCOUNT, NOW, Recorder, publish

HOSTS = f"http: {{hosts: [{HOST}]}}\nemail: luz@luz.example\n"
RULES = f"""\
rules:
- id: order
  when: dm
  if: {{keywords: [pedido]}}
  do:
    - id: ask
      http:
        method: GET
        url: "https://{HOST}/orders/1"
        headers: {{Authorization: "Bearer {{{{ secrets.api }}}}"}}
        retry: 1
      on_error: [{{text: Não deu}}]
    - text: Achei
"""
SECRET = "s3cret-canary-value"


@dataclasses.dataclass
class Shop:
    """A tenant whose rule calls a service."""

    ledger: Ledger
    double: Double
    recorder: Recorder
    worker: Worker
    clock: Hands
    registry: Registry
    tenant: int

    def write(self, text: str = "pedido", key: str = "m_1") -> None:
        deliver(self.ledger, dm(ACCOUNT, "10001", key, text, NOW), now=self.clock.at)
        work_off(self.worker)

    def later(self, milliseconds: int) -> None:
        self.clock.at += milliseconds
        work_off(self.worker)

    def sends(self) -> list[tuple[str, str, str]]:
        rows = self.ledger.for_tenant(self.tenant).sends(100)
        return [(row.kind, row.state, row.reason) for row in sorted(rows, key=lambda one: one.id)]


def registry_with(recorder: Recorder, guard: Guard) -> Registry:
    outside = build_registry(guard=guard, third_party=False)
    channels = {**outside.channels, **recorder.registry().channels}
    return dataclasses.replace(outside, channels=channels)


@pytest.fixture
def shop(ledger: Ledger, tmp_path: Path) -> Iterator[Shop]:
    with service(tmp_path) as (double, guard, _):
        recorder, clock = Recorder(), Hands()
        registry = registry_with(recorder, guard)
        tenant = publish(ledger, registry, RULES, settings=HOSTS)
        ledger.for_tenant(tenant).secrets.set("api", SECRET, NOW)
        worker = Worker(ledger, registry, Configuration(rate_scale=1_000, threads=2), clock=clock)
        yield Shop(ledger, double, recorder, worker, clock, registry, tenant)


def test_a_run_goes_on_with_the_answer(shop):
    shop.write()

    (request,) = shop.double.requests
    assert request.line == "GET /orders/1 HTTP/1.1"
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert shop.recorder.texts == ["Achei"]
    assert shop.sends() == [("http", "sent", ""), ("text", "sent", "")]


def test_a_failing_service_is_tried_again_with_the_same_key_and_then_on_error_decides(shop):
    shop.double.script = answer({}, 503)

    shop.write()
    first = shop.sends()
    shop.later(1_000)

    keys = [request.headers["idempotency-key"] for request in shop.double.requests]
    assert first == [("http", "pending", "status 503")]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert shop.recorder.texts == ["Não deu"]
    assert shop.sends() == [("http", "refused", "status 503"), ("text", "sent", "")]


def test_a_call_whose_host_was_taken_away_meanwhile_is_not_made(shop):
    shop.double.script = answer({}, 503)
    shop.write()
    shop.ledger.tenants.set_ceiling(shop.tenant, Ceiling(hosts=("other.example",)), NOW)

    shop.later(1_000)

    assert len(shop.double.requests) == 1
    assert shop.sends()[0] == ("http", "refused", f"host: GET {HOST}/orders/1")
    assert shop.recorder.texts == ["Não deu"]


def test_calls_beyond_the_limit_of_the_tenant_fail_their_step(shop):
    publish(
        shop.ledger, shop.registry, RULES.replace("Achei", "Achei!"),
        settings=HOSTS + 'limits: {http: "1 per 1d"}\n',
    )  # fmt: skip

    shop.write(key="m_1")
    shop.write(key="m_2")

    assert len(shop.double.requests) == 1
    assert shop.recorder.texts == ["Achei!", "Não deu"]
    assert ("http", "skipped", "limited") in shop.sends()


def test_no_secret_is_stored_where_calls_and_answers_are(shop, database_url):
    """Also when the service sends back what it got."""
    shop.double.script = answer({"seen": f"Bearer {SECRET}"}, content_type="application/json")

    shop.write()

    assert shop.recorder.texts == ["Achei"]
    assert SECRET.encode() not in dump(shop.ledger)


def dump(ledger: Ledger) -> bytes:
    """All rows of all tables."""
    from igrules.ledger.migrating import TABLES

    rows = [row for table in TABLES for row in ledger._db.all(f"SELECT * FROM {table}")]
    return b"\n".join(
        bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode()
        for row in rows
        for cell in row
    )


NOTIFY = """\
rules:
- id: lead
  when: dm
  do:
    - {notify: "{{ event.text }} chegou"}
    - {text: Oi}
"""


def test_the_team_is_told_and_the_contact_is_answered_whatever_happens(shop):
    publish(shop.ledger, shop.registry, NOTIFY, settings=HOSTS)

    shop.write("ana")

    assert shop.recorder.texts == ["Oi"]
    assert shop.sends() == [
        ("notify", "refused", "the server has no smtp_url, so nothing can be mailed"),
        ("text", "sent", ""),
    ]


def test_without_an_address_the_text_is_kept_for_the_console(shop):
    publish(shop.ledger, shop.registry, NOTIFY)

    shop.write("ana")

    row = next(one for one in shop.ledger.for_tenant(1).sends(9) if one.kind == "notify")
    assert (row.state, row.payload["text"]) == ("sent", "ana chegou")


def plan_ask(moment: Moment, options: Any) -> list[Effect]:
    return [Effect("ask", "model", {"words": moment.render(options)}, "ai", counted=False)]


def say(moment: Moment, options: Any, result: Any) -> list[Effect]:
    return [Effect("text", moment.event.person, {"text": result["words"]})]


ASKS = Action(
    "ai.reply", "ask a model", Slot("template"), plan_ask, answers=True, needs="message",
    parks=True, resume=say, result=("words",), limit=Rate(2, 86_400_000), plugin="ai",
)  # fmt: skip
AI_RULES = """\
rules:
- id: ai
  when: dm
  do:
    - {id: answer, ai.reply: "{{ event.text }}", on_error: [{text: Depois}]}
    - {text: "Disse {{ result.answer.words }}"}
"""


def with_ai(shop: Shop, deliver: Any) -> Worker:
    """The same shop with a plugin that asks a model."""
    channel = Channel("ai", "Asks a model", deliver, plugin="ai")
    registry = dataclasses.replace(
        shop.registry,
        actions={**shop.registry.actions, "ai.reply": ASKS},
        channels={**shop.registry.channels, "ai": channel},
    )
    publish(
        shop.ledger, registry, AI_RULES,
        settings="plugins: {ai: {profile: vendas, key: {secret: api}}}\n",
    )  # fmt: skip
    return Worker(
        shop.ledger, registry, Configuration(rate_scale=1_000, threads=2), clock=shop.clock
    )


def test_a_plugin_that_parks_gets_its_settings_and_goes_on_with_its_answer(shop):
    asked: list[tuple[Any, Any]] = []

    def deliver(effect: Effect, account: Account) -> Sent:
        asked.append((dict(account.plugin), account.secret(account.plugin["key"].name)))
        return Sent(result={"words": effect.payload["words"].upper()})

    shop.worker = with_ai(shop, deliver)
    shop.write("oi")

    assert asked == [({"profile": "vendas", "key": Secret("api")}, SECRET)]
    assert shop.recorder.texts == ["OI", "Disse OI"]


def test_a_plugin_that_refuses_or_is_used_too_often_fails_its_step(shop):
    """Its own limit holds where the tenant sets none; one use is one call, with all it plans."""
    answers = iter([Refused("no credit"), Sent(result={"words": "A"})])

    shop.worker = with_ai(shop, lambda effect, account: next(answers))
    for number in range(3):
        shop.write("oi", f"m_{number}")
        shop.clock.at += 61_000

    assert shop.recorder.texts == ["Depois", "A", "Disse A", "Depois"]
    assert shop.sends()[-2] == ("ask", "skipped", "limited")
