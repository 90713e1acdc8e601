"""The original interface where it meets what others published, wrong input and closed doors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from falcon.testing import Result

from igrules.ledger import Ceiling, Ledger
from igrules.model import Change
from igrules.web.original import OPERATIONS
from igrules.work.configuration import Configuration
from igrules.work.publishing import prepare, publish
from igrules.work.worker import Worker
from igrules.work.zones import machine_zone
from tests.seeding import PEOPLE, Asker, Hands, Seeded, seed
from tests.working import NOW

LUZ = PEOPLE["luz"]
NEW = {"name": "Café da Ana", "instagram_account_id": 17841400000000999}
HAND_TENANT = b"""\
# ours
igrules-tenant: 1
name: Caf\xc3\xa9 da Ana
timezone: America/Recife
instagram: {account_id: "17841400000000999", api: instagram_login, token: {secret: access_token}}
limits: {per_contact: "30 per 1d"}   # kept
"""
HAND_RULES = b"""\
igrules: 1
words: {oi: [oi, bom dia]}
replies:
  $oi: Oi!
  menu: {text: "O que deseja?", quick_replies: [A, B]}
  site: "Veja {{ vars.site }}"
vars: {site: "https://ana.example"}
comments:
  guia: {private_reply: Aqui}
  quero: {reply: Te chamei!}
"""


@pytest.fixture
def seeded(tmp_path: Path) -> Iterator[Seeded]:
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / "state")
    yield seed(ledger)
    ledger.close()


@pytest.fixture
def asker(seeded: Seeded) -> Asker:
    return Asker(seeded, configuration=Configuration(rate_scale=1_000, timezone="America/Recife"))


class Clients:
    """The operator's side of the interface."""

    def __init__(self, asker: Asker, seeded: Seeded) -> None:
        self._asker, self._key, self.ledger = asker, seeded.operator, seeded.ledger
        self.registry = seeded.registry

    def ask(self, method: str, path: str, body: Any = None) -> Result:
        return self._asker.ask(method, path, key=self._key, json=body)

    def made(self, **fields: Any) -> dict[str, Any]:
        """A new client as it is shown."""
        got = self.ask("POST", "/api/clients", {**NEW, **fields})
        assert got.status_code == 201, got.text
        client: dict[str, Any] = got.json["client"]
        return client

    def publish(self, client: dict[str, Any], files: dict[str, bytes]) -> None:
        """Publish files another way."""
        tenant = self.ledger.tenants.by_id(client["id"])
        prepared = prepare(files, self.registry, tenant.slug)
        publish(self.ledger.for_tenant(tenant.id), prepared, self.registry, "", "test", NOW)

    def files(self, client: dict[str, Any]) -> dict[str, bytes]:
        """The live files."""
        live = self.ledger.for_tenant(client["id"]).live()
        assert live is not None
        return dict(live.files)


@pytest.fixture
def clients(asker: Asker, seeded: Seeded) -> Clients:
    return Clients(asker, seeded)


def test_a_client_with_nothing_but_a_name_and_an_account(clients: Clients) -> None:
    client = clients.made(anything="else is ignored", daily_limit=None)

    assert client == {
        "id": client["id"], "name": "Café da Ana", "email": None, "access_token": None,
        "instagram_account_id": "17841400000000999", "page_id": None, "keywords": [],
        "custom_responses": {}, "daily_limit": None, "messages_sent_today": 0,
        "auto_reply_enabled": True, "active": True, "created_at": client["created_at"],
    }  # fmt: skip
    stats = clients.ask("GET", f"/api/clients/{client['id']}/stats").json
    assert (stats["daily_limit"], stats["limit_remaining"]) == (None, None)
    assert b"timezone: America/Recife\n" in clients.files(client)["tenant.yaml"]


def test_both_interfaces_show_the_same_truth(clients: Clients) -> None:
    client = clients.made(keywords=["preço"], custom_responses={"preço": "A"})
    tenant = b"igrules-tenant: 1\nname: Ana\nenabled: false\n"
    rules = b"igrules: 1\nreplies:\n  oi, ola: B\nfallback: C\n"

    clients.publish(client, {"tenant.yaml": tenant, "rules.yaml": rules})

    shown = clients.ask("GET", f"/api/clients/{client['id']}").json
    assert (shown["name"], shown["auto_reply_enabled"]) == ("Ana", False)
    assert (shown["keywords"], shown["custom_responses"]) == (
        [],
        {"oi": "B", "ola": "B", "default": "C"},
    )
    assert shown["instagram_account_id"] is None


