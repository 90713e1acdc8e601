"""Tenants, apps, secrets and versions: one tenant's things are never another's."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import igrules.ledger.accounts as accounts
from igrules.errors import Conflict, NotFound, SealError, UsageError
from igrules.kinds import Secret, Settings
from igrules.ledger import App, Ledger, Tenant, Version
from igrules.ledger.seals import Place, Seals
from igrules.model import Account
from tests.ledgering import IG_ID, NOW, World, dm, settings, text


def test_a_tenant_is_found_by_slug_id_and_token(ledger: Ledger) -> None:
    luz = ledger.tenants.add("luz", "Luz", NOW, email="a@luz.example")
    ledger.tenants.add("abc", "Abc", NOW)
    token = ledger.tenants.verify_token(luz.id)

    assert luz == Tenant(luz.id, "luz", "Luz", "active", NOW, "a@luz.example")
    assert ledger.tenants.get("luz") == ledger.tenants.by_id(luz.id) == luz
    assert ledger.tenants.by_verify_token(token) == luz
    assert ledger.tenants.by_verify_token("other\ud800") is None
    assert [tenant.slug for tenant in ledger.tenants.list()] == ["abc", "luz"]


def test_a_slug_is_taken_once(ledger: Ledger) -> None:
    ledger.tenants.add("luz", "Luz", NOW)

    with pytest.raises(Conflict):
        ledger.tenants.add("luz", "Other", NOW)


def test_what_is_not_there_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        ledger.tenants.get("nobody")
    with pytest.raises(NotFound):
        ledger.tenants.by_id(77)
    with pytest.raises(NotFound):
        ledger.tenants.verify_token(77)
    with pytest.raises(NotFound):
        ledger.apps.remove("nothing")


def test_apps_serve_everybody_or_their_tenant_alone(ledger: Ledger) -> None:
    luz = ledger.tenants.add("luz", "Luz", NOW)
    mar = ledger.tenants.add("mar", "Mar", NOW)
    shared = ledger.apps.add("default", "instagram_login", ["s1", "s2"], "v", NOW, app_id="77")
    own = ledger.apps.add("own", "facebook_login", ["s3"], "w", NOW, tenant="luz")

    assert shared == App(
        shared.id, "default", None, "77", "instagram_login", (b"s1", b"s2"), "v"
    )  # fmt: skip
    assert (own.tenant_id, own.flavour) == (luz.id, "facebook_login")
    assert ledger.apps.serving(None) == [shared]
    assert ledger.apps.serving(luz.id) == [own]
    assert ledger.apps.serving(mar.id) == [shared]
    assert "s1" not in repr(shared)
    ledger.apps.remove("own")
    assert ledger.apps.list() == [shared]


def test_an_app_needs_one_to_four_secrets_a_known_kind_and_a_free_name(ledger: Ledger) -> None:
    for secrets in ([], ["a"] * 5):
        with pytest.raises(UsageError):
            ledger.apps.add("a", "instagram_login", secrets, "v", NOW)
    with pytest.raises(UsageError):
        ledger.apps.add("a", "whatsapp", ["s"], "v", NOW)
    with pytest.raises(NotFound):
        ledger.apps.add("a", "instagram_login", ["s"], "v", NOW, tenant="nobody")
    ledger.apps.add("a", "instagram_login", ["s"], "v", NOW)
    with pytest.raises(Conflict):
        ledger.apps.add("a", "instagram_login", ["s"], "v", NOW)


def test_a_secret_is_sealed_and_the_environment_wins(database_url: str, tmp_path: Path) -> None:
    environ: dict[str, str] = dict(os.environ)
    ledger = Ledger.open(database_url, tmp_path, environ=environ)
    tenant = ledger.tenants.add("a-b", "A", NOW)
    secrets = ledger.for_tenant(tenant.id).secrets
    secrets.set("access_token", "IGAA-one", NOW)
    secrets.set("access_token", "IGAA-two", NOW + 1)

    assert secrets.get("access_token") == "IGAA-two"
    assert secrets.get("other") is None
    assert secrets.list() == [("access_token", NOW + 1)]
    assert "IGAA" not in str(ledger._db.all("SELECT value FROM secret"))
    environ["IGRULES_SECRET_A_B_ACCESS_TOKEN"] = "IGAA-three"
    assert secrets.get("access_token") == "IGAA-three"
    secrets.remove("access_token")
    with pytest.raises(NotFound):
        secrets.remove("access_token")
    ledger.close()


def test_a_variable_belongs_to_the_tenant_with_the_longest_name(
    database_url: str, tmp_path: Path
) -> None:
    """A secret 'b_token' of tenant 'a' has the variable of 'token' of tenant 'a-b'."""
    environ = {**os.environ, "IGRULES_SECRET_A_B_TOKEN": "IGAA-of-a-b"}
    ledger = Ledger.open(database_url, tmp_path, environ=environ)
    a = ledger.for_tenant(ledger.tenants.add("a", "A", NOW).id).secrets

    assert a.get("b_token") == "IGAA-of-a-b"
    b = ledger.for_tenant(ledger.tenants.add("a-b", "A B", NOW).id).secrets
    assert (a.get("b_token"), b.get("token")) == (None, "IGAA-of-a-b")
    ledger.close()


def test_a_sealed_value_opens_at_its_place_alone(ledger: Ledger) -> None:
    """Otherwise one tenant's token, copied into another's row, would be used for it."""
    one, two = (ledger.tenants.add(slug, slug, NOW) for slug in ("one", "two"))
    ledger.for_tenant(one.id).secrets.set("t", "mine", NOW)
    ledger.for_tenant(two.id).secrets.set("t", "yours", NOW)
    ledger._db.run(
        "UPDATE secret SET value = (SELECT value FROM secret WHERE tenant_id = ?)"
        " WHERE tenant_id = ?",
        (one.id, two.id),
    )

    assert ledger.for_tenant(one.id).secrets.get("t") == "mine"
    with pytest.raises(SealError):
        ledger.for_tenant(two.id).secrets.get("t")


def test_seals_refuse_what_was_changed() -> None:
    seals = Seals([("k1", b"k" * 32)])
    place = Place("secret", "value", 1, 2)
    sealed = seals.seal(b"hello", place)

    assert seals.open(sealed, place) == b"hello"
    assert seals.seal(b"hello", place) != sealed
    for bad in (sealed[:-8] + "AAAAAAA=", sealed.replace("k1", "k2"), "", "v1.k1.%%", "v1.k1."):
        with pytest.raises(SealError):
            seals.open(bad, place)
    for other in (
        Place("secret", "value", 1, 3), Place("secret", "value", 2, 2),
        Place("secret", "valu", 1, 2), Place("app", "value", 1, 2),
    ):  # fmt: skip
        with pytest.raises(SealError):
            seals.open(sealed, other)


FILES = {"tenant.yaml": b"igrules-tenant: 1\n", "rules.yaml": b"\xff\x00igrules: 1\n"}


def publish(ledger: Ledger, slug: str, what: Settings, digest: str = "d1", **more: Any) -> Version:
    tenant = ledger.tenants.get(slug)
    return ledger.for_tenant(tenant.id).publish(FILES, digest, what, "why", "me", NOW, **more)


def test_publishing_makes_the_next_version_live(ledger: Ledger) -> None:
    tenant = ledger.tenants.add("luz", "luz", NOW)
    scope = ledger.for_tenant(tenant.id)
    nothing = (scope.live(), scope.live_number())

    first = publish(ledger, "luz", Settings("luz", name="Luz", email="l@x"), plugins={"ai": {}})
    second = publish(ledger, "luz", Settings("luz"), "d2", folding=2)

    assert nothing == (None, None)
    assert first == Version(1, FILES, "d1", "me", "why", NOW, "live", 1, {"ai": {}})
    assert second == Version(2, FILES, "d2", "me", "why", NOW, "live", 2, {})
    assert (scope.live(), scope.live_number()) == (second, 2)
    assert [(one.number, one.state) for one in scope.versions()] == [(2, "live"), (1, "old")]
    assert scope.version(1).files == FILES
    with pytest.raises(NotFound):
        scope.version(3)


def test_publishing_the_same_again_changes_nothing(ledger: Ledger) -> None:
    ledger.tenants.add("luz", "luz", NOW)
    first = publish(ledger, "luz", Settings("luz"))

    again = publish(ledger, "luz", Settings("luz", name="Other"))

    assert again == first
    assert ledger.tenants.get("luz").name == "luz"


def test_publishing_brings_name_and_address_of_the_tenant(ledger: Ledger) -> None:
    ledger.tenants.add("luz", "old", NOW)

    publish(ledger, "luz", Settings("luz", name="Boutique Luz", email="c@luz.example"))

    tenant = ledger.tenants.get("luz")
    assert (tenant.name, tenant.email) == ("Boutique Luz", "c@luz.example")


def test_publishing_on_top_of_a_version_one_has_not_seen_is_refused(ledger: Ledger) -> None:
    ledger.tenants.add("luz", "luz", NOW)
    publish(ledger, "luz", Settings("luz"), if_version=0)

    with pytest.raises(Conflict):
        publish(ledger, "luz", Settings("luz"), "d2", if_version=0)
    assert publish(ledger, "luz", Settings("luz"), "d3", if_version=1).number == 2


def test_an_account_is_connected_by_publishing(ledger: Ledger) -> None:
    tenant = ledger.tenants.add("luz", "luz", NOW)
    scope = ledger.for_tenant(tenant.id)
    fbl = {"account_id": "222", "api": "facebook_login", "page_id": "99", "username": "luz"}

    publish(ledger, "luz", settings("luz", IG_ID))
    first = scope.accounts.list()
    publish(ledger, "luz", Settings("luz", instagram={**fbl, "token": Secret("t")}), "d2")
    second = scope.accounts.list()
    publish(ledger, "luz", Settings("luz"), "d3")

    assert first == [Account(first[0].id, tenant.id, "luz", IG_ID, "instagram_login", "", "luz")]
    assert second == [Account(second[0].id, tenant.id, "luz", "222", "facebook_login", "99", "luz")]
    assert scope.accounts.list() == []


def test_an_account_belongs_to_one_tenant(ledger: Ledger) -> None:
    for slug in ("luz", "mar"):
        ledger.tenants.add(slug, slug, NOW)
    publish(ledger, "luz", settings("luz", IG_ID))

    with pytest.raises(Conflict):
        publish(ledger, "mar", settings("mar", IG_ID))

    assert ledger.for_tenant(ledger.tenants.get("mar").id).live() is None


def test_two_tenants_that_publish_one_account_at_once_cannot_both_have_it(ledger: Ledger) -> None:
    """The second looks for the account while the first one's is not stored yet."""
    luz, mar = (ledger.tenants.add(slug, slug, NOW) for slug in ("luz", "mar"))
    scope = ledger.for_tenant(mar.id)
    with ThreadPoolExecutor(1) as thread:
        with ledger._db.transaction() as db:
            accounts.connect(db, luz.id, settings("luz", IG_ID), NOW)
            second = thread.submit(scope.publish, {}, "d1", settings("mar", IG_ID), "", "test", NOW)
            _wait_until_blocked(ledger)

        with pytest.raises(Conflict, match="already connected elsewhere"):
            second.result(30)

    (account,) = ledger.for_tenant(luz.id).accounts.list()
    assert (account.username, scope.accounts.list(), scope.live()) == ("luz", [], None)


