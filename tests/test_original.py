"""The interface of the first version, walked row by row against a running server: every address,
every example of a request, every field of an answer, every command.

A real server process stands on one side and the local Instagram on the other.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from igrules.ledger import Ledger
from igrules.sandbox.server import Sandbox
from tests.running import Process, answers, free_port, wait_until

SECRET = "app-secret-of-the-walk"
CLIENT = {
    "name": "Minha Empresa",
    "email": "contato@empresa.com",
    "access_token": "seu_token_instagram",
    "instagram_account_id": "123456789",
    "page_id": "987654321",
    "keywords": ["preço", "orçamento", "contato"],
    "custom_responses": {
        "preço": "Nossos preços começam em R$ 100. Entre em contato para mais detalhes!"
    },
    "daily_limit": 1000,
}
FIELDS = {
    "id", "name", "email", "access_token", "instagram_account_id", "page_id", "keywords",
    "custom_responses", "daily_limit", "messages_sent_today", "auto_reply_enabled", "active",
    "created_at",
}  # fmt: skip
STATS = {
    "client_id", "name", "total_messages", "messages_today", "webhooks_received", "active",
    "daily_limit", "limit_remaining",
}  # fmt: skip


class World:
    """A server, the local Instagram, and the operator's key."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.database = f"sqlite:///{work}/instagram_agent.db"
        self.environment = {"DATABASE_URL": self.database, "IGRULES_TIMEZONE": "America/Sao_Paulo"}
        self.sandbox = Sandbox(work / "journal.jsonl", app_secret=SECRET.encode())
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        urls = {"IGRULES_IGL_URL": "", "IGRULES_FBL_URL": ""}
        self.sandbox.start()
        urls = dict.fromkeys(urls, self.sandbox.url)
        self.server = Process(
            ["serve"], {**self.environment, **urls, "PORT": str(port)}, work / "server.log"
        )
        self.key = ""
        self._session = requests.Session()
        self._session.trust_env = False

    def start(self) -> None:
        """Everything a new installation needs, and the server."""
        ledger = Ledger.open(self.database, self.work / ".igrules")
        ledger.apps.add("default", "facebook_login", [SECRET], "verify", 1)
        ledger.close()
        _, printed, _ = self.run("admin", "bootstrap")
        self.key = re.findall(r"igk_op_\w[\w-]+", printed)[0]
        self.server.start()
        wait_until(lambda: answers(self.url + "/api/health"), 60, "the server is up")

    def stop(self) -> None:
        self.server.stop()
        self.sandbox.stop()

    def ask(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Ask the server, as the operator unless other headers are given."""
        given = {"Authorization": f"Bearer {self.key}"} if headers is None else headers
        return self._session.request(
            method, self.url + path, json=body, headers=dict(given), timeout=15
        )

    def client(self, **fields: Any) -> dict[str, Any]:
        """Create a client whose account lives in the sandbox; gives the whole answer."""
        if "instagram_account_id" in fields:
            fields["access_token"] = f"token-of-{fields['instagram_account_id']}"
        made = self.ask("POST", "/api/clients", {**CLIENT, **fields})
        assert made.status_code == 201, made.text
        whole: dict[str, Any] = made.json()
        shown = whole["client"]
        self.sandbox.add_account(
            ig_id=shown["instagram_account_id"],
            username=f"user{shown['id']}",
            api="facebook_login",
            page_id=shown["page_id"],
            token=fields.get("access_token", CLIENT["access_token"]),
            posts=[{"id": f"1790{shown['id']}", "caption": "novo"}],
            webhook_url=self.url + whole["webhook_url"],
        )
        return whole

    def said(self, account: str) -> list[tuple[str, str]]:
        """Kind and text of everything an account did."""
        return [
            (act.kind, act.text)
            for act in self.sandbox.acts()
            if act.account == account and act.kind in ("text", "reply", "media", "private_reply")
        ]

    def stats(self, client: Mapping[str, Any]) -> dict[str, Any]:
        """The statistics of a client."""
        found: dict[str, Any] = self.ask(
            "GET", f"/api/clients/{client['client']['id']}/stats"
        ).json()
        return found

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """A command on the same database: exit code, output, errors."""
        done = subprocess.run(
            [sys.executable, "-m", "igrules.cli", *arguments],
            cwd=self.work,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("first"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def first(world: World) -> dict[str, Any]:
    """The client of the document's own example, and the answer that made it."""
    return world.client()


def person_of(world: World, client: Mapping[str, Any], name: str) -> str:
    """The id of somebody who writes to a client."""
    return str(world.sandbox.world.person(client["client"]["instagram_account_id"], name).id)


def test_creating_the_client_of_the_example_answers_as_the_example(
    world: World, first: dict[str, Any]
) -> None:
    client = first["client"]

    assert set(first) == {"success", "client", "api_key", "webhook_url", "verify_token"}
    assert first["success"] is True
    assert first["webhook_url"] == f"/webhook/{first['verify_token']}"
    assert first["api_key"].startswith("igk_ten_")
    assert set(client) == FIELDS
    assert isinstance(client["id"], int)
    assert {key: client[key] for key in CLIENT} == {**CLIENT, "access_token": "****gram"}
    assert (client["active"], client["auto_reply_enabled"]) == (True, True)


ROWS: list[tuple[str, str, Any, int, set[str]]] = [
    ("GET", "/", None, 200, {"name", "version", "status", "clients"}),
    ("GET", "/api/health", None, 200, {"status"}),
    ("GET", "/api/clients", None, 200, {"clients", "total"}),
    ("GET", "/api/clients/{id}", None, 200, FIELDS),
    ("PUT", "/api/clients/{id}", {"daily_limit": 1000}, 200, {"success", "client"}),
    ("GET", "/api/clients/{id}/stats", None, 200, STATS),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "fields"), ROWS)
