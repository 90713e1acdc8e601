"""Contacts through the API: found, changed by differences, handed to a person and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from igrules.ledger import Ledger
from igrules.model import FOR_GOOD, Change
from igrules.web import times
from tests.seeding import PEOPLE, Asker, Seeded, seed
from tests.test_api_events import say, work
from tests.working import NOW

ANA = PEOPLE["luz"]
Ask = Callable[..., Any]


@pytest.fixture
def seeded(ledger: Ledger) -> Seeded:
    return seed(ledger)


@pytest.fixture
def ask(seeded: Seeded) -> Ask:
    asker = Asker(seeded)

    def send(
        method: str, path: str, body: Any = None, *, scope: str = "admin", **query: Any
    ) -> Any:
        key = seeded.luz.keys[scope]
        return asker.ask(method, f"/api/v1/contacts{path}", key=key, query=query, json=body)

    return send


def test_a_contact_is_found_by_id_by_name_and_by_tag(seeded: Seeded, ask: Ask) -> None:
    seeded.ledger._db.run("UPDATE contact SET username = 'ana.s' WHERE person = ?", (ANA,))
    ask("PATCH", f"/{ANA}", {"tags": {"add": ["vip", "vip-2"]}})

    one = ask("GET", f"/{ANA}").json

    assert (one["id"], one["username"], one["tags"]) == (ANA, "ana.s", ["vip", "vip-2"])
    assert (one["handoff"], one["opted_out"], one["language"]) == (None, False, None)
    assert ask("GET", "/@ana.s").json == one
    assert ask("GET", "", username="@ana.s").json["items"] == [one]
    assert ask("GET", "", tag="vip").json["items"] == [one]
    assert ask("GET", "", tag="vi").json["items"] == []
    assert ask("GET", "", tag="lead", username="ana.s").json["items"] == []
    assert ask("GET", f"/{PEOPLE['sol']}").status_code == 404
    assert ask("GET", "/@nobody").status_code == 404


def test_nobody_has_an_empty_name(seeded: Seeded, ask: Ask) -> None:
    """Most contacts have no user name yet; '@' alone must not mean any of them."""
    before = seeded.ledger._db.all("SELECT * FROM contact ORDER BY id")
    replies = [
        ask("GET", "/@"),
        ask("PUT", "/@/handoff", {}),
        ask("PATCH", "/@", {"tags": {"add": ["vip"]}}),
        ask("POST", "/@/export"),
        ask("DELETE", "/@"),
    ]

    assert [reply.status_code for reply in replies] == [404] * 5
    assert ask("GET", "", username="@").json["items"] == []
    assert seeded.ledger._db.all("SELECT * FROM contact ORDER BY id") == before


def test_half_characters_and_nul_are_replaced_in_fields(seeded: Seeded, ask: Ask) -> None:
    body = json.dumps({"fields": {"set": {"size": "a\0b\ud800"}}}).encode()
    changed = Asker(seeded).ask(
        "PATCH", f"/api/v1/contacts/{ANA}", key=seeded.luz.keys["admin"], body=body,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip

    assert changed.json["fields"] == {"size": "a\ufffdb\ufffd"}


def test_contacts_come_in_pages(seeded: Seeded, ask: Ask) -> None:
    say(seeded, *((f"3000{number}", "oi") for number in range(4)))

    first = ask("GET", "", limit=3).json
    second = ask("GET", "", limit=3, cursor=first["next"]).json

    assert [one["id"] for one in first["items"]] == ["30003", "30002", "30001"]
    assert second["items"][0]["id"] == "30000"
    assert ANA in [one["id"] for one in second["items"]]


def test_only_what_is_named_changes(seeded: Seeded, ask: Ask) -> None:
    """Otherwise the console would undo what a running turn has just written."""
    ask("PATCH", f"/{ANA}", {"tags": {"add": ["a", "b"]}, "fields": {"set": {"size": "M", "n": 1}}})
    scope = seeded.ledger.for_tenant(seeded.luz.tenant.id)
    scope.change_contact(ANA, [Change("tag", "c"), Change("set", "city", "Rio")], NOW)

    changed = ask(
        "PATCH", f"/{ANA}",
        {"tags": {"remove": ["a"]}, "fields": {"set": {"size": "G"}, "unset": ["n"]},
         "language": "es"},
    ).json  # fmt: skip

    assert changed["tags"] == ["b", "c"]
    assert changed["fields"] == {"city": "Rio", "size": "G"}
    assert changed["language"] == "es"
    assert ask("PATCH", f"/{ANA}", {"language": None}).json["language"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"tags": {}},
        {"tags": {"add": ["Não"]}},
        {"tags": {"add": ["a" * 49]}},
        {"fields": {"set": {"Size": "M"}}},
        {"fields": {"set": {"size": "x" * 1001}}},
        {"fields": {"set": {"size": ["M"]}}},
        {"fields": {"set": {"followers": 9}}},
        {"fields": {"set": {"language": "es"}}},
        {"fields": {"set": {"size\n": "M"}}},
        {"tags": {"add": ["vip\n"]}},
        {"language": "spanish"},
        {"name": "Ana"},
    ],
)
def test_what_a_rule_could_not_write_is_refused(body: dict[str, Any], ask: Ask) -> None:
    assert ask("PATCH", f"/{ANA}", body).status_code == 400


def test_a_contact_has_fifty_fields_at_most(ask: Ask) -> None:
    fields = {f"f{number}": "x" for number in range(50)}
    full = ask("PATCH", f"/{ANA}", {"fields": {"set": fields}})

    one_more = ask("PATCH", f"/{ANA}", {"fields": {"set": {"g": "x"}}})
    in_place = ask("PATCH", f"/{ANA}", {"fields": {"set": {"g": "x"}, "unset": ["f0"]}})

    assert [one.status_code for one in (full, one_more, in_place)] == [200, 409, 200]
    assert len(ask("GET", f"/{ANA}").json["fields"]) == 50


def test_rules_hear_of_a_tag_and_of_the_end_of_a_handoff(seeded: Seeded, ask: Ask) -> None:
    scope = seeded.ledger.for_tenant(seeded.luz.tenant.id)

    ask("PATCH", f"/{ANA}", {"tags": {"add": ["vip"]}})
    ask("PATCH", f"/{ANA}", {"tags": {"add": ["vip"]}})
    ask("PUT", f"/{ANA}/handoff", {})
    ask("DELETE", f"/{ANA}/handoff")
    ask("DELETE", f"/{ANA}/handoff")
    work(seeded, NOW + 60_000)

    heard = [(row.kind, row.outcome) for row in reversed(scope.events(2))]
    assert heard == [("tag_added", "no_match"), ("handoff_ended", "no_match")]


def test_rules_are_silent_while_a_person_has_the_contact(seeded: Seeded, ask: Ask) -> None:
    until = times.shown(NOW + 3_600_000)

    handed = ask("PUT", f"/{ANA}/handoff", {"until": until}).json
    say(seeded, (ANA, "oi"))
    back = ask("DELETE", f"/{ANA}/handoff").json

    scope = seeded.ledger.for_tenant(seeded.luz.tenant.id)
    assert handed["handoff"] == {"until": until}
    assert [(row.kind, row.reason) for row in scope.events(2)] == [
        ("message", "handed_off"), ("handoff_ended", ""),
    ]  # fmt: skip
    assert back["handoff"] is None
    assert ask("PUT", f"/{ANA}/handoff").json["handoff"] == {"until": None}
    assert scope.contact(ANA).handoff_until == FOR_GOOD


def test_a_handoff_into_the_past_is_refused(ask: Ask) -> None:
    for until in (times.shown(NOW - 1), "2026-03-10", "tomorrow"):
        assert ask("PUT", f"/{ANA}/handoff", {"until": until}).status_code == 400


def test_changing_needs_more_than_reading(ask: Ask) -> None:
    body = {"tags": {"add": ["vip"]}}

    codes = [ask("PATCH", f"/{ANA}", body, scope=scope).status_code for scope in ("read", "rules")]

    assert codes == [403, 403]
    assert ask("PATCH", f"/{ANA}", body, scope="send").status_code == 200


def test_the_audit_log_names_a_contact_by_number_only(seeded: Seeded, ask: Ask) -> None:
    ask("PATCH", f"/{ANA}", {"fields": {"set": {"phone": "+55 11 99999"}}})

    (entry,) = seeded.ledger.audit.list(seeded.luz.tenant.id, action="contact.change")
    assert entry.object.isdigit()
    assert entry.object != ANA
    assert "99999" not in repr(entry)
