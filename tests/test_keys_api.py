"""Keys, secrets and the audit log over the API."""

from __future__ import annotations

from typing import Any

import pytest

from igrules.ledger import Ledger
from igrules.web.times import shown
from tests.ledgering import DAY
from tests.seeding import NOW, Asker, Seeded, seed


@pytest.fixture
def seeded(ledger: Ledger) -> Seeded:
    return seed(ledger)


@pytest.fixture
def asker(seeded: Seeded) -> Asker:
    return Asker(seeded)


def test_a_key_is_shown_once_and_works(asker: Asker, seeded: Seeded) -> None:
    admin = seeded.luz.keys["admin"]

    made = asker.ask(
        "POST", "/api/v1/keys", key=admin, json={"scopes": ["send", "read"], "label": "crm"}
    )

    shown_then = dict(made.json)
    key = shown_then.pop("key")
    assert made.status_code == 201
    assert shown_then == {
        "id": key.split("_")[2], "kind": "tenant", "scopes": ["read", "send"], "label": "crm",
        "state": "live", "created_at": shown_then["created_at"], "expires_at": None,
        "revoked_at": None, "used_at": None,
    }  # fmt: skip
    listed = asker.ask("GET", "/api/v1/keys", key=admin)
    assert listed.json["items"][0] == shown_then
    assert key.split("_")[3] not in listed.text
    assert asker.ask("GET", "/api/v1/events", key=key).status_code == 200
    assert asker.ask("GET", "/api/v1/keys", key=key).status_code == 403


