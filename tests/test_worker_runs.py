"""Runs on a real ledger: what a question, a wait and a call come to while the worker lives on."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from types import MappingProxyType

import pytest

from igrules.kinds import Channel, Registry
from igrules.ledger import Ledger, NewDelivery
from igrules.model import Account, Effect, Receipt, Refused, Sent
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker
from tests.talking import dm, envelope
from tests.test_runs import KINDS
from tests.working import ACCOUNT, NOW, Recorder, publish

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ANA = "10001"
QUESTION = """
rules:
  - id: size
    when: dm
    if: {keywords: [size]}
    do:
      - {id: q, ask: {text: "which?", save: size, timeout: 1h, on_timeout: [text: still there?]}}
      - {text: "thanks, {{ answer.q }}"}
fallback: what?
"""


class Hands(Clock):
    """A clock that moves when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.at = NOW

    def now(self) -> int:
        return self.at


class Stage:
    """A published tenant, a person who writes, and a worker that can be out of work for a while."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.clock = Hands()
        self.out = Recorder()
        self.team = Recorder()
        self.calls = Recorder(lambda effect, account: Sent("c", result={"code": 200}))
        self.tenant = 0
        self._written = 0

    @property
    def registry(self) -> Registry:
        channels = {
            "instagram": Channel("instagram", "Records", self.out),
            "demo": Channel("demo", "Answers", self.calls),
            "email": Channel("email", "Records", self.team),
            "console": Channel("console", "Records", self.team),
        }
        return dataclasses.replace(KINDS, channels=MappingProxyType(channels))

    def publish(self, rules: str) -> None:
        self.tenant = publish(self.ledger, self.registry, rules, settings="plugins: [demo]\n")

    def write(self, text: str, at: int = 0) -> None:
        """Ana writes, at this time after the beginning."""
        self._written += 1
        now = NOW + at
        body = dm(ACCOUNT, ANA, f"m_{self._written}", text, now)
        self.ledger.deliveries.store([NewDelivery(self.ledger.apps.list()[0].id, None, body, now)])

    def tap(self, title: str, payload: str, at: int) -> None:
        """Ana taps a quick reply."""
        self._written += 1
        now = NOW + at
        element = {
            "sender": {"id": ANA}, "recipient": {"id": ACCOUNT}, "timestamp": now,
            "message": {"mid": f"m_{self._written}", "text": title,
                        "quick_reply": {"payload": payload}},
        }  # fmt: skip
        body = envelope(ACCOUNT, now, {"messaging": [element]})
        self.ledger.deliveries.store([NewDelivery(self.ledger.apps.list()[0].id, None, body, now)])

    def work(self, at: int = 0, registry: Registry | None = None) -> list[str]:
        """Work off what is due at this time, and give what was said."""
        self.clock.at = NOW + at
        before = len(self.out.texts)
        worker = Worker(
            self.ledger,
            registry or self.registry,
            Configuration(rate_scale=1_000, threads=1),
            clock=self.clock,
        )
        for _ in range(100):
            if not worker.turn():
                return self.out.texts[before:]
        raise AssertionError("the worker never comes to rest")

    def runs(self) -> list[tuple[str, str, str]]:
        rows = self.ledger._db.all("SELECT state, ended, why FROM run ORDER BY id")
        return [(state, ended, why) for state, ended, why in rows]

    def outcomes(self) -> list[tuple[str, str, str]]:
        rows = sorted(self.ledger.for_tenant(self.tenant).events(100), key=lambda row: row.id)
        return [(row.kind, row.outcome, row.reason) for row in rows]


@pytest.fixture
def stage(ledger: Ledger) -> Stage:
    made = Stage(ledger)
    made.publish(QUESTION)
    return made


def asked(stage: Stage) -> None:
    """Ana has been asked."""
    stage.write("size")
    assert stage.work() == ["which?"]


def test_the_next_message_is_the_answer(stage: Stage) -> None:
    asked(stage)
    stage.write("P", 10)

    assert stage.work(10) == ["thanks, P"]
    assert stage.runs() == [("ended", "done", "")]
    assert stage.ledger.for_tenant(stage.tenant).contact(ANA).fields == {"size": "P"}


def test_nothing_is_due_before_the_time_is_out(stage: Stage) -> None:
    asked(stage)

    assert stage.work(HOUR - 1) == []
    assert stage.work(HOUR) == ["still there?"]
    assert stage.runs() == [("ended", "timed_out", "")]
    assert stage.work(HOUR + 1) == []


def test_an_answer_in_time_counts_however_late_it_is_read(stage: Stage) -> None:
    asked(stage)
    stage.write("P", HOUR - 1)

    assert stage.work(2 * HOUR) == ["thanks, P"]
    assert stage.runs() == [("ended", "done", "")]


def test_an_answer_after_the_time_is_a_message_like_any_other(stage: Stage) -> None:
    asked(stage)
    stage.write("P", HOUR + 1)

    assert stage.work(2 * HOUR) == ["still there?", "what?"]
    assert stage.runs() == [("ended", "timed_out", "")]


def test_what_is_written_after_a_question_that_the_daily_limit_dropped_is_no_answer(
    stage: Stage,
) -> None:
    """Nobody was asked."""
    rules = QUESTION.replace("do:", "do:\n      - text: one moment")
    limited = "plugins: [demo]\nlimits: {per_day: 1}\n"
    stage.tenant = publish(stage.ledger, stage.registry, rules, settings=limited)
    stage.write("size")

    said = stage.work()
    stage.write("do you ship?", 10)
    stage.work(10)

    assert said == ["one moment"]
    assert stage.runs() == [("ended", "limited", "daily_limit")]
    newest = max(stage.ledger.for_tenant(stage.tenant).events(100), key=lambda row: row.id)
    assert newest.trace is not None
    assert newest.trace["rules"][-1][:2] == ["fallback", "fired"]


def test_answers_and_time_outs_that_meet_take_one_way_each(stage: Stage) -> None:
    """Two workers, and for each person an answer about the moment at which the time is out."""
    people = [f"2000{n:02}" for n in range(20)]
    app = stage.ledger.apps.list()[0].id
    first = [dm(ACCOUNT, who, f"q{who}", "size", NOW) for who in people]
    stage.ledger.deliveries.store([NewDelivery(app, None, body, NOW) for body in first])
    stage.work()
    at = [NOW + HOUR - 10 + n for n in range(20)]
    second = [
        NewDelivery(app, None, dm(ACCOUNT, who, f"a{who}", who, then), then)
        for who, then in zip(people, at, strict=True)
    ]
    stage.ledger.deliveries.store(second)
    stage.clock.at = NOW + HOUR + 20
    workers = [
        Worker(
            stage.ledger,
            stage.registry,
            Configuration(rate_scale=1_000, threads=2),
            clock=stage.clock,
        )
        for _ in range(2)
    ]

    def work(worker: Worker) -> None:
        idle = 0
        while idle < 20:
            idle = 0 if worker.turn() else idle + 1

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    stage.work(HOUR + 40)

    ways = Counter(
        (effect.target, effect.payload["text"].partition(",")[0])
        for effect in stage.out.calls
        if effect.payload["text"] != "which?"
    )
    in_time = {
        (who, "thanks"): 1 for who, then in zip(people, at, strict=True) if then <= NOW + HOUR
    }
    too_late = {
        (who, said): 1
        for who, then in zip(people, at, strict=True)
        if then > NOW + HOUR
        for said in ("still there?", "what?")
    }
    assert ways == in_time | too_late


def test_a_conversation_under_way_is_not_changed_by_a_new_version(stage: Stage) -> None:
    asked(stage)
    stage.publish(QUESTION.replace("thanks,", "noted:").replace("still there?", "new"))
    stage.write("P", 10)
    answered = stage.work(10)
    stage.write("size", 2 * MINUTE)
    stage.write("M", 2 * MINUTE + 1)

    assert answered == ["thanks, P"]
    assert stage.work(2 * MINUTE + 1) == ["which?", "noted: M"]


def test_a_time_out_is_carried_out_in_the_version_that_asked(stage: Stage) -> None:
    asked(stage)
    stage.publish(QUESTION.replace("still there?", "new"))

    assert stage.work(HOUR) == ["still there?"]


def test_a_run_whose_version_does_not_compile_any_more_fails_and_says_why(stage: Stage) -> None:
    """Here the plugin is gone; the next event is decided all the same."""
    asked(stage)
    bare = dataclasses.replace(stage.out.registry(), plugins=())

    stage.publish("fallback: what?\n")
    stage.work(HOUR, bare)

    ((state, ended, why),) = stage.runs()
    assert (state, ended) == ("ended", "failed")
    assert why.startswith("version 1: IGR")


def test_a_wait_wakes_at_its_time_and_expires_six_hours_later(stage: Stage) -> None:
    stage.publish("rules:\n  - {id: r, when: dm, do: [{wait: 3d}, {tag: late}]}\n")
    stage.write("oi")
    stage.work()
    early = stage.work(3 * DAY - 1)
    late = stage.work(3 * DAY + 6 * HOUR + 1)

    assert (early, late) == ([], [])
    assert stage.runs()[0][:2] == ("ended", "expired")


def test_what_a_call_answered_is_read_by_the_next_step(stage: Stage) -> None:
    stage.publish(
        "rules:\n  - {id: r, when: dm, do: [{id: c, demo.call: {}},"
        ' {text: "got {{ result.c.code }}"}]}\n'
    )
    stage.write("oi")

    assert stage.work() == ["got 201"]
    assert [call.kind for call in stage.calls.calls] == ["call"]
    assert stage.runs() == [("ended", "done", "")]


def test_a_refused_call_fails_its_step(stage: Stage) -> None:
    def refuse(effect: Effect, account: Account) -> Receipt:
        return Refused("code 404")

    stage.calls.answer = refuse
    stage.publish("rules:\n  - {id: r, when: dm, do: [{demo.call: {}}, {text: got it}]}\n")
    stage.write("oi")

    assert stage.work() == []
    assert stage.runs()[0][:2] == ("ended", "failed")
    assert "404" in stage.runs()[0][2]


def test_a_handoff_that_runs_out_is_heard_once(stage: Stage) -> None:
    stage.publish(
        "rules:\n  - {id: r, when: dm, do: {handoff: {until: 1d}}}\n"
        "  - {id: back, when: handoff_ended, do: {increment: backs}}\n"
        "fields: {backs: number}\n"
    )
    stage.write("oi")
    stage.work()
    held = stage.outcomes()
    stage.work(DAY - 1)
    stage.work(DAY)
    stage.work(DAY + 1)

    assert len(held) == 1
    assert [kind for kind, _, _ in stage.outcomes()] == ["message", "handoff_ended"]
    contact = stage.ledger.for_tenant(stage.tenant).contact(ANA)
    assert (contact.handoff_until, contact.fields) == (None, {"backs": 1})
    assert len(stage.team.calls) == 1


TAPS = """
rules:
  - id: menu
    when: dm
    if: {keywords: [menu]}
    do:
      - text: {text: "Sim ou não?", quick_replies: [{title: Sim, then: [text: boa]}]}
