"""The control API, the journal, and the sandbox as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from igrules.errors import UsageError
from igrules.sandbox.journal import Act, Journal, read_journal
from igrules.sandbox.server import Sandbox
from tests.sandbox.receiving import POST, SHOP, Caller, Receiver


def do(url: str, what: str, **arguments: Any) -> Any:
    answer = requests.post(f"{url}/_sandbox/{what}", json=arguments, timeout=10)
    answer.raise_for_status()
    return answer.json()["result"]


def look(url: str, what: str) -> Any:
    answer = requests.get(f"{url}/_sandbox/{what}", timeout=10)
    answer.raise_for_status()
    return answer.json()


def test_everything_can_be_arranged_from_outside(sandbox: Sandbox, receiver: Receiver) -> None:
    url = sandbox.url
    account = {"ig_id": "17841400000000777", "username": "nova", "token": "IGAAnova"}
    do(url, "account", **account)
    post = do(url, "post", account=account["ig_id"], caption="Oi")
    comment = do(url, "comment", post=post["id"], username="ana", text="GUIA")
    do(url, "write", account=account["ig_id"], username="ana", text="oi")
    do(url, "scripts", answer="error", code=4, kind="reply")
    refused = Caller(sandbox, "IGAAnova").post(f"{comment}/replies", message="oi")
    replied = Caller(sandbox, "IGAAnova").post(f"{comment}/replies", message="oi")
    assert do(url, "wait-idle", seconds=9)

    assert (refused[0], replied[0]) == (403, 200)
    (act,) = look(url, "journal")
    assert (act["account"], act["kind"], act["target"]) == (account["ig_id"], "reply", comment)
    assert [one["status"] for one in look(url, "webhooks")] == [200, 200, 200]
    assert look(url, "scripts") == []


def test_the_clock_can_be_advanced(sandbox: Sandbox) -> None:
    before = look(sandbox.url, "clock")["now"]
    after = do(sandbox.url, "advance", ms=86_400_000)

    assert 86_400_000 <= after - before < 86_460_000


def test_reset_forgets_people_but_not_the_journal(sandbox: Sandbox, shop: Caller) -> None:
    sandbox.people.write(SHOP, "ana", "oi")
    ana = sandbox.world.person(SHOP, "ana").id
    shop.text(ana, "oi")
    do(sandbox.url, "reset")

    assert sandbox.world.thread(SHOP, ana) == []
    assert list(sandbox.world.posts) == [POST]
    assert len(sandbox.acts()) == 1


@pytest.mark.parametrize(
    ("what", "arguments", "status"),
    [
        ("nonsense", {}, 404),
        ("write", {"account": "1", "username": "ana"}, 400),
        ("write", {"colour": "red"}, 400),
        ("scripts", {"answer": "explode"}, 400),
        ("scripts", {"times": "often"}, 400),
        ("scripts", {"chance": -1}, 400),
        ("scripts", {"executed": 1}, 400),
        ("latency", {"low_ms": None}, 400),
        ("manner", {"form": "round"}, 400),
        ("manner", {"echo": "never"}, 400),
        ("manner", {"duplicate": "a"}, 400),
        ("manner", {"retry_ms": 5}, 400),
        ("manner", {"retry_ms": ["soon"]}, 400),
        ("limits", {"on": "yes"}, 400),
        ("comment", {"post": "1", "username": "ana", "text": "oi"}, 400),
    ],
)
def test_mistakes_are_named(
    sandbox: Sandbox, what: str, arguments: dict[str, Any], status: int
) -> None:
    answer = requests.post(f"{sandbox.url}/_sandbox/{what}", json=arguments, timeout=5)

    assert (answer.status_code, bool(answer.json()["description"])) == (status, True)


def test_what_does_not_fit_changes_nothing_and_names_the_remedy(sandbox: Sandbox) -> None:
    """A sender that stumbles over it later would deliver nothing any more, without a word."""
    before = sandbox.postman.manner
    answer = requests.post(
        f"{sandbox.url}/_sandbox/manner", json={"batch": 2, "shuffle": "a"}, timeout=5
    )

    assert answer.json()["description"] == "manner: 'shuffle' does not fit: give a number"
    assert sandbox.postman.manner == before
    assert do(sandbox.url, "manner", shuffle=1, retry_ms=[5]) is None
    assert (sandbox.postman.manner.shuffle, sandbox.postman.manner.retry_ms) == (1, (5,))


def test_tokens_are_not_shown(sandbox: Sandbox) -> None:
    answer = requests.post(
        f"{sandbox.url}/_sandbox/account-change",
        json={"ig_id": SHOP, "title": "Luz 2"},
        timeout=5,
    )

    assert answer.json()["result"]["title"] == "Luz 2"
    assert "IGAAshop" not in answer.text


def test_foreign_names_and_pages_are_refused(sandbox: Sandbox) -> None:
    """A page of the internet that points its own name at this machine must not get in."""
    port = sandbox.url.rsplit(":", 1)[1]
    for headers in (
        {"Host": f"evil.example:{port}"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        answer = requests.get(f"{sandbox.url}/_sandbox/journal", headers=headers, timeout=5)
        assert answer.status_code == 403
    form = requests.post(f"{sandbox.url}/_sandbox/reset", data="{}", timeout=5)
    assert form.status_code == 415


def test_with_a_token_control_asks_for_it(tmp_path: Path) -> None:
    box = Sandbox(tmp_path / "journal", token="k3v9").start()
    try:
        url = f"{box.url}/_sandbox/clock"
        without = requests.get(url, timeout=5)
        with_it = requests.get(url, headers={"Authorization": "Bearer k3v9"}, timeout=5)
    finally:
        box.stop()

    assert (without.status_code, with_it.status_code) == (403, 200)


def test_only_loopback_is_listened_on(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"0\.0\.0\.0"):
        Sandbox(tmp_path / "journal", host="0.0.0.0")


def test_a_taken_port_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    port = int(sandbox.url.rsplit(":", 1)[1])
    second = Sandbox(tmp_path / "second", port=port)
    with pytest.raises(UsageError, match=str(port)):
        second.start()
    second.stop()


def test_a_journal_survives_a_torn_last_line(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    act = Act(1, SHOP, "text", "7", "olá", "A1", {"id": "m"})
    journal.write(act)
    journal.close()
    with path.open("ab") as file:
        file.write(b'{"time":2,"acc')

    assert read_journal(path) == (act,)


def test_ids_do_not_repeat_when_a_journal_is_continued(tmp_path: Path) -> None:
    """The product remembers message ids for weeks; a second demo on the same data must not look
    like a repetition of the first."""
    mids = []
    for _ in range(2):
        box = Sandbox(tmp_path / "journal")
        box.add_account(ig_id=SHOP, username="luz")
        mids.append(box.people.write(SHOP, "ana", "oi"))
        box.journal.write(Act(1, SHOP, "text", "7"))
        box.stop()

    assert mids[0] != mids[1]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    journal = tmp_path / "journal.jsonl"
    state = {"accounts": [{"ig_id": SHOP, "username": "luz", "token": "T"}]}
    command = [sys.executable, "-m", "igrules.sandbox", "--journal", str(journal), "--state", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdin
        assert running.stdout
        running.stdin.write(json.dumps(state))
        running.stdin.close()
        yield json.loads(running.stdout.readline())["url"], journal
        running.terminate()
        assert running.wait(30) == 0


def test_it_runs_as_a_process_of_its_own(process: tuple[str, Path]) -> None:
    url, journal = process
    do(url, "write", account=SHOP, username="ana", text="oi")
    listed = requests.get(
        f"{url}/v26.0/me/conversations?fields=messages{{id,from}}",
        headers={"Authorization": "Bearer T"},
        timeout=5,
    ).json()
    person = listed["data"][0]["messages"]["data"][0]["from"]["id"]
    sent = requests.post(
        f"{url}/v26.0/me/messages",
        data={"recipient": json.dumps({"id": person}), "message": json.dumps({"text": "olá"})},
        headers={"Authorization": "Bearer T"},
        timeout=5,
    )

    assert sent.status_code == 200
    assert [act.text for act in read_journal(journal)] == ["olá"]


@pytest.mark.parametrize(
    "state", ["nonsense", "[]", '{"script": []}', '{"accounts": [{"colour": "red"}]}']
)
def test_a_state_that_does_not_fit_is_named(tmp_path: Path, state: str) -> None:
    command = [sys.executable, "-m", "igrules.sandbox", "--journal", str(tmp_path / "journal")]
    ended = subprocess.run(
        [*command, "--state", "-"], input=state, capture_output=True, text=True, timeout=30
    )

    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "Traceback" not in ended.stderr
