"""Events and messages through the API: found by what they are, explained, decided again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from igrules.ledger import App, Ledger, NewDelivery
from igrules.ledger.event_list import Wanted
from igrules.web import times
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker
from tests.seeding import ACCOUNTS, PEOPLE, Asker, Hands, Seeded, canary, seed
from tests.talking import dm
from tests.test_cli import igrules
from tests.tracing import traced
from tests.working import NOW, Recorder

Get = Callable[..., Any]
LUZ = ACCOUNTS["luz"]
LATER = times.shown(NOW + 1000)
ANA, BEN = "10000000001", "10000000009"


@pytest.fixture
def seeded(ledger: Ledger) -> Seeded:
    return seed(ledger)


@pytest.fixture
def get(seeded: Seeded) -> Get:
    asker = Asker(seeded)

    def ask(path: str, method: str = "GET", body: Any = None, **query: Any) -> Any:
        key = seeded.luz.keys["admin"]
        return asker.ask(method, f"/api/v1{path}", key=key, query=query, json=body)

    return ask


def own_app(seeded: Seeded) -> App:
    """The app by which events of luz come."""
    return next(app for app in seeded.ledger.apps.list() if app.tenant_id == seeded.luz.tenant.id)


def say(seeded: Seeded, *said: tuple[str, str], at: int = NOW + 60_000) -> None:
    """Let people write, one a second, and let the worker answer."""
    app = own_app(seeded).id
    clock = Hands(at)
    for number, (person, text) in enumerate(said):
        body = dm(LUZ, person, f"m_{at}_{number}_{person}_{text}", text, clock.at)
        seeded.ledger.deliveries.store([NewDelivery(app, None, body, clock.at)])
        clock.forward(1)
    work(seeded, clock.at)


def work(seeded: Seeded, at: int) -> None:
    """Let the worker do what there is to do."""
    registry = Recorder().registry()
    worker = Worker(
        seeded.ledger, registry, Configuration(rate_scale=1_000, threads=1), clock=Hands(at)
    )
    for _ in range(100):
        if not worker.turn():
            return


def texts(answer: Any) -> list[str]:
    """The texts of a list."""
    return [item["text"] for item in answer.json["items"]]


def test_events_are_found_by_what_they_are(seeded: Seeded, get: Get) -> None:
    say(seeded, (ANA, "quanto custa?"), (BEN, "oi tudo bem"), (ANA, "e agora?"))
    third = times.shown(NOW + 62_000)

    assert texts(get("/events", contact=ANA)) == [
        "e agora?",
        "quanto custa?",
        f"oi {canary('luz')}",
    ]
    assert texts(get("/events", contact="@nobody")) == []
    assert texts(get("/events", outcome="answered", since=LATER)) == ["oi tudo bem"]
    assert texts(get("/events", rule="hello", contact=BEN)) == ["oi tudo bem"]
    assert texts(get("/events", rule="hell_")) == []
    assert texts(get("/events", unanswered=True)) == ["e agora?", "quanto custa?"]
    assert texts(get("/events", unanswered=True, outcome="answered")) == []
    assert texts(get("/events", since=third)) == ["e agora?"]
    assert texts(get("/events", until=third, unanswered="true")) == ["quanto custa?"]
    assert texts(get("/events", kind="comment")) == []
    assert texts(get("/events", outcome="failed")) == []


def test_pages_go_on_where_they_ended_while_new_events_come(seeded: Seeded, get: Get) -> None:
    say(seeded, *((ANA, f"n{number}") for number in range(5)))

    first = get("/events", limit=2, contact=ANA)
    say(seeded, (ANA, "later"), at=NOW + 120_000)
    second = get("/events", limit=3, contact=ANA, cursor=first.json["next"])
    third = get("/events", limit=3, contact=ANA, cursor=second.json["next"])

    assert texts(first) + texts(second) == ["n4", "n3", "n2", "n1", "n0"]
    assert (texts(third), third.json["next"]) == ([f"oi {canary('luz')}"], None)


@pytest.mark.parametrize("cursor", ["x", "WzFd", "WyIxIl0", "WyIxLjIuMyJd", "WyJhLmIiXQ"])
def test_a_foreign_cursor_is_refused(cursor: str, get: Get) -> None:
    assert get("/events", cursor=cursor).status_code == 400


def test_an_event_says_why_it_got_its_answer(seeded: Seeded, get: Get) -> None:
    id = seeded.luz.words["event"]

    shown = get(f"/events/{id}").json

    assert shown["reasons"] == [{"rule": "hello", "reason": "fired", "why": "keywords: 'oi'"}]
    assert (shown["outcome"], shown["rules"], shown["version"]) == ("answered", ["hello"], 1)
    (effect,) = shown["effects"]
    assert (effect["state"], effect["text"]) == ("sent", f"Olá {canary('luz')}")
    assert [one["outcome"] for one in effect["attempts"]] == ["sent"]
    assert shown["trace"]["version"] == 1


def test_a_dry_run_decides_with_other_rules_and_stores_nothing(seeded: Seeded, get: Get) -> None:
    id = seeded.luz.words["event"]
    files = {"rules.yaml": "igrules: 1\nreplies: {oi: outra}\n"}
    get("/ruleset", "PUT", {"files": files})  # refused without If-Match: version 1 stays
    before = (
        seeded.ledger._db.all("SELECT * FROM send"),
        seeded.ledger._db.all("SELECT * FROM inbox"),
    )

    again = get(f"/events/{id}/replay", "POST", {"dry_run": True}).json
    missing = get(f"/events/{id}/replay", "POST", {"dry_run": True, "version": 9})

    after = (
        seeded.ledger._db.all("SELECT * FROM send"),
        seeded.ledger._db.all("SELECT * FROM inbox"),
    )
    assert (again["version"], again["outcome"]) == (1, "answered")
    assert [one["text"] for one in again["effects"]] == [f"Olá {canary('luz')}"]
    too_high = get(f"/events/{id}/replay", "POST", {"dry_run": True, "version": 2**63})
    assert too_high.status_code == 400
    assert missing.status_code == 404
    assert before == after


def failed(seeded: Seeded, person: str = BEN) -> str:
    """An event whose decision failed, and its id."""
    say(seeded, (person, "oi de novo"))
    scope = seeded.ledger.for_tenant(seeded.luz.tenant.id)
    id = max(one.id for one in scope.events(10))
    seeded.ledger._db.run("UPDATE decision SET outcome = 'failed' WHERE inbox_id = ?", (id,))
    return str(id)


def test_a_failed_event_is_decided_once_more_and_sends_nothing_twice(
    seeded: Seeded, get: Get
) -> None:
    id = failed(seeded)

    pressed = [get(f"/events/{id}/replay", "POST", {}) for _ in range(2)]
    work(seeded, NOW + 90_000)

    shown = get(f"/events/{id}").json
    assert [one.status_code for one in pressed] == [202, 202]
    assert [one.json["reopened"] for one in pressed] == [True, False]
    assert (shown["replays"], shown["state"], shown["outcome"]) == (1, "closed", "answered")
    assert [one["state"] for one in shown["effects"]] == ["sent"]
    assert [len(one["attempts"]) for one in shown["effects"]] == [1]
    assert len(seeded.ledger.audit.list(seeded.luz.tenant.id, action="event.replay")) == 2


def test_what_ended_well_is_not_decided_again(seeded: Seeded, get: Get) -> None:
    answered = seeded.luz.words["event"]

    assert get(f"/events/{answered}/replay", "POST", {}).status_code == 409
    assert get("/events/999/replay", "POST", {}).status_code == 404


def test_what_is_wiped_or_never_reaches_rules_is_not_decided_again(
    seeded: Seeded, get: Get
) -> None:
    id = failed(seeded)
    change = seeded.ledger._db.run
    change("UPDATE inbox SET kind = 'echo' WHERE id = ?", (int(id),))

    echo = get(f"/events/{id}/replay", "POST", {})
    change("UPDATE inbox SET kind = 'message', body = NULL WHERE id = ?", (int(id),))
    wiped = get(f"/events/{id}/replay", "POST", {})
    dry = get(f"/events/{id}/replay", "POST", {"dry_run": True})

    assert [one.status_code for one in (echo, wiped, dry)] == [409, 409, 409]


def test_a_conversation_reads_in_the_order_it_happened(seeded: Seeded, get: Get) -> None:
    say(seeded, (ANA, "quanto custa?"), (BEN, "oi"))

    everybody = get("/messages").json["items"]
    ana = get("/messages", contact=ANA).json["items"]

    hello = f"Olá {canary('luz')}"
    assert [(one["direction"], one["by"], one["text"]) for one in ana] == [
        ("in", "contact", "quanto custa?"),
        ("out", "rule", hello),
        ("in", "contact", f"oi {canary('luz')}"),
    ]
    assert [one["text"] for one in everybody[:3]] == [hello, "oi", "quanto custa?"]
    assert {one["id"].split("-")[0] for one in everybody} == {"in", "out"}


def test_pages_of_messages_lose_and_repeat_nothing(seeded: Seeded, get: Get) -> None:
    say(seeded, *((ANA, f"oi {number}") for number in range(6)))
    whole = [one["id"] for one in get("/messages", limit=200).json["items"]]

    found, cursor = [], None
    for _ in range(30):
        page = get("/messages", limit=1, **({"cursor": cursor} if cursor else {})).json
        found += [one["id"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert found == whole
    assert len(set(whole)) == len(whole) > 10


def test_a_message_is_shown_with_its_send(seeded: Seeded, get: Get) -> None:
    out, came = seeded.luz.words["send"], seeded.luz.words["event"]

    sent = get(f"/messages/out-{out}").json
    heard = get(f"/messages/in-{came}").json

    assert (sent["send"]["state"], sent["event"], sent["rule"]) == ("sent", came, "hello")
    assert (heard["send"], heard["text"]) == (None, f"oi {canary('luz')}")
    for nonsense in (
        "in-0",
        "x-1",
        "out-",
        f"in-{seeded.sol.words['event']}",
        "out-99999999999999999999",
    ):
        assert get(f"/messages/{nonsense}").status_code == 404


def test_the_webhook_log_holds_the_tenants_own_elements(seeded: Seeded, get: Get) -> None:
    items = {item["id"]: item for item in get("/webhooks").json["items"]}
    item = items[seeded.luz.words["event"]]

    assert [item[name] for name in ("kind", "state", "outcome")] == [
        "message",
        "closed",
        "answered",
    ]
    assert seeded.sol.words["event"] not in items


def test_whole_deliveries_and_orphans_are_the_operators(seeded: Seeded) -> None:
    app = own_app(seeded)
    body = dm("17841400000000999", PEOPLE["luz"], "m_x", "for nobody", NOW)
    seeded.ledger.deliveries.store([NewDelivery(app.id, None, body, NOW)])
    work(seeded, NOW)
    asker = Asker(seeded)

    deliveries = asker.ask("GET", "/api/v1/deliveries", key=seeded.operator).json["items"]
    orphans = asker.ask("GET", "/api/v1/orphans", key=seeded.operator_read).json["items"]
    refused = asker.ask("GET", "/api/v1/orphans", key=seeded.luz.keys["admin"])

    its = asker.ask("GET", "/api/v1/orphans", key=seeded.operator, query={"app": app.name}).json
    for name in ("\0", "a\0b", "no-such-app"):
        none = asker.ask("GET", "/api/v1/orphans", key=seeded.operator, query={"app": name})
        assert (none.status_code, none.json["code"]) == (404, "not_found")
    assert its["items"] == orphans
    assert [(one["state"], one["events"], one["orphans"]) for one in deliveries[:2]] == [
        ("split", 0, 1), ("split", 1, 0),
    ]  # fmt: skip
    assert deliveries[0]["bytes"] == len(body)
    assert [(one["account"], one["app"]) for one in orphans] == [("17841400000000999", app.name)]
    assert "for nobody" not in str(deliveries) + str(orphans)
    assert refused.status_code == 403


def test_the_operator_feeds_in_what_came_before_its_account(seeded: Seeded) -> None:
    app, asker = own_app(seeded), Asker(seeded)
    body = dm("17841400000000999", PEOPLE["luz"], "m_x", "oi", NOW)
    seeded.ledger.deliveries.store([NewDelivery(app.id, None, body, NOW)])
    work(seeded, NOW)
    seeded.ledger._db.run(
        "UPDATE account SET ig_id = '17841400000000999' WHERE tenant_id = ?",
        (seeded.luz.tenant.id,),
    )

    def adopt(body: Any = None, status: int = 200) -> Any:
        reply = asker.ask("POST", "/api/v1/orphans/adopt", key=seeded.operator, json=body)
        assert reply.status_code == status
        return reply.json

    unknown = adopt({"app": "no-such-app"}, status=404)
    taken = adopt({"app": app.name})
    again = adopt()
    work(seeded, NOW + 3_600_000)

    names = ", ".join(one.name for one in seeded.ledger.apps.list())
    assert unknown["description"] == f"there is no app 'no-such-app'; use one of {names}"
    assert again == {"events": 0, "duplicates": 0, "more": False}
    assert taken == {"events": 1, "duplicates": 0, "more": False}
    (event,) = (one for one in seeded.ledger.for_tenant(seeded.luz.tenant.id).events(10)
                if one.ref == "m_x")  # fmt: skip
    assert (event.state, event.outcome) == ("closed", "answered")
    assert [entry.object for entry in seeded.ledger.audit.list(None, action="orphan.adopt")] == [
        "", app.name,
    ]  # fmt: skip


def test_a_command_feeds_orphans_in(tmp_path: Path) -> None:
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    seeded = seed(ledger)
    body = dm("17841400000000999", PEOPLE["luz"], "m_x", "oi", NOW)
    app = own_app(seeded)
    ledger.deliveries.store([NewDelivery(app.id, None, body, NOW)])
    work(seeded, NOW)
    ledger._db.run("UPDATE account SET ig_id = '17841400000000999' WHERE tenant_id = ?",
                   (seeded.luz.tenant.id,))  # fmt: skip
    ledger.close()

    first = igrules("orphans", "adopt", cwd=tmp_path)
    second = igrules("orphans", "adopt", "--app", app.name, "--format", "json", cwd=tmp_path)
    third = igrules("orphans", "adopt", "--app", "nope", cwd=tmp_path)

    assert first.stdout == "1 event adopted\n"
    assert json.loads(second.stdout) == {"igrules": 1, "events": 0, "duplicates": 0}
    assert (third.returncode, third.stdout) == (2, "")
    assert third.stderr.startswith("error: there is no app 'nope'\n  = help: use one of ")


_WHOLE = re.compile(r"SCAN (?!l\b)|SEARCH [is] USING INDEX \w+ \(tenant_id=\?\)")


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(person=ANA),
        Wanted(person=ANA, since=NOW),
        Wanted(outcome="failed"),
        Wanted(outcome="quarantined", until=NOW),
    ],
)
def test_few_events_are_found_without_reading_all(wanted: Wanted, tmp_path: Path) -> None:
    ledger = Ledger.open(str(tmp_path / "a.db"), tmp_path / "state")
    scope = ledger.for_tenant(ledger.tenants.add("luz", "Luz", NOW).id)

    with traced(ledger) as carried_out:
        scope.events(50, (NOW, 9), wanted)
        scope.messages(ANA, 50, (NOW, 1, 9))
        scope.contacts(50, 9, username="ana")

    plans = [
        f"{row[-1]}: {sql}"
        for sql, parameters in carried_out
        for row in ledger._db.all(f"EXPLAIN QUERY PLAN {sql}", parameters)
    ]
    ledger.close()
    assert len(carried_out) == 4
    assert [plan for plan in plans if _WHOLE.match(plan)] == []


def test_people_see_every_outcome_of_a_delivery(tmp_path: Path) -> None:
    """A press on the dashboard's test button, too: else that body came to nothing at all."""
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    seeded = seed(ledger)
    body = dm("0", PEOPLE["luz"], "m_test", "oi", NOW)
    ledger.deliveries.store([NewDelivery(own_app(seeded).id, None, body, NOW)])
    work(seeded, NOW)
    ledger.close()

    head, newest, *_ = igrules("webhooks", "list", "--deliveries", cwd=tmp_path).stdout.splitlines()

    assert head.split()[-4:] == ["events", "duplicates", "orphans", "tests"]
    assert newest.split()[-4:] == ["0", "0", "0", "1"]


