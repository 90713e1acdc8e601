"""kill -9 of the server, again and again: nothing is lost, nothing done twice, order holds.

The witnesses are the local Instagram's journal and the ledger, never the server's own word.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.language.compiler import compile_tenant
from igrules.ledger import Ledger
from igrules.plugins import build_registry
from igrules.sandbox.journal import Act
from igrules.sandbox.server import Sandbox
from igrules.sandbox.webhooks import Manner
from tests.running import Process, answers, free_port, wait_until

pytestmark = pytest.mark.faults

EVENTS, PEOPLE = 500, 100
ACCOUNT = "17841400000000101"
SECRET = "crash-secret"
NOW = 1_790_000_000_000
TENANT = f"""\
igrules-tenant: 1
timezone: America/Sao_Paulo
instagram: {{account_id: "{ACCOUNT}", api: instagram_login, token: {{secret: access_token}}}}
"""
RULES = """\
igrules: 1
rules:
  - {id: listen, when: dm, do: {tag: wrote}}
  - id: wait
    when: dm
    if: {matches: {regex: ":4$"}}
    do: [{text: "heard {{ event.text }}"}, {wait: 1s}, {text: "still {{ event.text }}"}]
  - {id: answer, when: dm, do: {text: "heard {{ event.text }}"}}
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    manner = Manner(retry_ms=(100,) * 2_000, duplicate=0.1, duplicate_after_ms=50)
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=SECRET.encode(), webhook=manner, senders=8)
    box.start()
    box.add_account(ig_id=ACCOUNT, username="luz", token="IGAAcrash")
    yield box
    box.stop()


def test_a_server_killed_every_second_loses_nothing_and_does_nothing_twice(
    database_url: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    publish(database_url, state)
    port = free_port()
    server = Process(
        ["serve", "--port", str(port)],
        {
            "IGRULES_DATABASE_URL": database_url,
            "IGRULES_STATE_DIR": str(state),
            "IGRULES_IGL_URL": sandbox.url,
            "IGRULES_RATE_SCALE": "1000",
            "IGRULES_FBL_URL": sandbox.url,
            "IGRULES_LEASE": "3000",
            "IGRULES_QUIET": "1000",
        },
        tmp_path / "server.log",
    )
    sandbox.set_webhook_url(f"http://127.0.0.1:{port}/webhook")
    killer = Killer(server, f"http://127.0.0.1:{port}/api/health")

    killer.start()
    people_write(sandbox)
    kills = killer.end()
    ledger = Ledger.open(database_url, state)
    tenant = ledger.tenants.get("crash").id
    wait_until(lambda: is_drained(ledger, tenant), 90, "everything is decided and settled")
    server.stop()

    print(f"{EVENTS} events, {kills} kills: {dict(counts(ledger, tenant))}")
    assert kills >= 5
    assert lost(ledger, tenant, sandbox) == []
    assert doubled(sandbox.acts()) == []
    assert out_of_order(sandbox.acts()) == []
    assert sent_without_act(ledger, tenant, sandbox.acts()) == []
    assert not_gone_on(ledger, tenant) == []
    ledger.close()


class Killer:
    """Starts the server and kills it a second after it was ready, until told to end."""

    def __init__(self, server: Process, health: str) -> None:
        self._server, self._health = server, health
        self._over = threading.Event()
        self._kills = 0
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._server.start()
        wait_until(lambda: answers(self._health), 30, "the server is up")
        self._thread.start()

    def end(self) -> int:
        """Leave it running, and say how often it was killed."""
        self._over.set()
        self._thread.join()
        return self._kills

    def _run(self) -> None:
        while not self._over.wait(1.0):
            self._server.kill()
            self._kills += 1
            self._server.start()
            wait_until(lambda: answers(self._health), 30, "the server is up again")


def publish(database_url: str, state: Path) -> None:
    files = {"tenant.yaml": TENANT.encode(), "rules.yaml": RULES.encode()}
    compiled = compile_tenant(files, build_registry(), slug="crash")
    assert compiled.ruleset is not None, compiled.problems
    ledger = Ledger.open(database_url, state)
    ledger.apps.add("default", "instagram_login", [SECRET], "verify", NOW)
    tenant = ledger.tenants.add("crash", "crash", NOW)
    scope = ledger.for_tenant(tenant.id)
    ruleset = compiled.ruleset
    scope.publish(files, ruleset.digest, ruleset.settings, "", "test", NOW)
    scope.secrets.set("access_token", "IGAAcrash", NOW)
    ledger.close()


def people_write(sandbox: Sandbox) -> None:
    """Everybody writes five messages, each one after the one before was accepted."""
    pace = threading.Event()
    for number in range(EVENTS // PEOPLE):
        for person in range(PEOPLE):
            sandbox.people.write(ACCOUNT, f"person{person}", f"{person}:{number}")
            pace.wait(0.02)
        assert sandbox.postman.wait_idle(120)


def is_drained(ledger: Ledger, tenant: int) -> bool:
    scope = ledger.for_tenant(tenant)
    open_sends = [
        row for state in ("pending", "sending", "doubt") for row in scope.sends(1, state=state)
    ]
    waiting = scope.runs(1, state="parked")
    return not (open_sends or waiting) and all(event.outcome for event in scope.events(10_000))


def counts(ledger: Ledger, tenant: int) -> Counter[str]:
    scope = ledger.for_tenant(tenant)
    found = Counter(f"event {row.outcome}" for row in scope.events(10_000) if row.kind == "message")
    return found + Counter(f"send {row.state}" for row in scope.sends(10_000))


def lost(ledger: Ledger, tenant: int, sandbox: Sandbox) -> list[str]:
    """Messages that were acknowledged and have no decision."""
    decided = {
        row.ref for row in ledger.for_tenant(tenant).events(10_000) if row.outcome == "answered"
    }
    written = {
        message.mid
        for message in sandbox.world.messages.values()
        if not any(word in str(message.body) for word in ("heard", "still"))
    }
    assert len(written) == EVENTS
    return sorted(written - decided)


def doubled(acts: tuple[Act, ...]) -> list[str]:
    texts = Counter(act.text for act in acts if act.kind == "text")
    return [text for text, number in texts.items() if number > 1]


def out_of_order(acts: tuple[Act, ...]) -> list[str]:
    answered: dict[str, list[int]] = defaultdict(list)
    for act in acts:
        if act.kind == "text" and act.text.startswith("heard "):
            person, _, number = act.text.removeprefix("heard ").partition(":")
            answered[person].append(int(number))
    return [person for person, numbers in answered.items() if numbers != sorted(numbers)]


def sent_without_act(ledger: Ledger, tenant: int, acts: tuple[Act, ...]) -> list[str]:
    """Answers the ledger calls sent and Instagram knows nothing of."""
    done = {act.text for act in acts}
    rows = ledger.for_tenant(tenant).sends(10_000, state="sent")
    return [str(row.payload["text"]) for row in rows if row.payload["text"] not in done]


def not_gone_on(ledger: Ledger, tenant: int) -> list[str]:
    """Runs that waited and did not end as their rule says, each with its one message."""
    scope = ledger.for_tenant(tenant)
    said = Counter(str(row.payload["text"]) for row in scope.sends(10_000))
    runs = scope.runs(10_000)
    assert len(runs) == PEOPLE
    return [
        f"{row.person} {row.run.ended}"
        for row in runs
        if row.run.ended != "done" or said[f"still {row.run.event.text}"] != 1
    ]
