"""The power is cut at a random moment: what was acknowledged is there, what was called is known.

The disk is simulated from a trace of a real process; see `tests.power_cut` for what that shows and
what it cannot. PostgreSQL's own durability is PostgreSQL's, and not tried here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from tests.ledgering import World
from tests.power_cut import Disk, Step, is_possible, read_trace, trace
from tests.sizes import SIZE, load, seed

pytestmark = pytest.mark.faults("F10")

CUTS, GROUPS = load(20, 500), load(10, 60)
SEED = seed()


def test_a_disk_keeps_what_was_synced_and_some_of_the_rest() -> None:
    disk = Disk({"a": bytearray(b"x" * 1_024)})
    disk.do(Step("write", "a", b"y" * 512, 0))
    disk.do(Step("sync", "a"))
    disk.do(Step("write", "a", b"z" * 1_024, 256))

    found = {disk.cut(random.Random(number))["a"] for number in range(50)}

    assert {data[:256] for data in found} == {b"y" * 256}
    assert {data[256:512] for data in found} == {b"y" * 256, b"z" * 256}
    assert {data[512:1_024] for data in found} == {b"x" * 512, b"z" * 512}


@pytest.mark.skipif(not SIZE, reason="the power is cut in make soak")
@pytest.mark.skipif(not is_possible(), reason="strace is not installed, or may not trace here")
def test_what_was_acknowledged_before_a_cut_is_there(
    tmp_path: Path, figures: Callable[..., None]
) -> None:
    home, started = tmp_path / "home", time.monotonic()
    home.mkdir()
    ledger = Ledger.open(str(home / "a.db"), home / "state")
    World(ledger)
    ledger.close()
    before = (home / "a.db").read_bytes()
    trace(["tests.power_process", str(home / "a.db"), str(home), str(GROUPS)], tmp_path / "trace")
    steps = [step for step in read_trace(tmp_path / "trace") if not step.path.endswith("-shm")]
    chance = random.Random(SEED)
    cuts = set(chance.sample(range(len(steps)), min(CUTS, len(steps))))
    disk, told, torn = Disk({str(home / "a.db"): bytearray(before)}), Notes(home), 0
    for number, step in enumerate(steps):
        told.hear(step)
        if step.path.startswith(str(home / "a.db")):
            disk.do(step)
        if number in cuts:
            torn += bool(disk.since)
            lacking = look(disk.cut(chance), home, tmp_path / "cut", told)
            assert lacking == [], f"seed {SEED}, cut {number} of {len(steps)}"

    figures(
        "F10 sqlite", cuts=len(cuts), amid_writes=torn, events=len(told.acknowledged),
        calls=len(told.called), lost=0, seconds=time.monotonic() - started, seed=SEED,
    )  # fmt: skip
    assert len(told.acknowledged) == 3 * GROUPS


class Notes:
    """What the process had acknowledged and called when the power went."""

    def __init__(self, home: Path) -> None:
        self.acknowledged: set[str] = set()
        self.called: set[str] = set()
        self._home = home

    def hear(self, step: Step) -> None:
        """Take a note that was written."""
        if step.path == str(self._home / "acknowledged"):
            self.acknowledged.add(step.data.decode().strip())
        elif step.path == str(self._home / "executed"):
            self.called.add(step.data.decode().split()[1])


def look(files: dict[str, bytes], home: Path, place: Path, told: Notes) -> list[str]:
    """What is missing in the database that was left, or wrong with it."""
    place.mkdir(exist_ok=True)
    for old in place.iterdir():
        old.unlink()
    for path, data in files.items():
        (place / Path(path).name).write_bytes(data)
    ledger = Ledger.open(str(place / "a.db"), home / "state", create=False)
    db = ledger._db
    stored = {ref for (ref,) in db.all("SELECT ref FROM inbox")}
    waiting = b"".join(bytes(body) for (body,) in db.all(
        "SELECT body FROM delivery WHERE state = 'open'"
    ))  # fmt: skip
    begun = {key for (key,) in db.all("SELECT key FROM send WHERE attempt > 0")}
    found = ledger.check()
    ledger.close()
    return [
        *found,
        *(f"{ref} is lost" for ref in told.acknowledged - stored if ref.encode() not in waiting),
        *(f"the call of {key} is not known" for key in told.called - begun),
    ]
