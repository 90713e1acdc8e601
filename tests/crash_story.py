"""A story with everything in it that can be cut off, told against a real sandbox.

Ana's first answer goes out, but its answer is lost; the second is put off once; then her run waits
an hour and speaks again. Ben comments and is answered twice, privately first. One update comes
twice. Who is cut off is followed by an heir, who is told again what nobody has acknowledged.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import falcon.testing

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.kinds import Registry
from igrules.ledger import Ledger
from igrules.plugins import build_registry
from igrules.sandbox.journal import read_journal
from igrules.web.app import build_app
from igrules.web.health import Stopping
from igrules.web.ingest import Writer
from igrules.work.bell import SweepOnly
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.upkeep import Sweeper
from igrules.work.worker import Worker
from tests.checking import check_promises, digest
from tests.dying import CountedBell, Line, Points, driver
from tests.ledger_process import Notes
from tests.talking import dm, envelope, signed
from tests.working import ACCOUNT, SECRET, publish

RULES = """
rules:
  - id: order
    when: dm
    if: {keywords: [pedido]}
    do: [{text: "Recebi o pedido"}, {wait: 1h}, {text: "Já saiu"}]
  - {id: rest, when: dm, do: {text: "Um momento"}}
  - id: guide
    when: comment
    if: {keywords: [guia]}
    do: [{private_reply: "Aqui está o guia"}, {reply: "Mandei"}]