def test_rules_that_somebody_wrote_are_shown_as_far_as_fields_go_and_never_lost(
    clients: Clients,
) -> None:
    client = clients.made()
    path = f"/api/clients/{client['id']}"
    files = {"tenant.yaml": HAND_TENANT, "loja.yaml": HAND_RULES}
    clients.publish(client, files)

    shown = clients.ask("GET", path).json
    refused = [
        clients.ask("PUT", path, {"keywords": ["x"]}),
        clients.ask("PUT", path, {"custom_responses": {"x": "y"}}),
    ]

    assert shown["custom_responses"] == {"oi": "Oi!", "bom dia": "Oi!"}
    assert shown["keywords"] == ["quero"]
    assert [(one.status_code, one.json["code"]) for one in refused] == [(409, "rules_by_hand")] * 2
    assert "igrules apply" in refused[0].json["description"]
    assert clients.files(client) == files


def test_single_settings_change_in_a_file_that_somebody_wrote(clients: Clients) -> None:
    client = clients.made()
    clients.publish(client, {"tenant.yaml": HAND_TENANT, "loja.yaml": HAND_RULES})
    change = {"name": "Ana: café", "auto_reply_enabled": False, "daily_limit": 7}

    changed = clients.ask("PUT", f"/api/clients/{client['id']}", change)

    assert changed.status_code == 200, changed.text
    assert {key: changed.json["client"][key] for key in change} == change
    files = clients.files(client)
    assert files["loja.yaml"] == HAND_RULES
    assert files["tenant.yaml"].decode() == (
        "# ours\nenabled: false\nigrules-tenant: 1\n"
        'name: "Ana: café"\ntimezone: America/Recife\n'
        'instagram: {account_id: "17841400000000999", api: instagram_login,'
        " token: {secret: access_token}}\n"
        'limits: {per_day: 7, per_contact: "30 per 1d"}   # kept\n'
    )


def test_a_setting_that_does_not_fit_into_such_a_file_is_refused(clients: Clients) -> None:
    client = clients.made()
    tenant = HAND_TENANT.replace(b'"30 per 1d"', b'"30 per 1d", per_day: 5')
    clients.publish(client, {"tenant.yaml": tenant, "loja.yaml": HAND_RULES})

    refused = clients.ask("PUT", f"/api/clients/{client['id']}", {"daily_limit": None})

    assert (refused.status_code, refused.json["code"]) == (409, "settings_by_hand")
    assert clients.files(client)["tenant.yaml"] == tenant


def test_an_account_can_be_connected_in_such_a_file(clients: Clients) -> None:
    client = clients.made()
    tenant = b"igrules-tenant: 1\nname: Ana\ntimezone: America/Recife\nlanguages: [pt]\n"
    clients.publish(client, {"tenant.yaml": tenant, "loja.yaml": HAND_RULES})
    connected = {"instagram_account_id": "17841400000000998", "page_id": "77"}

    changed = clients.ask("PUT", f"/api/clients/{client['id']}", connected)

    assert changed.status_code == 200, changed.text
    assert {key: changed.json["client"][key] for key in connected} == connected
    (account,) = clients.ledger.for_tenant(client["id"]).accounts.list()
    assert (account.ig_id, account.api, account.page_id) == (
        "17841400000000998", "facebook_login", "77",
    )  # fmt: skip


def test_a_tenant_without_rules_takes_a_token_and_gets_rules_when_they_come(
    clients: Clients,
) -> None:
    tenant = clients.ledger.tenants.add("novo", "Novo", NOW)
    scope, path = clients.ledger.for_tenant(tenant.id), f"/api/clients/{tenant.id}"

    clients.ask("PUT", path, {"access_token": "IGAAnovo"})
    before = scope.live_number()
    changed = clients.ask("PUT", path, {"custom_responses": {"oi": "Olá"}})

    assert (before, scope.secrets.get("access_token")) == (None, "IGAAnovo")
    assert changed.json["client"]["custom_responses"] == {"oi": "Olá"}
    assert changed.json["client"]["name"] == "Novo"


