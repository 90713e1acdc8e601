"""What a person needs to settle a send that stayed unclear, in commands, and why any send waits or
has ended, or an event got no answer, in words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import igrules.ledger.holds as holds
from igrules.instagram.error_codes import ROWS, meaning_of
from igrules.ledger import Ledger
from igrules.ledger.reasons import explained, skipped
from igrules.model import NOT_FOR_RULES, Answer, Decision, Effect, Unknown
from igrules.work.clock import Clock
from tests.ledgering import DAY, DEADLINE, LEASE, NOW, QUIET, World, dm, text
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


def test_what_has_no_words_is_shown_by_what_is_attached(tmp_path: Path) -> None:
    """Else nobody knows which picture to look for in the conversation."""
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    picture = {"type": "image", "urls": ["https://luz.example/a.png"]}
    cards = {"cards": [{"title": "Azul"}, {"title": "Verde"}]}
    World(ledger).answer(
        Effect("media", "p1", picture, key="k1"),
        Effect("cards", "p1", cards, key="k2"),
        Effect("react", "p1", {"message": "m1", "emoji": "😍"}, key="k3"),
    )
    ledger.close()

    listed = json.loads(run(tmp_path, "sends", "list", "--format", "json"))

    assert [one["text"] for one in listed["sends"]] == [
        "😍", "Azul · Verde", "https://luz.example/a.png",
    ]  # fmt: skip


def test_the_trace_shows_every_call_and_what_was_found(kept: Path) -> None:
    lines = run(kept, "trace", "1").splitlines()

    send, call = lines[-2:]
    assert send == "parked (nobody can tell whether it went out, absent)   text   Custa R$ 50"
    assert re.sub(r"\d\d\S+ \S+", "WHEN", call, count=1) == (
        "    call 1   WHEN   unclear (HTTP 500 2/0: temporarily unavailable, or the person blocked"
        " the account)"
    )


def test_a_person_settles_it_once(kept: Path) -> None:
    first = run(kept, "sends", "settle", "1", "--as", "retry")
    left = json.loads(run(kept, "sends", "list", "--state", "parked", "--format", "json"))

    assert first == "send 1 of luz is pending and waits to go out\n"
    assert left["sends"] == []


@pytest.mark.parametrize(
    "reason",
    [
        "token", "paused", "operator_paused", *holds.OWN, "restored", "behind", "copied", "window",
        "repeated", "opted_out", "handed_off", "unreachable", "companion", "deactivated",
        "disconnected", "daily_limit", "rate:dm_hour", "slot", "deleted", "refused", "retries",
        *sorted({row.cls.lower() for row in ROWS} - {"sent"}),
    ],
)  # fmt: skip
def test_every_reason_of_a_send_can_be_said_in_words(reason: str) -> None:
    words = explained(reason)

    assert " " in words
    assert not words.endswith(".")


@pytest.mark.parametrize(
    "reason",
    [
        *sorted(NOT_FOR_RULES), "too_old", "deleted", "erased", "deactivated", "not_enabled",
        "paused", "operator_paused", "opted_out", "consent", "handed_off", "human_pause", "loop",
        "limited",
    ],
)  # fmt: skip
def test_every_reason_why_an_event_is_not_answered_can_be_said_in_words(reason: str) -> None:
    assert " " in skipped(reason)


def test_the_trace_says_why_nobody_was_answered(tmp_path: Path) -> None:
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    world = World(ledger)
    world.deliver(dm("m1"))
    (lane,) = world.claim()
    silent = Decision("skipped", "human_pause")
    ledger.lanes.record(lane, world.open_event(lane), silent, NOW, version=1, lease=LEASE)
    ledger.close()

    lines = run(tmp_path, "trace", "1").splitlines()

    assert lines[2:4] == [
        "outcome  skipped human_pause · version 1",
        "         somebody of the account wrote by hand, so rules are silent for a while",
    ]


def test_a_code_of_instagram_is_said_in_words() -> None:
    assert meaning_of(100, 2018001) == "no such person"
    assert (meaning_of(0, 0), meaning_of(77_777, 0)) == ("", "")
