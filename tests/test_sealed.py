"""Sealed values: all known, bound to their place, and sealed anew with a new key."""

from __future__ import annotations

import ast
import base64
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from igrules.errors import SealError
from igrules.ledger import Ledger, Wait
from igrules.ledger.sealed import COLUMNS, SLICE
from igrules.ledger.seals import Place
from igrules.work.configuration import Configuration
from igrules.work.doctor.keys import check as check_keys
from tests.ledgering import NOW, World, dm, settings, text

PACKAGE = Path(__file__).parent.parent / "igrules"


def line(name: str) -> str:
    """A line of a master key file."""
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"


OLD, NEW = line("old"), line("new")
SOLS = "17841400000000202"


@pytest.fixture
def url(request: pytest.FixtureRequest, database_url: str) -> str:
    """A database without rows and without a key."""
    if database_url.startswith("postgres"):
        return str(request.getfixturevalue("postgres").empty())
    return database_url


def opened(url: str, *keys: str) -> Ledger:
    """The ledger with these master keys."""
    return Ledger.open(url, "/nowhere", environ={"IGRULES_KEY": "\n".join(keys)})


@pytest.fixture
def old(url: str) -> Iterator[Ledger]:
    """A ledger with the old key, with a value in every sealed column."""
    ledger = opened(url, OLD)
    fill(ledger)
    yield ledger
    ledger.close()


def fill(ledger: Ledger) -> None:
    """Store something in every sealed column."""
    world = World(ledger)
    (account,) = world.scope.accounts.list()
    tenant = world.tenant.id
    ledger.apps.add("own", "facebook_login", ["s1", "s2"], "v", NOW, tenant="luz")
    place = Place("account", "token", tenant, account.id)
    ledger._db.run("UPDATE account SET token = ?", (ledger._seals.seal(b"IGAA-t", place),))
    ledger._db.run(
        "INSERT INTO erasure (id, tenant_id, what, subject, source, state, asked_at, sealed)"
        " VALUES (7, ?, 'contact', ?, 'api', 'running', ?, ?)",
        (tenant, b"x", NOW, ledger._seals.seal(b"[]", Place("erasure", "sealed", tenant, 7))),
    )


def prefixes(ledger: Ledger) -> dict[str, set[str]]:
    """Column to the names of the keys its values are sealed with, found by looking at every cell
    of the database."""
    found: dict[str, set[str]] = {}
    for table in tables(ledger):
        for row in ledger._db.all(f"SELECT * FROM {table}"):
            for name, value in zip(columns(ledger, table), row, strict=True):
                if isinstance(value, str) and value.startswith("v1."):
                    found.setdefault(f"{table}.{name}", set()).add(value.split(".")[1])
    return found


def tables(ledger: Ledger) -> list[str]:
    """Every table."""
    from igrules.ledger.migrating import TABLES

    return list(TABLES)


def columns(ledger: Ledger, table: str) -> list[str]:
    """The columns of a table, in order."""
    if ledger.engine == "sqlite":
        return [row[1] for row in ledger._db.all(f"PRAGMA table_info({table})")]
    return [
        name
        for (name,) in ledger._db.all(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND table_name = ? ORDER BY ordinal_position",
            (table,),
        )
    ]


def test_every_column_that_holds_sealed_values_is_known(old: Ledger) -> None:
    """One that is missing would not be rotated, and its values would be lost with the old key."""
    known = {str(column) for column in COLUMNS}

    assert set(prefixes(old)) == known, (
        "add it to COLUMNS of igrules/ledger/sealed.py and to fill()"
    )


def test_every_place_in_the_source_is_a_known_column() -> None:
    places = {
        f"{call.args[0].value}.{call.args[1].value}"
        for path in sorted((PACKAGE / "ledger").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "Place"
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[1], ast.Constant)
    }

    assert places == {str(column) for column in COLUMNS}


