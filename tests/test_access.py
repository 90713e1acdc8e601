"""Who may do what: every route and method of the router, with every kind of credential.

The expectations are made from the declarations by a second table of who may what, so that a
mistake in the first is a difference between the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from falcon.inspect import inspect_routes
from falcon.testing import Result

from igrules.ledger import Ledger
from igrules.ledger.keys import _with_check
from igrules.web.doors import DOORS
from igrules.web.operations import PUBLIC, SIGNED, Operation
from igrules.web.routes import ALL, OF_TENANT, paths_of
from tests.seeding import NOW, SCOPES, Asker, Seeded, Seeds, filled, rows, seed

COVERS = {
    "read": {"read"},
    "rules": {"rules"},
    "send": {"send"},
    "admin": {"read", "rules", "send", "admin"},
}
OWN_WORDS = {"version", "secret", "name", "number", "to", "from"}
"""Words of addresses that name a thing within a tenant: another tenant has its own of that name."""
DOOR_ROUTES = {(door.method, door.path) for door in DOORS}
ROUTES = [(operation, path) for operation in ALL for path in paths_of(operation)]


SIGNED_ROUTES = [route for route in ROUTES if SIGNED in route[0].access]
KEYED = [route for route in ROUTES if not {PUBLIC, SIGNED} & set(route[0].access)]
ASKING = [route for route in ROUTES if not route[0].audit]


def named(route: tuple[Operation, str]) -> str:
    return f"{route[0].method} {route[1]}"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    home: Path = tmp_path_factory.mktemp("access")
    ledger = Ledger.open(str(home / "igrules.db"), home / "state")
    yield seed(ledger)
    ledger.close()


@pytest.fixture(scope="module")
def asker(seeded: Seeded) -> Asker:
    return Asker(seeded)


@pytest.fixture(scope="module")
def credentials(seeded: Seeded) -> dict[str, dict[str, str]]:
    """Credentials that open nothing, as headers."""
    keys, luz = seeded.ledger.keys, seeded.luz.tenant.id
    revoked = keys.create("tenant", luz, SCOPES, NOW)
    keys.revoke(revoked.key.id, luz, NOW)
    expired = keys.create("tenant", luz, SCOPES, 1, expires_at=2)
    gone = keys.create("operator", 0, ["operator"], NOW)
    keys.revoke(gone.key.id, 0, NOW)
    values = {
        "malformed": "Bearer nonsense",
        "of another kind": "Basic b3BlcmF0b3I6cGFzc3dvcmQ=",
        "empty": "Bearer ",
        "with a wrong secret": f"Bearer {forged(seeded.operator)}",
        "with a wrong check": f"Bearer {seeded.operator[:-1]}"
        + ("0" if seeded.operator[-1] != "0" else "1"),
        "of the other kind": f"Bearer {as_operator(seeded.luz.keys['admin'])}",
        "revoked": f"Bearer {revoked.secret}",
        "a revoked one of the operator": f"Bearer {gone.secret}",
        "expired": f"Bearer {expired.secret}",
        "not ASCII": "Bearer igk_op_ñ",
    }
    found = {name: {"Authorization": value} for name, value in values.items()}
    return {
        "none": {},
        "a cookie of the console": {"Cookie": f"igrules_session={seeded.operator}"},
        **found,
    }


def forged(key: str) -> str:
    """The key with another secret and the check that belongs to it."""
    kind, id, secret = re.fullmatch(r"igk_(op|ten)_(\w{8})_(\w{43})_\w{6}", key).groups()  # type: ignore[union-attr]
    return _with_check(f"igk_{kind}_{id}_{secret[::-1]}")


def as_operator(key: str) -> str:
    """A tenant's key that claims to be the installation's."""
    return _with_check(key.replace("igk_ten_", "igk_op_").rpartition("_")[0])


def is_refusal(reply: Result, status: int, code: str) -> bool:
    """Whether this is a refusal in our form, and nothing else is told."""
    body = reply.json
    assert set(body) == {"title", "description", "code"}, body
    assert body["title"].startswith(str(status)), body
    assert reply.headers["content-type"] == "application/json"
    if status == 401:
        assert reply.headers["www-authenticate"] == "Bearer"
    return (reply.status_code, body["code"]) == (status, code)


def test_every_route_of_the_router_is_declared_and_every_declared_one_is_served(
    asker: Asker,
) -> None:
    served = {
        (method.method, route.path)
        for route in inspect_routes(asker.app)
        for method in route.methods
        if not method.internal and method.method != "HEAD"
    }

    declared = {(operation.method, path) for operation, path in ROUTES}

    assert served - declared - DOOR_ROUTES == set()
    assert declared | DOOR_ROUTES == served


@pytest.mark.parametrize("route", [r for r in ROUTES if r not in SIGNED_ROUTES], ids=named)
def test_what_opens_nothing_is_refused_everywhere_alike(
    route: tuple[Operation, str], asker: Asker, seeded: Seeded, credentials: dict[str, Any]
) -> None:
    operation, path = route
    wrong = []
    for name, headers in credentials.items():
        if PUBLIC in operation.access and "Authorization" not in headers:
            continue
        reply = asker.example(operation, path, seeded.luz.words, headers=headers)
        if not is_refusal(reply, 401, "unauthorized"):
            wrong.append((name, reply.status_code, reply.text))

    assert wrong == []


@pytest.mark.parametrize("route", SIGNED_ROUTES, ids=named)
def test_no_key_stands_for_a_signature(
    route: tuple[Operation, str], asker: Asker, seeded: Seeded
) -> None:
    operation, path = route
    forged = {**seeded.luz.words, "signed_request": seeded.sol.words["signed_request"]}
    replies = [
        asker.example(operation, path, forged, key=key)
        for key in (None, seeded.operator, seeded.luz.keys["admin"])
    ]

    assert [is_refusal(reply, 403, "forbidden") for reply in replies] == [True] * 3


@pytest.mark.parametrize("route", KEYED, ids=named)
def test_a_key_of_too_small_a_scope_is_refused(
    route: tuple[Operation, str], asker: Asker, seeded: Seeded
) -> None:
    operation, path = route
    small = [s for s in SCOPES if not COVERS[s] & set(operation.access)]
    refused = {
        scope: asker.example(operation, path, seeded.luz.words, key=seeded.luz.keys[scope])
        for scope in small
    }

    assert [s for s, reply in refused.items() if not is_refusal(reply, 403, "forbidden")] == []


@pytest.mark.parametrize("route", KEYED, ids=named)
def test_another_tenants_key_finds_nothing(
    route: tuple[Operation, str], asker: Asker, seeded: Seeded
) -> None:
    """A foreign tenant and a missing one answer alike, and so do their things."""
    operation, path = route
    luz, key = seeded.luz, seeded.sol.keys["admin"]
    if path.startswith(OF_TENANT):
        reply = asker.example(operation, path, luz.words, key=key)
        missing = asker.example(operation, path, {**luz.words, "tenant": "nobody"}, key=key)
        assert is_refusal(reply, 404, "not_found")
        assert reply.text.replace("luz", "nobody") == missing.text
        return
    if not set(operation.access) & COVERS["admin"]:
        reply = asker.example(operation, path, luz.words, key=key)
        assert is_refusal(reply, 403, "forbidden")
        return
    words = set(re.findall(r"{(\w+)", path))
    if words - OWN_WORDS:
        reply = asker.example(operation, path, luz.words, key=key)
        assert is_refusal(reply, 404, "not_found"), reply.text
        missing = asker.example(operation, path, nobodys(operation, luz), key=key)
        assert masked(reply.text, operation, luz) == masked(missing.text, operation, luz)
    elif not operation.audit:
        reply = asker.example(operation, path, luz.words, key=key)
        assert reply.status_code < 500
        assert luz.canary not in reply.text


@pytest.mark.parametrize("route", KEYED, ids=named)
def test_an_operators_key_reads_all_and_names_the_tenant(
    route: tuple[Operation, str], asker: Asker, seeded: Seeded
) -> None:
    operation, path = route
    reader = asker.example(operation, path, seeded.luz.words, key=seeded.operator_read)
    sends_only = set(operation.access) == {"send"}
    if operation.tenant and not path.startswith(OF_TENANT):
        whole = asker.example(operation, path, seeded.luz.words, key=seeded.operator)
        assert is_refusal(reader, 400, "bad_request")
        assert is_refusal(whole, 400, "bad_request")
        assert "/api/v1/tenants/{tenant}" in whole.json["description"]
    elif operation.method != "GET" or sends_only:
        assert is_refusal(reader, 403, "forbidden"), reader.text
    else:
        assert reader.status_code in operation.answers, reader.text
    if sends_only and (not operation.tenant or path.startswith(OF_TENANT)):
        whole = asker.example(operation, path, seeded.luz.words, key=seeded.operator)
        assert is_refusal(whole, 403, "forbidden")


@pytest.mark.parametrize("route", ASKING, ids=named)
def test_the_right_key_is_let_in(
    route: tuple[Operation, str], asker: Asker, seeded: Seeded
) -> None:
    """What changes something is in `tests/test_audit_routes.py`, on a database of its own."""
    operation, path = route
    keys = {s: seeded.luz.keys[s] for s in SCOPES if COVERS[s] & set(operation.access)}
    if operation.tenant and not path.startswith(OF_TENANT):
        pass
    elif {"operator", "operator:read"} & set(operation.access) or operation.tenant:
        keys["operator"] = seeded.operator
    if PUBLIC in operation.access:
        keys["nobody's"] = ""
    replies = {
        name: asker.example(operation, path, seeded.luz.words, key=key or None)
        for name, key in keys.items()
    }

    assert keys
    assert {n: r.text for n, r in replies.items() if r.status_code not in operation.answers} == {}


def test_no_refusal_touched_a_row(asker: Asker, seeded: Seeded) -> None:
    """But counters, the audit log, and the minute in which a key was last used."""

    def all_rows() -> dict[str, Any]:
        return rows(seeded.ledger, lambda table: table in ("audit", "key", "process"))

    before = all_rows()
    for operation, path in ROUTES:
        if {PUBLIC, SIGNED} & set(operation.access):
            continue
        asker.example(operation, path, seeded.luz.words)
        asker.example(operation, path, seeded.luz.words, key=forged(seeded.operator))
        if path.startswith(OF_TENANT):
            asker.example(operation, path, seeded.luz.words, key=seeded.sol.keys["admin"])
        for scope in SCOPES:
            if not COVERS[scope] & set(operation.access):
                asker.example(operation, path, seeded.luz.words, key=seeded.luz.keys[scope])
        if operation.method != "GET":
            asker.example(operation, path, seeded.luz.words, key=seeded.operator_read)

    assert all_rows() == before


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_other_methods_are_refused_with_those_it_takes(
    route: tuple[Operation, str], asker: Asker, seeded: Seeded
) -> None:
    _, path = route
    address = re.sub(r"{(\w+)(?::[^}]*)?}", "1", path)
    taken = {op.method for op, at in ROUTES if at == path} | {
        method for method, at in DOOR_ROUTES if at == path
    }
    taken |= {"HEAD"} if "GET" in taken else set()
    for method in {"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST"} - taken:
        reply = asker.ask(method, address, key=seeded.operator)
        assert reply.status_code == 405, (method, reply.text)
        assert set(re.split(", ?", reply.headers["allow"])) == taken


def nobodys(operation: Operation, seeds: Seeds) -> dict[str, str]:
    """The words of an example with ids that nobody has."""
    told = filled(dict(operation.examples.get("path", {})), seeds.words)
    return {
        **seeds.words,
        **{
            word: "987654321" if seeds.words[word].isdigit() else "Zz9zZ9zZ"
            for word in seeds.words
            if seeds.words[word] in told.values() and word not in OWN_WORDS
        },
    }


def masked(text: str, operation: Operation, seeds: Seeds) -> str:
    """An answer without the ids that were asked for."""
    told = filled(dict(operation.examples.get("path", {})), seeds.words)
    for value in ("987654321", "Zz9zZ9zZ", *map(str, told.values())):
        text = text.replace(value, "…")
    return text
