"""A person who is erased is in no table, file, log, export or backup afterwards.

Everything goes by the public doors: webhooks of the local Instagram, the API with a tenant's key,
and Meta's own callbacks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.ledger import Ledger
from igrules.ledger.migrating import TABLES
from igrules.plugins import build_registry
from igrules.sandbox.envelopes import Element
from igrules.sandbox.scripts import Script
from igrules.sandbox.server import Sandbox
from igrules.work.configuration import Configuration
from igrules.work.doctor import examine
from tests.running import Process, answers, free_port, wait_until
from tests.talking import ask
from tests.working import ACCOUNT, SECRET, publish

NAME = "ana.canaria77"
WORDS = "segredo-canario"
RULES = """\
fields: {wish: text}
rules:
- id: greet
  when: dm
  if: {keywords: ola}
  do:
    - {tag: vip}
    - {set: {wish: "{{ event.text }}"}}
    - {text: "disse {{ event.text }}, {{ contact.username | default('?') }}"}
- {id: later, when: dm, if: {keywords: depois}, do: {text: "depois {{ event.text }}"}}
- id: asks
  when: dm
  if: {keywords: pergunta}
  do: [{id: on, ask: {text: "sobre {{ event.text }}?"}}, {wait: 1d}]
- id: guide
  when: comment
  if: {keywords: guia}
  do:
    - {private_reply: "guia {{ event.text }}"}
    - {reply: "enviado {{ event.text }}"}
"""


@dataclass
class World:
    """A running server, the local Instagram, a key of the tenant, and the database beside."""

    url: str
    key: str
    sandbox: Sandbox
    ledger: Ledger
    process: Process
    tenant: int

    def call(self, method: str, path: str, status: int = 200) -> Any:
        answer = ask(
            self.url, method, f"/api/v1{path}", headers={"Authorization": f"Bearer {self.key}"}
        )
        assert answer.status == status, answer.body
        return json.loads(answer.body) if answer.body else None

    @property
    def person(self) -> str:
        return self.sandbox.world.person(ACCOUNT, NAME).id

    def settled(self) -> None:
        """Wait until everything that came is decided and sent, or held back, and what was sent has
        come back as an echo."""
        for what in ("everything is decided", "its echoes are"):
            assert self.sandbox.postman.wait_idle(60)
            wait_until(lambda: not self._waits(), 60, what)

    def _waits(self) -> int:
        return self.ledger._db.number(
            "SELECT (SELECT count(*) FROM inbox WHERE state = 'open')"
            " + (SELECT count(*) FROM delivery WHERE state = 'open')"
            " + (SELECT count(*) FROM send WHERE state IN ('sending', 'doubt')"
            " OR (state = 'pending' AND attempt = 0))"
        )


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    state, port = tmp_path / "state", free_port()
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=SECRET.encode()).start()
    box.add_account(ig_id=ACCOUNT, username="luz.loja", token="token-of-luz")
    ledger = Ledger.open(database_url, state)
    now = time.time_ns() // 1_000_000
    tenant = publish(ledger, build_registry(third_party=False), RULES)
    know_the_owner(ledger, box, now)
    # Its answer waits for the next try, so that something is always open.
    box.scripts.add(Script(code=613, status=400, kind="text", text="depois", times=0))
    key = ledger.keys.create("tenant", tenant, ("admin",), now).secret
    process = Process(
        ["serve", "--port", str(port)],
        {
            "IGRULES_DATABASE_URL": database_url, "IGRULES_STATE_DIR": str(state),
            "IGRULES_IGL_URL": box.url, "IGRULES_FBL_URL": box.url,
            "IGRULES_RATE_SCALE": "1000", "IGRULES_OPS_LISTEN": "none",
            "IGRULES_SWEEP_EVERY": "100",
        },
        tmp_path / "server.log",
    )  # fmt: skip
    process.start()
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(f"{url}/api/health"), 30, "the server is up")
    box.set_webhook_url(f"{url}/webhook")
    yield World(url, key, box, ledger, process, tenant)
    process.kill()
    ledger.close()
    box.stop()


def know_the_owner(ledger: Ledger, box: Sandbox, now: int) -> None:
    """`igrules doctor` notes by which id Meta's callbacks name who connected the account."""
    client = GraphClient(GraphUrls(box.url, box.url, "v26.0"))
    settings = Configuration(rate_scale=1_000, igl_url=box.url, fbl_url=box.url, ops_listen="none")
    registry = build_registry(third_party=False)
    examine(ledger, registry, settings, client, now, tenant=ledger.tenants.get("luz"))
    client.close()