"""
SAID = ("Recebi o pedido", "Já saiu", "Um momento", "Aqui está o guia", "Mandei")
SCRIPTS: tuple[Mapping[str, Any], ...] = (
    {"text": "Recebi", "answer": "reset", "executed": True},
    {"text": "momento", "answer": "error", "status": 400, "code": 613},
)
_STOPS = 60
"""So many times at most something is due later than now."""


class Outside:
    """A sandbox in a process of its own, arranged over its control door."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self.journal = home / "journal.jsonl"
        command = [sys.executable, "-m", "igrules.sandbox", "--app-secret", SECRET]
        self._process = subprocess.Popen(
            [*command, "--journal", str(self.journal)], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.url = json.loads(self._process.stdout.readline())["url"]
        self.do("account", ig_id=ACCOUNT, username="luz.loja", token="token-of-luz")
        self.post = self.do("post", account=ACCOUNT)["id"]

    def do(self, what: str, **arguments: Any) -> Any:
        """Call a function of the control door."""
        request = urllib.request.Request(
            f"{self.url}/_sandbox/{what}",
            json.dumps(arguments).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["result"]

    def now(self) -> int:
        """Its time."""
        return int(self.do("advance", ms=0))

    def stop(self) -> None:
        self._process.terminate()
        assert self._process.wait(20) == 0
        assert self._process.stdout is not None
        self._process.stdout.close()


class Hands(Clock):
    """A clock that moves when the story says so, and the sandbox's with it."""

    def __init__(self, outside: Outside) -> None:
        super().__init__()
        self._outside = outside
        self.at = outside.now()

    def now(self) -> int:
        return self.at

    def move_to(self, then: int) -> None:
        self.at = max(then, self.at)
        self._outside.do("advance", ms=max(0, self.at - self._outside.now()))


@dataclass(frozen=True)
class Update:
    """A webhook body and what its event is called."""

    ref: str
    body: bytes


def begin(outside: Outside, scripts: Sequence[Mapping[str, Any]] = SCRIPTS) -> list[Update]:
    """Let people act in a sandbox without a past, and give the updates in the order they come."""
    outside.do("reset")
    for script in scripts:
        outside.do("scripts", **script)
    now = outside.now()
    ana, ben = (outside.do("person", account=ACCOUNT, username=who)["id"] for who in ("ana", "ben"))
    updates = []
    for text in ("pedido", "oi"):
        mid = outside.do("write", account=ACCOUNT, username="ana", text=text)
        updates.append(Update(mid, dm(ACCOUNT, ana, mid, text, now)))
    id = outside.do("comment", post=outside.post, username="ben", text="quero o guia")
    value = {"id": id, "text": "quero o guia", "from": {"id": ben, "username": "ben"},
             "media": {"id": outside.post, "media_product_type": "FEED"}}  # fmt: skip
    body = envelope(ACCOUNT, now, {"changes": [{"field": "comments", "value": value}]})
    return [updates[0], Update(id, body), updates[0], updates[1]]


class Teller:
    """A process of igrules that takes updates in and works until nothing is due any more."""

    def __init__(self, url: str, home: Path, outside: Outside, points: Points) -> None:
        self.ledger = Ledger.open(url, home / "state", create=False, driver=driver(url, points))
        line = Line(outside.url, points)
        self.clock = Hands(outside)
        settings = Configuration(
            igl_url=line.url, fbl_url=line.url, threads=1, linger=0, rate_scale=1_000.0
        )
        registry = build_registry(
            graph=GraphClient(GraphUrls(line.url, line.url)), third_party=False
        )
        bell = CountedBell(SweepOnly(), points)
        self._worker = Worker(self.ledger, registry, settings, clock=self.clock, bell=bell)
        self._sweeper = Sweeper(self.ledger, bell, self._worker, settings, self.clock)
        self._web = falcon.testing.TestClient(self._door(registry, settings, bell))

    def _door(self, registry: Registry, settings: Configuration, bell: CountedBell) -> Any:
        writer = Writer(self.ledger.deliveries.store, bell.ring, linger=0)
        return build_app(
            self.ledger, writer, registry=registry, configuration=settings, clock=self.clock,
            stopping=Stopping(), bell=bell, operations=(),
        )  # fmt: skip

    def take(self, updates: Sequence[Update], acknowledged: Path) -> None:
        """Take updates in, and note each that was answered with 200."""
        notes = Notes(acknowledged)
        for update in updates:
            headers = signed(update.body, SECRET)
            answer = self._web.simulate_post("/webhook", body=update.body, headers=headers)
            if answer.status_code == 200:
                notes.add(update.ref)

    def work_off(self) -> None:
        """Work until nothing is due, ever; time jumps to what is due next."""
        for _ in range(_STOPS):
            while self._worker.turn():
                pass
            self._sweeper.sweep()
            row = self.ledger._db.first("SELECT min(due) FROM lane")
            if row is None or row[0] is None:
                return
            self.clock.move_to(row[0])
        raise AssertionError("this never comes to rest")


def found(
    ledger: Ledger, outside: Outside, updates: Sequence[Update], before: int, now: int
) -> list[str]:
    """What is wrong at the end of a story; ``before``: so many acts were in the journal."""
    scope = ledger.for_tenant(ledger.tenants.get("luz").id)
    sends, runs = scope.sends(100), scope.runs(100)
    acts = read_journal(outside.journal)[before:]
    acknowledged = [digest(update.body) for update in updates]
    checked = check_promises(ledger, acts, acknowledged, now=now)
    told = Counter(str(row.payload["text"]) for row in sends)
    wrong: dict[str, object] = {
        **checked.broken,
        "twice": Counter(row.ref for row in scope.events(100)) - Counter({u.ref for u in updates}),
        "unanswered": [row.ref for row in scope.events(100) if row.outcome != "answered"],
        "said": told != Counter(SAID) and told,
        "unsettled": [f"{row.key} {row.state}" for row in sends if row.state != "sent"],
        "runs": [row.run.ended for row in runs] != ["done"] and runs,
    }
    return [f"{what}: {which}" for what, which in wrong.items() if which]


def written(url: str, home: Path) -> None:
    """A database with the rules of the story."""
    ledger = Ledger.open(url, home / "state")
    publish(ledger, build_registry(third_party=False), RULES)
    ledger.close()
