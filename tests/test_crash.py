"""kill -9 of web and worker processes at random: nothing lost, nothing done twice, in order.

The witnesses are the local Instagram's journal and the ledger, never a process's own word.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from igrules.sandbox.server import Sandbox
from tests.busy_shop import (
    Crowd,
    check_shop,
    is_drained,
    open_shop,
    publish_shop,
    usual_manner,
)
from tests.fleet import Fleet, Killer
from tests.running import answers, free_port, wait_until
from tests.sizes import load, seed

pytestmark = pytest.mark.faults("F1")

EVENTS, KILLS = load(1_500, 20_000), load(25, 200)
SEED = seed()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    box = open_shop(tmp_path, manner=usual_manner(), seed=SEED)
    yield box
    box.stop()


def roles(engine: str, port: int) -> dict[str, list[str]]:
    """On SQLite the web process works as well; on PostgreSQL each does one thing."""
    alone = ["--no-work"] if engine == "postgresql" else []
    web = ["serve", "--port", str(port), "--threads", "4", *alone]
    return {"web": web, **{f"work-{n}": ["work", "--threads", "4"] for n in (1, 2, 3)}}


def test_processes_killed_at_random_lose_nothing_and_do_nothing_twice(
    database_url: str, sandbox: Sandbox, tmp_path: Path, figures: Callable[..., None]
) -> None:
    state, port = tmp_path / "state", free_port()
    tenant = publish_shop(database_url, state)
    engine = "postgresql" if database_url.startswith("postgresql") else "sqlite"
    environment = {
        "IGRULES_DATABASE_URL": database_url,
        "IGRULES_STATE_DIR": str(state),
        "IGRULES_IGL_URL": sandbox.url,
        "IGRULES_FBL_URL": sandbox.url,
    }
    fleet = Fleet(roles(engine, port), environment, tmp_path)
    killer, crowd = Killer(fleet, SEED), Crowd(sandbox, EVENTS)
    started = time.monotonic()
    try:
        fleet.start()
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/api/health"), 30, "the server is up")
        sandbox.set_webhook_url(f"http://127.0.0.1:{port}/webhook")
        killer.start()
        crowd.write(lambda written: killer.kills >= KILLS * written / EVENTS - 1)
        kills = killer.end()
        written = time.monotonic()
        ledger = Ledger.open(database_url, state, create=False)
        wait_until(lambda: is_drained(ledger, sandbox), 60, "all is settled", 0.25)
        drained = time.monotonic()
        fleet.stop()
    finally:
        killer.end()
        fleet.close()

    found = check_shop(ledger, sandbox, tenant, crowd)
    ledger.close()
    figures(
        f"F1 {engine}", kills=kills, **found.figures, drained_s=drained - written,
        seconds=drained - started, seed=SEED,
    )  # fmt: skip
    assert (found.broken, fleet.own_ends) == ({}, []), f"seed {SEED}"
    assert kills >= KILLS