def fill(world: World) -> None:
    """Write about Ana wherever something can be written."""
    box, people = world.sandbox, world.sandbox.people
    post = box.add_post(account=ACCOUNT)
    people.comment(post.id, NAME, f"quero o guia {WORDS}")
    people.write(ACCOUNT, NAME, f"ola {WORDS}")
    people.write(ACCOUNT, NAME, f"pergunta {WORDS}")
    people.write(ACCOUNT, NAME, f"resposta {WORDS}")
    people.write(ACCOUNT, NAME, f"nada {WORDS}")
    people.write(ACCOUNT, "outra", "ola")
    box.postman.post(stray(world.person))
    unreadable = f'{{"entry": [{{"id": "{world.person}", "username": "{NAME}", "text": "{WORDS}"'
    box.postman.post_body(unreadable.encode())
    world.settled()
    # The last one, because its refusal keeps all answers of the account back for a while.
    people.write(ACCOUNT, NAME, f"depois {WORDS}")
    world.settled()
    world.ledger.for_tenant(world.tenant).queue_send(
        world.person, "text", {"text": f"{WORDS} da loja"}, box.world.now(),
        idempotency=f"pedido-{NAME}",
    )  # fmt: skip


def stray(person: str) -> Element:
    """A message of Ana to an account nobody here has."""
    value = {
        "sender": {"id": person}, "recipient": {"id": "17841400000000999"},
        "timestamp": time.time_ns() // 1_000_000,
        "message": {"mid": "m_stray", "text": f"{WORDS} para outro"},
    }  # fmt: skip
    return Element(ACCOUNT, value, "", "17841400000000999")


def found(world: World, *canaries: str) -> dict[str, list[str]]:
    """The canaries that stand in some column of a table."""
    hits: dict[str, list[str]] = {}
    for table in TABLES:
        text = "\n".join(map(_line, world.ledger._db.all(f"SELECT * FROM {table}")))
        there = [one for one in canaries if one in text]
        if there:
            hits[table] = there
    return hits


def _line(row: tuple[Any, ...]) -> str:
    values = (bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in row)
    return b"\0".join(values).decode("utf-8", "replace")


def files(world: World) -> dict[str, bytes]:
    """What the database is on the disk; nothing for PostgreSQL, whose server has it."""
    path = Path(world.ledger.url)
    return {
        one.name: one.read_bytes()
        for one in path.parent.glob(path.name + "*")
        if not world.ledger.url.startswith("postgres")
    }