def _wait_until_blocked(ledger: Ledger) -> None:
    """Until another thread waits for what this one has locked; on SQLite it cannot even begin."""
    for _ in range(100_000):
        if ledger.engine == "sqlite" or ledger._db.number(
            "SELECT count(*) FROM pg_locks WHERE NOT granted"
        ):
            return
    raise AssertionError("nobody waits")


def test_an_account_one_tenant_gave_up_begins_anew_at_the_next(ledger: Ledger) -> None:
    world = World(ledger)
    world.deliver(dm("m1"))
    mar = ledger.tenants.add("mar", "mar", NOW)
    world.publish(Settings("luz"), "d2")

    publish(ledger, "mar", settings("mar", IG_ID))
    result = world.deliver(dm("m1"), dm("m2"))

    assert result.events == 2
    assert [row.ref for row in world.scope.events()] == ["m1"]
    assert len(ledger.for_tenant(mar.id).events()) == 2


@pytest.mark.parametrize("id", [f"{IG_ID}~1", "~1", "a b", "1\n", "a\0b", "é", "9" * 513])
def test_what_is_no_id_connects_no_account(ledger: Ledger, id: str) -> None:
    """An id with '~' stands for an account somebody gave up: who could choose one kept others from
    taking that account over, and could have it forgotten in their stead."""
    world = World(ledger)

    with pytest.raises(UsageError) as caught:
        publish(ledger, "luz", settings("luz", id), "d2")

    assert caught.value.help == "copy the digits from the account's page"
    assert [one.ig_id for one in world.scope.accounts.list()] == [IG_ID]


