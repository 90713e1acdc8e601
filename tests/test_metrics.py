"""What is counted and measured, where it is shown, and what never becomes a label."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from igrules.cli.app import build
from igrules.cli.exits import run
from igrules.errors import Unavailable
from igrules.ledger import Gauges, NewDelivery
from igrules.model import Answer, NotDone, Sent, Unknown
from igrules.web.serving import Server
from igrules.work import metric_words
from igrules.work.chores import CHORES
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.metrics import Metrics, ledger_text
from tests.running import wait_until
from tests.talking import ask, dm, signed
from tests.working import ACCOUNT, SECRET, Recorder, publish

NOW = 1_790_000_000_000
ANSWER = "rules:\n- {id: hello, when: dm, do: {text: 'Olá'}}\n"
OPERATIONS = Path(__file__).parent.parent / "docs" / "operations.md"


def numbers(text: str) -> dict[str, float]:
    """Samples by name and labels; those that are 0 left out."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            if sample.value:
                found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def gauges(**changes) -> Gauges:
    nothing = {
        "lanes_due": 0, "oldest_due": 0, "waits": 0, "sends_open": {}, "holds": {},
        "chore_ages": {}, "processes": {}, "token_days_left": None, "doubts_settled": {},
        "double_sends": 0, "unknown_codes": {}, "backlog": {}, "slugs": {},
    }  # fmt: skip
    return Gauges(**{**nothing, **changes})


@pytest.fixture
def server(ledger):
    channel = Recorder()
    publish(ledger, channel.registry(), ANSWER)
    configuration = Configuration(
        port=0, web_threads=4, threads=2, sweep_every=200, ops_listen="127.0.0.1:0"
    )
    server = Server(configuration, channel.registry(), ledger, measured=True)
    server.start()
    yield server
    server.stop()


