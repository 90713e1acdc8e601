"""Two tenants with the same things, and keys of every kind: what the tests of the API stand on.

Everything that belongs to a tenant carries its canary, a word that no answer to anybody else may
hold.
"""

from __future__ import annotations

import base64
import dataclasses
import hmac
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from falcon.testing import Result, TestClient, create_environ

from igrules.kinds import Registry
from igrules.ledger import DueRun, Ledger, NewDelivery, Tenant
from igrules.model import Decision, Event
from igrules.runs import Frame, Run
from igrules.web.app import build_app
from igrules.web.health import Stopping
from igrules.web.ingest import Writer
from igrules.web.operations import Operation
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker
from tests.talking import dm
from tests.working import NOW, Recorder, publish

RULES = """\
rules:
- {{id: hello, when: dm, if: {{keywords: [oi]}}, do: {{text: 'Olá {canary}'}}}}
"""
ACCOUNTS = {"luz": "17841400000000111", "sol": "17841400000000222"}
PEOPLE = {"luz": "10000000001", "sol": "20000000002"}
GONE = {"luz": "10000000009", "sol": "20000000009"}
"""People who asked to be forgotten."""
SCOPES = ("read", "rules", "send", "admin")
_WORD = re.compile(r"<([a-z_]+)>")


class Hands(Clock):
    """A clock that moves when the test says so."""

    def __init__(self, at: int = NOW) -> None:
        super().__init__()
        self.at = at

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return self.at / 1000

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.at += int(seconds * 1000)


@dataclass
class Seeds:
    """A tenant, the ids of what it has, and its keys by scope."""

    tenant: Tenant
    canary: str
    words: dict[str, str]
    keys: dict[str, str] = field(default_factory=dict)


@dataclass
class Seeded:
    """Everything that `seed` has made."""

    ledger: Ledger
    registry: Registry
    luz: Seeds
    sol: Seeds
    operator: str
    operator_read: str


def seed(ledger: Ledger) -> Seeded:
    """Make the two tenants: published, with an answered message each."""
    channel = Recorder()
    registry = channel.registry()
    clock = Hands()
    for slug, account in ACCOUNTS.items():
        publish(ledger, registry, RULES.format(canary=canary(slug)), slug, account)
    app_id = ledger.apps.list()[0].id
    bodies = [
        dm(account, people[slug], f"m_{people[slug]}", f"oi {canary(slug)}", NOW)
        for slug, account in ACCOUNTS.items()
        for people in (GONE, PEOPLE)
    ]
    ledger.deliveries.store([NewDelivery(app_id, None, body, NOW) for body in bodies])
    worker = Worker(ledger, registry, Configuration(rate_scale=1_000, threads=1), clock=clock)
    for _ in range(100):
        if not worker.turn():
            break
    luz, sol = (_seeds(ledger, slug) for slug in ACCOUNTS)
    operator = ledger.keys.create("operator", 0, ["operator"], NOW).secret
    reader = ledger.keys.create("operator", 0, ["operator:read"], NOW).secret
    seeded = Seeded(ledger, registry, luz, sol, operator, reader)
    luz.words["client"] = sol.words["client"] = _client(seeded)
    return seeded


class Copies:
    """A seeded database below ``home``, copied as often as it is needed fresh."""

    def __init__(self, home: Path) -> None:
        self._home = home / "seeded"
        self._home.mkdir()
        ledger = Ledger.open(str(self._home / "igrules.db"), self._home / "state")
        self._seeded = seed(ledger)
        ledger.close()

    def open(self, to: Path) -> Seeded:
        """A copy of it, open."""
        shutil.copytree(self._home, to)
        ledger = Ledger.open(str(to / "igrules.db"), to / "state")
        return dataclasses.replace(self._seeded, ledger=ledger)