def test_every_row_of_the_table_is_there(
    world: World,
    first: dict[str, Any],
    method: str,
    path: str,
    body: Any,
    status: int,
    fields: set[str],
) -> None:
    """The rows of creating, deactivating, sending and webhooks have tests of their own."""
    got = world.ask(method, path.format(id=first["client"]["id"]), body)

    assert (got.status_code, set(got.json())) == (status, fields)


def test_a_change_of_some_fields_leaves_the_others(world: World) -> None:
    client = world.client(name="Loja A", instagram_account_id="2001", page_id="3001")
    path = f"/api/clients/{client['client']['id']}"
    change = {"keywords": ["preço", "contato", "horário"], "auto_reply_enabled": True}

    changed = world.ask("PUT", path, change).json()
    listed = world.ask("GET", "/api/clients").json()["clients"]

    assert changed["success"] is True
    assert changed["client"] == {**client["client"], "keywords": change["keywords"]}
    assert world.ask("GET", path).json() == changed["client"]
    assert changed["client"] in listed


def test_each_personal_setting_of_the_document_is_taken(world: World) -> None:
    client = world.client(name="Loja B", instagram_account_id="2002", page_id="3002")
    settings = {
        "custom_responses": {
            "preço": "💰 Nossos valores começam em R$ 50,00!",
            "horário": "Atendemos de Seg-Sex, 9h-18h",
            "contato": "📱 WhatsApp: (11) 99999-9999",
        },
        "keywords": ["preço", "valor", "quanto custa", "orçamento"],
        "daily_limit": 500,
    }

    for key, value in settings.items():
        shown = world.ask("PUT", f"/api/clients/{client['client']['id']}", {key: value}).json()
        assert shown["client"][key] == value


def counted(stats: dict[str, Any]) -> tuple[Any, Any]:
    """What was sent and received."""
    return stats["total_messages"], stats["webhooks_received"]


def until(claim: Callable[[], bool], what: str) -> None:
    """Wait for it, and ask for it more seldom than a key may ask: else the next one is refused."""
    wait_until(claim, 30, what, pause=0.1)


def test_a_message_and_a_comment_are_answered_at_the_clients_own_address(
    world: World, first: dict[str, Any]
) -> None:
    """Messages, comments, webhook log and counters of the example's client."""
    account, post = "123456789", f"1790{first['client']['id']}"
    before = world.stats(first)

    world.sandbox.people.write(account, "ana", "Qual o PREÇO?")
    world.sandbox.people.comment(post, "bia", "preço por favor")

    said = CLIENT["custom_responses"]["preço"]  # type: ignore[index]  # a mapping above
    until(lambda: len(world.said(account)) >= 2, "both are answered")
    assert sorted(world.said(account)) == [("reply", said), ("text", said)]
    # What went out comes back by webhook, too: an echo, and the account's own comment.
    counts = (before["total_messages"] + 2, before["webhooks_received"] + 4)
    until(lambda: counted(world.stats(first)) == counts, "all are counted")
    assert world.stats(first) == {
        **before,
        "client_id": first["client"]["id"],
        "name": "Minha Empresa",
        "total_messages": before["total_messages"] + 2,
        "messages_today": before["messages_today"] + 2,
        "webhooks_received": before["webhooks_received"] + 4,
        "daily_limit": 1000,
        "limit_remaining": before["limit_remaining"] - 2,
    }


def test_the_webhook_handshake_answers_the_challenge(world: World, first: dict[str, Any]) -> None:
    query = "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="

    right = world.ask("GET", first["webhook_url"] + query + first["verify_token"], headers={})
    wrong = world.ask("GET", first["webhook_url"] + query + "another", headers={})
    forged = world.ask("POST", first["webhook_url"], {"object": "instagram"}, headers={})

    assert (right.status_code, right.text) == (200, "1158201444")
    assert (wrong.status_code, forged.status_code) == (403, 403)


