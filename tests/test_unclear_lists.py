"""What a person needs to settle a send that stayed unclear, in commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from igrules.model import Answer, Unknown
from igrules.work.clock import Clock
from tests.ledgering import DAY, DEADLINE, QUIET, World, text
from tests.test_cli import igrules


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A directory with a database in which one send is parked: it was looked for in vain."""
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    world, now = World(ledger), Clock().now()
    lane = world.answer(text("k1", "Custa R$ 50", on_doubt="strict", expires_at=now + DAY), now=now)
    world.settle(world.started(lane, now), Unknown("unclear", Answer("UNCLEAR", 500, 2)), now)
    world.give_up(lane, now + DEADLINE + QUIET, "absent")
    ledger.close()
    return tmp_path


def run(kept: Path, *words: str) -> str:
    """What the command says."""
    result = igrules(*words, cwd=kept)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_parked_sends_show_their_text_what_was_found_and_the_time_left(kept: Path) -> None:
    shown = run(kept, "sends", "list", "--state", "parked")
    listed = json.loads(run(kept, "sends", "list", "--state", "parked", "--format", "json"))

    assert shown.splitlines()[0].split() == [
        "send", "time", "tenant", "kind", "to", "state", "reason", "evidence", "left", "text",
    ]  # fmt: skip
    (row,) = listed["sends"]
    assert (row["state"], row["reason"], row["evidence"], row["left"], row["text"]) == (
        "parked", "unclear", "absent", "23h 59m", "Custa R$ 50",
    )  # fmt: skip


def test_the_trace_shows_every_call_and_what_was_found(kept: Path) -> None:
    lines = run(kept, "trace", "1").splitlines()

    send, call = lines[-2:]
    assert send == "parked (unclear, absent)   text   Custa R$ 50"
    assert re.sub(r"\d\d\S+ \S+", "WHEN", call, count=1) == (
        "    call 1   WHEN   unclear (HTTP 500 2/0)"
    )


def test_a_person_settles_it_once(kept: Path) -> None:
    first = run(kept, "sends", "settle", "1", "--as", "retry")
    left = json.loads(run(kept, "sends", "list", "--state", "parked", "--format", "json"))

    assert first == "send 1 of luz is pending and waits to go out\n"
    assert left["sends"] == []
