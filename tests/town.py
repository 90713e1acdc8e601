"""A town of shops on one installation: many tenants, to all of which people write at the same time.

Each person waits until what everybody wrote was acknowledged before writing on, so the order in
which events arrive is the order in which they were written.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from igrules.language.compiler import compile_tenant
from igrules.ledger import Ledger
from igrules.plugins import build_registry
from igrules.sandbox.scripts import Latency
from igrules.sandbox.server import Sandbox
from igrules.work.clock import Clock
from tests.busy_shop import NOW, SECRET, settle, usual_manner
from tests.checking import ALL, Checked, check_promises
from tests.fleet import Fleet, sleep
from tests.running import answers, free_port, wait_until

ROUNDS = 5
_UNANSWERED = 400
"""So many messages at most wait for an answer, so that delays tell of processes and not of how much
was written."""
TENANT = """\
igrules-tenant: 1
timezone: America/Sao_Paulo
instagram: {{account_id: "{account}", api: instagram_login, token: {{secret: access_token}}}}
"""
RULES = """\
igrules: 1
rules:
  - {id: listen, when: dm, do: {tag: wrote}}
  - {id: answer, when: dm, do: {text: "heard {{ event.text }}"}}
"""


class _Sandbox(Sandbox):
    """One that is also reached through a proxy, under the proxy's port."""

    def allows(self, host: str, origin: str) -> bool:
        return not origin


class Town:
    """Shops with an account each, and the people who write to them; ``events`` in all."""

    def __init__(self, directory: Path, shops: int, events: int, seed: int) -> None:
        self.accounts = [f"178414000000{number:05}" for number in range(1, shops + 1)]
        self.people = events // shops // ROUNDS
        self.events = shops * self.people * ROUNDS
        self.written = 0
        self._journal = directory / "journal.jsonl"
        self._answered = self._read = 0
        self._reading = threading.Lock()
        self.sandbox = _Sandbox(
            self._journal, app_secret=SECRET.encode(), webhook=usual_manner(),
            senders=8, seed=seed,
        )  # fmt: skip
        self.sandbox.scripts.latency = Latency(5, 60)
        self.sandbox.start()

    def publish(self, database_url: str, state: Path) -> None:
        """Make the tenants in a new database."""
        registry = build_registry(third_party=False)
        ledger = Ledger.open(database_url, state)
        ledger.apps.add("default", "instagram_login", [SECRET], "verify", NOW)
        for account in self.accounts:
            slug = f"shop-{account[-5:]}"
            files = {"tenant.yaml": TENANT.format(account=account).encode(),
                     "rules.yaml": RULES.encode()}  # fmt: skip
            compiled = compile_tenant(files, registry, slug=slug)
            assert compiled.ruleset is not None, compiled.problems
            ruleset = compiled.ruleset
            scope = ledger.for_tenant(ledger.tenants.add(slug, slug, NOW).id)
            scope.publish(files, ruleset.digest, ruleset.settings, "", "test", NOW)
            scope.secrets.set("access_token", f"IGAA{account}", NOW)
        ledger.close()

    def deliver_to(self, urls: Sequence[str]) -> None:
        """Spread the shops over these addresses."""
        for number, account in enumerate(self.accounts):
            self.sandbox.add_account(
                ig_id=account, username=f"shop{account[-5:]}", token=f"IGAA{account}",
                webhook_url=urls[number % len(urls)],
            )  # fmt: skip

    def write(self, may_go_on: Callable[[int], bool] = lambda _: True) -> None:
        """Write everything, each time waiting until ``may_go_on`` allows so many."""
        for number in range(ROUNDS):
            for person in range(self.people):
                for account in self.accounts:
                    while not may_go_on(self.written) or self._waits():
                        sleep(0.02)
                    self._write(account, person, number)
            assert self.sandbox.postman.wait_idle(120), "not everything was acknowledged"

    def write_one(self) -> None:
        """One message more, to the next shop, from the next person."""
        turn, shop = divmod(self.written, len(self.accounts))
        number, person = divmod(turn, self.people)
        self._write(self.accounts[shop], person, number)

    def _write(self, account: str, person: int, number: int) -> None:
        self.sandbox.people.write(account, f"person{person}", _words(account, person, number))
        self.written += 1

    def check(self, ledger: Ledger) -> Checked:
        """Every promise, and that everybody was answered once."""
        box = self.sandbox
        found = check_promises(
            ledger, box.acts(), box.postman.acknowledged, now=Clock().now(), in_turn=True
        )
        missing = tuple(self._unanswered(ledger))
        done = found.figures["sent"] + found.figures["unclear"]
        if done != self.written:
            missing = (*missing, f"{done} of {self.written} answers were sent, or may have been")
        broken = {**found.broken, **({"unanswered": missing} if missing else {})}
        return Checked(broken, found.figures)

    def _waits(self) -> bool:
        return self.written - self.answered() > _UNANSWERED

    def answered(self) -> int:
        """How many messages were sent so far. Asked by who writes and by who looks on."""
        with self._reading, self._journal.open("rb") as journal:
            journal.seek(self._read)
            new = journal.read()
            self._read += len(new)
            self._answered += new.count(b"\n")
            return self._answered

    def statuses(self) -> set[int]:
        """What webhooks were answered with; 0: nothing."""
        return {one.status for one in list(self.sandbox.postman.log)}

    def _unanswered(self, ledger: Ledger) -> Iterator[str]:
        said: Counter[str] = Counter()
        for tenant in ledger.tenants.list():
            rows = ledger.for_tenant(tenant.id).sends(ALL)
            said.update(str(row.payload.get("text", "")) for row in rows)
        places = itertools.product(range(ROUNDS), range(self.people), self.accounts)
        for number, person, account in itertools.islice(places, self.written):
            words = f"heard {_words(account, person, number)}"
            if said[words] != 1:
                yield f"'{words}' was meant {said[words]} times"