def test_rotating_seals_everything_anew_and_says_when_the_old_key_may_go(
    old: Ledger, url: str
) -> None:
    both = opened(url, NEW, OLD)
    secret = both.for_tenant(both.tenants.get("luz").id).secrets
    assert set(both.sealed.left()) == {str(column) for column in COLUMNS}

    done = dict(both.sealed.renew())

    assert {column: one.renewed for column, one in done.items()} == {
        **dict.fromkeys((str(column) for column in COLUMNS), 1),
        "app.secrets": 2,
        "app.verify_token": 2,
    }
    assert both.sealed.left() == {}
    assert list(both.sealed.renew()) == []
    assert secret.get("access_token") == "IGAA-luz"
    both.close()
    assert all(names == {"new"} for names in prefixes(old).values())
    new = opened(url, NEW)
    assert new.sealed.that_do_not_open() == []
    assert [app.secrets for app in new.apps.list()] == [(b"secret",), (b"s1", b"s2")]
    new.close()
    with pytest.raises(SealError):
        opened(url, OLD)


def test_rotating_loses_nothing_that_is_stored_meanwhile(old: Ledger, url: str) -> None:
    """500 secrets are stored again and again by a process with both keys."""
    both = opened(url, NEW, OLD)
    scope = old.for_tenant(old.tenants.get("luz").id)
    with old._db.joined():
        for number in range(500):
            scope.secrets.set(f"s{number}", f"old {number}", NOW)
    writing = both.for_tenant(scope.tenant_id).secrets

    def store() -> None:
        for number in range(0, 500, 25):
            writing.set(f"s{number}", f"new {number}", NOW)

    with ThreadPoolExecutor(1) as other:
        storing = other.submit(store)
        slices = [one for column, one in both.sealed.renew() if column == "secret.value"]
        storing.result()

    values = [writing.get(f"s{number}") for number in range(500)]
    assert values == [f"{'new' if n % 25 == 0 else 'old'} {n}" for n in range(500)]
    assert len(slices) == -(-500 // SLICE)
    assert both.sealed.left() == {}
    assert both.sealed.that_do_not_open() == []
    both.close()


def test_a_value_that_does_not_open_is_named_and_left_alone(old: Ledger, url: str) -> None:
    old.tenants.add("sol", "Sol", NOW)
    sol = old.for_tenant(old.tenants.get("sol").id)
    sol.secrets.set("access_token", "IGAA-sol", NOW)
    copied = old._db.first("SELECT value FROM secret WHERE tenant_id <> ?", (sol.tenant_id,))
    assert copied is not None
    old._db.run("UPDATE secret SET value = ? WHERE tenant_id = ?", (copied[0], sol.tenant_id))

    (bad,) = old.sealed.that_do_not_open()
    assert str(bad) == f"secret.value of sol, row {bad.row_id}"
    with pytest.raises(SealError):
        sol.secrets.get("access_token")
    both = opened(url, NEW, OLD)
    slices = dict(both.sealed.renew())
    assert (slices["secret.value"].renewed, slices["secret.value"].closed) == (1, 1)
    assert both.sealed.left() == {"secret.value": 1}
    both.close()


def test_a_token_pasted_into_another_tenants_row_opens_nothing_and_its_sends_wait(
    ledger: Ledger,
) -> None:
    world = World(ledger)
    sol = ledger.for_tenant(ledger.tenants.add("sol", "Sol", NOW).id)
    sol.publish({"tenant.yaml": b"x"}, "d1", settings("sol", SOLS), "", "test", NOW)
    sol.secrets.set("access_token", "IGAA-sol", NOW)
    ledger._db.run(
        "UPDATE secret SET value = (SELECT value FROM secret WHERE tenant_id = ?)"
        " WHERE tenant_id = ?",
        (world.tenant.id, sol.tenant_id),
    )
    world.deliver(dm("m1", account=SOLS, entry=SOLS))
    (lane,) = world.claim()
    world.decide(lane, text("k1"))

    answer = world.begin(lane)

    assert isinstance(answer, Wait)
    assert [(send.state, send.reason) for send in sol.sends()] == [("pending", "token")]
    named = [one for one in check_keys(ledger, Configuration(), NOW) if one.level == "FAIL"]
    assert any("secret.value of sol" in one.sentence for one in named), named
    sol.secrets.set("access_token", "IGAA-sol", NOW + 1)
    assert world.started(lane, answer.until).account.token == "IGAA-sol"
