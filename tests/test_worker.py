"""The worker on a real ledger: from a stored body to a settled send, whatever happens between."""

from __future__ import annotations

import dataclasses

import pytest

from igrules.ledger import Ledger, NewDelivery
from igrules.model import NotDone, Refused, Sent, Unknown
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.rulesets import NOTHING, Rulesets
from igrules.work.worker import Worker
from tests.talking import comment, dm, envelope
from tests.working import ACCOUNT, NOW, Recorder, connect, publish

ANSWER = "rules:\n- {id: hello, when: dm, do: {text: 'Olá {{ event.text }}'}}\n"
NOWHERE = "http://127.0.0.1:9"
CONFIGURATION = Configuration(
    rate_scale=1_000, threads=2, lease=30_000, quiet=120_000, igl_url=NOWHERE, fbl_url=NOWHERE
)


class Hands(Clock):
    """A clock that moves when the test says so."""

    def __init__(self, at: int = NOW) -> None:
        super().__init__()
        self.at = at

    def now(self) -> int:
        return self.at


@pytest.fixture
def clock():
    return Hands()


@pytest.fixture
def channel():
    return Recorder()


@pytest.fixture
def worker(ledger, channel, clock):
    return Worker(ledger, channel.registry(), CONFIGURATION, clock=clock)


def deliver(ledger: Ledger, *bodies: bytes, now: int = NOW) -> None:
    app = ledger.apps.list()[0]
    ledger.deliveries.store([NewDelivery(app.id, None, body, now) for body in bodies])


def work_off(worker: Worker) -> None:
    """Take turns until nothing is due. Bounded: what never ends is a failure."""
    for _ in range(200):
        if not worker.turn():
            return
    raise AssertionError("the worker never comes to rest")


def decisions(ledger: Ledger, tenant: int) -> list[tuple[str, str, str]]:
    """Kind, outcome and reason of every event, oldest first."""
    rows = ledger.for_tenant(tenant).events(1_000)
    return [(row.kind, row.outcome, row.reason) for row in sorted(rows, key=lambda row: row.id)]


def sends(ledger: Ledger, tenant: int) -> list[tuple[str, str, str]]:
    """Text, state and reason of every send, oldest first."""
    rows = ledger.for_tenant(tenant).sends(1_000)
    rows = sorted(rows, key=lambda row: row.id)
    return [(str(row.payload.get("text", "")), row.state, row.reason) for row in rows]


def test_a_stored_message_is_answered_and_settled(ledger, channel, worker):
    tenant = publish(ledger, channel.registry(), ANSWER)
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "mundo", NOW))

    work_off(worker)

    assert channel.texts == ["Olá mundo"]
    assert channel.accounts[0].token == "token-of-luz"
    assert decisions(ledger, tenant) == [("message", "answered", "")]
    assert sends(ledger, tenant) == [("Olá mundo", "sent", "")]
    assert worker.turn() is False


def test_the_same_message_twice_is_answered_once(ledger, channel, worker):
    publish(ledger, channel.registry(), ANSWER)
    body = dm(ACCOUNT, "10001", "m_1", "mundo", NOW)

    deliver(ledger, body, body)
    work_off(worker)
    deliver(ledger, body)
    work_off(worker)

    assert channel.texts == ["Olá mundo"]


def test_a_conversation_is_answered_in_the_order_it_was_written(ledger, channel, worker):
    publish(ledger, channel.registry(), ANSWER)
    deliver(ledger, *[dm(ACCOUNT, "10001", f"m_{n}", str(n), NOW + n) for n in range(12)])

    work_off(worker)

    assert channel.texts == [f"Olá {n}" for n in range(12)][: len(channel.texts)]
    assert len(channel.texts) >= 8


def test_a_tenant_that_never_published_has_nothing_live(ledger, channel):
    tenant = connect(ledger)

    assert Rulesets(ledger, channel.registry()).live(tenant) == NOTHING


def test_rules_that_no_longer_compile_fail_with_the_place_and_lose_nothing(ledger, channel, clock):
    """A plugin was removed, say: the event stays, with a reason, and can be replayed."""
    tenant = publish(ledger, channel.registry(), ANSWER)
    registry = channel.registry()
    actions = {name: kind for name, kind in registry.actions.items() if name != "text"}
    worker = Worker(
        ledger, dataclasses.replace(registry, actions=actions), CONFIGURATION, clock=clock
    )
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "oi", NOW))

    work_off(worker)

    ((_, outcome, reason),) = decisions(ledger, tenant)
    assert outcome == "failed"
    assert reason.startswith("version 1: IGR")
    assert "rules.yaml:3:" in reason
    assert channel.calls == []