def _client(seeded: Seeded) -> str:
    """The id of a client made the way of the first version."""
    body = {"name": "Lua Nova", "instagram_account_id": "17841400000000333"}
    made = Asker(seeded).ask("POST", "/api/clients", key=seeded.operator, json=body)
    assert made.status_code == 201, made.text
    return str(made.json["client"]["id"])


def canary(slug: str) -> str:
    """The word that marks everything of a tenant."""
    return f"canary{slug}canary"


def _seeds(ledger: Ledger, slug: str) -> Seeds:
    tenant = ledger.tenants.get(slug)
    scope = ledger.for_tenant(tenant.id)
    (event,) = (one for one in scope.events(10) if one.person == PEOPLE[slug])
    (send,) = scope.sends_of_event(event.id)
    scope.secrets.set("spare", f"secret-{canary(slug)}", NOW)
    spare = ledger.keys.create("tenant", tenant.id, ["read"], NOW, label=canary(slug))
    app = ledger.apps.add(
        f"own-{canary(slug)}", "facebook_login", [canary(slug)], f"v-{canary(slug)}", NOW,
        app_id=f"77{tenant.id}", tenant=slug,
    )  # fmt: skip
    keys = {
        one: ledger.keys.create("tenant", tenant.id, [one], NOW, label=canary(slug)).secret
        for one in SCOPES
    }
    words = {
        "tenant": slug,
        "client": str(tenant.id),
        "event": str(event.id),
        "send": str(send.id),
        "person": PEOPLE[slug],
        "contact": PEOPLE[slug],
        "account": ACCOUNTS[slug],
        "version": "1",
        "key": spare.key.id,
        "app": app.name,
        "secret": "spare",
        "run": str(_parked(ledger, tenant, event.id)),
        **_more(ledger, tenant),
    }
    return Seeds(tenant, canary(slug), words, keys)


def _parked(ledger: Ledger, tenant: Tenant, event_id: int) -> int:
    """A run of the seeded person that waits for an answer; gives its id."""
    ledger._db.run(
        "UPDATE lane SET due = ? WHERE tenant_id = ? AND person = ?",
        (NOW, tenant.id, PEOPLE[tenant.slug]),
    )
    ledger._db.run("UPDATE turn SET next_due = ? WHERE tenant_id = ?", (NOW, tenant.id))
    (lane,) = ledger.lanes.claim("seed", NOW, lease=30_000, limit=1)
    word = canary(tenant.slug)
    event = Event("message", ACCOUNTS[tenant.slug], lane.person, text=word, id=event_id)
    run = Run(
        "hello", 1, event, answers={"name": word}, frames=(Frame("hello.do", 0),),
        state="waiting", step="hello.do[1]", wake_at=NOW + 86_400_000, started_at=NOW,
        notes=((NOW, "hello.do[1]", f"asked {word}"),),
    )  # fmt: skip
    beginning = DueRun(run, None, NOW)
    ledger.lanes.record_wake(lane, beginning, Decision("listened", runs=(run,)), NOW, lease=30_000)
    ledger.lanes.release(lane, NOW)
    due = "UPDATE turn SET next_due = ? WHERE tenant_id = ?"
    ledger._db.run(due, (run.wake_at, tenant.id))
    (row,) = ledger.for_tenant(tenant.id).runs()
    return row.id


def _more(ledger: Ledger, tenant: Tenant) -> dict[str, str]:
    """Further things of a tenant that examples name."""
    reader = ledger.keys.create("operator", 0, ["operator:read"], NOW)
    idle = ledger.apps.add(f"idle-{tenant.slug}", "facebook_login", ["s"], "v", NOW)
    gone = ledger.erasures.request(tenant.id, None, GONE[tenant.slug], "api", NOW)
    return {
        "operator_key": reader.key.id,
        "erasure": str(gone.id),
        "idle_app": idle.name,
        "code": "unknown",
        "signed_request": signed_request(canary(tenant.slug), f"user-of-{tenant.slug}"),
    }


