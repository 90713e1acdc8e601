"""The ledger and a model of it say the same, whatever happens in whatever order."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from igrules.ledger import Ledger
from tests.conftest import PostgresCluster
from tests.delivery_machine import Machine
from tests.ledgering import World
from tests.sizes import load

pytestmark = pytest.mark.faults("model")

STEPS = 50


class Homes:
    """A fresh ledger for each example: a copy of a file, or an emptied database."""

    def __init__(self, directory: Path, postgres: PostgresCluster | None) -> None:
        self._directory, self._postgres = directory, postgres
        self._numbers = itertools.count(1)
        self._clean = directory / "clean"
        if postgres is None:
            self._clean.mkdir()
            World(Ledger.open(str(self._clean / "a.db"), self._clean / "state")).ledger.close()

    def world(self) -> World:
        here = self._directory / str(next(self._numbers))
        if self._postgres is not None:
            return World(Ledger.open(self._postgres.migrated(), here))
        shutil.copytree(self._clean, here)
        ledger = Ledger.open(str(here / "a.db"), here / "state", create=False)
        return World.again(ledger)

    def reopen(self, world: World) -> None:
        state = world.ledger.high_water._path.parent
        world.ledger.close()
        world.ledger = Ledger.open(world.ledger.url, state, create=False)
        world.scope = world.ledger.for_tenant(world.tenant.id)

    def close(self, world: World) -> None:
        url = world.ledger.url
        # An example that was broken off may have left it restored, and it is used again.
        world.ledger._db.run("UPDATE deployment SET released_epoch = epoch")
        world.ledger.close()
        if self._postgres is not None:
            self._postgres.give_back(url)
        else:
            shutil.rmtree(Path(url).parent)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory in memory where there is one: what is compared is not the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        yield Path(directory)


def compare(homes: Homes, examples: int) -> None:
    class Here(Machine):
        home = homes

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples, stateful_step_count=STEPS, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_the_ledger_does_what_its_model_does(memory: Path, figures: Callable[..., None]) -> None:
    started, examples = time.monotonic(), load(200, 5_000)

    compare(Homes(memory, None), examples)

    figures("model sqlite", examples=examples, seconds=round(time.monotonic() - started))


def test_the_ledger_does_what_its_model_does_on_postgresql(
    postgres: PostgresCluster, memory: Path, monkeypatch: pytest.MonkeyPatch,
    figures: Callable[..., None],
) -> None:  # fmt: skip
    monkeypatch.setenv("IGRULES_KEY", postgres.key)
    started, examples = time.monotonic(), load(15, 500)

    compare(Homes(memory, postgres), examples)

    figures("model postgresql", examples=examples, seconds=round(time.monotonic() - started))