def test_a_rule_that_failed_is_tried_again_by_a_replay(ledger, channel, worker, clock):
    """That it fired counts as long as nobody asks for the event once more."""
    rule = "rules: [{{id: r1, when: dm, once: true, do: {{text: '{}'}}}}]"
    tenant = publish(ledger, channel.registry(), rule.format("{{ contact.username }}"))
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "oi", NOW), dm(ACCOUNT, "10001", "m_2", "?", NOW))
    work_off(worker)
    publish(ledger, channel.registry(), rule.format("Olá"))

    ledger.for_tenant(tenant).reopen_event(1, NOW)
    work_off(worker)
    deliver(ledger, dm(ACCOUNT, "10001", "m_3", "e?", NOW + 1), now=NOW + 1)
    clock.at = NOW + 1
    work_off(worker)

    assert channel.texts == ["Olá"]


def test_an_effect_for_a_channel_that_is_not_there_fails_the_decision(ledger, channel, clock):
    tenant = publish(ledger, channel.registry(), ANSWER)
    registry = dataclasses.replace(channel.registry(), channels={})
    worker = Worker(ledger, registry, CONFIGURATION, clock=clock)
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "oi", NOW))

    work_off(worker)

    assert decisions(ledger, tenant) == [
        ("message", "failed", "channel 'instagram' is not installed")
    ]
    assert sends(ledger, tenant) == []


def test_a_channel_that_raises_leaves_its_send_in_doubt(ledger, clock):
    def broken(effect, account):
        raise RuntimeError("a plugin's defect")

    channel = Recorder(broken)
    tenant = publish(ledger, channel.registry(), ANSWER)
    worker = Worker(ledger, channel.registry(), CONFIGURATION, clock=clock)
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "oi", NOW))

    work_off(worker)

    ((_, state, reason),) = sends(ledger, tenant)
    assert state == "doubt"
    assert reason == "channel instagram raised RuntimeError"
    assert len(channel.calls) == 1


def test_a_channel_that_gives_no_receipt_leaves_its_send_in_doubt(ledger, clock):
    channel = Recorder(lambda effect, account: "ok")
    tenant = publish(ledger, channel.registry(), ANSWER)
    worker = Worker(ledger, channel.registry(), CONFIGURATION, clock=clock)
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "oi", NOW))

    work_off(worker)

    assert [state for _, state, _ in sends(ledger, tenant)] == ["doubt"]


def test_what_was_proved_not_done_is_tried_again_when_its_time_has_come(ledger, clock):
    answers = iter([NotDone(reason="no connection"), Sent("out_2")])
    channel = Recorder(lambda effect, account: next(answers))
    tenant = publish(ledger, channel.registry(), ANSWER)
    worker = Worker(ledger, channel.registry(), CONFIGURATION, clock=clock)
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "oi", NOW))

    work_off(worker)
    assert [state for _, state, _ in sends(ledger, tenant)] == ["pending"]
    clock.at += 7_000
    assert ledger.lanes.sweep(clock.at)
    work_off(worker)

    assert [state for _, state, _ in sends(ledger, tenant)] == ["sent"]
    assert len(channel.calls) == 2


def test_a_refusal_is_final(ledger, clock):
    channel = Recorder(lambda effect, account: Refused("RECIPIENT"))
    tenant = publish(ledger, channel.registry(), ANSWER)
    worker = Worker(ledger, channel.registry(), CONFIGURATION, clock=clock)
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "oi", NOW))

    work_off(worker)
    clock.at += 3_600_000
    work_off(worker)

    assert sends(ledger, tenant) == [("Olá oi", "refused", "RECIPIENT")]
    assert len(channel.calls) == 1


def test_an_unclear_answer_is_never_repeated_blindly(ledger, clock):
    channel = Recorder(lambda effect, account: Unknown("read timeout"))
    tenant = publish(ledger, channel.registry(), ANSWER)
    worker = Worker(ledger, channel.registry(), CONFIGURATION, clock=clock)
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "oi", NOW))

    work_off(worker)
    for _ in range(10):
        clock.at += 600_000
        ledger.lanes.sweep(clock.at)
        work_off(worker)

    assert [state for _, state, _ in sends(ledger, tenant)] == ["parked"]
    assert len(channel.calls) == 1


def test_a_call_that_starts_too_late_is_not_made(ledger, channel):
    """A worker that was frozen after its commit must not wake up and send."""

    class Frozen(Hands):
        calls = 0

        def monotonic(self) -> float:
            self.calls += 1
            return self.calls * 3.0

    tenant = publish(ledger, channel.registry(), ANSWER)
    worker = Worker(ledger, channel.registry(), CONFIGURATION, clock=Frozen())
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "oi", NOW))

    for _ in range(5):
        worker.turn()

    assert channel.calls == []
    assert [state for _, state, _ in sends(ledger, tenant)] == ["pending"]


