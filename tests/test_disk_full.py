"""The disk is full, and free again: nothing that was acknowledged is lost, and nobody restarts.

Needs root, because a small file system of its own is mounted.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from igrules.sandbox.server import Sandbox
from tests.busy_shop import Crowd, check_shop, is_drained, open_shop, publish_shop, usual_manner
from tests.fleet import Way, answering
from tests.running import Watch, wait_until
from tests.sizes import seed

pytestmark = pytest.mark.faults("F8")

EVENTS = 300
SEED = seed()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "igrules-test", str(place)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    box = open_shop(tmp_path, manner=usual_manner(), seed=SEED)
    yield box
    box.stop()


def fill(disk: Path) -> Path:
    """Use up what is left of a disk; gives the file to delete."""
    file = disk / "filler"
    with file.open("wb", buffering=0) as out:
        for size in (1 << 20, 4_096, 1):
            try:
                while True:
                    out.write(bytes(size))
            except OSError:
                continue
    return file


def test_a_full_disk_refuses_and_recovers(
    small_disk: Path, sandbox: Sandbox, tmp_path: Path, figures: Callable[..., None]
) -> None:
    way = Way("sqlite", str(small_disk / "igrules.db"), {})
    tenant = publish_shop(way.database_url, tmp_path / "state")
    crowd, log, started = Crowd(sandbox, EVENTS), sandbox.postman.log, time.monotonic()
    with answering(way, sandbox, tmp_path, workers=1) as fleet:
        crowd.write_aside()
        wait_until(lambda: crowd.written > EVENTS // 5, 60, "the shop is busy")
        filler = fill(small_disk)
        wait_until(lambda: sum(one.status == 503 for one in list(log)) >= 20, 60, "it is refused")
        filler.unlink()
        with Watch() as watch:
            seen = len(log)
            wait_until(lambda: any(one.status == 200 for one in list(log)[seen:]), 60, "it is back")
        crowd.wait()
        ledger = Ledger.open(way.database_url, tmp_path / "state", create=False)
        wait_until(lambda: is_drained(ledger, sandbox), 90, "all is settled", 0.25)

    found = check_shop(ledger, sandbox, tenant, [crowd])
    told = Counter(one.status for one in list(log))
    ledger.close()
    figures(
        "F8 sqlite", **found.figures, refused=told[503], back_s=watch.seconds,
        seconds=time.monotonic() - started, seed=SEED,
    )  # fmt: skip
    assert (found.broken, fleet.own_ends) == ({}, []), f"seed {SEED}"
    assert set(told) == {200, 503}
    assert watch.seconds <= 5.0
