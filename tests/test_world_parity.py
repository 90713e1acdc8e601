"""A world in memory behaves as the ledger and its worker do: the same conversations, played in
both, end in the same sends, decisions and runs."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from igrules.instagram.reader import read
from igrules.kinds import Channel
from igrules.language.compiler import compile_tenant
from igrules.ledger import Ledger, NewDelivery
from igrules.model import Account, Effect, NotDone, Receipt, Refused, Sent
from igrules.plugins import build_registry
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker
from igrules.work.world.happenings import Ended, Heard
from igrules.work.world.outside import Outside
from igrules.work.world.world import World

from .talking import comment, dm
from .test_worker_runs import Hands
from .working import ACCOUNT, NOW, TENANT, Recorder, publish

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ANA = "10001"
RULES = """
fields: {email: email}
rules:
  - {id: price, when: dm, if: {keywords: [price]}, do: {text: "{{ event.text }}"}, cooldown: 1h}
  - {id: same, when: dm, if: {keywords: [same]}, do: [{text: Same}, {text: Other}]}
  - {id: look, when: dm, if: {keywords: [look]}, do: [{media: {image: "https://luz.example/a.jpg"}}, {media: {image: "https://luz.example/b.jpg"}}]}
  - {id: shop, when: dm, if: {keywords: [shop]}, do: [{text: Shop}, {text: {text: Shop, quick_replies: [A]}}, {cards: [{title: Shop, subtitle: A}]}, {cards: [{title: Shop, subtitle: B}]}]}
  - {id: slow, when: dm, if: {keywords: [slow]}, do: [{text: {text: One, typing: 5s}}, {text: Two}]}
  - {id: lead, when: dm, if: {keywords: [lead]}, do: [{tag: lead}]}
  - {id: welcome, when: {tag_added: {tag: lead}}, do: [{text: Welcome, if: {window: open}}]}
  - {id: comments, when: comment, if: {keywords: [guide]}, once: contact_post, do: [{private_reply: Here}, {reply: [Sent, Look]}]}
  - id: mail
    when: dm
    if: {keywords: [mail]}
    do:
      - {id: m, ask: {text: "Which?", expect: email, save: email, retry: {times: 1, text: Again?}, timeout: 2h, on_timeout: [{text: Still there?}]}}
      - {text: "Thanks {{ answer.m }}"}
  - {id: later, when: dm, if: {keywords: [later]}, do: [{text: Now}, {wait: {for: 20h, unless_reply: true}}, {text: Then, if: {window: open}}]}
  - {id: human, when: dm, if: {keywords: [human]}, interrupt: true, do: [{text: Wait}, {handoff: {until: 1h}}, {text: Bye}]}
  - {id: back, when: handoff_ended, do: [{text: Back, if: {window: open}}]}
