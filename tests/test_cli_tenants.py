"""``igrules tenant``, ``pause`` and ``resume``: clients of the API, locally and over HTTP."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from igrules.cli.app import build
from igrules.cli.exits import run
from igrules.ledger import Ledger, SendRow
from igrules.work.configuration import Configuration
from tests.two_tenants import LUZ, plant
from tests.working import NOW


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("IGRULES")]:
        monkeypatch.delenv(name)
    return tmp_path


class Said:
    """What a command wrote, and how it ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, line: str, code: int = 0) -> str:
        self._capsys.readouterr()
        ended = run(build(line.split()))
        wrote = self._capsys.readouterr()
        assert ended == code, wrote.out + wrote.err
        assert "Traceback" not in wrote.err
        return wrote.err if code else wrote.out


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Said:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return Said(capsys)


def test_a_tenant_from_its_first_day_to_its_rest(said: Said) -> None:
    added = said("tenant add luz --name Luz --email oi@luz.example --timezone America/Recife")
    token = re.search(r"verify token   (\S+)", added)
    shown = said("tenant show luz")
    limits = said("tenant limit luz --per-day 9 --host api.luz.example --no-plugins")
    kept = said("tenant limit luz --preset careful --lift hosts")
    numbers = said("tenant stats luz")
    rested = said("tenant deactivate luz")
    table = said("tenant list")
    every = said("tenant stats")
    said("tenant activate luz")

    assert token is not None
    assert f"/webhook/{token[1]}" in added
    assert shown.splitlines() == [
        "tenant         luz (Luz), active",
        "live version   none",
        f"webhook path   /webhook/{token[1]}",
        f"verify token   {token[1]}",
    ]
    assert [line.split() for line in limits.splitlines()[2:]] == [
        ["preset", "-"], ["hosts", "api.luz.example"], ["plugins", "none"]]  # fmt: skip
    assert kept.splitlines()[0] == "messages a day   9"
    assert [line.split() for line in kept.splitlines()[2:]] == [
        ["preset", "careful"], ["hosts", "-"], ["plugins", "none"]]  # fmt: skip
    assert "daily limit         9" in numbers
    assert rested == "deactivated luz; igrules tenant activate luz brings it back\n"
    assert re.search(r"^luz +Luz +deactivated +- +-$", table, re.MULTILINE)
    assert re.search(r"^luz +0 +9 +9 +0 +0 +deactivated$", every, re.MULTILINE)
    assert re.search(r"^luz +Luz +active", said("tenant list"), re.MULTILINE)


def test_with_an_account_it_answers_at_once(
    said: Said, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("IGAAcanary\n"))
    added = said(
        "tenant add sol --name Sol --account 17841400000000909 --keyword preço"
        " --keyword oi --daily-limit 5 --token-stdin"
    )
    listed = json.loads(said("tenant list --format json"))["tenants"]

    ledger = Ledger.open("igrules.db", home / ".igrules")
    scope = ledger.for_tenant(ledger.tenants.get("sol").id)
    secrets = [name for name, _ in scope.secrets.list()]
    found = scope.numbers(NOW).daily_limit
    ledger.close()
    assert re.search(r"^api key        igk_ten_\S+  \(shown this once\)$", added, re.MULTILINE)
    assert "IGAAcanary" not in added
    assert listed == [
        {"slug": "sol", "name": "Sol", "state": "active", "version": listed[0]["version"],
         "accounts": ["17841400000000909"]}
    ]  # fmt: skip
    assert listed[0]["version"] >= 1
    assert (secrets, found) == (["access_token"], 5)