def test_an_erased_person_is_nowhere_any_more(world: World, tmp_path: Path) -> None:
    fill(world)
    person = world.person
    canaries = (person, NAME, WORDS, f"m_{person}")
    before = found(world, *canaries)
    row_id = str(world.ledger.for_tenant(world.tenant).contact(person).id)
    exported = world.call("POST", f"/contacts/{person}/export")

    job = world.call("DELETE", f"/contacts/@{NAME}", 202)
    # Somebody may be in the way again and again; the chore comes every 10 s. The key may ask 20
    # times a second.
    wait_until(lambda: state(world, job) == "done", 60, "it is done", 0.2)
    dumped = {name: data for name, data in files(world).items() if b"SQLite" in data[:16]}
    left = {
        name: [one for one in canaries if one.encode() in data]
        for name, data in files(world).items()
    }
    log = world.process.said()
    copy = tmp_path / "after.backup"
    world.ledger.backups.write(copy, time.time_ns() // 1_000_000)
    backup = copy.read_bytes()

    # It was there, everywhere, or the rest would prove nothing.
    assert set(before) >= {
        "contact", "inbox", "send", "run", "lane", "decision", "orphan", "delivery",
    }  # fmt: skip
    assert WORDS in json.dumps(exported)
    assert exported["contacts"][0]["tags"] == ["vip"]
    assert {name for name, rows in exported.items() if rows} == {
        "contacts", "events", "decisions", "sends", "attempts", "marks", "runs",
    }  # fmt: skip
    assert found(world, *canaries) == {}
    assert {name: hits for name, hits in left.items() if hits} == {}
    assert bool(dumped) is not world.ledger.url.startswith("postgres")
    assert [one for one in canaries if one in log] == []
    other = world.sandbox.world.person(ACCOUNT, "outra").id
    assert [one for one in (*canaries, other) if one.encode() in backup] == [other]
    assert world.call("GET", f"/contacts/{person}", 404)["code"] == "not_found"
    assert world.ledger.check() == []
    others = world.call("GET", "/contacts")["items"]
    assert [one["id"] for one in others] == [other]
    assert [row[0] for row in world.ledger._db.all("SELECT reason FROM send WHERE rule = 'later'")
            ] == ["erased"]  # fmt: skip
    assert actions(world) == [("contact.export", row_id), ("contact.erase", row_id)]


def state(world: World, job: Any) -> str:
    return str(world.call("GET", f"/erasures/{job['id']}")["state"])


def actions(world: World) -> list[tuple[str, str]]:
    return [
        (row.action, row.object) for row in reversed(world.ledger.audit.list(None))
        if row.action.startswith(("contact.", "meta."))
    ]  # fmt: skip


def test_an_erased_person_who_writes_again_is_somebody_new(world: World) -> None:
    world.sandbox.people.write(ACCOUNT, NAME, "ola")
    world.settled()
    world.call("DELETE", f"/contacts/{world.person}", 202)

    world.sandbox.people.write(ACCOUNT, NAME, "nada")
    world.settled()

    contact = world.call("GET", f"/contacts/{world.person}")
    events = world.call("GET", f"/events?contact={world.person}")["items"]
    assert (contact["tags"], contact["fields"]) == ([], {})
    assert len(events) == 1


def test_meta_deletes_an_account_and_the_page_tells_how_far_it_is(world: World) -> None:
    world.sandbox.people.write(ACCOUNT, NAME, f"ola {WORDS}")
    world.settled()

    first = world.sandbox.callbacks.delete_data(ACCOUNT, "meta")
    again = world.sandbox.callbacks.delete_data(ACCOUNT, "meta")
    unknown = world.sandbox.callbacks.delete_data(ACCOUNT, "meta", user_id="4711")
    page = ask(world.url, "GET", first["body"]["url"].removeprefix(world.url))
    wait_until(lambda: "Everything was deleted." in shown(world, first), 60, "it is done")
    kept = found(world, world.person, NAME, WORDS, ACCOUNT, "luz.loja")

    assert (first["status"], again, unknown["status"]) == (200, first, 200)
    assert page.status == 200
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "Nothing is held" in shown(world, unknown)
    assert len(world.ledger.erasures.list(None)) == 1
    assert kept == {}
    assert world.ledger.for_tenant(world.tenant).secrets.list() == []
    assert actions(world) == [
        ("meta.deletion", "account 1"), ("meta.deletion", ""), ("meta.deletion", ""),
    ]  # fmt: skip


def shown(world: World, answer: Any) -> str:
    page = ask(world.url, "GET", answer["body"]["url"].removeprefix(world.url))
    return page.body.decode()


def test_meta_takes_the_permission_back(world: World) -> None:
    """Contents stay until they are old or their deletion is asked for."""
    world.sandbox.people.write(ACCOUNT, NAME, "depois")
    world.settled()

    answer = world.sandbox.callbacks.deauthorize(ACCOUNT, "meta")
    world.sandbox.people.write(ACCOUNT, NAME, "ola")
    world.settled()
    scope = world.ledger.for_tenant(world.tenant)
    ended = {(row.rule, row.state, row.reason) for row in scope.sends(10)}
    names = scope.secrets.list()
    scope.secrets.set("access_token", "token-of-luz", 2)

    assert answer == {"status": 200, "body": {}}
    assert names == []
    assert ended == {("later", "cancelled", "deauthorized")}
    assert world.sandbox.acts() == ()
    assert len(scope.events(10)) == 2
    assert world.ledger.holds(2**50) == []
    assert "its token was destroyed" in world.process.said()