fallback: {text: [Hello, Hi], cooldown: 1m}
"""  # noqa: E501
Script = list[tuple[str, Any]]
SCRIPTS: dict[str, Script] = {
    "an answer, a cooldown, and its end": [
        ("dm", "price?"), ("dm", "price!"), ("advance", HOUR), ("dm", "price")],
    "the same text within a minute": [
        ("dm", "same"), ("dm", "same"), ("advance", MINUTE), ("dm", "same")],
    "pictures that differ, and the same ones again": [
        ("dm", "look"), ("dm", "look"), ("advance", MINUTE), ("dm", "look")],
    "the same words with other cards and options": [("dm", "shop"), ("dm", "shop")],
    "typing holds back what follows": [("dm", "slow"), ("dm", "hello")],
    "a tag causes an event": [("dm", "lead"), ("dm", "lead")],
    "a comment": [("comment", "guide"), ("comment", "guide")],
    "a private reply that is refused": [("next", ["refused"]), ("comment", "guide")],
    "a private reply that has to wait": [
        ("next", ["not_done"]), ("comment", "guide"), ("advance", 10_000)],
    "a refused message takes those after it along": [("next", ["refused"]), ("dm", "same")],
    "a call that was not made is tried again": [
        ("next", ["not_done", "not_done"]), ("dm", "price"), ("advance", MINUTE)],
    "stop and start": [("dm", "stop"), ("dm", "price"), ("dm", "start"), ("dm", "price")],
    "too many answers": [("dm", f"price same {number}") for number in range(10)],
    "a question and its answer": [("dm", "mail"), ("dm", "it is ana@luz.example")],
    "a question and two wrong answers": [("dm", "mail"), ("dm", "what?"), ("dm", "no")],
    "a question nobody answers": [("dm", "mail"), ("advance", 3 * HOUR), ("dm", "hello")],
    "a question that is refused": [("next", ["refused"]), ("dm", "mail"), ("dm", "hello")],
    "a wait that ends": [("dm", "later"), ("advance", DAY)],
    "a wait that a reply ends": [("dm", "later"), ("dm", "hello"), ("advance", DAY)],
    "a person takes over, and time gives back": [
        ("dm", "mail"), ("dm", "human"), ("dm", "hello"), ("advance", 2 * HOUR), ("dm", "hello")],
    "stop in the middle of a wait": [("dm", "later"), ("dm", "stop"), ("advance", DAY)],
}  # fmt: skip


class Ledgered:
    """The real thing: a ledger, a worker, a channel that answers as it is told."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.clock = Hands()
        self.next: list[str] = []
        self.out = Recorder(self._answer)
        ways = {name: Channel(name, "Records", self.out) for name in ("instagram", "console")}
        kinds = build_registry(third_party=False)
        self.registry = dataclasses.replace(kinds, channels={**kinds.channels, **ways})
        self.tenant = publish(ledger, self.registry, RULES)

    def hear(self, body: bytes, now: int) -> None:
        self.ledger.deliveries.store([NewDelivery(self.ledger.apps.list()[0].id, None, body, now)])

    def work(self, now: int) -> None:
        self.clock.at = now
        worker = Worker(
            self.ledger, self.registry, Configuration(rate_scale=1_000, threads=1), clock=self.clock
        )
        for _ in range(100):
            if not worker.turn():
                return
        raise AssertionError("the worker never comes to rest")

    def said(self) -> list[tuple[str, str, str, str]]:
        rows = self.ledger._db.all("SELECT id, kind, state, reason FROM send ORDER BY id")
        texts = {effect.key: str(effect.payload.get("text", "")) for effect in self.out.calls}
        keys = dict(self.ledger._db.all("SELECT id, key FROM send"))
        return [(kind, texts.get(keys[id], ""), state, reason) for id, kind, state, reason in rows]

    def decided(self) -> list[tuple[str, str, str]]:
        rows = sorted(self.ledger.for_tenant(self.tenant).events(100), key=lambda row: row.id)
        return [(row.kind, row.outcome, row.reason) for row in rows]

    def ended(self) -> list[tuple[str, str]]:
        rows = self.ledger._db.all("SELECT rule, ended FROM run WHERE state = 'ended' ORDER BY id")
        return [(rule, ended) for rule, ended in rows]

    def _answer(self, effect: Effect, account: Account) -> Receipt:
        gesture = effect.kind in ("typing", "mark_seen", "notify")
        if gesture or not self.next:
            return Sent(f"out_{effect.key}")
        return {"refused": Refused("refused by the test"), "not_done": NotDone(5_000)}[
            self.next.pop(0)
        ]


def imagined(registry: Any) -> tuple[World, Outside]:
    """The same tenant in memory."""
    files = {
        "tenant.yaml": TENANT.format(account=ACCOUNT).encode(),
        "rules.yaml": f"igrules: 1\n{RULES}".encode(),
    }
    compiled = compile_tenant(files, registry, slug="luz")
    assert compiled.ruleset is not None, compiled.problems
    outside = Outside()
    return World(compiled.ruleset, registry, NOW, outside=outside), outside


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_world_does_what_the_ledger_does(ledger: Ledger, name: str) -> None:
    real = Ledgered(ledger)
    world, outside = imagined(real.registry)

    for number, (word, value) in enumerate(SCRIPTS[name], 1):
        before, start = len(world.log), world.now
        if word == "next":
            outside.tell(value)
            real.next.extend(value)
        elif word == "advance":
            world.advance(world.now + value)
        else:
            world.now += 1_000
            start = world.now
            body = body_of(word, value, number, start)
            (event,) = read(body, start)
            world.hear(event)
            real.hear(body, start)
        for at in sorted({start, *(one.at for one in world.log[before:]), world.now}):
            real.work(at)

    assert told(world) == real.said()
    assert decided(world) == real.decided()
    stored = [one for one in ended(world) if one in real.ended()]
    assert sorted(stored) == sorted(real.ended())


def body_of(word: str, text: str, number: int, now: int) -> bytes:
    if word == "dm":
        return dm(ACCOUNT, ANA, f"m_{number}", text, now)
    return comment(ACCOUNT, ANA, "ana", f"1800000000000000{number}", text, now)


def told(world: World) -> list[tuple[str, str, str, str]]:
    return [
        (
            send.effect.kind,
            str(send.effect.payload.get("text", "")) if send.attempts else "",
            send.state,
            send.reason,
        )
        for send in world.delivery.sends
    ]


def decided(world: World) -> list[tuple[str, str, str]]:
    return [
        (one.event.kind, one.decision.outcome, one.decision.reason)
        for one in world.log
        if isinstance(one, Heard)
    ]


def ended(world: World) -> list[tuple[str, str]]:
    return [(one.rule, one.how) for one in world.log if isinstance(one, Ended)]
