"""Secrets planted everywhere come out nowhere: not in logs, answers, numbers, traces, output of
commands, or the database.

They go in by the doors everybody uses; then everything happens to them that may: events, calls that
fail, wrong requests, bugs. What a real process says is searched for each of them, also in the forms
in which bytes like to travel.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from igrules.cli.app import build
from igrules.cli.exits import run
from igrules.ledger import Ledger
from igrules.ledger.migrating import TABLES
from igrules.sandbox.server import Sandbox
from igrules.web.operations import PUBLIC, SIGNED
from igrules.web.routes import ALL, OF_TENANT, paths_of
from tests.running import Process, answers, free_port, wait_until
from tests.seeding import filled
from tests.talking import ask, dm, signed
from tests.working import ACCOUNT, NOW, TENANT

RULES = """\
igrules: 1
rules:
- {id: hello, when: dm, if: {keywords: [oi]}, do: {text: Olá}}
- {id: guide, when: comment, do: {private_reply: Aqui está}}
- id: calls
  when: dm
  if: {keywords: [pedido]}
  do:
    - {notify: alguém pediu}
    - http:
        url: https://canary.invalid/orders
        headers: {X-Api-Key: "{{ secrets.shop }}"}
        json: {key: "{{ secrets.shop }}"}
"""
OUTSIDE = "email: luz@luz.example\nhttp: {hosts: [canary.invalid]}\n"
"""No name that ends so leads anywhere; by then the values of the secrets are in the call."""
PLANTED = {
    name: f"{shape}{secrets.token_hex(12)}"
    for name, shape in {
        "the access token": "IGAAcanary",
        "a token that Meta refuses": "no-known-form-",
        "an app secret": "appsecret",
        "another app secret": "more~ü=",
        "a verify token": "verify-me-",
        "a tenant's secret": "shop&key=",
        "the password of the mail server": "mail-word-",
    }.items()
}


class Harvest:
    """Everything that was said, by whom."""

    def __init__(self) -> None:
        self._said: list[tuple[str, bytes]] = []

    def add(self, who: str, said: str | bytes) -> None:
        """Keep something that was said."""
        self._said.append((who, said.encode("utf-8", "replace") if isinstance(said, str) else said))

    def found(self, planted: dict[str, str]) -> list[str]:
        """Who said what they should not."""
        return sorted(
            {
                f"{name} in {who}"
                for name, value in planted.items()
                for form in forms(value.encode())
                for who, said in self._said
                if form in said
            }
        )

    def __len__(self) -> int:
        return len(self._said)


def forms(value: bytes) -> set[bytes]:
    """A value as it is, in hex, percent-encoded, as JSON, and in base64 wherever it begins."""
    found = {
        value,
        value.hex().encode(),
        value.hex().upper().encode(),
        quote(value, safe="").encode(),
        json.dumps(value.decode()).encode()[1:-1],
    }
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + value)
        # Without the ends, which depend on what stands around.
        core = text[-(-shift * 4 // 3) : len(text) - 4]
        found |= {core, core.replace(b"+", b"-").replace(b"/", b"_")}
    return found


@pytest.mark.parametrize("text", ["", "a", "ab", "abc"])
def test_each_form_is_recognised_wherever_it_stands(text: str) -> None:
    harvest = Harvest()
    value = PLANTED["a tenant's secret"]
    around = f"{text}{value} and more".encode()
    for who, said in {
        "plain": around,
        "hex": around.hex(),
        "base64": base64.b64encode(around),
        "base64 for addresses": base64.urlsafe_b64encode(around),
        "percent": quote(around),
        "JSON": json.dumps({"a": around.decode()}),
        "something else": b"\0" * 50,
    }.items():
        harvest.add(who, said)

    assert len(harvest.found({"it": value})) == len(harvest) - 1


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=PLANTED["an app secret"].encode())
    box.start()
    box.add_account(ig_id=ACCOUNT, username="luz.loja", token=PLANTED["the access token"])
    yield box
    box.stop()


class Installation:
    """A server in a process of its own, the commands beside it, and all they say."""

    def __init__(
        self,
        database_url: str,
        home: Path,
        sandbox: Sandbox,
        command: Callable[..., tuple[str, str]],
    ) -> None:
        self.harvest = Harvest()
        self.planted = dict(PLANTED)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = home / "server.log"
        self._database_url, self._home, self._command = database_url, home, command
        self._set_up()
        environment = {
            "IGRULES_IGL_URL": sandbox.url,
            "IGRULES_FBL_URL": sandbox.url,
            "IGRULES_RATE_SCALE": "1000",
        }
        port = self.url.rpartition(":")[2]
        self.process = Process(["serve", "--port", port], environment, self.log)
        sandbox.set_webhook_url(f"{self.url}/webhook")
        self.process.start()
        wait_until(lambda: answers(f"{self.url}/api/ready"), 30, "the server is up")

    def _set_up(self) -> None:
        directory = self._home / "luz"
        directory.mkdir()
        (directory / "tenant.yaml").write_text(TENANT.format(account=ACCOUNT) + OUTSIDE)
        (directory / "rules.yaml").write_text(RULES)
        # The two answers that show a key are kept apart.
        self.operator = self._command("admin", "bootstrap")[0].strip()
        keys = ("an app secret", "another app secret")
        lines = [PLANTED["a verify token"], *(PLANTED[key] for key in keys)]
        self.do("app", "add", stdin="\n".join(lines))
        self.do("apply", "luz", "--yes")
        admin = self._command("tenant", "key", "luz", "--scope", "admin")[0].strip()
        self.admin = admin
        for name, planted in {
            "access_token": "a token that Meta refuses",
            "shop": "a tenant's secret",
        }.items():
            self.do("secret", "set", "luz", name, stdin=PLANTED[planted] + "\n")
        # The first time it was refused: a secret that its calls need was not stored.
        self.do("apply", "luz", "--yes")
        self.planted["the operator's key"] = self.operator.split("_")[3]
        self.planted["the tenant's key"] = admin.split("_")[3]
        ledger = self.opened()
        self.planted["the tenant's verify token"] = ledger.tenants.verify_token(1)
        ledger.close()
        self.planted["the master key"] = self._master_key()

    def _master_key(self) -> str:
        file = self._home / "state" / "master.key"
        line = file.read_text() if file.exists() else os.environ["IGRULES_KEY"]
        return line.strip().partition(":")[2].rstrip("=")

    def opened(self) -> Ledger:
        """The same ledger in this process."""
        return Ledger.open(self._database_url, self._home / "state")

    def do(self, *arguments: str, stdin: str = "") -> None:
        """A command; what it writes is kept."""
        for said in self._command(*arguments, stdin=stdin):
            self.harvest.add("igrules " + " ".join(arguments), said)

    def ask(self, method: str, path: str, **more: Any) -> int:
        """A request; its answer is kept."""
        reply = ask(self.url, method, path, **more)
        self.harvest.add(f"{method} {path.partition('?')[0][:40]}", reply.body)
        self.harvest.add(f"headers of {method} {path[:40]}", repr(reply.headers))
        return reply.status

    def get(self, path: str, key: str) -> int:
        """A GET with a key, at the pace that a key is allowed."""
        statuses: list[int] = []

        def let_in() -> bool:
            statuses.append(self.ask("GET", path, headers={"Authorization": f"Bearer {key}"}))
            return statuses[-1] != 429

        wait_until(let_in, 10, "the key may ask again")
        return statuses[-1]


@pytest.fixture
def installation(
    database_url: str,
    tmp_path: Path,
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Installation]:
    monkeypatch.setenv("IGRULES_DATABASE_URL", database_url)
    monkeypatch.setenv("IGRULES_STATE_DIR", str(tmp_path / "state"))
    password = PLANTED["the password of the mail server"]
    monkeypatch.setenv(
        "IGRULES_SMTP_URL", f"smtps://bot:{password}@127.0.0.1:9?from=bot@luz.example"
    )
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, stdin: str = "") -> tuple[str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        run(build(arguments))
        said = capsys.readouterr()
        return said.out, said.err

    one = Installation(database_url, tmp_path, sandbox, command)
    yield one
    if one.process.runs:
        one.process.kill()


def test_no_secret_comes_out_anywhere(installation: Installation, sandbox: Sandbox) -> None:
    people_write(installation, sandbox)
    everything_is_read(installation)
    strangers_knock(installation)
    commands_are_run(installation)
    bugs_show_themselves(installation)
    files = database(installation)
    stopped = installation.process.stop()

    assert stopped == 0
    told = {"the tenant's verify token": installation.planted.pop("the tenant's verify token")}
    log, dump = Harvest(), Harvest()
    log.add("the log", installation.log.read_bytes())
    for name, data in [*files.items(), *database(installation).items()]:
        dump.add(name, data)
    everything = {**installation.planted, **told}
    assert log.found(everything) == []
    assert dump.found(everything) == []
    # Operators and the tenant itself may see the address of its webhook.
    assert installation.harvest.found(installation.planted) == []
    assert len(installation.harvest) > 200


def people_write(one: Installation, sandbox: Sandbox) -> None:
    """First with a token that Meta refuses, then with the right one."""
    ledger = one.opened()
    scope = ledger.for_tenant(1)
    sandbox.people.write(ACCOUNT, "ana", "oi")
    wait_until(lambda: [s.reason for s in scope.sends(9)] == ["reauth"], 20, "Meta refuses")
    headers = {"Authorization": f"Bearer {one.admin}", "Content-Type": "application/json"}
    body = json.dumps({"value": PLANTED["the access token"]}).encode()
    one.ask("PUT", "/api/v1/secrets/access_token", body=body, headers=headers)
    sandbox.people.write(ACCOUNT, "bia", "oi")
    wait_until(lambda: "sent" in {send.state for send in scope.sends(10)}, 20, "an answer")
    sandbox.people.write(ACCOUNT, "caio", "pedido")
    tried = {("http", "dns: POST canary.invalid/orders"), ("notify", "the mail server: connect")}
    wait_until(lambda: tried <= {(s.kind, s.reason) for s in scope.sends(10)}, 20, "the calls")
    ledger.close()


def everything_is_read(one: Installation) -> None:
    """Every address that can be read, with the keys that may."""
    words = {"tenant": "luz", "event": "1", "send": "1", "key": one.admin.split("_")[2],
             "app": "default", "secret": "shop", "version": "1", "person": "ana", "client": "1",
             "account": ACCOUNT, "contact": "1"}  # fmt: skip
    for operation in ALL:
        if operation.method != "GET" or SIGNED in operation.access:
            continue
        told = {**words, **filled(dict(operation.examples.get("path", {})), words)}
        for path in paths_of(operation):
            named = re.sub(r"{(\w+)(?::[^}]*)?}", r"<\1>", path)
            address = re.sub("<[a-z_]+>", "1", filled(named, told))
            own = operation.tenant and not path.startswith(OF_TENANT)
            one.get(address, one.admin if own else one.operator)
    assert one.get("/metrics", one.operator) == 200
    assert {PUBLIC} & {scope for operation in ALL for scope in operation.access}


def strangers_knock(one: Installation) -> None:
    """Wrong keys, keys and tokens in the wrong places, wrong signatures, bodies that are none."""
    json_type = {"Content-Type": "application/json"}
    wrong = {"Authorization": f"Bearer {one.operator[:-1]}"}
    assert one.ask("GET", "/api/v1/tenants", headers=wrong) == 401
    assert one.get("/api/v1/tenants", f"{one.admin}x") == 401
    assert one.ask("GET", f"/api/v1/tenants?key={one.operator}") == 400
    assert one.ask("GET", f"/api/v1/tenants/{one.admin}") == 400
    for value in one.planted.values():
        quoted = quote(value, safe="")
        headers = {"Authorization": f"Bearer {one.admin}", **json_type}
        assert 400 <= one.ask("GET", f"/api/v1/{quoted}", headers=headers) < 500
        one.ask("GET", f"/webhook/{quoted}?hub.mode=subscribe&hub.verify_token={quoted}")
        body = f'{{"scopes": "{value}"'.encode()
        assert one.ask("POST", "/api/v1/keys", body=body, headers=headers) == 400
        # Signed rightly it would be kept: what people write is no secret of ours.
        assert one.ask("POST", "/webhook", body=body, headers=signed(body, f"{value}x")) == 403
    event = dm(ACCOUNT, "p1", "m1", "oi", NOW)
    for secret in (PLANTED["an app secret"] + "x", PLANTED["a tenant's secret"]):
        assert one.ask("POST", "/webhook", body=event, headers=signed(event, secret)) == 403
    digest = hashlib.sha256(PLANTED["an app secret"].encode()).hexdigest()
    one.ask("POST", "/webhook", body=event, headers={"X-Hub-Signature-256": f"sha256={digest}"})


def commands_are_run(one: Installation) -> None:
    """What shows something, on the database and through the server."""
    for arguments in (
        ("app", "list"), ("app", "list", "--format", "json"), ("tenant", "list"),
        ("secret", "list", "luz"), ("secret", "list", "luz", "--format", "json"),
        ("tenant", "key", "luz", "--list"), ("admin", "key", "--list"), ("audit", "list"),
        ("audit", "export"), ("audit", "verify"), ("secret", "rotate"), ("sends", "list", "luz"),
        ("runs", "list"),
        ("trace", "1"), ("db", "info"), ("doctor",), ("metrics",), ("tenant", "stats", "luz"),
    ):  # fmt: skip
        one.do(*arguments)


def bugs_show_themselves(one: Installation) -> None:
    """Somebody has moved a sealed value: what needs it fails, and says so without it."""
    ledger = one.opened()
    ledger._db.run(
        "UPDATE app SET secrets = (SELECT value FROM secret WHERE name = 'shop'), verify_token ="
        " (SELECT value FROM secret WHERE name = 'shop')"
    )
    ledger.close()
    assert one.get("/api/v1/apps", one.operator) == 500
    one.do("app", "list")
    one.do("doctor")


def database(one: Installation) -> dict[str, bytes]:
    """The database as a thief finds it: its files, or all rows of all tables."""
    path = Path(one._database_url)
    if not one._database_url.startswith("postgres"):
        return {file.name: file.read_bytes() for file in path.parent.glob(f"{path.name}*")}
    ledger = one.opened()
    rows = {table: ledger._db.all(f"SELECT * FROM {table}") for table in TABLES}
    ledger.close()
    return {
        table: b"\n".join(
            bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode()
            for row in found
            for cell in row
        )
        for table, found in rows.items()
    }
