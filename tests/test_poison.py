"""An event that ends every process that decides it is set aside at the third; nobody else notices.

The action comes from a plugin, since no kind of ours can do that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from igrules.language.compiler import compile_tenant
from igrules.ledger import Ledger
from igrules.plugins import build_registry
from igrules.sandbox.scripts import Latency
from igrules.sandbox.server import Sandbox
from igrules.sandbox.webhooks import Manner
from tests.busy_shop import ACCOUNT, NOW, SECRET, TENANT, TOKEN, open_shop, settle
from tests.fleet import Fleet, Way, answering, sleep
from tests.sizes import SIZE, load, seed

pytestmark = pytest.mark.faults("F11")

ROOT = Path(__file__).parent.parent
EVENTS, EVERY = load(500, 5_000), 50 if SIZE else 500
PAUSE = 0.025
KEEPS_PACE = 500
"""Where calm people wait longer, in ms, the machine has more to do than it can: then the two times
are printed, and not compared."""
SEED = seed()
PLUGIN = """
import os, signal
from igrules import Action, Slot, hookimpl

def take(moment, options):
    os.kill(os.getpid(), signal.SIGKILL)
    return []

@hookimpl
def igrules_actions():
    return [Action("poison.take", "Ends its process", Slot("text"), take)]
"""
RULES = """\
igrules: 1
rules:
  - {id: poison, when: dm, if: {keywords: [poison]}, do: {poison.take: now}}
  - {id: answer, when: dm, do: {text: "heard {{ event.text }}"}}
"""


class Split(Way):
    """The door has a process of its own on SQLite, too: what kills a worker keeps nobody out."""

    def roles(self, port: int, workers: int) -> dict[str, list[str]]:
        """See `Way`."""
        web = ["serve", "--port", str(port), "--threads", "4", "--no-work"]
        return {**super().roles(port, workers), "web": web}


@pytest.fixture(params=("sqlite", "postgresql"))
def way(request: pytest.FixtureRequest, plugin: None) -> Way:
    """A database of each engine; the plugin is installed before anything is loaded."""
    return Split.of(request.param, request.getfixturevalue)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin, installed where the processes of this test find it."""
    home = tmp_path / "site"
    about = home / "igrules_poison-1.0.dist-info"
    about.mkdir(parents=True)
    (home / "igrules_poison.py").write_text(PLUGIN)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: igrules-poison\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[igrules]\npoison = igrules_poison\n")
    monkeypatch.setenv("PYTHONPATH", f"{home}:{ROOT}")
    monkeypatch.syspath_prepend(str(home))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    manner = Manner(batch=10, linger_ms=20, retry_ms=(100,) * 2_000, echo="missing")
    box = open_shop(tmp_path, manner=manner, seed=SEED)
    box.scripts.latency = Latency(20, 40)
    yield box
    box.stop()


def publish(way: Way, state: Path) -> int:
    tenant_file = TENANT + "plugins: [poison]\n"
    files = {"tenant.yaml": tenant_file.encode(), "rules.yaml": RULES.encode()}
    compiled = compile_tenant(files, build_registry(), slug="shop")
    assert compiled.ruleset is not None, compiled.problems
    ledger = Ledger.open(way.database_url, state)
    ledger.apps.add("default", "instagram_login", [SECRET], "verify", NOW)
    tenant = ledger.tenants.add("shop", "shop", NOW).id
    scope, ruleset = ledger.for_tenant(tenant), compiled.ruleset
    scope.publish(files, ruleset.digest, ruleset.settings, "", "test", NOW)
    scope.secrets.set("access_token", TOKEN, NOW)
    ledger.close()
    return tenant


@contextmanager
def supervised(fleet: Fleet) -> Iterator[list[str]]:
    """Start again what ends by itself, as a supervisor does; gives the names of what did."""
    ended: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            ended.extend(fleet.revive())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield ended
    finally:
        over.set()
        thread.join()


class People:
    """They write at an even pace; every so often somebody writes what kills."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.written: dict[str, int] = {}
        self.poisons = 0

    def write(self, events: int, poison_every: int = 0) -> list[str]:
        """Write so many messages; gives the answers they should get."""
        wanted = []
        for number in range(events):
            if poison_every and number % poison_every == 0:
                self.poisons += 1
                self._sandbox.people.write(ACCOUNT, f"killer{self.poisons}", "poison")
            name = f"p{len(self.written)}"
            self.written[f"heard {name}"] = self._sandbox.world.now()
            self._sandbox.people.write(ACCOUNT, name, name)
            wanted.append(f"heard {name}")
            sleep(PAUSE)
        return wanted

    def p95(self, wanted: list[str]) -> int:
        """The time within which 95 of 100 of these answers were executed, in ms."""
        done = {act.text: act.time for act in self._sandbox.acts()}
        delays = sorted(done[words] - self.written[words] for words in wanted if words in done)
        return delays[int(len(delays) * 0.95)]


def test_what_kills_its_process_is_set_aside_and_the_others_do_not_notice(
    way: Way, sandbox: Sandbox, tmp_path: Path, figures: Callable[..., None]
) -> None:
    tenant = publish(way, tmp_path / "state")
    ledger = Ledger.open(way.database_url, tmp_path / "state", create=False)
    people, started = People(sandbox), time.monotonic()
    with answering(way, sandbox, tmp_path, workers=3) as fleet, supervised(fleet) as ended:
        people.write(20)
        calm = people.write(EVENTS // 10)
        beside = people.write(EVENTS, EVERY)
        calm += people.write(EVENTS // 10)
        settle(ledger, sandbox)

    rows = ledger.for_tenant(tenant).events(10 * EVENTS)
    outcomes = [row.outcome for row in rows if row.outcome != "answered"]
    sends = ledger.for_tenant(tenant).sends(10 * EVENTS, state="parked")
    parked = {str(row.payload["text"]) for row in sends}
    told = [row.cause for row in ledger.alerts.list(100)]
    answers = sorted(act.text for act in sandbox.acts())
    before, after = people.p95(calm), people.p95(beside)
    figures(
        f"F11 {way.name}", poisons=people.poisons, deaths=len(ended), p95_ms=before,
        p95_beside_ms=after, others=EVENTS, parked=len(parked),
        seconds=time.monotonic() - started, seed=SEED,
    )  # fmt: skip
    ledger.close()
    assert outcomes == ["quarantined"] * people.poisons
    assert len(ended) == 3 * people.poisons
    assert told.count("quarantine") == people.poisons
    # Nobody could tell of a call whose process died in it whether it was made.
    assert set(people.written) - set(answers) <= parked
    assert len(answers) == len(set(answers))
    if before <= KEEPS_PACE:
        # What a dead process had in hand, or was rung for, is found by the next sweep, and that is
        # less than one in twenty. Beside other tests, which come and go, two sweeps are allowed:
        # only what everybody waits for would show.
        assert after <= max(1.1 * before, before + (1_000 if SIZE else 2_000))
