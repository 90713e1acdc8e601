"""A worker that claims many conversations decides them together, and as it would one by one."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from igrules.ledger import Ledger, NewDelivery
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker
from tests.talking import dm
from tests.working import ACCOUNT, NOW, Recorder, publish

PEOPLE = 40
RULES = """rules:
- {id: price, when: dm, if: {keywords: [preço]}, do: {text: "R$ 10"}}
- {id: note, when: dm, if: {keywords: [oi]}, do: {tag: novo}}
"""


class Still(Clock):
    def now(self) -> int:
        return NOW


def worked(
    ledger: Ledger, rules: str, words: list[str], lanes: int, channel: Recorder | None = None
) -> tuple[Recorder, Counter]:
    """What comes of one message of each person; the outcomes of these messages, counted."""
    channel = channel or Recorder()
    tenant = publish(ledger, channel.registry(), rules)
    bodies = [dm(ACCOUNT, f"1{n:04}", f"m_{n}", text, NOW) for n, text in enumerate(words)]
    app = ledger.apps.list()[0]
    ledger.deliveries.store([NewDelivery(app.id, None, body, NOW) for body in bodies])
    configuration = Configuration(threads=1, claim_lanes=lanes, rate_scale=1_000)
    worker = Worker(ledger, channel.registry(), configuration, clock=Still())
    for _ in range(300):
        if not worker.turn():
            break
    events = ledger.for_tenant(tenant).events(1_000)
    return channel, Counter(row.outcome for row in events if row.kind == "message")


def test_people_who_only_write_are_decided_together(ledger):
    counted = ledger._db.written
    began = []

    def written(durable: bool):
        began.append(durable)
        return counted(durable)

    ledger._db.written = written

    _, outcomes = worked(ledger, RULES, ["oi"] * PEOPLE, 32)

    assert outcomes == {"listened": PEOPLE}
    tags = ledger._db.all("SELECT tags FROM contact")
    assert [bytes(row[0]) for row in tags] == [b'["novo"]'] * PEOPLE
    assert sum(began) < PEOPLE, "every decision had a durable commit of its own"


@pytest.mark.parametrize("lanes", [1, 16])
def test_answers_are_the_same_however_many_are_claimed(ledger, lanes):
    words = ["oi", "quero o preço", "nada"] * 12

    channel, outcomes = worked(ledger, RULES, words, lanes)

    assert channel.texts == ["R$ 10"] * 12
    assert outcomes == {"listened": 12, "answered": 12, "no_match": 12}


def test_a_limit_for_everyone_holds_across_a_batch(ledger):
    """All of them are decided with the same facts, and only so many may fire."""
    rules = "rules:\n- {id: gift, when: dm, limit: {everyone: 3 per 7d}, do: {tag: won}}\n"

    _, outcomes = worked(ledger, rules, ["oi"] * 20, 16)

    assert outcomes["listened"] == 3
    tags = ledger._db.all("SELECT tags FROM contact")
    assert sum(bytes(row[0]) == b'["won"]' for row in tags) == 3


def test_a_defect_met_in_one_conversation_leaves_no_other_to_its_lease(ledger, caplog):
    class Trap(dict):
        def __contains__(self, name):
            raise OverflowError("a defect")

    class Trapped(Recorder):
        def registry(self):
            registry = super().registry()
            return dataclasses.replace(registry, channels=Trap(registry.channels))

    words = ["oi"] * 12 + ["quero o preço"] + ["oi"] * 12

    _, outcomes = worked(ledger, RULES, words, 16, Trapped())

    assert outcomes == {"listened": 24, "": 1}
    assert "a turn failed" in caplog.text
    assert ledger._db.number("SELECT count(*) FROM lane WHERE owner IS NOT NULL") == 1