def test_null_takes_a_value_away(clients: Clients) -> None:
    client = clients.made(
        email="a@b.example", page_id="5", daily_limit=3, keywords=["a"],
        custom_responses={"a": "b", "default": "c"},
    )  # fmt: skip
    nothing = {"email": None, "page_id": None, "daily_limit": None, "keywords": None}

    changed = clients.ask(
        "PUT", f"/api/clients/{client['id']}", {**nothing, "custom_responses": None}
    ).json["client"]

    assert changed == {
        **client, **nothing, "keywords": [], "custom_responses": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "'name' and 'instagram_account_id' are missing"),
        ({"name": "x"}, 400, "'instagram_account_id' is missing"),
        ({**NEW, "name": "  "}, 400, "'name' is empty"),
        ({**NEW, "keywords": "preço"}, 400, "keywords: this takes a list or null"),
        ({**NEW, "daily_limit": "many"}, 400, "daily_limit: this takes a whole number or null"),
        ({**NEW, "daily_limit": -1}, 400, "daily_limit: the least is 0"),
        ({**NEW, "page_id": "a b"}, 400, "is wanted here: as Meta shows it, without blanks"),
        (
            {**NEW, "custom_responses": {f"w{n}": f"{n}" for n in range(900)}, "keywords": ["w7"]},
            400,
            "900 in all are allowed",
        ),
        ({**NEW, "email": "nobody"}, 400, "'email' is not an e-mail address"),
        ({**NEW, "custom_responses": {"?!": "x"}}, 400, "'?!' holds no word"),
        ({**NEW, "custom_responses": {"a": ""}}, 400, "'a' has an empty text"),
        ({**NEW, "custom_responses": {"a": "x" * 3500}}, 400, "too many as a message"),
        ({**NEW, "custom_responses": {"a": "sk_" + "x" * 30}}, 400, "something like a token"),
        ({**NEW, "custom_responses": {"é": "1", "e": "2"}}, 400, "is the same word as"),
        ({**NEW, "instagram_account_id": "17841400000000111"}, 409, "already connected elsewhere"),
        (["x"], 400, "this takes an object"),
    ],
)
def test_what_cannot_be_is_refused_with_the_place_and_nothing_is_made(
    clients: Clients, body: Any, status: int, words: str
) -> None:
    before = clients.ask("GET", "/api/clients").json["total"]

    refused = clients.ask("POST", "/api/clients", body)

    assert (refused.status_code, set(refused.json)) == (status, {"title", "description", "code"})
    assert words in refused.json["description"]
    assert clients.ask("GET", "/api/clients").json["total"] == before


@pytest.mark.parametrize("id", ["0", "999999", "abc", "-1", "1e3", "²", "9" * 40, "1%00", "%2e"])
def test_a_client_that_is_not_there_is_a_404_for_every_method(clients: Clients, id: str) -> None:
    rows = [(one.method, one.path) for one in OPERATIONS if "{id}" in one.path]

    got = [clients.ask(method, path.format(id=id), None) for method, path in rows]

    assert [one.status_code for one in got] == [404] * len(rows)


def test_the_token_is_taken_sealed_and_shown_masked(clients: Clients) -> None:
    client = clients.made(access_token="IGAAsecretsecret9876")
    path = f"/api/clients/{client['id']}"

    changed = clients.ask("PUT", path, {"access_token": "short"})

    assert client["access_token"] == "****9876"
    assert changed.json["client"]["access_token"] == "****"
    assert clients.ledger.for_tenant(client["id"]).secrets.get("access_token") == "short"
    assert all(b"secret9876" not in data for data in clients.files(client).values())


def test_a_client_that_is_read_and_written_back_stays_as_it_is(clients: Clients) -> None:
    """A masked token that came back would otherwise take the place of the token."""
    client = clients.made(
        access_token="IGAAsecretsecret9876", keywords=["a"], custom_responses={"a": "b"}
    )
    scope = clients.ledger.for_tenant(client["id"])

    changed = clients.ask("PUT", f"/api/clients/{client['id']}", client)

    assert (changed.status_code, changed.json["client"]) == (200, client)
    assert scope.secrets.get("access_token") == "IGAAsecretsecret9876"
    assert [version.number for version in scope.versions()] == [1]


@pytest.mark.parametrize("masked", ["****", "****1234"])
def test_a_masked_token_of_another_client_is_refused(clients: Clients, masked: str) -> None:
    client = clients.made(access_token="IGAAsecretsecret9876")
    new = {"name": "Novo", "instagram_account_id": "5", "access_token": masked}

    refused = [
        clients.ask("PUT", f"/api/clients/{client['id']}", {"access_token": masked}),
        clients.ask("POST", "/api/clients", new),
    ]

    assert [one.status_code for one in refused] == [400, 400]
    assert {one.json["description"] for one in refused} == {
        "'access_token' is masked; send the whole token, or leave the field out"
    }