fallback: what?
"""


def test_a_tap_leads_where_it_was_offered_for_ninety_days(stage: Stage) -> None:
    """Also after other rules were published; then it is read as its title."""
    stage.publish(TAPS)
    stage.write("menu")
    stage.work()
    payload = stage.out.calls[-1].payload["quick_replies"][0]["payload"]
    stage.publish(TAPS.replace("boa", "melhor"))

    said = []
    for after in (DAY, 90 * DAY - 1, 90 * DAY):
        stage.tap("Sim", payload, after)
        said += stage.work(after)

    assert payload.startswith("igr:2:menu:")
    assert said == ["boa", "boa", "what?"]


def test_a_deactivated_tenant_says_nothing_more(stage: Stage) -> None:
    asked(stage)
    stage.ledger.tenants.deactivate(stage.tenant, NOW + 5)

    assert stage.work(HOUR) == []
    assert stage.runs() == [("ended", "cancelled", "the tenant is deactivated")]


def test_a_run_that_ends_its_workers_is_set_aside(stage: Stage) -> None:
    asked(stage)
    for n in range(3):
        (lane,) = stage.ledger.lanes.claim(f"w{n}", NOW + HOUR + n * MINUTE, lease=MINUTE, limit=1)
    assert lane.deaths == 2

    assert stage.work(HOUR + 3 * MINUTE) == []
    assert stage.runs() == [("ended", "failed", "ended its worker 3 times")]
