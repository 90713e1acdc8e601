"""A shop to which people write and under whose post they comment while something goes wrong.

Each person waits until what everybody wrote was acknowledged before writing on, so the order in
which events arrive is the order in which they were written.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from igrules.language.compiler import compile_tenant
from igrules.ledger import Ledger
from igrules.plugins import build_registry
from igrules.sandbox.scripts import Latency
from igrules.sandbox.server import Sandbox
from igrules.sandbox.webhooks import Manner
from igrules.work.clock import Clock
from tests.checking import ALL, Checked, check_promises, is_at_rest
from tests.fleet import sleep

ACCOUNT, POST = "17841400000000101", "17900000000000001"
SECRET, TOKEN = "crash-secret", "IGAAcrash"
NOW = 1_790_000_000_000
ROUNDS = 5
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
  - id: comment
    when: comment
    do: [{private_reply: "guide {{ event.text }}"}, {reply: "sent {{ event.text }}"}]
"""


def open_shop(
    directory: Path, *, manner: Manner | None = None, seed: int = 1, senders: int = 8
) -> Sandbox:
    """A local Instagram with the account of the shop; start and stop it yourself."""
    box = Sandbox(
        directory / "journal.jsonl",
        app_secret=SECRET.encode(),
        webhook=manner,
        senders=senders,
        seed=seed,
    )
    box.start()
    box.add_account(ig_id=ACCOUNT, username="luz", token=TOKEN, posts=[{"id": POST}])
    return box


def usual_shop(seed: int) -> Any:
    """The fixture ``sandbox`` of a module: such an Instagram, delivering in its usual manner."""

    @pytest.fixture(name="sandbox")
    def made(tmp_path: Path) -> Iterator[Sandbox]:
        box = open_shop(tmp_path, manner=usual_manner(), seed=seed)
        yield box
        box.stop()

    return made


def usual_manner(echo: str = "after") -> Manner:
    """Every event one to three times, again at once after a failure."""
    return Manner(
        batch=10, linger_ms=20, duplicate=0.5, copies=2, duplicate_after_ms=50,
        retry_ms=(250,) * 1_000, echo=echo,
    )  # fmt: skip


def publish_shop(
    database_url: str,
    state: Path,
    slug: str = "crash",
    rules: str = RULES,
    tenant: str = TENANT,
    token: str = TOKEN,
) -> int:
    """Make the tenant in a new database; gives its id."""
    files = {"tenant.yaml": tenant.encode(), "rules.yaml": rules.encode()}
    compiled = compile_tenant(files, build_registry(third_party=False), slug=slug)
    assert compiled.ruleset is not None, compiled.problems
    ledger = Ledger.open(database_url, state)
    if not ledger.apps.list():
        ledger.apps.add("default", "instagram_login", [SECRET], "verify", NOW)
    made = ledger.tenants.add(slug, slug, NOW)
    scope = ledger.for_tenant(made.id)
    ruleset = compiled.ruleset
    scope.publish(files, ruleset.digest, ruleset.settings, "", "test", NOW)
    scope.secrets.set("access_token", token, NOW)
    ledger.close()
    return made.id


class Crowd:
    """The people, a fifth of whom comment. ``events`` is how much they write in all, ``first``
    the number of the first of them."""

    def __init__(self, sandbox: Sandbox, events: int, first: int = 0) -> None:
        self._sandbox = sandbox
        self.people = range(first, first + max(1, events // ROUNDS))
        self.written = 0
        self._thread = threading.Thread(target=self.write)
        sandbox.scripts.latency = Latency(5, 60)

    def write(self, may_go_on: Callable[[int], bool] = lambda _: True) -> None:
        """Write everything, each time waiting until ``may_go_on`` allows so many."""
        for number in range(ROUNDS):
            for person in self.people:
                while not may_go_on(self.written):
                    sleep(0.02)
                self._write_one(person, number)
                self.written += 1
            assert self._sandbox.postman.wait_idle(120), "not everything was acknowledged"

    def write_aside(self) -> None:
        """The same in a thread of its own, as fast as it is acknowledged."""
        self._thread.start()

    def wait(self) -> None:
        """Until everything is written; fails when it was not."""
        self._thread.join()
        assert self.written == ROUNDS * len(self.people), "not everything was written"

    def _write_one(self, person: int, number: int) -> None:
        words = f"{person}:{number}"
        if person % 5:
            self._sandbox.people.write(ACCOUNT, f"person{person}", words)
        else:
            self._sandbox.people.comment(POST, f"person{person}", words)


def is_drained(ledger: Ledger, sandbox: Sandbox) -> bool:
    """Whether nothing is left to deliver or to do."""
    postman = sandbox.postman
    known = len(postman.acknowledged)
    if postman.waiting() or not is_at_rest(ledger):
        return False
    # What was done since the beginning of this look may have an echo, and that may have come in.
    return not postman.waiting() and len(postman.acknowledged) == known


def settle(ledger: Ledger, sandbox: Sandbox, seconds: float = 60) -> None:
    """Wait until nothing is left to deliver or to do; fail when nothing more was done for so long.
    How much was left is a matter of the machine, and not of igrules."""
    calls, until = -1, 0.0
    while not is_drained(ledger, sandbox):
        made = ledger._db.number("SELECT count(*) FROM attempt")
        if made != calls:
            calls, until = made, time.monotonic() + seconds
        assert time.monotonic() < until, f"all is settled: nothing was done for {seconds:g} s"
        sleep(0.25)


def check_shop(ledger: Ledger, sandbox: Sandbox, tenant: int, crowds: Iterable[Crowd]) -> Checked:
    """Every promise, and that everybody was answered as the rules say."""
    found = check_promises(
        ledger, sandbox.acts(), sandbox.postman.acknowledged, now=Clock().now(), in_turn=True
    )
    missing = tuple(_unanswered(ledger, tenant, crowds))
    return Checked({**found.broken, **({"unanswered": missing} if missing else {})}, found.figures)


def _unanswered(ledger: Ledger, tenant: int, crowds: Iterable[Crowd]) -> list[str]:
    said = Counter(str(row.payload.get("text", "")) for row in ledger.for_tenant(tenant).sends(ALL))
    wanted: list[str] = []
    for person in (person for crowd in crowds for person in crowd.people):
        for words in (f"{person}:{number}" for number in range(ROUNDS)):
            if person % 5:
                wanted += [f"heard {words}", *([f"still {words}"] if words[-2:] == ":4" else [])]
            else:
                wanted += [f"guide {words}", f"sent {words}"]
    return [f"'{words}' was meant {said[words]} times" for words in wanted if said[words] != 1]
