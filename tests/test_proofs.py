"""Calls with a token of Facebook Login carry the proof that we hold the app's secret, too."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac

import pytest

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.instagram.sends import deliver
from igrules.kinds import Secret, Settings
from igrules.ledger import Lane
from igrules.model import Account, Effect, Refused, Sent
from igrules.sandbox.server import Sandbox

NOW = 1_790_000_000_000
IG_ID, PAGE, TOKEN = "17841400000000101", "10000000001", "EAAtoken"


def connect(ledger, app: str = "", api: str = "facebook_login") -> Lane:
    tenant = ledger.tenants.add("luz", "Luz", NOW)
    instagram = {
        "account_id": IG_ID,
        "page_id": PAGE,
        "api": api,
        "app": app,
        "token": Secret("access_token"),
    }
    scope = ledger.for_tenant(tenant.id)
    settings = Settings(slug="luz", instagram=instagram)
    scope.publish({"tenant.yaml": b""}, "d", settings, "", "test", NOW)
    scope.secrets.set("access_token", TOKEN, NOW)
    (account,) = scope.accounts.list()
    return Lane(1, tenant.id, account.id, "10001", 1, "me")


def add_app(ledger, name: str, secret: str, *, tenant=None, flavour="facebook_login") -> None:
    ledger.apps.add(name, flavour, [secret, "older"], f"verify-{name}", NOW, tenant=tenant)


def proof(ledger, lane: Lane) -> str:
    way = ledger.sends.way(lane)
    assert way is not None
    return way.proof


def proved_by(secret: bytes) -> str:
    """What Meta takes as ``appsecret_proof`` of the token."""
    return hmac.new(secret, TOKEN.encode(), hashlib.sha256).hexdigest()


def test_the_newest_secret_of_the_app_proves_the_token(ledger):
    lane = connect(ledger)
    add_app(ledger, "page", "new-secret")

    assert proof(ledger, lane) == proved_by(b"new-secret")


def test_a_tenants_own_app_and_one_that_is_named_come_first(ledger):
    lane = connect(ledger)
    add_app(ledger, "shared", "shared-secret")
    add_app(ledger, "own", "own-secret", tenant="luz")

    assert proof(ledger, lane) == proved_by(b"own-secret")


def test_the_named_app_is_the_one(ledger):
    lane = connect(ledger, app="second")
    add_app(ledger, "first", "a")
    add_app(ledger, "second", "b")

    assert proof(ledger, lane) == proved_by(b"b")


def test_there_is_no_proof_where_it_could_be_the_wrong_one(ledger):
    """Two apps, or none: a wrong proof would refuse what goes through without."""
    lane = connect(ledger)
    assert proof(ledger, lane) == ""

    add_app(ledger, "first", "a")
    add_app(ledger, "second", "b")

    assert proof(ledger, lane) == ""


def test_tokens_of_instagram_login_need_none(ledger):
    lane = connect(ledger, api="instagram_login")
    add_app(ledger, "page", "secret")

    assert proof(ledger, lane) == ""


@pytest.mark.parametrize(("secret", "taken"), [(b"secret", True), (b"other", False)])
def test_the_sandbox_takes_only_the_right_proof(tmp_path, secret, taken):
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=b"secret")
    box.start()
    box.add_account(ig_id=IG_ID, username="luz", api="facebook_login", page_id=PAGE, token=TOKEN)
    box.people.write(IG_ID, "ana", "oi")
    ana = box.world.person(IG_ID, "ana").id
    account = Account(1, 1, "luz", IG_ID, "facebook_login", page_id=PAGE, token=TOKEN)
    account = dataclasses.replace(account, proof=proved_by(secret))
    client = GraphClient(GraphUrls(f"{box.url}/igl", f"{box.url}/fbl"))

    receipt = deliver(client, Effect("text", ana, {"text": "Olá"}), account)
    client.close()
    box.stop()

    assert isinstance(receipt, Sent if taken else Refused)
