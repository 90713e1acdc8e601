"""Meta's callbacks at the door: only what is signed counts, and nothing else leaves a trace."""

from __future__ import annotations

import json
import random
from pathlib import Path
from urllib.parse import urlencode

import pytest

from igrules.instagram.signed_request import sign_request
from igrules.ledger import Ledger
from tests.seeding import NOW, Asker, Seeded, rows, seed
from tests.working import SECRET

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MUTATIONS = 2_000
USER = "5551234567"


@pytest.fixture
def seeded(tmp_path: Path) -> Seeded:
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / "state")
    made = seed(ledger)
    account = ledger.for_tenant(made.luz.tenant.id).accounts.list()[0]
    ledger.connections.identify(made.luz.tenant.id, account.id, fb_user_id=USER)
    yield made
    ledger.close()


def request(user: str = USER, secret: str = SECRET) -> str:
    said = {"algorithm": "HMAC-SHA256", "user_id": user, "issued_at": NOW // 1000}
    return sign_request(json.dumps(said).encode(), secret.encode())


def post(asker: Asker, what: str, body: bytes, app: str = "meta"):
    return asker.ask("POST", f"/meta/{app}/{what}", body=body, headers=FORM)


def form(text: str) -> bytes:
    return urlencode({"signed_request": text}).encode()


def mutated(chance: random.Random, good: str) -> bytes:
    """A request that no longer is what Meta signed."""
    data = bytearray(good.encode())
    while bytes(data) == good.encode():
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data) + 1)
            act = chance.randrange(4)
            if act == 0 and data:
                data[at % len(data)] = chance.randrange(256)
            elif act == 1:
                data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 9)))
            elif act == 2:
                del data[at : at + chance.randint(1, 30)]
            else:
                data = bytearray(b"".join(chance.sample([data[:at], data[at:], b"."], 3)))
    return b"signed_request=" + (
        bytes(data) if chance.random() < 0.3 else urlencode({"": bytes(data)}).encode()[1:]
    )


def test_a_request_that_was_touched_is_refused_and_changes_nothing(seeded: Seeded) -> None:
    asker, chance = Asker(seeded), random.Random(7)
    good = request()
    before = rows(seeded.ledger)
    statuses = set()
    for number in range(MUTATIONS):
        what = ("deletion", "deauthorize")[number % 2]
        statuses.add(post(asker, what, mutated(chance, good)).status_code)

    assert statuses == {400, 403}
    assert rows(seeded.ledger) == before
    assert post(asker, "deletion", form(good)).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"other=1", 400),
        (b"signed_request=" + b"a" * 20_000, 400),
        (b"signed_request=" + b"a" * 60_000, 413),
        (form(request(secret="wrong")), 403),
        (form(request()) + b"&" + form(request()), 400),
    ],
)
def test_what_is_no_request_of_meta_is_refused(seeded: Seeded, body: bytes, status: int) -> None:
    assert post(Asker(seeded), "deletion", body).status_code == status


def test_an_app_is_found_by_its_name_or_its_id_and_a_foreign_one_looks_like_a_forgery(
    seeded: Seeded,
) -> None:
    asker = Asker(seeded)
    own = form(request("nobody", "canaryluzcanary"))
    found = {
        app: post(asker, "deauthorize", own, app)
        for app in ("own-canaryluzcanary", f"77{seeded.luz.tenant.id}", "meta", "unknown", "%00")
    }

    assert [answer.status_code for answer in found.values()] == [200, 200, 403, 403, 403]
    assert found["meta"].text == found["unknown"].text


def test_an_app_of_one_tenant_does_not_reach_the_accounts_of_another(seeded: Seeded) -> None:
    asker = Asker(seeded)

    answer = post(asker, "deletion", form(request(USER, "canarysolcanary")), "own-canarysolcanary")

    assert answer.status_code == 200
    assert [one.what for one in seeded.ledger.erasures.list(None)] == ["contact", "contact"]


def test_the_code_of_nobody_tells_the_same_as_any_nonsense(seeded: Seeded) -> None:
    asker = Asker(seeded)
    unknown = post(asker, "deletion", form(request("nobody"))).json
    again = post(asker, "deletion", form(request("nobody"))).json
    pages = {
        asker.ask("GET", path).text
        for path in (f"/meta/deletion/{unknown['confirmation_code']}", "/meta/deletion/x")
    }

    assert unknown == again
    assert len(pages) == 1
    assert "Nothing is held" in pages.pop()
    assert unknown["url"].endswith(unknown["confirmation_code"])


def test_the_page_speaks_portuguese_to_those_who_do(seeded: Seeded) -> None:
    page = Asker(seeded).ask("GET", "/meta/deletion/x", headers={"Accept-Language": "pt-BR"})

    assert '<html lang="pt">' in page.text
    assert "Nada está guardado sob este código." in page.text


def test_a_tenant_is_deleted_only_when_it_is_named_twice(seeded: Seeded) -> None:
    asker = Asker(seeded)
    path, key = "/api/v1/tenants/luz", seeded.operator
    refused = [
        asker.ask("DELETE", path, key=key).status_code,
        asker.ask("DELETE", path, key=key, query={"confirm": "sol"}).status_code,
        asker.ask("DELETE", path, key=seeded.luz.keys["admin"],
                  query={"confirm": "luz"}).status_code,
    ]  # fmt: skip

    done = asker.ask("DELETE", path, key=key, query={"confirm": "luz"})

    assert refused == [400, 400, 403]
    assert (done.status_code, done.json["what"], done.json["state"]) == (202, "tenant", "done")
    assert asker.ask("GET", path, key=key).status_code == 404
    job = asker.ask("GET", f"/api/v1/deletions/{done.json['id']}", key=key).json
    assert job == done.json
    found = rows(seeded.ledger, lambda table: table in ("audit", "audit_day"))
    assert "canaryluzcanary" not in repr(found)