def test_keys_come_in_pages_newest_first(asker: Asker, seeded: Seeded) -> None:
    admin = seeded.luz.keys["admin"]
    ids, cursor = [], None
    while True:
        query: dict[str, Any] = {"limit": 2} if cursor is None else {"limit": 2, "cursor": cursor}
        page = asker.ask("GET", "/api/v1/keys", key=admin, query=query).json
        ids += [key["id"] for key in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert ids == [key.id for key in seeded.ledger.keys.list(seeded.luz.tenant.id)]


def test_a_made_up_cursor_breaks_nothing(asker: Asker, seeded: Seeded) -> None:
    admin = seeded.luz.keys["admin"]
    statuses = {
        asker.ask("GET", path, key=admin, query={"cursor": cursor}).status_code
        for path in ("/api/v1/keys", "/api/v1/secrets", "/api/v1/audit")
        for cursor in ("nonsense", "WzFd", "WyJcdWQ4MDAiXQ", "WyIiXQ")
    }

    assert statuses == {200, 400}


def test_a_revoked_key_is_refused(asker: Asker, seeded: Seeded) -> None:
    admin, id = seeded.luz.keys["admin"], seeded.luz.words["key"]

    first = asker.ask("DELETE", f"/api/v1/keys/{id}", key=admin)
    again = asker.ask("DELETE", f"/api/v1/keys/{id}", key=admin)

    assert (first.status_code, again.status_code) == (204, 204)
    (key,) = [
        key for key in asker.ask("GET", "/api/v1/keys", key=admin).json["items"] if key["id"] == id
    ]
    assert key["state"] == "revoked"
    rotated = asker.ask("POST", f"/api/v1/keys/{id}/rotate", key=admin, json={})
    assert rotated.status_code == 409


def test_rotating_gives_a_new_key_and_ends_the_old_one_later(asker: Asker, seeded: Seeded) -> None:
    admin, id = seeded.luz.keys["admin"], seeded.luz.words["key"]

    new = asker.ask("POST", f"/api/v1/keys/{id}/rotate", key=admin, json={"grace": "1h"})

    assert new.status_code == 201
    assert new.json["scopes"] == ["read"]
    old = seeded.ledger.keys.get(id, seeded.luz.tenant.id)
    assert old.expires_at == asker.clock.now() + 3_600_000
    unclear = asker.ask("POST", f"/api/v1/keys/{id}/rotate", key=admin, json={})
    never = asker.ask("POST", f"/api/v1/keys/{id}/rotate", key=admin, json={"expires_at": None})
    assert (unclear.status_code, never.status_code) == (400, 201)


def test_a_key_that_cannot_be_is_refused_with_a_reason(asker: Asker, seeded: Seeded) -> None:
    before = seeded.ledger.keys.list(seeded.luz.tenant.id)
    bodies: list[dict[str, Any]] = [
        {},
        {"scopes": []},
        {"scopes": ["operator"]},
        {"scopes": ["read", "read"]},
        {"scopes": ["read"], "expires_at": "2020-01-01T00:00:00+00:00"},
        {"scopes": ["read"], "expires_at": "tomorrow"},
        {"scopes": ["read"], "tenant_id": 2},
        {"scopes": ["read"], "label": "x" * 101},
    ]

    replies = [
        asker.ask("POST", "/api/v1/keys", key=seeded.luz.keys["admin"], json=body)
        for body in bodies
    ]

    assert [reply.status_code for reply in replies] == [400] * len(bodies)
    after = seeded.ledger.keys.list(seeded.luz.tenant.id)
    assert [key.id for key in after] == [key.id for key in before]


def test_no_tenant_key_makes_an_operators(asker: Asker, seeded: Seeded) -> None:
    for scopes in (["operator"], ["operator:read"]):
        reply = asker.ask(
            "POST", "/api/v1/operator/keys", key=seeded.luz.keys["admin"], json={"scopes": scopes}
        )
        assert reply.status_code == 403
    reader = asker.ask(
        "POST", "/api/v1/operator/keys", key=seeded.operator_read, json={"scopes": ["operator"]}
    )
    assert reader.status_code == 403


def test_an_operator_makes_keys_of_both_kinds(asker: Asker, seeded: Seeded) -> None:
    reader = asker.ask(
        "POST", "/api/v1/operator/keys", key=seeded.operator, json={"scopes": ["operator:read"]}
    )
    tenants = asker.ask(
        "POST", "/api/v1/tenants/sol/keys", key=seeded.operator, json={"scopes": ["send"]}
    )

    assert (reader.status_code, reader.json["kind"]) == (201, "operator")
    assert (tenants.status_code, tenants.json["kind"]) == (201, "tenant")
    found = seeded.ledger.keys.check(tenants.json["key"], NOW)
    assert found is not None
    assert found.tenant_id == seeded.sol.tenant.id
    assert asker.ask("GET", "/api/v1/operator/audit", key=reader.json["key"]).status_code == 200


def test_secrets_are_stored_and_never_shown(asker: Asker, seeded: Seeded) -> None:
    admin, scope = seeded.luz.keys["admin"], seeded.ledger.for_tenant(seeded.luz.tenant.id)

    put = asker.ask("PUT", "/api/v1/secrets/shop", key=admin, json={"value": "s3cret-value"})

    assert scope.secrets.get("shop") == "s3cret-value"
    listed = asker.ask("GET", "/api/v1/secrets", key=admin)
    assert [one["name"] for one in listed.json["items"]] == ["access_token", "shop", "spare"]
    assert put.json in listed.json["items"]
    removed = asker.ask("DELETE", "/api/v1/secrets/shop", key=admin)
    again = asker.ask("DELETE", "/api/v1/secrets/shop", key=admin)
    assert (removed.status_code, again.status_code) == (204, 404)
    assert "s3cret" not in put.text + listed.text + removed.text + again.text


def test_a_secret_needs_a_name_that_rules_can_say(asker: Asker, seeded: Seeded) -> None:
    admin = seeded.luz.keys["admin"]
    for name in ("A", "a-b", "1a", "a" * 49, "%C3%B1", "%00"):
        reply = asker.ask("PUT", f"/api/v1/secrets/{name}", key=admin, json={"value": "x"})

        assert reply.status_code == 400, name


def test_a_value_that_is_no_text_is_refused(asker: Asker, seeded: Seeded) -> None:
    reply = asker.ask(
        "PUT", "/api/v1/secrets/shop", key=seeded.luz.keys["admin"],
        body=b'{"value": "\\ud800"}', headers={"Content-Type": "application/json"},
    )  # fmt: skip

    assert reply.status_code == 400


def test_each_act_leaves_one_entry_that_its_tenant_can_read(asker: Asker, seeded: Seeded) -> None:
    admin = seeded.luz.keys["admin"]
    id = admin.split("_")[2]
    since = asker.clock.now()
    asker.ask("PUT", "/api/v1/secrets/shop", key=admin, json={"value": "s3cret"})
    made = asker.ask("POST", "/api/v1/keys", key=admin, json={"scopes": ["read"]}).json
    asker.ask("DELETE", f"/api/v1/keys/{made['id']}", key=admin)
    asker.ask("PUT", "/api/v1/tenants/sol/secrets/shop", key=seeded.operator, json={"value": "x"})

    def entries(path: str, key: str, **query: Any) -> list[tuple[str, str, str, str]]:
        rows = asker.ask("GET", path, key=key, query=query).json["items"]
        return [(row["actor"], row["tenant"], row["action"], row["object"]) for row in rows]

    own = [
        (f"key:{id}", "luz", "key.revoke", made["id"]),
        (f"key:{id}", "luz", "key.create", made["id"]),
        (f"key:{id}", "luz", "secret.set", "shop"),
    ]
    operator = f"key:{seeded.operator.split('_')[2]}"
    assert entries("/api/v1/audit", admin) == own
    theirs = (operator, "sol", "secret.set", "shop")
    assert entries("/api/v1/operator/audit", seeded.operator)[:4] == [theirs, *own]
    assert entries("/api/v1/audit", admin, action="key.create") == own[1:2]
    assert entries("/api/v1/operator/audit", seeded.operator, actor=operator)[0] == theirs
    assert entries("/api/v1/audit", admin, until=shown(since)) == []
    assert entries("/api/v1/audit", admin, since=shown(since + DAY)) == []
    assert seeded.ledger.audit.verify(asker.clock.now()) == []
