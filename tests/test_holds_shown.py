"""Holds that igrules sets, seen and ended through the API and the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from igrules.cli.app import build
from igrules.cli.exits import run
from igrules.ledger import DueSend, Lane, Ledger, Ready
from igrules.model import Answer, NotDone
from igrules.work.configuration import Configuration
from igrules.work.doctor import local
from tests.seeding import PEOPLE
from tests.two_tenants import Asking, plant
from tests.working import NOW

BLOCK = NotDone(6 * 3_600_000, "blocked", False, Answer("BLOCKED", 400, 368))
THROTTLE = NotDone(60_000, "throttle", False, Answer("THROTTLE", 429, 4))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """On one engine: what is stored is tried on both elsewhere."""
    return Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")


@pytest.fixture
def in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands find the ledger by the directory they are called in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IGRULES_KEY", raising=False)


@pytest.fixture
def ask(ledger: Ledger) -> Asking:
    return Asking(plant(ledger))


def stop(ledger: Ledger, receipt: NotDone) -> None:
    """A message is queued, tried, and answered with this."""
    lane, ready = begin(ledger)
    assert isinstance(ready, Ready)
    ledger.sends.settle(ready.send_id, ready.attempt, receipt, NOW)
    ledger.lanes.release(lane, NOW)


def begin(ledger: Ledger) -> tuple[Lane, object]:
    """A message is queued and comes to the gates."""
    ledger.for_tenant(1).queue_send(PEOPLE["luz"], "text", {"text": "oi"}, NOW)
    (lane,) = ledger.lanes.claim("w", NOW, lease=30_000, limit=1)
    send = ledger.sends.next(lane, NOW)
    assert isinstance(send, DueSend)
    found = ledger.sends.begin(lane, send, NOW, lease=30_000, quiet=1, deadline=lambda _: 1)
    return lane, found


def test_a_block_is_listed_with_its_next_try_and_an_operator_ends_it(
    ask: Asking, ledger: Ledger
) -> None:
    stop(ledger, BLOCK)
    account = str(ledger.for_tenant(1).accounts.list()[0].id)

    (hold,) = ask("GET", "/tenants/luz/holds")["items"]
    backlog = ask("GET", "/tenants/luz/backlog")["waiting"]
    admin = ledger.keys.create("tenant", 1, ["admin"], NOW).secret
    refused = ask("POST", "/resume", {"account": account}, key=admin, status=409)
    ended = ask("POST", "/tenants/luz/resume", {"account": account, "send_waiting": True})

    assert (hold["scope"], hold["account"], hold["reason"], hold["by"]) == (
        "account", account, "blocked", "igrules",
    )  # fmt: skip
    assert (backlog[0]["held_by"], backlog[0]["last_at"]) == ("blocked", hold["until"])
    assert refused["description"].startswith("igrules has stopped this (blocked)")
    assert (ended["lifted"], ended["released"], ended["holds"]) == (1, 1, [])


def test_a_stored_token_lets_go_what_waits_for_it(ask: Asking, ledger: Ledger) -> None:
    ledger.for_tenant(1).secrets.remove("access_token")
    lane, _ = begin(ledger)
    ledger.lanes.release(lane, NOW)

    (hold,) = ask("GET", "/tenants/luz/holds")["items"]
    backlog = ask("GET", "/tenants/luz/backlog")["waiting"]
    ask("PUT", "/tenants/luz/secrets/access_token", {"value": "IGAA-new"})

    assert (hold["scope"], hold["reason"], hold["by"], hold["until"]) == (
        "account", "token", "igrules", None,
    )  # fmt: skip
    assert [(one["held_by"], one["last_at"]) for one in backlog] == [("token", None)]
    assert ask("GET", "/tenants/luz/holds")["items"] == []
    assert ask("GET", "/tenants/luz/backlog")["waiting"][0]["held_by"] == "ready"


def test_a_hold_of_an_app_is_ended_by_its_name(ask: Asking, ledger: Ledger) -> None:
    stop(ledger, THROTTLE)

    (hold,) = ask("GET", "/installation/holds")["items"]
    of_tenant = ask("GET", "/tenants/luz/holds")["items"]
    unknown = ask("POST", "/installation/resume", {"app": "nope"}, status=404)
    ended = ask("POST", "/installation/resume", {"app": "meta"})

    assert (hold["scope"], hold["app"], hold["reason"]) == ("app", "meta", "throttled")
    assert of_tenant == [hold]
    assert "nope" in unknown["description"]
    assert (ended["lifted"], ended["holds"]) == (1, [])


def test_what_igrules_holds_back_takes_further_sends(ask: Asking, ledger: Ledger) -> None:
    """The first version's address, too: only a pause refuses them."""
    stop(ledger, BLOCK)
    key = ledger.keys.create("tenant", 1, ["send"], NOW).secret

    queued = ask("POST", "/sends", {"contact": PEOPLE["luz"], "text": "e agora"}, key=key,
                 status=202)  # fmt: skip

    assert queued["state"] == "pending"


def test_the_command_line_lists_and_ends_holds(
    ledger: Ledger, in_its_place: None, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(ledger)
    stop(ledger, BLOCK)
    stop_app = ledger.holds(NOW)
    ledger.close()

    codes = [run(build(line.split())) for line in (
        "holds", "holds --tenant luz", "resume --account luz.loja --tenant luz", "holds",
        "resume --app meta --all",
    )]  # fmt: skip
    said = capsys.readouterr()

    assert len(stop_app) == 1
    assert codes == [0, 0, 0, 0, 2]
    assert said.out.count("blocked") == 2
    # Both times of a hold are those of this machine.
    assert "+00:00" not in said.out
    assert "luz account luz.loja goes on; 1 that waited is dropped" in said.out
    assert "--app excludes the others" in said.err


def test_holds_name_a_tenant_as_resume_takes_it(
    ledger: Ledger, in_its_place: None, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(ledger)
    ledger.close()

    for line in ("pause --tenant luz", "pause --tenant sol --rule hello", "holds"):
        assert run(build(line.split())) == 0

    said = capsys.readouterr().out
    assert "\ntenant luz   " in said
    assert "\ntenant sol rule hello   " in said


def test_a_hold_of_an_account_names_it_and_whose_it_is(
    ledger: Ledger, in_its_place: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """With many tenants `resume` needs both, and a row number tells neither."""
    plant(ledger)
    stop(ledger, BLOCK)
    ledger.close()

    assert run(build(["holds"])) == 0

    assert "\ntenant luz account luz.loja   blocked " in capsys.readouterr().out


def test_the_doctor_says_what_to_do_about_each_hold(ledger: Ledger) -> None:
    plant(ledger)
    stop(ledger, BLOCK)

    found = [one for one in local(ledger, Configuration(), NOW) if one.name == "pause"]

    assert [(one.level, one.sentence) for one in found] == [("warn", "account 1 is held: blocked")]
    assert "look at the account's status" in found[0].remedy