def test_an_account_may_come_later_and_what_answers_nothing_yet_is_said(
    said: Said, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who names words expects answers to them."""
    capsys.readouterr()
    run(build(["tenant", "add", "luz", "--keyword", "preço", "--keyword", "valor"]))
    silent = capsys.readouterr().err
    run(build(["tenant", "add", "sol", "--keyword", "preço", "--keyword", "oi", "--answer", "A B"]))
    answering = capsys.readouterr().err

    assert silent.splitlines()[-2:] == [
        "note: nothing answers 'preço' and 'valor' yet",
        "  = help: write the answers and publish them with  igrules apply, or PUT custom_responses"
        " at /api/clients/1",
    ]
    assert "note" not in answering
    assert "reply: A B" in said("show sol 1")


def test_a_name_that_cannot_be_leaves_nothing_behind(said: Said) -> None:
    assert run(build(["tenant", "add", "luz", "--keyword", "oi", "--name", " "])) == 2
    assert json.loads(said("tenant list --format json"))["tenants"] == []


def test_on_a_terminal_it_asks_for_everything_and_hides_the_token(home: Path) -> None:
    """As the first product did."""
    answers = ["Minha Loja", "oi@loja.example", "IGAAhidden", "17841400000000808", "",
               "preço, horário", "Já respondo", "500"]  # fmt: skip
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "igrules.cli", "tenant", "add"],
        cwd=home, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "TERM": "dumb"},
    )  # fmt: skip
    os.close(theirs)
    seen = ""
    questions = iter([*answers, None])
    answer = next(questions)
    try:
        while True:
            seen += os.read(ours, 4096).decode("utf-8", "replace")
            if answer is not None and re.search(r": \Z", seen):
                os.write(ours, f"{answer}\n".encode())
                seen += "\n"
                answer = next(questions)
    except OSError:
        pass
    finally:
        code = process.wait(30)
        os.close(ours)

    assert code == 0, seen
    assert "added tenant minha-loja" in seen
    assert "IGAAhidden" not in seen
    assert re.search(r"api key +igk_ten_", seen)


WRONG = [
    ("tenant add", 2, "the slug is missing"),
    ("tenant add Não", 2, "is no slug"),
    ("tenant add Não --keyword oi", 2, "is no slug"),
    ("tenant add sol --keyword oi --timezone UTC", 2, "--timezone goes without"),
    ("tenant add sol --keyword oi --answer", 2, "requires an argument"),
    ("tenant add sol --answer Olá", 2, "--answer goes with --keyword"),
    ("show luz 7", 2, "igrules history <tenant>"),
    ("tenant show nobody", 2, "there is no tenant 'nobody'"),
    ("tenant limit nobody", 2, "there is no tenant 'nobody'"),
    ("tenant limit luz --lift everything", 2, "'everything' is no limit"),
    ("tenant limit luz --preset fast", 2, "preset: this is one of"),
    ("tenant stats luz --since tomorrow", 2, "from: this is not in the form"),
    ("tenant add luz", 5, "there is a tenant 'luz' already"),
    ("tenant add luz --keyword oi", 5, "there is a tenant 'luz' already"),
    ("pause", 2, "nothing is named"),
    ("pause --all --tenant luz", 2, "--all excludes the others"),
    ("pause --tenant luz --for soon", 2, "for: "),
    ("pause --tenant luz --rule nope", 2, "there is no rule 'nope'"),
    ("resume --after-restore --all", 2, "--after-restore is for the whole"),
    ("app rm nothing", 2, "there is no app 'nothing'"),
    ("tenant list --server ftp://x", 2, ""),
    ("tenant list --server https://igrules.example", 4, "IGRULES_TOKEN"),
]


def test_what_is_wrong_is_said_with_its_exit_code(said: Said) -> None:
    said("tenant add luz")

    missing = [(line, words) for line, code, words in WRONG if words not in said(line, code)]

    assert missing == []


def waiting(home: Path) -> list[SendRow]:
    ledger = Ledger.open("igrules.db", home / ".igrules")
    rows = ledger.for_tenant(1).sends()
    ledger.close()
    return rows


def test_what_is_paused_waits_and_goes_on(said: Said, home: Path) -> None:
    ledger = Ledger.open("igrules.db", home / ".igrules")
    plant(ledger)
    ledger.for_tenant(1).queue_send(LUZ, "text", {"text": "oi"}, NOW)
    ledger.close()

    paused = said("pause --tenant luz --rule hello --for 1h")
    said("pause --tenant luz")
    rule = said("resume --tenant luz --rule hello")
    tenant = said("resume --tenant luz")
    again = said("resume --tenant luz")
    everything = said("pause --all"), said("resume --all --send-waiting")

    assert paused.startswith("luz rule hello is paused until 2")
    assert rule == "luz rule hello goes on; 0 that waited are dropped\n"
    assert tenant == "luz goes on; 1 that waited is dropped\n"
    assert again == "luz was not paused\n"
    assert everything == (
        "the installation is paused until igrules resume\n",
        "the installation goes on; 0 that waited go out\n",
    )
    newest = waiting(home)[0]
    assert (newest.state, newest.reason) == ("skipped", "paused")


def test_the_same_over_http_with_a_key(
    said: Said, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from igrules.plugins import build_registry
    from igrules.web.serving import Server

    ledger = Ledger.open("igrules.db", home / ".igrules")
    seeded = plant(ledger)
    server = Server(Configuration(port=0), build_registry(), ledger, work=False)
    server.start()
    try:
        monkeypatch.setenv("IGRULES_TOKEN", seeded.operator)
        listed = said(f"tenant list --server {server.url}")
        said(f"tenant deactivate sol --server {server.url}")
        monkeypatch.setenv("IGRULES_TOKEN", seeded.luz.keys["read"])
        denied = said(f"tenant deactivate luz --server {server.url}", 4)
        numbers = json.loads(said(f"tenant stats --server {server.url} --format json"))
        monkeypatch.setenv("IGRULES_TOKEN", "igk_ten_nonsense")
        said(f"tenant stats luz --server {server.url}", 4)
        states = [tenant.state for tenant in ledger.tenants.list()]
        actor = ledger.audit.list(None)[0].actor
    finally:
        server.stop()
        ledger.close()

    assert [line.split()[0] for line in listed.splitlines()] == ["tenant", "luz", "sol"]
    assert states == ["active", "deactivated"]
    assert "operator" in denied
    assert [one["tenant"] for one in numbers["tenants"]] == ["luz"]
    assert actor.startswith("key:")