def test_our_own_public_reply_is_not_the_next_comment_to_answer(ledger, channel, worker):
    rules = "rules:\n- {id: thanks, when: comment, do: {reply: Obrigado}}\n"
    tenant = publish(ledger, channel.registry(), rules)
    deliver(
        ledger,
        comment(ACCOUNT, "10001", "ana", "c_1", "lindo", NOW),
        comment(ACCOUNT, "99", "luz.loja", "c_2", "Obrigado", NOW + 1),
        comment(ACCOUNT, ACCOUNT, "", "c_3", "Obrigado", NOW + 2),
    )

    work_off(worker)

    assert channel.texts == ["Obrigado"]
    outcomes = decisions(ledger, tenant)
    assert sorted(outcomes)[0] == ("comment", "answered", "")
    assert [reason for _, outcome, reason in outcomes if outcome == "skipped"] == ["own", "own"]


def test_an_echo_of_our_own_answer_does_not_silence_us(ledger, channel, worker):
    tenant = publish(ledger, channel.registry(), ANSWER)
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "a", NOW))
    work_off(worker)
    deliver(ledger, echo("10001", "out_1", "Olá a"))
    work_off(worker)
    deliver(ledger, dm(ACCOUNT, "10001", "m_2", "b", NOW + 5_000))
    work_off(worker)

    assert channel.texts == ["Olá a", "Olá b"]
    assert ("echo", "skipped", "echo") in decisions(ledger, tenant)


def test_an_echo_that_waits_in_the_lane_proves_a_send_before_it_is_given_up(ledger, channel, clock):
    """A worker dies after its call; when its lane is taken up again, the echo is there already.
    Giving up first would park what went out, and take the echo for a person's."""

    class Death(BaseException):
        pass

    def die(effect, account):
        raise Death

    tenant = publish(ledger, channel.registry(), ANSWER)
    channel.answer = die
    worker = Worker(ledger, channel.registry(), CONFIGURATION, clock=clock)
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "a", NOW))
    with pytest.raises(Death):
        work_off(worker)
    deliver(
        ledger,
        dm(ACCOUNT, "10001", "m_2", "b", NOW + 500),
        echo("10001", "out_1", "Olá a"),
        dm(ACCOUNT, "10001", "m_3", "c", NOW + 2_000),
    )
    channel.answer = None
    clock.at += 3_600_000
    ledger.lanes.sweep(clock.at)

    work_off(Worker(ledger, channel.registry(), CONFIGURATION, clock=clock))

    assert channel.texts == ["Olá a", "Olá b", "Olá c"]
    assert [state for _, state, _ in sends(ledger, tenant)] == ["sent", "sent", "sent"]
    assert "human_pause" not in [reason for _, _, reason in decisions(ledger, tenant)]


def test_an_echo_of_a_person_of_the_account_silences_us(ledger, channel, worker):
    tenant = publish(ledger, channel.registry(), ANSWER)
    deliver(ledger, echo("10001", "m_human", "aqui é a Luz"))
    work_off(worker)
    deliver(ledger, dm(ACCOUNT, "10001", "m_2", "b", NOW + 5_000))
    work_off(worker)

    assert channel.calls == []
    assert decisions(ledger, tenant)[-1] == ("message", "skipped", "human_pause")


def echo(person: str, mid: str, text: str) -> bytes:
    message = {
        "sender": {"id": ACCOUNT},
        "recipient": {"id": person},
        "timestamp": NOW + 1_000,
        "message": {"mid": mid, "text": text, "is_echo": True},
    }
    return envelope(ACCOUNT, NOW + 1_000, {"messaging": [message]})


def test_an_event_whose_workers_die_is_set_aside_after_three_deaths(ledger, channel, clock):
    """A death is a claim that is never released; the process itself is killed in test_crash."""
    tenant = publish(ledger, channel.registry(), ANSWER)
    deliver(
        ledger,
        dm(ACCOUNT, "10001", "m_1", "poison", NOW),
        dm(ACCOUNT, "10001", "m_2", "next", NOW + 1),
    )
    worker = Worker(ledger, channel.registry(), CONFIGURATION, clock=clock)
    worker.split()
    for _ in range(3):
        assert ledger.lanes.claim("dying", clock.at, lease=30_000, limit=1)
        clock.at += 31_000
        ledger.lanes.sweep(clock.at)

    work_off(worker)

    assert decisions(ledger, tenant)[0][:2] == ("message", "quarantined")
    assert decisions(ledger, tenant)[1][:2] == ("message", "answered")
    assert channel.texts == ["Olá next"]