def test_null_takes_the_token_away_and_nothing_leaves_it(clients: Clients) -> None:
    client = clients.made(access_token="IGAAsecretsecret9876")
    path = f"/api/clients/{client['id']}"

    left = clients.ask("PUT", path, {"access_token": ""}).json["client"]["access_token"]
    taken = clients.ask("PUT", path, {"access_token": None}).json["client"]["access_token"]
    again = clients.ask("PUT", path, {"access_token": None}).json["client"]["access_token"]

    assert (left, taken, again) == ("****9876", None, None)


def test_a_client_rests_and_comes_back_by_its_field(clients: Clients) -> None:
    client = clients.made()
    path = f"/api/clients/{client['id']}"

    shown = [
        clients.ask("PUT", path, {"active": active}).json["client"]["active"]
        for active in (False, False, True)
    ]

    assert shown == [False, False, True]
    assert clients.ledger.tenants.by_id(client["id"]).state == "active"


def test_a_change_that_changes_nothing_publishes_nothing(clients: Clients) -> None:
    client = clients.made(keywords=["preço"], custom_responses={"preço": "A"})
    scope = clients.ledger.for_tenant(client["id"])

    clients.ask("PUT", f"/api/clients/{client['id']}", {"keywords": ["preço"]})

    assert [version.number for version in scope.versions()] == [1]


class Sender:
    """The client ``luz`` with its key, and somebody who has written to it."""

    def __init__(self, asker: Asker, seeded: Seeded) -> None:
        self._asker, self._seeded = asker, seeded
        self.scope = seeded.ledger.for_tenant(seeded.luz.tenant.id)

    def ask(self, body: Any, idempotency: str = "") -> Result:
        headers = {"X-API-Key": self._seeded.luz.keys["send"]}
        if idempotency:
            headers["Idempotency-Key"] = idempotency
        return self._asker.ask("POST", "/api/send-message", json=body, headers=headers)


class WorkingHands(Hands):
    """A clock by which a worker takes a turn whenever time passes."""

    def __init__(self, seeded: Seeded) -> None:
        super().__init__()
        self._worker = Worker(
            seeded.ledger, seeded.registry, Configuration(rate_scale=1_000, threads=1), clock=self
        )

    def forward(self, seconds: float) -> None:
        super().forward(seconds)
        self._worker.turn()


@pytest.fixture
def sender(asker: Asker, seeded: Seeded) -> Sender:
    return Sender(asker, seeded)


OLA = {"recipient_id": LUZ, "message": " Olá! "}


def test_without_a_worker_the_send_waits_and_its_id_is_told(sender: Sender) -> None:
    got = sender.ask(OLA)

    send = sender.scope.send(got.json["send_id"])
    assert (got.status_code, got.json) == (
        202,
        {"success": True, "message_id": None, "send_id": send.id, "state": "pending"},
    )
    assert (send.kind, send.person, dict(send.payload)) == ("text", LUZ, {"text": "Olá!"})


def test_the_same_key_is_the_same_send_and_another_body_is_refused(sender: Sender) -> None:
    first, again = sender.ask(OLA, "order-7"), sender.ask(OLA, "order-7")
    other = sender.ask({**OLA, "message": "other"}, "order-7")

    assert again.json == first.json
    assert (other.status_code, other.json["code"]) == (409, "idempotency_key_reused")
    assert len([send for send in sender.scope.sends() if send.step == "api"]) == 1


@pytest.mark.parametrize(
    ("media", "payload"),
    [
        ("https://a.example/x.PNG?v=1", {"type": "image", "urls": ["https://a.example/x.PNG?v=1"]}),
        (
            {"type": "document", "url": "https://a.example/x"},
            {"type": "file", "urls": ["https://a.example/x"]},
        ),
        (
            {"url": "https://a.example/x.mp4"},
            {"type": "video", "urls": ["https://a.example/x.mp4"]},
        ),
    ],
)
def test_media_is_sent_by_its_address(sender: Sender, media: Any, payload: Any) -> None:
    got = sender.ask({"recipient_id": int(LUZ), "media": media})

    send = sender.scope.send(got.json["send_id"])
    assert (send.kind, dict(send.payload)) == ("media", payload)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"recipient_id": LUZ}, 400, "no_message"),
        ({**OLA, "media": "https://a.example/1.png"}, 400, "one_of_two"),
        ({**OLA, "message": " "}, 400, "bad_request"),
        ({**OLA, "message": "x" * 1001}, 400, "bad_request"),
        ({"recipient_id": LUZ, "media": "https://a.example/1"}, 400, "bad_request"),
        ({"recipient_id": LUZ, "media": "http://a.example/1.png"}, 400, "bad_request"),
        ({"recipient_id": LUZ, "media": {"type": "image"}}, 400, "bad_request"),
        ({"recipient_id": LUZ, "media": {"type": "x", "url": "https://a.b"}}, 400, "bad_request"),
        ({"recipient_id": "a b", "message": "x"}, 400, "bad_request"),
        ({"message": "x"}, 400, "bad_request"),
        ({"recipient_id": "404", "message": "x"}, 409, "unknown_recipient"),
    ],
)
def test_what_cannot_be_sent_is_refused_and_not_queued(
    sender: Sender, body: Any, status: int, code: str
) -> None:
    before = len(sender.scope.sends())

    got = sender.ask(body)

    assert (got.status_code, got.json["code"]) == (status, code)
    assert len(sender.scope.sends()) == before


