"""Keys, rotation and the audit log from the command line."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from igrules.cli.app import build
from igrules.cli.exits import CONFLICT, DONE, FINDINGS, USAGE, run
from igrules.ledger import Ledger
from tests.ledgering import NOW


@dataclass
class Said:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str


Igrules = Callable[..., Said]


@pytest.fixture
def command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Igrules:
    """The commands, in a directory of their own."""
    monkeypatch.setenv("IGRULES_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)

    def do(*arguments: str) -> Said:
        code = run(build(arguments))
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return do


@pytest.fixture
def igrules(command: Igrules, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Igrules:
    """The commands, on a database of each engine."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return command


def opened(database_url: str, tmp_path: Path) -> Ledger:
    """The ledger of the commands."""
    return Ledger.open(database_url, tmp_path / "state")


def test_bootstrap_prints_the_first_key_once(
    igrules: Igrules, database_url: str, tmp_path: Path
) -> None:
    first = igrules("admin", "bootstrap")
    again = igrules("admin", "bootstrap")

    ledger = opened(database_url, tmp_path)
    key = ledger.keys.check(first.out.strip(), NOW)
    (noted,) = ledger.audit.list(None)
    ledger.close()
    assert key is not None
    assert (key.kind, key.scopes) == ("operator", ("operator",))
    assert (noted.action, noted.object) == ("key.bootstrap", key.id)
    assert (again.code, again.out) == (CONFLICT, "")
    assert "there is an operator key already" in again.err
    assert "Traceback" not in again.err


def test_bootstrap_replaces_every_other_key_and_writes_a_file_of_its_owner(
    igrules: Igrules, database_url: str, tmp_path: Path
) -> None:
    old = [igrules("admin", "bootstrap").out, igrules("admin", "key", "--read").out]

    made = igrules("admin", "bootstrap", "--replace", "--out", "key")

    file = tmp_path / "key"
    ledger = opened(database_url, tmp_path)
    live = [ledger.keys.check(text.strip(), NOW) is not None for text in (*old, file.read_text())]
    ledger.close()
    assert live == [False, False, True]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "igk_" not in made.out + made.err
    again = igrules("admin", "bootstrap", "--replace", "--out", "key")
    assert (again.code, "is there already" in again.err) == (USAGE, True)


def test_a_bootstrap_that_is_refused_leaves_no_file(igrules: Igrules, tmp_path: Path) -> None:
    igrules("admin", "bootstrap")

    igrules("admin", "bootstrap", "--out", "key")

    assert not (tmp_path / "key").exists()


def test_further_keys_of_the_operator_are_made_listed_and_revoked(igrules: Igrules) -> None:
    made = igrules("admin", "key", "--read", "--expires", "90d", "--label", "grafana")
    id = made.out.split("_")[2]

    listed = igrules("admin", "key", "--list")
    revoked = igrules("admin", "key", "--revoke", id)
    after = json.loads(igrules("admin", "key", "--list", "--format", "json").out)["keys"]

    assert re.fullmatch(r"igk_op_\w{8}_\w{43}_\w{6}\n", made.out)
    assert re.search(rf"^{id} +operator:read +live .* grafana$", listed.out, re.MULTILINE)
    assert made.out.strip() not in listed.out
    assert f"revoked {id}" in revoked.err
    assert [(key["id"], key["state"]) for key in after] == [(id, "revoked")]


def test_a_tenants_keys_are_made_listed_and_revoked(
    igrules: Igrules, database_url: str, tmp_path: Path
) -> None:
    ledger = opened(database_url, tmp_path)
    luz = ledger.tenants.add("luz", "Luz", NOW)

    made = igrules("tenant", "key", "luz", "--scope", "send", "--scope", "read")
    id = made.out.split("_")[2]

    assert ledger.keys.get(id, luz.id).scopes == ("read", "send")
    assert f"{id}   read, send" in igrules("tenant", "key", "luz", "--list").out
    igrules("tenant", "key", "luz", "--revoke", id)
    assert ledger.keys.get(id, luz.id).revoked_at is not None
    ledger.close()
    for arguments in (
        ("luz",),
        ("luz", "--scope", "root"),
        ("luz", "--scope", "read", "--expires", "soon"),
        ("luz", "--revoke", "nobody"),
        ("luz", "--revoke", id, "--list"),
        ("sol", "--scope", "read"),
    ):
        wrong = igrules("tenant", "key", *arguments)
        assert (wrong.code, wrong.out) == (USAGE, ""), arguments
        assert "error: " in wrong.err


def test_the_audit_log_is_listed_exported_and_verified(
    igrules: Igrules, database_url: str, tmp_path: Path
) -> None:
    id = igrules("admin", "bootstrap").out.split("_")[2]
    igrules("admin", "key", "--read")

    listed = igrules("audit", "list", "--since", "1h")
    exported = igrules("audit", "export", "--out", "audit.jsonl")
    whole = igrules("audit", "verify")

    rows = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [row["action"] for row in rows] == ["key.create", "key.bootstrap"]
    assert rows[1]["object"] == id
    assert len(listed.out.splitlines()) == 3
    assert "wrote 2 entries" in exported.err
    assert (whole.code, whole.out) == (DONE, "ok\n")
    ledger = opened(database_url, tmp_path)
    ledger._db.run("UPDATE audit SET actor = 'os:nobody' WHERE action = 'key.create'")
    ledger.close()
    broken = igrules("audit", "verify")
    assert broken.code == FINDINGS
    assert re.match(r"error: entry \d+ of [\d-]+ was changed or added\n", broken.out)


def test_rotating_the_master_key_says_when_the_old_line_may_go(
    command: Igrules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", str(tmp_path / "igrules.db"))
    ledger = opened(str(tmp_path / "igrules.db"), tmp_path)
    ledger.tenants.add("luz", "Luz", NOW)
    ledger.close()
    file = tmp_path / "state" / "master.key"
    old = file.read_text()
    name = old.partition(":")[0]
    only = command("secret", "rotate")
    file.write_text(f"fresh:{base64.b64encode(os.urandom(32)).decode()}\n{old}")

    rotated = command("secret", "rotate")
    file.write_text(file.read_text().splitlines()[0])
    without = command("tenant", "show", "luz")

    assert f"'{name}', the only line" in only.out
    assert re.search(r"^tenant\.verify_token +1 sealed anew +0 left$", rotated.out, re.MULTILINE)
    assert f"the line '{name}' may go from the key file" in rotated.out
    assert (rotated.code, without.code) == (DONE, DONE), without.err