def test_a_turn_that_fails_is_logged_and_leaves_its_lane_to_its_lease(
    ledger, channel, clock, caplog
):
    """The other conversations go on, and the event is decided when the lease has run out."""

    class Trap(dict):
        sprung = False

        def __contains__(self, name):
            if not self.sprung:
                self.sprung = True
                raise OverflowError("a defect")
            return super().__contains__(name)

    registry = channel.registry()
    tenant = publish(ledger, registry, ANSWER)
    trapped = dataclasses.replace(registry, channels=Trap(registry.channels))
    worker = Worker(ledger, trapped, CONFIGURATION, clock=clock)
    deliver(
        ledger,
        dm(ACCOUNT, "10001", "m_1", "a", NOW),
        dm(ACCOUNT, "10002", "m_2", "b", NOW + 1),
    )

    work_off(worker)
    assert channel.texts == ["Olá b"]
    assert "a turn failed" in caplog.text
    assert [outcome for _, outcome, _ in decisions(ledger, tenant)] == ["", "answered"]
    clock.at += 31_000
    ledger.lanes.sweep(clock.at)
    work_off(worker)

    assert channel.texts == ["Olá b", "Olá a"]


def test_observers_are_told_after_the_facts_and_cannot_break_anything(
    ledger, channel, clock, caplog
):
    told = []

    def observe(record):
        told.append((record["what"], record.get("outcome") or record.get("state")))
        raise ValueError("an observer's defect")

    registry = dataclasses.replace(channel.registry(), observers=(("demo", observe),))
    publish(ledger, registry, ANSWER)
    worker = Worker(ledger, registry, CONFIGURATION, clock=clock)
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "oi", NOW))

    work_off(worker)

    assert told == [("decision", "answered"), ("send", "sent")]
    assert "a plugin's observer raised" in caplog.text


def test_a_new_version_is_used_for_the_next_event(ledger, channel, worker):
    publish(ledger, channel.registry(), ANSWER)
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "a", NOW))
    work_off(worker)

    publish(ledger, channel.registry(), ANSWER.replace("Olá", "Oi"))
    deliver(ledger, dm(ACCOUNT, "10001", "m_2", "b", NOW + 1))
    work_off(worker)

    assert channel.texts == ["Olá a", "Oi b"]


def test_tenants_are_served_in_turn(ledger, channel, worker):
    registry = channel.registry()
    publish(ledger, registry, ANSWER, "luz", "101")
    publish(ledger, registry, ANSWER, "sol", "102")
    deliver(ledger, *[dm("101", f"1{n}", f"l_{n}", "luz", NOW + n) for n in range(20)])
    deliver(ledger, dm("102", "5", "s_1", "sol", NOW + 100))

    work_off(worker)

    assert "Olá sol" in channel.texts[:3]
    assert len(channel.texts) == 21


def test_a_worker_that_stops_takes_nothing_new(ledger, channel, worker):
    tenant = publish(ledger, channel.registry(), ANSWER)
    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "oi", NOW))

    worker.stop()

    assert worker.turn() is False
    assert decisions(ledger, tenant) == []


def test_a_lane_is_given_back_in_the_middle_when_the_worker_stops(ledger, clock):
    """The item under way is finished, the next is for whoever comes next."""
    channel = Recorder()
    tenant = publish(ledger, channel.registry(), ANSWER)
    worker = Worker(ledger, channel.registry(), CONFIGURATION, clock=clock)

    def stop_there(effect, account):
        worker.stop()
        return Sent("out")

    channel.answer = stop_there
    deliver(
        ledger,
        dm(ACCOUNT, "10001", "m_1", "a", NOW),
        dm(ACCOUNT, "10001", "m_2", "b", NOW + 1),
    )
    while worker.turn():
        pass
    assert [outcome for _, outcome, _ in decisions(ledger, tenant)] == ["answered", ""]

    channel.answer = None
    work_off(Worker(ledger, channel.registry(), CONFIGURATION, clock=clock))

    assert channel.texts == ["Olá a", "Olá b"]


def test_the_first_answer_of_a_day_counts_once(ledger, channel):
    """It is stored as under way before the day is counted."""
    tenant = publish(ledger, channel.registry(), ANSWER, settings="limits: {per_day: 1}\n")
    worker = Worker(ledger, channel.registry(), CONFIGURATION, clock=Hands(NOW))

    deliver(ledger, dm(ACCOUNT, "10001", "m_1", "oi", NOW), dm(ACCOUNT, "10002", "m_2", "oi", NOW))
    work_off(worker)

    assert len(channel.calls) == 1
    states = {(row.state, row.reason) for row in ledger.for_tenant(tenant).sends(10)}
    assert states == {("sent", ""), ("skipped", "daily_limit")}
    assert ledger._db.number("SELECT used FROM quota WHERE tenant_id = ?", (tenant,)) == 1