def _words(account: str, person: int, number: int) -> str:
    return f"{account[-5:]}:{person}:{number}"


def roles(ports: Sequence[int], workers: int) -> dict[str, list[str]]:
    """Processes that only serve, at these ports, and some that only work."""
    webs = {
        f"web-{n}": ["serve", "--no-work", "--port", str(port)] for n, port in enumerate(ports, 1)
    }
    works = {f"work-{n}": ["work", "--threads", "4"] for n in range(1, workers + 1)}
    return {**webs, **works}


@contextmanager
def running(
    town: Town,
    database_url: str,
    directory: Path,
    *,
    webs: int = 1,
    workers: int = 2,
    **settings: str,
) -> Iterator[Fleet]:
    """The processes of an installation that runs this town; killed in the end. ``settings`` are
    variables without their ``IGRULES_``."""
    ports = [free_port() for _ in range(webs)]
    settings = {
        "database_url": database_url, "state_dir": str(directory / "state"), "web_threads": "8",
        "igl_url": town.sandbox.url, "fbl_url": town.sandbox.url, **settings,
    }  # fmt: skip
    environment = {f"IGRULES_{name.upper()}": value for name, value in settings.items()}
    fleet = Fleet(roles(ports, workers), environment, directory)
    try:
        fleet.start()
        for port in ports:
            wait_until(lambda at=port: is_up(at), 30, "the server is up")
        town.deliver_to([f"http://127.0.0.1:{port}/webhook" for port in ports])
        yield fleet
    finally:
        fleet.close()


def is_up(port: int) -> bool:
    """Whether a server answers there."""
    return answers(f"http://127.0.0.1:{port}/api/health")


@contextmanager
def settled(
    town: Town, database_url: str, directory: Path, seconds: float = 60
) -> Iterator[Ledger]:
    """The ledger, once everything is delivered and done."""
    ledger = Ledger.open(database_url, directory / "state", create=False)
    try:
        settle(ledger, town.sandbox, seconds)
        yield ledger
    finally:
        ledger.close()


def delays(ledger: Ledger) -> dict[int, list[float]]:
    """Tenant to the seconds from each of its webhooks to the decision."""
    found: dict[int, list[float]] = defaultdict(list)
    for tenant, took in ledger._db.all(
        "SELECT inbox.tenant_id, decision.created_at - inbox.received_at FROM decision"
        " JOIN inbox ON inbox.id = decision.inbox_id WHERE inbox.kind = 'message'"
    ):
        found[int(tenant)].append(float(took) / 1000)
    return found
