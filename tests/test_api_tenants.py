"""Tenants, limits, pauses, statistics and apps through the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from igrules.instagram.reader import read
from igrules.ledger import Ledger, NewDelivery
from igrules.ledger.days import next_midnight
from igrules.web.times import shown
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker
from tests.seeding import ACCOUNTS, PEOPLE, Hands, Seeded
from tests.talking import dm
from tests.two_tenants import Asking, plant
from tests.working import NOW, publish


@pytest.fixture
def seeded(tmp_path: Path) -> Iterator[Seeded]:
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / "state")
    yield plant(ledger)
    ledger.close()


@pytest.fixture
def ask(seeded: Seeded) -> Asking:
    return Asking(seeded)


def test_a_tenant_is_added_shown_changed_and_listed(ask: Asking) -> None:
    made = ask("POST", "/tenants", {"slug": "nova", "name": "Nova", "timezone": "UTC"}, status=201)
    changed = ask("PATCH", "/tenants/nova", {"name": "Nova Luz", "email": "oi@nova.example"})
    listed = ask("GET", "/tenants", query={"limit": "2"})
    rest = ask("GET", "/tenants", query={"cursor": listed["next"]})

    webhook = {name: made.pop(name) for name in ("webhook_path", "verify_token")}
    assert made == {
        "id": "3", "slug": "nova", "name": "Nova", "email": "", "state": "active",
        "timezone": "UTC", "created_at": shown(NOW + 1_000), "deactivated_at": None,
        "version": None, "accounts": [],
    }  # fmt: skip
    assert changed == {**made, "name": "Nova Luz", "email": "oi@nova.example"}
    assert ask("GET", "/tenants/nova") == changed
    assert ask("GET", "/tenants/nova/webhook") == webhook
    assert webhook["webhook_path"] == f"/webhook/{webhook['verify_token']}"
    assert [one["slug"] for one in listed["items"]] == ["nova", "sol"]
    assert ([one["slug"] for one in rest["items"]], rest["next"]) == (["luz"], None)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"slug": "luz"}, 409, "there is a tenant 'luz' already"),
        ({"slug": "Não"}, 400, "'Não' is no slug"),
        ({"slug": "nova", "timezone": "Mars/Olympus"}, 400, "is not a time zone"),
        ({"slug": "nova", "colour": "red"}, 400, "unknown field 'colour'"),
        ({}, 400, "'slug' is missing"),
    ],
)
def test_a_tenant_that_cannot_be_is_refused(
    ask: Asking, body: dict[str, Any], status: int, said: str
) -> None:
    assert said in ask("POST", "/tenants", body, status=status)["description"]
    assert len(ask("GET", "/tenants")["items"]) == 2


def test_the_zone_is_that_of_the_present_day(ask: Asking, seeded: Seeded) -> None:
    """A new one counts from the next midnight of the old one on, and nothing is published then."""
    rules = "rules: [{id: a, when: dm, do: {text: oi}}]"
    publish(seeded.ledger, seeded.registry, rules, account=ACCOUNTS["luz"], zone="Asia/Tokyo")
    midnight = next_midnight("America/Sao_Paulo", NOW)

    zones = []
    for now in (midnight - 5_000, midnight):
        ask.asker.clock.at = now
        zones.append(ask("GET", "/tenants/luz")["timezone"])

    assert zones == ["America/Sao_Paulo", "Asia/Tokyo"]


def test_a_tenants_own_key_sees_itself_alone(ask: Asking, seeded: Seeded) -> None:
    own = ask("GET", "", key=seeded.luz.keys["read"])
    named = ask("GET", "/tenants/luz", key=seeded.luz.keys["read"])
    ask("GET", "/tenants/sol", key=seeded.luz.keys["admin"], status=404)
    ask("PUT", "/tenants/luz/limits", {}, key=seeded.luz.keys["admin"], status=403)
    ask("GET", "/tenants", key=seeded.luz.keys["admin"], status=403)

    assert own == named
    assert own["accounts"][0]["ig_id"] == ACCOUNTS["luz"]


def deliver(seeded: Seeded, key: str, now: int) -> str:
    """Why a webhook for ``luz`` that comes now is an orphan; empty when it is none."""
    (app,) = seeded.ledger.apps.list()
    body = dm(ACCOUNTS["luz"], PEOPLE["luz"], key, "oi", now)
    seeded.ledger.deliveries.store([NewDelivery(app.id, None, body, now)])
    before = seeded.ledger.stats()["orphans"]
    seeded.ledger.deliveries.split(read, now)
    after = seeded.ledger.stats()["orphans"]
    return next((reason for reason, n in after.items() if n != before.get(reason, 0)), "")


def test_a_deactivated_tenants_keys_and_webhooks_do_nothing_until_it_is_back(
    ask: Asking, seeded: Seeded
) -> None:
    rested = ask("POST", "/tenants/luz/deactivate")
    ask.asker.clock.forward(10)
    ask("GET", "", key=seeded.luz.keys["read"], status=401)
    ask("GET", "", key=seeded.sol.keys["read"])
    closed = deliver(seeded, "m_closed", NOW + 20_000)
    listed = ask("GET", "/tenants", query={"state": "deactivated"})
    back = ask("POST", "/tenants/luz/activate")
    ask.asker.clock.forward(10)

    assert (rested["state"], rested["deactivated_at"]) == ("deactivated", shown(NOW + 1_000))
    assert [one["slug"] for one in listed["items"]] == ["luz"]
    assert (back["state"], back["deactivated_at"]) == ("active", None)
    assert (closed, deliver(seeded, "m_open", NOW + 30_000)) == ("closed_tenant", "")
    ask("GET", "", key=seeded.luz.keys["read"])


def test_the_operators_limits_are_shown_beside_the_tenants_own(ask: Asking, seeded: Seeded) -> None:
    ask("PUT", "/tenants/luz/limits", {"daily_limit": 7, "hosts": [], "plugins": ["shop"]})
    found = ask("GET", "/limits", key=seeded.luz.keys["read"])
    lifted = ask("PUT", "/tenants/luz/limits", {})

    assert found == {
        "daily_limit": 7, "preset": None, "hosts": [], "plugins": ["shop"],
        "own_daily_limit": None, "effective_daily_limit": 7, "used_today": 1,
    }  # fmt: skip
    assert (lifted["daily_limit"], lifted["hosts"], lifted["effective_daily_limit"]) == (
        None, None, None)  # fmt: skip


def test_statistics_are_those_of_the_tenant(ask: Asking, seeded: Seeded) -> None:
    found = ask("GET", "/stats", key=seeded.luz.keys["read"])

    times = found["total"].pop("answer_times")
    assert times["count"] == 1
    assert found["total"] == {
        "webhooks": 1, "messages": 1, "events": {"message": 1}, "outcomes": {"answered": 1},
        "sends": {"sent": 1}, "kinds": {"text": 1}, "rules": {"hello": 1},
        "invalid": {},
        "runs": {},
    }  # fmt: skip
    assert [day["day"] for day in found["days"]] == ["2026-09-21"]
    assert {name: found[name] for name in ("total_messages", "messages_today", "from", "to")} == {
        "total_messages": 1, "messages_today": 1, "from": "2026-08-23", "to": "2026-09-21",
    }  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-02-30"},
        {"from": "2026-09-02", "to": "2026-09-01"},
        {"from": "2020-01-01"},
        {"to": "2026-12-01"},
        {"from": "yesterday"},
        {"to": "0001-01-01"},
        {"from": "9999-12-31", "to": "9999-12-31"},
    ],
)
def test_days_that_cannot_be_are_refused(ask: Asking, query: dict[str, str]) -> None:
    status = 200 if query == {"to": "0001-01-01"} else 400

    ask("GET", "/tenants/luz/stats", query=query, status=status)


def test_a_tenant_pauses_itself_and_its_operator_over_it(ask: Asking, seeded: Seeded) -> None:
    admin = seeded.luz.keys["admin"]
    own = ask("POST", "/pause", {"for": "1h"}, key=admin)
    ask("POST", "/tenants/luz/pause", {})
    lifted = ask("POST", "/resume", {}, key=admin)
    refused = ask("POST", "/resume", {}, key=admin, status=409)
    holds = ask("GET", "/holds", key=admin)["items"]
    ask("POST", "/tenants/luz/resume", {"send_waiting": True})

    assert own == {
        "scope": "tenant", "app": None, "tenant": "1", "account": None, "rule": None,
        "kind": None, "reason": "paused",
        "by": "tenant", "mode": "wait", "since": shown(NOW + 1_000),
        "until": shown(NOW + 3_601_000),
    }  # fmt: skip
    assert (lifted["lifted"], [one["by"] for one in lifted["holds"]]) == (1, ["operator"])
    assert refused["description"].startswith("the operator has paused this")
    assert [one["by"] for one in holds] == ["operator"]
    assert ask("GET", "/holds", key=admin)["items"] == []


def test_a_rule_and_an_account_are_paused_by_name(ask: Asking, seeded: Seeded) -> None:
    admin = seeded.luz.keys["admin"]
    rule = ask("POST", "/pause", {"rule": "hello", "mode": "drop"}, key=admin)
    account = ask("POST", "/pause", {"account": "luz.loja"}, key=admin)
    until = ask("POST", "/installation/pause", {"until": shown(NOW + 60_000)})

    listed = ask("GET", "/installation/holds", query={"limit": "2"})
    assert (rule["rule"], rule["mode"]) == ("hello", "drop")
    assert account["account"] == str(seeded.ledger.for_tenant(1).accounts.list()[0].id)
    assert (until["scope"], until["by"], until["until"]) == (
        "installation", "operator", shown(NOW + 60_000))  # fmt: skip
    assert listed["items"] == [rule, account]
    rest = ask("GET", "/installation/holds", query={"cursor": listed["next"]})
    assert rest == {"items": [until], "next": None}


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"rule": "nope"}, 404, "there is no rule 'nope'"),
        ({"account": "17841400000000202"}, 404, "there is no such account"),
        ({"account": "1", "rule": "hello"}, 400, "an account or a rule"),
        ({"for": "1h", "until": shown(NOW)}, 400, "exclude each other"),
        ({"for": "soon"}, 400, "for: "),
        ({"until": shown(NOW - 1)}, 400, "over already"),
        ({"for": "400d"}, 400, "more than a year"),
    ],
)
def test_what_cannot_be_paused_is_said(
    ask: Asking, seeded: Seeded, body: dict[str, Any], status: int, said: str
) -> None:
    found = ask("POST", "/pause", body, key=seeded.luz.keys["admin"], status=status)

    assert said in found["description"]
    assert ask("GET", "/installation/holds")["items"] == []


def test_the_backlog_is_shown_for_one_and_for_all(ask: Asking, seeded: Seeded) -> None:
    ask("POST", "/tenants/luz/pause", {"for": "1h"})
    order = {"contact": PEOPLE["luz"], "text": "oi"}
    ask("POST", "/sends", order, key=seeded.luz.keys["send"], status=202)

    own = ask("GET", "/backlog", key=seeded.luz.keys["read"])
    every = ask("GET", "/installation/backlog")["items"]

    end = shown(NOW + 3_601_000)
    assert own == {
        "count": 1, "last_at": end,
        "waiting": [{"held_by": "operator_paused", "count": 1, "next_at": shown(NOW + 3_000),
                     "last_at": end, "expiring": 0, "words": ""}],
    }  # fmt: skip
    assert [(one["tenant"], one["count"]) for one in every] == [("sol", 0), ("luz", 1)]


# Apps


def test_an_apps_secrets_are_changed_and_never_shown(ask: Asking, seeded: Seeded) -> None:
    made = ask(
        "POST", "/apps",
        {"name": "two", "api": "facebook_login", "secrets": ["one-secret"], "app_id": "7"},
        status=201,
    )  # fmt: skip
    added = ask("PATCH", "/apps/two", {"add_secret": "two-secret"})
    known = [one.secrets for one in seeded.ledger.apps.list() if one.name == "two"]
    replaced = ask("PATCH", "/apps/two", {"secrets": ["three-secret"], "verify_token": "v"})

    token = made.pop("verify_token")
    shown_ = {"name": "two", "api": "facebook_login", "app_id": "7", "tenant": None}
    assert made == {**shown_, "secrets": 1}
    assert len(token) >= 32
    assert (added, known) == ({**shown_, "secrets": 2}, [(b"two-secret", b"one-secret")])
    assert replaced == made == ask("GET", "/apps/two")
    app = seeded.ledger.apps.get("two")
    assert (app.secrets, app.verify_token) == ((b"three-secret",), "v")


def test_half_a_character_is_no_part_of_a_secret(ask: Asking, seeded: Seeded) -> None:
    body = {"name": "two", "api": "facebook_login", "secrets": ["s"], "verify_token": "v"}
    ask("POST", "/apps", body, status=201)
    wrong = [
        ("POST", "/apps", {**body, "name": "three", "secrets": ["\ud800"]}),
        ("POST", "/apps", {**body, "name": "three", "verify_token": "\ud800"}),
        ("PATCH", "/apps/two", {"add_secret": "\ud800"}),
        ("PATCH", "/apps/two", {"secrets": ["\ud800"]}),
        ("PATCH", "/apps/two", {"verify_token": "\ud800"}),
    ]
    kind = {"Content-Type": "application/json"}
    for method, path, content in wrong:
        ask(method, path, body=json.dumps(content).encode(), headers=kind, status=400)

    app = seeded.ledger.apps.get("two")
    assert (app.secrets, app.verify_token) == ((b"s",), "v")


def test_a_fifth_secret_is_refused(ask: Asking) -> None:
    secrets = ["a", "b", "c", "d"]
    body = {"name": "two", "api": "facebook_login", "secrets": secrets, "verify_token": "v"}
    made = ask("POST", "/apps", body, status=201)
    ask("PATCH", "/apps/two", {"add_secret": "e"}, status=409)
    again = ask("PATCH", "/apps/two", {"add_secret": "d"})
    ask("PATCH", "/apps/two", {"secrets": [*secrets, "e"]}, status=400)

    assert (made["verify_token"], again["secrets"]) == (None, 4)


def test_a_tenants_own_app_stays_while_its_account_is_connected(
    ask: Asking, seeded: Seeded
) -> None:
    seeded.ledger.apps.add("own", "instagram_login", ["s"], "v", NOW, tenant="luz")
    seeded.ledger.apps.add("spare", "instagram_login", ["s"], "v", NOW)

    refused = ask("DELETE", "/apps/own", status=409)
    seeded.ledger._db.run("UPDATE account SET state = 'disconnected' WHERE tenant_id = 1")
    ask("DELETE", "/apps/own", status=204)
    ask("DELETE", "/apps/own", status=404)

    assert "the account of tenant 'luz'" in refused["description"]
    assert [one["name"] for one in ask("GET", "/apps")["items"]] == ["meta", "spare"]


def test_the_shared_app_of_accounts_that_name_none_stays(ask: Asking, seeded: Seeded) -> None:
    only = ask("DELETE", "/apps/meta", status=409)
    seeded.ledger.apps.add("default", "instagram_login", ["s"], "v", NOW)
    default = ask("DELETE", "/apps/default", status=409)
    ask("DELETE", "/apps/meta", status=204)

    assert "'meta'" in only["description"]
    assert "'default'" in default["description"]


def test_rules_of_a_deactivated_tenant_do_not_run(ask: Asking, seeded: Seeded) -> None:
    """Also not for what came before and was not decided yet."""
    (app,) = seeded.ledger.apps.list()
    body = dm(ACCOUNTS["luz"], PEOPLE["luz"], "m_late", "oi", NOW)
    seeded.ledger.deliveries.store([NewDelivery(app.id, None, body, NOW)])
    seeded.ledger.deliveries.split(read, NOW)
    ask("POST", "/tenants/luz/deactivate")

    clock = Hands(NOW + 2_000)
    worker = Worker(
        seeded.ledger, seeded.registry, Configuration(rate_scale=1_000, threads=1), clock=clock
    )
    while worker.turn():
        pass

    event = seeded.ledger.for_tenant(1).events(1)[0]
    assert (event.outcome, event.reason) == ("skipped", "deactivated")