def test_one_tenant_sees_nothing_of_another(ledger: Ledger) -> None:
    world = World(ledger)
    world.answer(text("k1"))
    (event,) = world.scope.events()
    other = ledger.for_tenant(ledger.tenants.add("mar", "Mar", NOW).id)

    assert (other.events(), other.sends(), other.contacts(), other.versions()) == ([], [], [], [])
    for look in (lambda: other.event(event.id), lambda: other.contact("p1"),
                 lambda: other.version(1)):  # fmt: skip
        with pytest.raises(NotFound):
            look()
    assert other.sends_of_event(event.id) == []
    assert ledger.stats(other.tenant_id)["events"] == {}
    assert world.scope.event(event.id) == event


def test_history_is_read_in_pages(ledger: Ledger) -> None:
    world = World(ledger)
    world.deliver(*(dm(f"m{n}") for n in range(5)))

    first = world.scope.events(2)
    second = world.scope.events(2, before=(first[-1].received_at, first[-1].id))

    assert [row.ref for row in first + second] == ["m4", "m3", "m2", "m1"]


def test_sends_are_listed_by_state_and_by_event(ledger: Ledger) -> None:
    world = World(ledger)
    lane = world.answer(text("k1"), text("k2"))
    world.started(lane)
    (event,) = world.scope.events()

    assert [row.key for row in world.scope.sends_of_event(event.id)] == ["k1", "k2"]
    assert [row.key for row in world.scope.sends(state="sending")] == ["k1"]
    assert world.scope.sends(state="pending")[0].payload == {"text": "words of k2"}