def test_a_client_sends_by_its_own_key(world: World, first: dict[str, Any]) -> None:
    world.sandbox.people.write("123456789", "caio", "orçamento")
    caio = person_of(world, first, "caio")
    until(lambda: world.stats(first)["webhooks_received"] >= 1, "it came")
    body = {"recipient_id": caio, "message": "Olá! Como podemos ajudar?"}

    def sent() -> requests.Response:
        return world.ask("POST", "/api/send-message", body, headers={"X-API-Key": first["api_key"]})

    until(lambda: sent().status_code == 200, "the person is known and the message sent")
    bearer = world.ask(
        "POST",
        "/api/send-message",
        {"recipient_id": caio, "media": {"type": "image", "url": "https://luz.example/1.jpg"}},
        headers={"Authorization": f"Bearer {first['api_key']}"},
    )

    again = sent().json()
    assert set(again) == {"success", "message_id", "send_id", "state"}
    assert (again["success"], again["state"]) == (True, "sent")
    assert again["message_id"] in {
        act.effect.get("id") for act in world.sandbox.acts() if act.target == caio
    }
    assert (bearer.status_code, bearer.json()["state"]) == (200, "sent")
    assert ("text", "Olá! Como podemos ajudar?") in world.said("123456789")


def test_sending_without_the_clients_key_is_refused(world: World, first: dict[str, Any]) -> None:
    body = {"recipient_id": "123", "message": "Olá!"}

    refused = [
        world.ask("POST", "/api/send-message", body, headers=headers)
        for headers in ({}, {"X-API-Key": "sk_xxxxx"}, {"X-API-Key": world.key})
    ]
    unknown = world.ask("POST", "/api/send-message", body, headers={"X-API-Key": first["api_key"]})

    assert [one.status_code for one in refused] == [401, 401, 403]
    assert (unknown.status_code, unknown.json()["code"]) == (409, "unknown_recipient")
    assert all(set(one.json()) == {"title", "description", "code"} for one in [*refused, unknown])


def test_a_client_never_goes_over_its_daily_limit(world: World) -> None:
    client = world.client(name="Loja C", instagram_account_id="2003", page_id="3003", daily_limit=1)
    headers = {"X-API-Key": client["api_key"]}

    world.sandbox.people.write("2003", "dora", "preço")
    until(lambda: world.stats(client)["limit_remaining"] == 0, "the limit is used")
    body = {"recipient_id": person_of(world, client, "dora"), "message": "mais uma"}
    refused = world.ask("POST", "/api/send-message", body, headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (429, "daily_limit")
    assert int(refused.headers["Retry-After"]) > 0
    assert len(world.said("2003")) == 1


def test_management_needs_an_operators_key_and_each_client_sees_only_itself(
    world: World, first: dict[str, Any]
) -> None:
    id = first["client"]["id"]
    rows = [
        ("GET", "/api/clients"), ("POST", "/api/clients"), ("GET", f"/api/clients/{id}"),
        ("PUT", f"/api/clients/{id}"), ("DELETE", f"/api/clients/{id}"),
        ("GET", f"/api/clients/{id}/stats"),
    ]  # fmt: skip
    own = {"Authorization": f"Bearer {first['api_key']}"}

    nobody = [world.ask(*row, headers={}).status_code for row in rows]
    client = [world.ask(*row, headers=own).status_code for row in rows]

    assert (nobody, client) == ([401] * 6, [403] * 6)
    assert "clients" not in world.ask("GET", "/", headers={}).json()


def test_deactivating_a_client_silences_it_and_keeps_its_numbers(world: World) -> None:
    client = world.client(name="Loja D", instagram_account_id="2004", page_id="3004")
    path = f"/api/clients/{client['client']['id']}"

    gone = world.ask("DELETE", path)
    world.sandbox.people.write("2004", "eva", "preço")
    body = {"recipient_id": "1", "message": "oi"}
    sent = world.ask("POST", "/api/send-message", body, headers={"X-API-Key": client["api_key"]})

    assert (gone.status_code, gone.json()["success"]) == (200, True)
    assert world.ask("GET", path).json()["active"] is False
    assert world.stats(client)["active"] is False
    assert sent.status_code in (401, 409)
    assert world.said("2004") == []


def test_the_commands_of_the_first_version_have_their_counterparts(
    world: World, first: dict[str, Any], tmp_path: Path
) -> None:
    """init, list-clients, stats, deactivate; adding and resetting have tests of their own."""
    other = world.client(name="Loja E", instagram_account_id="2005", page_id="3005")

    made = world.run("init", str(tmp_path / "loja"))
    upgraded = world.run("db", "upgrade")
    listed = world.run("tenant", "list")
    stats = world.run("tenant", "stats", "minha-empresa")
    gone = world.run("tenant", "deactivate", "loja-e")

    assert [code for code, _, _ in (made, upgraded, listed, stats, gone)] == [0] * 5
    assert (tmp_path / "loja" / "rules.yaml").exists()
    assert re.search(r"^minha-empresa +Minha Empresa +active", listed[1], re.MULTILINE)
    assert "1000" in stats[1].replace(",", "")
    assert world.stats(other)["active"] is False


def test_the_database_address_may_be_postgresql(postgresql_url: str, tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": postgresql_url}
    environment["IGRULES_STATE_DIR"] = str(tmp_path)

    done = subprocess.run(
        [sys.executable, "-m", "igrules.cli", "tenant", "add", "pg"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "added tenant pg")
    assert list(tmp_path.glob("*.db")) == []


def _sit_down() -> None:
    """Make the terminal that of the command, as a shell does for one it runs in the foreground."""
    # What is typed hidden is asked of the terminal itself.
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # Where the tests run in the background, Ctrl-C is none of theirs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A command with a terminal to ask on."""

    def __init__(self, arguments: list[str], directory: Path) -> None:
        self._master, slave = os.openpty()
        self.said = ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "igrules.cli", *arguments],
            cwd=directory, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "TERM": "dumb", "COLUMNS": "200"},
            preexec_fn=_sit_down,
        )  # fmt: skip
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(20)
        os.close(self._master)

    def answer(self, question: str, line: str, *, hidden: bool = False) -> None:
        """Wait for a question and answer it; a hidden one only when nothing is shown any more."""
        start = len(self.said)
        until = time.monotonic() + 20
        while question not in self.said[start:]:
            assert time.monotonic() < until, f"{question!r} was not asked: {self.said}"
            self._read(0.2)
        wait_until(lambda: not hidden or self._hides(), 10, "the terminal hides what is typed")
        os.write(self._master, f"{line}\n".encode())

    def _hides(self) -> bool:
        return not termios.tcgetattr(self._master)[3] & termios.ECHO

    def end(self) -> int:
        """The exit code, once everything it says was read."""
        while self._read(20):
            pass
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end: {self.said!r}") from None

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other side is closed
            return False
        self.said += data.decode(errors="replace").replace("\r", "")
        return bool(data)


