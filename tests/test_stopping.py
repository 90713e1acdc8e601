"""A platform that fails, and an account that is blocked: igrules stops, loses nothing, goes on.

Half of the calls that fail were carried out, so whoever tried on would write twice or ask a person
about hundreds of messages.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from igrules.ledger import Hold, Ledger
from igrules.sandbox.scripts import Latency, Script
from igrules.sandbox.server import Sandbox
from igrules.sandbox.webhooks import Manner
from tests.busy_shop import (
    ACCOUNT,
    Crowd,
    check_shop,
    is_drained,
    publish_shop,
    usual_shop,
)
from tests.fleet import ENGINES, Way, answering, sleep, ways
from tests.running import wait_until
from tests.sizes import load, seed

SEED = seed()
THREADS = 8
"""Worker threads of all processes of these tests."""
OUTAGE = load(5, 600)
BREAKER = ("breaker", "account 1")
WRITTEN = load(500, 5_000)
BLOCKED = load(100, 1_000)
ECHOES = Manner(batch=10, linger_ms=20, retry_ms=(100,) * 2_000)
RULES = """\
igrules: 1
rules:
  - {id: answer, when: dm, do: {text: "heard {{ event.text }}"}}
"""
way = ways(*ENGINES)
sandbox = usual_shop(SEED)


def fleet_of(way: Way) -> int:
    """So many workers beside the web process that there are eight threads in all."""
    return 1 if way.name == "sqlite" else 2


def alerts(ledger: Ledger) -> list[tuple[str, str]]:
    return sorted((row.cause, row.about) for row in ledger.alerts.list(100))


def attempts(ledger: Ledger, *outcomes: str) -> int:
    """How many calls ended so."""
    marks = ", ".join(f"'{one}'" for one in outcomes)
    return ledger._db.number(f"SELECT count(*) FROM attempt WHERE outcome IN ({marks})")


def longest_wait(ledger: Ledger, now: int) -> float:
    """Seconds until igrules tries again what it has put off last: the longer an outage lasted, the
    longer that is."""
    holds = max((hold.until or now for hold in ledger.holds(now)), default=now)
    sends = ledger._db.number("SELECT max(not_before) FROM send WHERE closed_at IS NULL")
    return max(0, holds - now, sends - now) / 1_000


@pytest.mark.faults("F19")
def test_an_outage_leaves_a_handful_of_doubts_and_no_double(
    way: Way, sandbox: Sandbox, tmp_path: Path, figures: Callable[..., None]
) -> None:
    tenant = publish_shop(way.database_url, tmp_path / "state")
    ledger = Ledger.open(way.database_url, tmp_path / "state", create=False)
    crowd, started = Crowd(sandbox, WRITTEN), time.monotonic()
    with answering(way, sandbox, tmp_path, workers=fleet_of(way)):
        for executed, chance in ((True, 0.5), (False, 1.0)):
            sandbox.scripts.add(
                Script(status=503, code=2, times=0, chance=chance, executed=executed)
            )
        crowd.write_aside()
        sleep(OUTAGE)
        wait_until(lambda: BREAKER in alerts(ledger), 60, "the account is stopped")
        sandbox.scripts.clear()
        sandbox.scripts.latency = Latency(5, 60)
        crowd.wait()
        left = longest_wait(ledger, sandbox.world.now())
        wait_until(lambda: is_drained(ledger, sandbox), 60 + left, "all is settled", 0.25)

    found = check_shop(ledger, sandbox, tenant, [crowd])
    doubts = attempts(ledger, "UNCLEAR", "Unknown")
    holds = ledger.holds(sandbox.world.now())
    figures(
        f"F19 {way.name}", **found.figures, doubts=doubts, threads=THREADS,
        seconds=time.monotonic() - started, seed=SEED,
    )  # fmt: skip
    ledger.close()
    assert found.broken == {}, f"seed {SEED}"
    assert doubts <= 10 + THREADS
    assert holds == []


@pytest.mark.faults("F18")
def test_a_blocked_account_waits_and_goes_on_by_itself(
    way: Way, sandbox: Sandbox, tmp_path: Path, figures: Callable[..., None]
) -> None:
    """Six hours of a hold last two seconds here."""
    tenant = publish_shop(way.database_url, tmp_path / "state", rules=RULES)
    ledger = Ledger.open(way.database_url, tmp_path / "state", create=False)
    sandbox.postman.set_manner(ECHOES)
    sandbox.scripts.latency = Latency(5, 60)
    people, started = range(BLOCKED), time.monotonic()
    pace = {"IGRULES_RETRY_SCALE": "0.0001"}
    with answering(way, sandbox, tmp_path, workers=fleet_of(way), **pace):
        for person in people:
            if person == BLOCKED // 4:
                blocked_at = sandbox.world.now()
                sandbox.scripts.add(Script(status=400, code=368, times=0, account=ACCOUNT))
            sandbox.people.write(ACCOUNT, f"person{person}", f"{person}")
            sleep(0.02)
        held: list[Hold] = []

        def is_stopped() -> bool:
            held[:] = ledger.holds(sandbox.world.now())
            return bool(held)

        wait_until(is_stopped, 60, "the account is stopped")
        sandbox.scripts.clear()
        free_at = sandbox.world.now()
        wait_until(lambda: is_drained(ledger, sandbox), 60, "all is settled", 0.25)

    acts = sandbox.acts()
    heard = [act.text for act in acts]
    refused, told = attempts(ledger, "BLOCKED"), alerts(ledger)
    states = ledger.stats(tenant)["sends"]
    figures(
        f"F18 {way.name}", sent=states.get("sent", 0), blocked_answers=refused,
        alerts=len(told), waited_ms=free_at - blocked_at,
        seconds=time.monotonic() - started, seed=SEED,
    )  # fmt: skip
    left = ledger.holds(sandbox.world.now())
    ledger.close()
    assert [hold.reason for hold in held] == ["blocked"]
    assert sorted(heard) == sorted(f"heard {person}" for person in people)
    assert states == {"sent": BLOCKED}
    assert refused <= THREADS + 3
    assert told == [("blocked", "account 1")]
    assert left == []
