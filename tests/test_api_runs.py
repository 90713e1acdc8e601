"""Runs through the API and the commands: whom they wait for, where they stand, ending them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from igrules.ledger import Ledger
from igrules.web.times import shown
from tests.seeding import PEOPLE, Asker, Hands, Seeded, canary, seed
from tests.test_cli import igrules
from tests.working import NOW

ANA = PEOPLE["luz"]
DAY = 86_400_000


@pytest.fixture
def seeded(tmp_path: Path) -> Iterator[Seeded]:
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    yield seed(ledger)
    ledger.close()


@pytest.fixture
def asker(seeded: Seeded) -> Asker:
    return Asker(seeded, clock=Hands(NOW))


def ask(
    asker: Asker, seeded: Seeded, method: str, path: str, *, scope: str = "read",
    status: int = 200, **more: Any,
) -> Any:  # fmt: skip
    reply = asker.ask(method, f"/api/v1{path}", key=seeded.luz.keys[scope], **more)
    assert reply.status_code == status, reply.text
    return reply.json


def test_a_parked_run_says_whom_it_waits_for_and_where_it_stands(
    asker: Asker, seeded: Seeded
) -> None:
    id, word = seeded.luz.words["run"], canary("luz")

    (listed,) = ask(asker, seeded, "GET", "/runs", query={"contact": ANA})["items"]
    whole = ask(asker, seeded, "GET", f"/runs/{id}")

    assert listed == {
        "id": id, "rule": "hello", "version": 1, "contact": ANA,
        "event": seeded.luz.words["event"], "state": "waiting", "ended": "", "why": "",
        "step": "hello.do[1]", "steps_used": 0, "started_at": shown(NOW),
        "wakes_at": shown(NOW + DAY), "expires_at": shown(NOW + 30 * DAY), "ended_at": None,
    }  # fmt: skip
    assert whole == {
        **listed, "known": True, "position": [{"steps": "hello.do", "at": 1}], "waits_for": "",
        "answers": {"name": word}, "results": {},
        "notes": [{"at": shown(NOW), "step": "hello.do[1]", "text": f"asked {word}"}],
    }  # fmt: skip


def test_a_cancelled_run_is_no_longer_parked_and_noted_in_the_audit_log(
    asker: Asker, seeded: Seeded
) -> None:
    path = f"/runs/{seeded.luz.words['run']}/cancel"

    cancelled = ask(asker, seeded, "POST", path, scope="send", json={})
    again = ask(asker, seeded, "POST", path, scope="rules", json={})

    assert (cancelled["state"], cancelled["ended"], again) == ("ended", "cancelled", cancelled)
    assert ask(asker, seeded, "GET", "/runs")["items"] == []
    (ended,) = ask(asker, seeded, "GET", "/runs", query={"state": "ended"})["items"]
    assert ended["ended_at"] is not None
    log = seeded.ledger.audit.list(seeded.luz.tenant.id)
    acts = [(row.action, row.object) for row in log if row.action.startswith("run.")]
    assert acts == [("run.cancel", seeded.luz.words["run"])] * 2


@pytest.mark.parametrize("path", ["/runs/999999", "/runs/x"])
def test_a_run_that_is_not_there_is_told_in_words(asker: Asker, seeded: Seeded, path: str) -> None:
    assert ask(asker, seeded, "GET", path, status=404)["code"] == "not_found"
    ask(asker, seeded, "POST", f"{path}/cancel", scope="send", json={}, status=404)


def test_nobody_sees_runs_of_a_person_nobody_has(asker: Asker, seeded: Seeded) -> None:
    assert ask(asker, seeded, "GET", "/runs", query={"contact": "@nobody"})["items"] == []


@pytest.mark.parametrize(("in_flight", "left"), [("finish", 1), ("cancel", 0)])
def test_publishing_says_what_becomes_of_runs_that_wait(
    asker: Asker, seeded: Seeded, in_flight: str, left: int
) -> None:
    live = ask(asker, seeded, "GET", "/ruleset")
    files = {**live["files"], "more.yaml": "igrules: 1\nreplies: {preço: dez}\n"}

    published = ask(
        asker, seeded, "PUT", "/ruleset", scope="admin", headers={"If-Match": '"1"'},
        json={"files": files, "in_flight": in_flight},
    )  # fmt: skip

    assert published["cancelled_runs"] == 1 - left
    assert len(ask(asker, seeded, "GET", "/runs")["items"]) == left
    # Those of the other tenant wait on.
    assert len(seeded.ledger.for_tenant(seeded.sol.tenant.id).runs(state="parked")) == 1


def test_commands_list_show_and_cancel(seeded: Seeded, tmp_path: Path) -> None:
    id = seeded.luz.words["run"]
    seeded.ledger.close()

    def run(*words: str, code: int = 0) -> str:
        result = igrules(*words, cwd=tmp_path)
        assert result.returncode == code, result.stderr
        return str(result.stdout) + str(result.stderr)

    listed = json.loads(run("runs", "list", "--tenant", "luz", "--format", "json"))["runs"]
    shown_one = run("runs", "show", id)
    cancelled = run("runs", "cancel", id)

    assert [(row["run"], row["contact"], row["state"]) for row in listed] == [
        (int(id), ANA, "waiting")
    ]
    assert f"run {id} of luz: waiting" in shown_one
    assert f"name: {canary('luz')}" in shown_one
    assert cancelled == f"run {id} of luz has ended: cancelled\n"
    assert f"run {id} of luz: ended as cancelled at" in run("runs", "show", id)
    assert "there is no run 4711" in run("runs", "cancel", "4711", code=2)


def test_apply_says_how_many_people_wait_before_it_ends_their_runs(
    seeded: Seeded, tmp_path: Path
) -> None:
    live = seeded.ledger.for_tenant(seeded.luz.tenant.id).live()
    assert live is not None
    seeded.ledger.close()
    (tmp_path / "luz").mkdir()
    for name, data in live.files.items():
        (tmp_path / "luz" / name).write_bytes(data)
    (tmp_path / "luz" / "more.yaml").write_text("igrules: 1\nreplies: {preço: dez}\n")

    def apply(*words: str) -> str:
        done = igrules("apply", "luz", "--yes", *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr + done.stdout
        return str(done.stdout)

    published = apply("--in-flight", "cancel")
    same = apply()
    again = apply("--in-flight", "cancel")

    assert "  runs to cancel: 1, people: 1\n" in published
    assert published.endswith("luz: version 2 is live\n  runs cancelled: 1\n")
    assert same.endswith("\nluz: version 2 is live already, nothing to publish\n")
    assert again.endswith("luz: version 2 is live\n  runs cancelled: 0\n")