def test_adding_a_client_asks_for_everything_the_first_version_asked_for(tmp_path: Path) -> None:
    with Terminal(["tenant", "add"], tmp_path) as terminal:
        for question, line in [
            ("name", "Minha Empresa"),
            ("mail", "contato@empresa.com"),
            ("token", "seu_token_instagram"),
            ("account", "123456789"),
            ("age id", "987654321"),
            ("eywords", "preço, contato"),
            ("answer", "Já te respondo!"),
            ("essages a day", "500"),
        ]:
            terminal.answer(question, line, hidden=question == "token")
        assert terminal.end() == 0, terminal.said

    assert re.search(r"igk_ten_\w+", terminal.said)
    assert re.search(r"/webhook/\S+", terminal.said)
    assert "seu_token_instagram" not in terminal.said
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    (tenant,) = ledger.tenants.list()
    scope = ledger.for_tenant(tenant.id)
    assert (tenant.slug, tenant.name) == ("minha-empresa", "Minha Empresa")
    assert [account.ig_id for account in scope.accounts.list()] == ["123456789"]
    assert scope.secrets.get("access_token") == "seu_token_instagram"
    assert scope.numbers(1).daily_limit == 500
    live = scope.live()
    assert live is not None
    assert b"preco, contato: " in live.files["rules.yaml"].replace("ç".encode(), b"c")
    ledger.close()


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_an_interrupted_question_ends_with_130_and_nothing_done(tmp_path: Path, key: str) -> None:
    with Terminal(["tenant", "add"], tmp_path) as terminal:
        terminal.answer("company name", key)
        code = terminal.end()

    assert (code, "Traceback" in terminal.said) == (130, False)
    assert not (tmp_path / "igrules.db").exists()


@pytest.mark.parametrize(("name", "left"), [("another.db", 1), ("igrules.db", 0)])
def test_resetting_the_database_asks_twice(tmp_path: Path, name: str, left: int) -> None:
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    ledger.tenants.add("luz", "Luz", 1)
    ledger.close()

    with Terminal(["db", "reset"], tmp_path) as terminal:
        terminal.answer("[y/N]", "y")
        terminal.answer("Type its name", name)
        code = terminal.end()

    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    assert (code != 0, len(ledger.tenants.list())) == (bool(left), left)
    ledger.close()
