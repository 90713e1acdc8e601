"""One tenant has ten thousand messages waiting; another, who gets one a second, does not notice.

Measured in the local Instagram's journal: when somebody wrote, and when the answer was executed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from igrules.sandbox.scripts import Latency
from igrules.sandbox.server import Sandbox
from igrules.sandbox.webhooks import Manner
from tests.busy_shop import ACCOUNT, TENANT, TOKEN, open_shop, publish_shop
from tests.fleet import ENGINES, Way, answering, sleep, ways
from tests.running import Watch, wait_until
from tests.sizes import load, seed

pytestmark = pytest.mark.faults("F12")

WAITING, SPELLS = load(10_000, 100_000), max(3, load(3, 20))
SPELL = 3.0
OTHER = "17841400000000202"
RULES = """\
igrules: 1
rules:
  - {id: answer, when: dm, do: {text: "heard {{ event.text }}"}}
"""
SEED = seed()
way = ways(*ENGINES)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    box = open_shop(tmp_path, seed=SEED)
    box.add_account(ig_id=OTHER, username="mar", token=TOKEN + "2")
    box.scripts.latency = Latency(20, 40)
    yield box
    box.stop()


class Quiet:
    """The other tenant's people: one message a second in every second spell."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.written: dict[str, int] = {}

    def write(self, seconds: float) -> None:
        """Write each second for so long."""
        for _ in range(round(seconds)):
            words = f"quiet {len(self.written)}"
            self.written[f"heard {words}"] = self._sandbox.world.now()
            self._sandbox.people.write(OTHER, f"q{len(self.written)}", words)
            sleep(1.0)

    def delays(self) -> list[int]:
        """How long each waited for the answer, in ms, in order; those without one are missing."""
        done = {act.text: act.time for act in self._sandbox.acts() if act.account == OTHER}
        return sorted(done[words] - at for words, at in self.written.items() if words in done)


def busy(sandbox: Sandbox) -> int:
    """How much the noisy tenant's account has done so far."""
    return sum(act.account == ACCOUNT for act in sandbox.acts())


def test_a_noisy_tenant_does_not_keep_another_waiting(
    way: Way, sandbox: Sandbox, tmp_path: Path, figures: Callable[..., None]
) -> None:
    """Spells with and without the other tenant follow each other, so that both see the same
    machine."""
    state = tmp_path / "state"
    publish_shop(way.database_url, state, slug="noisy", rules=RULES)
    other = TENANT.replace(ACCOUNT, OTHER)
    publish_shop(
        way.database_url, state, slug="quiet", rules=RULES, tenant=other, token=TOKEN + "2"
    )
    quiet, started = Quiet(sandbox), time.monotonic()
    sandbox.postman.set_manner(Manner(hold=True, batch=1_000, echo="missing"))
    for number in range(WAITING):
        sandbox.people.write(ACCOUNT, f"n{number}", f"noise {number}")
    solo, shared = [], []
    with answering(way, sandbox, tmp_path, workers=0 if way.name == "sqlite" else 1):
        sandbox.postman.set_manner(Manner(batch=1_000, echo="missing"))
        assert sandbox.postman.wait_idle(60)
        wait_until(lambda: busy(sandbox) > 50, 30, "the noise is answered", 0.25)
        with Watch() as watch:
            for _ in range(SPELLS):
                for alone in (True, False):
                    before, began = busy(sandbox), time.monotonic()
                    if alone:
                        sleep(SPELL)
                    else:
                        quiet.write(SPELL)
                    pace = (busy(sandbox) - before) / (time.monotonic() - began)
                    (solo if alone else shared).append(pace)
            left = WAITING - busy(sandbox)
            wait_until(
                lambda: len(quiet.delays()) == len(quiet.written), 60, "the last answers", 0.25
            )

    delays = quiet.delays()
    p95 = delays[int(len(delays) * 0.95)]
    share = statistics.median(two / one for one, two in zip(solo, shared, strict=True))
    figures(
        f"F12 {way.name}", waiting=WAITING, still_waiting=left, per_second=statistics.mean(solo),
        share_of_solo=share, others_p95_ms=p95, others=len(delays),
        seconds=time.monotonic() - started, seed=SEED,
    )  # fmt: skip
    assert left > 0, "the noise was over too soon to say anything"
    assert p95 - 1_000 * watch.lost <= 1_000
    assert share >= 0.8