def signed_request(secret: str, user: str) -> str:
    """What Meta sends when somebody takes a permission back."""
    said = {"algorithm": "HMAC-SHA256", "user_id": user, "issued_at": NOW // 1000}
    payload = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=")
    signature = hmac.digest(secret.encode(), payload, "sha256")
    return (base64.urlsafe_b64encode(signature).rstrip(b"=") + b"." + payload).decode()


def filled(value: Any, words: Mapping[str, str]) -> Any:
    """Replace ``<event>`` by the id of the seeded event, and so on."""
    if isinstance(value, str):
        return _WORD.sub(lambda found: words.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {name: filled(one, words) for name, one in value.items()}
    if isinstance(value, Sequence):
        return [filled(one, words) for one in value]
    return value


class Asker:
    """The app of a seeded ledger, asked without a socket. Each request comes from an address of its
    own and a second after the one before, so that nothing is throttled unless ``slow`` is false."""

    def __init__(
        self,
        seeded: Seeded,
        *,
        clock: Hands | None = None,
        slow: bool = True,
        configuration: Configuration | None = None,
    ) -> None:
        self.clock = clock or Hands()
        self._slow = slow
        self._count = 0
        self.rings: list[int] = []
        self.app = build_app(
            seeded.ledger,
            Writer(seeded.ledger.deliveries.store, lambda: None),
            registry=seeded.registry,
            configuration=configuration or Configuration(rate_scale=1_000),
            clock=self.clock,
            stopping=Stopping(),
            pause=self.clock.forward,
        )
        self._client = TestClient(self.app)

    def use(self, app: Any) -> None:
        """Ask another app from now on."""
        self.app, self._client = app, TestClient(app)

    def environ(self, method: str, path: str) -> dict[str, Any]:
        """The environ of a request, as PEP 3333 has it."""
        return dict(create_environ(path=path, method=method))

    def ask(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        query: str | Mapping[str, Any] | None = None,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        address: str | None = None,
    ) -> Result:
        """Make one request; ``key`` goes where keys belong."""
        if self._slow:
            self.clock.forward(1)
        self._count += 1
        sent = dict(headers or {})
        if key is not None:
            sent.setdefault("Authorization", f"Bearer {key}")
        own = f"10.{self._count // 65536}.{self._count // 256 % 256}.{self._count % 256}"
        more: dict[str, Any] = {"json": json} if json is not None else {"body": body or b""}
        if isinstance(query, Mapping):
            more["params"] = dict(query)
        elif query:
            more["query_string"] = query
        return self._client.simulate_request(
            method, path, headers=sent, extras={"REMOTE_ADDR": address or own}, **more
        )

    def example(
        self,
        operation: Operation,
        path: str,
        words: Mapping[str, str],
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Result:
        """Ask as the operation's example says, at one of its addresses."""
        told = filled(dict(operation.examples), words)
        named = {**words, **told.get("path", {})}
        address = re.sub(r"{(\w+)(?::[^}]*)?}", lambda found: named[found[1]], path)
        sent = {**told.get("headers", {}), **(headers or {})}
        content: dict[str, Any] = {}
        if operation.form:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            content["body"] = _form(told.get("body", {}))
        elif operation.body is not None:
            content["json"] = told.get("body", {})
        return self.ask(
            operation.method, address, key=key, query=told.get("query"), headers=sent, **content
        )


def _form(fields: Mapping[str, str]) -> bytes:
    from urllib.parse import urlencode

    return urlencode(fields).encode()


def rows(ledger: Ledger, leave_out: Callable[[str], bool] = lambda table: False) -> dict[str, Any]:
    """Every row of every table, read around the ledger's own functions."""
    from igrules.ledger.migrating import TABLES

    return {
        table: sorted(map(repr, ledger._db.all(f"SELECT * FROM {table}")))
        for table in TABLES
        if not leave_out(table)
    }