def shown(server: Server) -> dict[str, float]:
    reply = ask(server.urls[-1], "GET", "/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return numbers(reply.body.decode())


def test_an_event_leaves_its_numbers_all_the_way(server, ledger):
    body = dm(ACCOUNT, "10001", "m_1", "preço?", time.time_ns() // 1_000_000)
    assert ask(server.url, "POST", "/webhook", body, signed(body, SECRET)).status == 200
    assert ask(server.url, "POST", "/webhook", body, signed(body, SECRET)).status == 200
    assert ask(server.url, "POST", "/webhook", body).status == 403
    assert ask(server.url, "POST", "/webhook/nowhere", body).status == 404
    wait_until(
        lambda: shown(server).get("igrules_sends_total{kind=text,state=sent}") == 1, 30, "the send"
    )
    wait_until(
        lambda: shown(server).get("igrules_duplicates_total{kind=message}") == 1, 30, "the copy"
    )

    found = shown(server)
    expected = {
        "igrules_webhook_requests_total{route=shared,status=200}": 2,
        "igrules_webhook_requests_total{route=shared,status=403}": 1,
        "igrules_webhook_requests_total{route=tenant,status=404}": 1,
        "igrules_webhook_ack_seconds_count{}": 4,
        "igrules_commit_group_size_count{}": 2,
        "igrules_events_total{kind=message}": 1,
        "igrules_duplicates_total{kind=message}": 1,
        "igrules_decisions_total{outcome=answered}": 1,
        "igrules_decide_seconds_count{}": 1,
        "igrules_sends_total{kind=text,state=sent}": 1,
        "igrules_send_seconds_count{kind=text}": 1,
        "igrules_tenant_events_total{tenant=luz}": 1,
        "igrules_tenant_sends_total{tenant=luz}": 1,
    }
    assert {name: found.get(name) for name in expected} == expected
    wait_until(lambda: "igrules_turn_seconds_count{}" in shown(server), 30, "the turn's end")
    assert found["igrules_claim_seconds_count{}"] >= 1


def test_no_word_of_a_stranger_becomes_a_label(server):
    """Texts, people, accounts and odd addresses are in no answer of `/metrics`."""
    body = dm(ACCOUNT, "canary-person", "canary-id", "canary-text", NOW)
    ask(server.url, "POST", "/webhook", body, signed(body, SECRET))
    ask(server.url, "POST", "/webhook/canary-token", body)
    ask(server.url, "GET", "/webhook?hub.verify_token=canary-verify")
    other = dm("canary-account", "1", "m", "x", NOW)
    ask(server.url, "POST", "/webhook", other, signed(other, SECRET))
    orphans = "igrules_orphans_total{reason=unknown_account}"
    wait_until(lambda: orphans in shown(server), 30, "the orphan")

    text = ask(server.urls[-1], "GET", "/metrics").body.decode()

    assert "canary" not in text
    assert ACCOUNT not in text


def test_the_public_listener_asks_for_an_operators_key(server, ledger):
    key = ledger.keys.create("operator", 0, ["operator:read"], NOW).secret

    without = ask(server.url, "GET", "/metrics")
    reply = ask(server.url, "GET", "/metrics", headers={"Authorization": f"Bearer {key}"})

    assert without.status == 401
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"igrules_webhook_requests_total" in reply.body


def test_what_waits_and_stands_comes_from_the_ledger(ledger):
    channel = Recorder()
    tenant = publish(ledger, channel.registry(), ANSWER)
    assert numbers(ledger_text(lambda: ledger.gauges(NOW))) == {}
    ledger.deliveries.store([NewDelivery(1, None, dm(ACCOUNT, "1", "m", "x", NOW), NOW - 5_000)])
    waiting = numbers(ledger_text(lambda: ledger.gauges(NOW)))
    ledger.pause("tenant", str(tenant), NOW)
    ledger.beat("one", NOW, kind="work", version="1")
    ledger.beat("two", NOW, kind="web", version="1")
    ledger.beat("gone", NOW - 60_000, kind="web", version="1")

    assert waiting == {"igrules_oldest_due_seconds{}": 5}
    assert numbers(ledger_text(lambda: ledger.gauges(NOW))) == {
        "igrules_oldest_due_seconds{}": 5,
        "igrules_holds{reason=paused,scope=tenant}": 1,
        "igrules_processes{kind=web}": 1,
        "igrules_processes{kind=work}": 1,
    }


def test_what_the_ledger_knows_is_asked_for_at_most_every_ten_seconds():
    asked = []
    time_now = [100.0]

    class Still(Clock):
        def monotonic(self) -> float:
            return time_now[0]

    def read() -> Gauges:
        asked.append(1)
        return gauges(lanes_due=len(asked))

    metrics = Metrics(read, Still())
    found = []
    for at in (100.0, 105.0, 109.9, 110.0):
        time_now[0] = at
        found.append(numbers(metrics.text())["igrules_lanes_due{}"])

    assert found == [1, 1, 1, 2]


def test_a_database_that_is_away_leaves_the_other_numbers():
    def away() -> Gauges:
        raise Unavailable("the disk is full")

    metrics = Metrics(away)
    metrics.decided(1, "answered")

    assert numbers(metrics.text()) == {
        "igrules_decisions_total{outcome=answered}": 1,
        "igrules_bell_up{}": 1,
    }


def test_a_database_that_stays_away_is_said_once_however_often_somebody_asks(caplog):
    times, answers = [100.0], [False, False, True, False, False]

    class Times(Clock):
        def monotonic(self) -> float:
            return times[0]

    def read() -> Gauges:
        if not answers.pop(0):
            raise Unavailable("the disk is full")
        return gauges()

    metrics = Metrics(read, Times())
    said = []
    while answers:
        metrics.text()
        times[0] += 10
        said.append(len(caplog.records))

    assert said == [1, 1, 1, 2, 2]


def test_a_database_that_hangs_keeps_one_who_asks_and_no_other():
    """Else the threads of the ops listener all wait, and it seems that the process is dead."""
    asked, goes_on = threading.Event(), threading.Event()

    def hangs() -> Gauges:
        asked.set()
        goes_on.wait(30)
        return gauges(lanes_due=1)

    metrics = Metrics(hangs)
    one = threading.Thread(target=metrics.text, daemon=True)
    one.start()
    assert asked.wait(10)
    meanwhile = numbers(metrics.text())
    goes_on.set()
    one.join(10)

    assert meanwhile == {"igrules_bell_up{}": 1}
    assert numbers(metrics.text())["igrules_lanes_due{}"] == 1


def test_the_command_shows_what_the_database_knows(tmp_path, capsys):
    database = ["--database-url", str(tmp_path / "igrules.db")]
    assert run(build(["db", "upgrade", *database])) == 0
    capsys.readouterr()

    assert run(build(["metrics", *database])) == 0

    written = capsys.readouterr().out
    assert "igrules_lanes_due 0.0" in written
    assert "igrules_webhook_requests_total" not in written


def test_words_that_are_on_no_list_are_other():
    metrics = Metrics(
        lambda: gauges(
            sends_open={"parked": 2},
            doubts_settled={"echo": 3, "a seer": 1},
            holds={("tenant", "a mood"): 1},
            chore_ages={"backup": 7_000, "shop.chore": 1_000},
            processes={"other thing": 1},
        )
    )
    metrics.answered("shared", 418, 0.1)
    metrics.split({("events", "odd"): 2, ("orphans", "odd"): 3})
    metrics.decided(7, "odd")
    metrics.sent(7, "shop.note", "odd")
    metrics.called("shop.note", NotDone(answer=Answer("ODD", 500, 424242)), 0.2)
    metrics.called("text", Sent("1"), 0.2)
    metrics.called("text", Unknown("timeout"), 0.2)
    found = numbers(metrics.text())

    assert {name: found.get(name) for name in OTHERS} == OTHERS


OTHERS = {
    "igrules_webhook_requests_total{route=shared,status=other}": 1,
    "igrules_events_total{kind=other}": 2,
    "igrules_orphans_total{reason=other}": 3,
    "igrules_decisions_total{outcome=other}": 1,
    "igrules_sends_total{kind=other,state=other}": 1,
    "igrules_graph_answers_total{class=other,code=other}": 1,
    "igrules_send_seconds_count{kind=other}": 1,
    "igrules_sends_open{state=parked}": 2,
    "igrules_doubts_settled_total{evidence=echo}": 3,
    "igrules_doubts_settled_total{evidence=other}": 1,
    "igrules_holds{reason=other,scope=tenant}": 1,
    "igrules_chore_age_seconds{name=backup}": 7,
    "igrules_chore_age_seconds{name=other}": 1,
    "igrules_processes{kind=other}": 1,
    "igrules_tenant_events_total{tenant=other}": 1,
}


def test_only_the_busiest_tenants_have_a_name():
    slugs = {id: f"t{id}" for id in range(300)}
    metrics = Metrics(lambda: gauges(slugs=slugs, backlog=dict.fromkeys(range(300), 1)))
    for id in range(300):
        for _ in range(1 + (id >= 100)):
            metrics.decided(id, "answered")
    found = numbers(metrics.text())

    events = {name: n for name, n in found.items() if "tenant_events_total" in name}
    backlog = {name: n for name, n in found.items() if "tenant_backlog" in name}
    assert len(events) == len(backlog) == 201
    assert events["igrules_tenant_events_total{tenant=other}"] == 100
    assert backlog["igrules_tenant_backlog{tenant=other}"] == 100
    assert "igrules_tenant_events_total{tenant=t299}" in events


def test_the_operator_says_how_many_have_a_name():
    metrics = Metrics(lambda: gauges(slugs={1: "a", 2: "b"}, backlog={1: 5, 2: 3}), tenants=1)
    for id in (1, 1, 2):
        metrics.decided(id, "answered")
    found = numbers(metrics.text())

    assert found["igrules_tenant_events_total{tenant=a}"] == 2
    assert found["igrules_tenant_events_total{tenant=other}"] == 1
    assert found["igrules_tenant_backlog{tenant=other}"] == 3
    assert "tenant=b" not in str(found)


def test_nobody_has_a_name_when_the_operator_says_so():
    metrics = Metrics(lambda: gauges(slugs={1: "luz"}, backlog={1: 5}), tenants=0)
    metrics.decided(1, "answered")

    assert "luz" not in metrics.text()
    assert "igrules_tenant" not in metrics.text()


def test_every_metric_is_explained_and_every_explained_one_exists():
    metrics = Metrics(lambda: gauges(token_days_left=3.0))
    existing = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in metrics.families()
    }

    table = OPERATIONS.read_text().partition("## Metrics")[2].partition("\n## ")[0]
    explained = set(re.findall(r"^\| `(igrules_\w+)`", table, re.M))

    assert explained == existing


def test_every_explained_proof_of_a_doubt_is_a_label_of_its_own():
    row = re.search(r"^\| `igrules_doubts_settled_total`.*", OPERATIONS.read_text(), re.M)
    assert row is not None
    explained = set(re.findall(r"`([a-z]+)`", row[0]))
    metrics = Metrics(lambda: gauges(doubts_settled=dict.fromkeys(explained, 1)))
    found = numbers(metrics.text())

    assert {"conversation", "replies", "consumed", "absent"} < explained
    for word in explained:
        assert found.get(f"igrules_doubts_settled_total{{evidence={word}}}") == 1


def test_every_chore_has_a_word():
    assert (*(chore.name for chore in CHORES), metric_words.OTHER) == metric_words.CHORES
