"""``igrules erase``, ``export`` and ``tenant rm``, on the local database."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from igrules.cli.app import build
from igrules.cli.exits import run
from igrules.ledger import Ledger
from tests.seeding import ACCOUNTS, PEOPLE, seed


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    seed(ledger)
    ledger.close()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return tmp_path


def igrules(*arguments: str) -> int:
    return run(build(arguments))


def test_a_contact_is_exported_to_a_file_of_its_owners_and_then_erased(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = ("--tenant", "luz", "--contact", PEOPLE["luz"])

    codes = [
        igrules("export", *about, "--out", "ana.json"),
        igrules("export", *about, "--out", "ana.json"),
        igrules("erase", *about),
        igrules("erase", *about, "--yes"),
        igrules("erase", *about, "--yes"),
    ]
    said = capsys.readouterr()

    found = json.loads((home / "ana.json").read_text())
    assert codes == [0, 2, 2, 0, 2]
    assert (home / "ana.json").stat().st_mode & 0o777 == 0o600
    assert [one["person"] for one in found["contacts"]] == [PEOPLE["luz"]]
    assert said.out.splitlines() == [
        f"wrote {sum(map(len, found.values()))} entries to ana.json",
        f"erased {PEOPLE['luz']}",
    ]
    assert said.err.splitlines() == [
        "error: ana.json is there already",
        "  = help: give the name of a new file",
        f"error: Erase everything about {PEOPLE['luz']} at luz? There is no terminal to ask on",
        "  = help: add --yes",
        "error: there is no such contact",
        "  = help: give the id as the list of contacts has it",
    ]
    assert PEOPLE["luz"].encode() not in (home / "igrules.db").read_bytes()


def test_a_tenant_is_removed_with_everything(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = [igrules("tenant", "rm", "luz"), igrules("tenant", "rm", "luz", "--yes"),
             igrules("tenant", "rm", "luz", "--yes")]  # fmt: skip
    said = capsys.readouterr()

    assert codes == [2, 0, 2]
    assert said.out == "deleted tenant luz\n"
    assert said.err.splitlines()[0] == "error: deleting luz has to be confirmed"
    assert ACCOUNTS["luz"].encode() not in (home / "igrules.db").read_bytes()
    assert ACCOUNTS["sol"].encode() in (home / "igrules.db").read_bytes()