def test_a_closed_door_is_named(sender: Sender, asker: Asker, seeded: Seeded) -> None:
    luz, ledger = seeded.luz.tenant, seeded.ledger
    codes = []

    def ask() -> None:
        got = sender.ask(OLA)
        codes.append((got.status_code, got.json["code"]))

    ledger.pause("tenant", str(luz.id), asker.clock.now())
    ask()
    ledger.resume("tenant", str(luz.id), asker.clock.now())
    sender.scope.secrets.remove("access_token")
    ask()
    asker.clock.forward(25 * 3600)
    ask()
    ledger.tenants.deactivate(luz.id, asker.clock.now())
    got = sender.ask(OLA)

    assert codes == [(409, "paused"), (409, "no_token"), (409, "window_closed")]
    assert got.status_code in (401, 409)
    assert [send for send in sender.scope.sends() if send.step == "api"] == []


def test_what_became_of_the_send_is_told_when_it_is_known(
    seeded: Seeded,
) -> None:
    hands = WorkingHands(seeded)
    sender = Sender(Asker(seeded, clock=hands), seeded)

    sent = sender.ask(OLA, "a")
    again = sender.ask(OLA, "a")
    sender.scope.change_contact(LUZ, [Change("opt_out")], hands.now())
    refused = sender.ask({**OLA, "message": "mais"})
    sender.scope.change_contact(LUZ, [Change("opt_in")], hands.now())
    later = "UPDATE contact SET unreachable_until = ?"
    seeded.ledger._db.run(later, (hands.now() + 86_400_000,))
    unreachable = sender.ask({**OLA, "message": "e mais"})

    assert (sent.status_code, sent.json["state"]) == (200, "sent")
    assert sent.json["message_id"]
    assert again.json == sent.json
    assert (refused.status_code, refused.json["code"]) == (409, "opted_out")
    # They may write as often as they like meanwhile.
    assert (unreachable.status_code, unreachable.json["code"]) == (409, "unreachable")
    assert "tomorrow" in unreachable.json["description"] + unreachable.json.get("help", "")


def test_a_send_above_the_days_limit_may_be_made_anew_when_that_day_is_over(
    seeded: Seeded,
) -> None:
    """The refused one stays refused, under its key as well, however often it is asked for."""
    hands = WorkingHands(seeded)
    sender = Sender(Asker(seeded, clock=hands), seeded)
    seeded.ledger.tenants.set_ceiling(seeded.luz.tenant.id, Ceiling(0), hands.now())

    refused = sender.ask(OLA, "a")
    wait = int(refused.headers["Retry-After"])
    hands.at += wait * 1000 + 1_000
    later = sender.ask(OLA, "a")

    assert (refused.status_code, refused.json["code"]) == (429, "daily_limit")
    assert "under a new Idempotency-Key" in refused.json["description"]
    assert 0 < wait < 86_400
    assert (later.json, later.headers["Retry-After"]) == (refused.json, "1")


def test_an_operators_key_sends_in_nobodys_name(asker: Asker, seeded: Seeded) -> None:
    got = asker.ask("POST", "/api/send-message", key=seeded.operator, json=OLA)

    assert got.status_code == 403


def test_the_machine_names_its_zone(tmp_path: Path) -> None:
    name = tmp_path / "timezone"
    name.write_text("America/Manaus\n")
    nowhere = tmp_path / "nothing"

    assert machine_zone({"TZ": ":Europe/Lisbon"}, nowhere, name) == "Europe/Lisbon"
    assert machine_zone({"TZ": "nonsense"}, nowhere, name) == "America/Manaus"
    assert machine_zone({}, Path("/usr/share/zoneinfo/Asia/Tokyo"), name) == "Asia/Tokyo"
    assert machine_zone({}, nowhere, nowhere) == "Etc/UTC"