def test_programs_get_times_with_their_offset(tmp_path: Path) -> None:
    """What people see is in the machine's zone and without its name."""
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    seeded = seed(ledger)
    event = seeded.luz.words["event"]
    ledger.alerts.note("late", "", "answers are late", NOW)
    ledger.close()

    def run(*words: str) -> Any:
        return json.loads(igrules(*words, "--format", "json", cwd=tmp_path).stdout)

    one = run("trace", event, "--tenant", "luz")
    times = [one["time"], one["sends"][0]["time"]]
    for words, name in (
        (["trace", "--tenant", "luz"], "events"),
        (["sends", "list", "--tenant", "luz"], "sends"),
        (["history", "luz"], "versions"),
        (["webhooks", "list", "--tenant", "luz"], "webhooks"),
        (["webhooks", "list", "--deliveries"], "deliveries"),
        (["orphans", "list"], "orphans"),
        (["alerts", "list"], "alerts"),
    ):
        times += [row["time"] for row in run(*words)[name]]

    assert one["igrules"] == 1
    assert [text for text in times if not re.search(r"T\d\d:.*\+00:00$", text)] == []
    assert len(times) >= 8


def test_a_command_decides_again_and_groups_what_nobody_answered(tmp_path: Path) -> None:
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    seeded = seed(ledger)
    say(seeded, (ANA, "Quanto  custa?"), (BEN, "quanto custa?"), (BEN, "tem azul?"))
    id = failed(seeded)
    ledger.close()

    def run(*words: str) -> Any:
        result = igrules(*words, "--tenant", "luz", "--format", "json", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    unanswered = run("trace", "--unanswered")["unanswered"]
    dry = run("replay", id, "--dry-run")
    again = run("replay", id)
    refused = igrules("replay", seeded.luz.words["event"], cwd=tmp_path)

    assert [(row["count"], row["text"]) for row in unanswered] == [
        (2, "quanto custa?"), (1, "tem azul?"),
    ]  # fmt: skip
    assert (dry["outcome"], again["reopened"]) == ("answered", True)
    assert refused.returncode == 5
