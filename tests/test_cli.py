"""The command line as its users meet it: real processes, exit codes, messages."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

TEN_MISTAKES = """\
igrules: 1
varz: {a: b}
rules:
  - id: Preço
    when: [dm, coment]
    if: {keyword: [preço]}
    do: {text: "Oi {{ contact.frist_name }}"}
    cooldown: 2 days
  - id: link
    when: comment
    do:
      - text: oi
      - replly: olá
      - tag: [vip]
        untag: [lead]
  - id: link
    when: dm
    if: {keywords: ["!!!"]}
    do: {text: [a], quick_replies: [b]}
  - when: dm
    do: {media: "http://luz.example/a.jpg"}
"""


def igrules(
    *arguments: str, cwd: Path, stdin: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("IGRULES")}
    inherited.pop("GITHUB_ACTIONS", None)
    return subprocess.run(
        [sys.executable, "-m", "igrules.cli", *arguments],
        cwd=cwd,
        input=stdin,
        env={**inherited, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
    )


def problem_lines(output: str) -> list[str]:
    return re.findall(r"^\S+:\d+:\d+: error\[IGR\d{3}\] .+$", output, re.MULTILINE)


def test_ten_mistakes_are_ten_places_with_ten_remedies(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(TEN_MISTAKES, encoding="utf-8")

    result = igrules("validate", "rules.yaml", cwd=tmp_path)

    found = problem_lines(result.stdout)
    lines = [int(line.split(":")[1]) for line in found]
    assert result.returncode == 1
    assert lines == [2, 4, 5, 6, 7, 8, 12, 13, 15, 16, 18, 19, 20, 21], result.stdout
    assert result.stdout.count("= help: ") == len(found)
    assert "Traceback" not in result.stdout + result.stderr


BOMB = "igrules: 1\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefghij", "bcdefghijk", strict=True)
)


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("huge", b"igrules: 1\nreplies:\n" + b"  a%d: oi\n" * 500_000, "IGR006"),
        ("binary", bytes(range(256)) * 100, "IGR009"),
        ("bomb", BOMB.encode(), "IGR006"),
        ("brackets", b"igrules: 1\nrules: " + b"[" * 100_000, "IGR006"),
        ("braces", b"igrules: 1\nrules: " + b"{a: " * 100_000, "IGR006"),
        ("empty", b"", "IGR010"),
        ("bytes that are no text", b"igrules: 1\nreplies: {a: \xff\xfe}\n", "IGR009"),
        ("nul", b"igrules: 1\nreplies: {a: b\x00}\n", "IGR009"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_hostile_file_ends_in_one_message(
    name: str, data: bytes, code: str, tmp_path: Path
) -> None:
    (tmp_path / "rules.yaml").write_bytes(data)

    result = igrules("validate", "rules.yaml", cwd=tmp_path)

    assert result.returncode == 1, result.stderr
    assert len(problem_lines(result.stdout)) == 1, result.stdout[:2000]
    assert f"error[{code}]" in result.stdout
    assert len(result.stdout) < 3_000
    assert result.stderr == ""


def test_from_nothing_to_a_published_tenant(tmp_path: Path) -> None:
    made = igrules("init", "luz", cwd=tmp_path)
    checked = igrules("validate", "luz", "--strict", cwd=tmp_path)
    applied = igrules("apply", "luz", "--yes", "-m", "first", cwd=tmp_path)
    again = igrules("apply", "luz", "--yes", cwd=tmp_path)
    tenants = igrules("tenant", "list", cwd=tmp_path)

    assert made.returncode == 0, made.stderr
    assert checked.returncode == 0, checked.stdout
    assert applied.returncode == 0, applied.stderr
    assert "luz: version 1 is live" in applied.stdout
    assert "luz: version 1 is live already, nothing to publish" in again.stdout
    assert re.search(r"^luz +luz +active +1", tenants.stdout, re.MULTILINE)


def test_a_directory_with_blanks_is_shown_as_a_shell_reads_it(tmp_path: Path) -> None:
    made = igrules("init", "Café da Ana", "--timezone", "UTC", cwd=tmp_path)
    shown = re.search(r"next: (.+)", made.stdout)
    workflow = (tmp_path / ".github/workflows/igrules.yml").read_text(encoding="utf-8")

    assert shown is not None
    assert shlex.split(shown[1])[:3] == ["igrules", "simulate", "Café da Ana"]
    assert "igrules validate 'Café da Ana' --strict" in workflow
    assert igrules("validate", cwd=tmp_path).returncode == 0


def test_apply_publishes_nothing_when_there_are_errors(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("igrules: 1\nrules: [{id: a, when: dm}]\n")

    result = igrules("apply", "rules.yaml", "--yes", cwd=tmp_path)

    assert result.returncode == 1
    assert "nothing was published" in result.stderr
    assert not (tmp_path / "igrules.db").exists()


def test_apply_against_an_older_version_is_a_conflict(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("igrules: 1\nreplies: {preço: um}\n", encoding="utf-8")
    igrules("apply", "rules.yaml", "--yes", cwd=tmp_path)
    rules.write_text("igrules: 1\nreplies: {preço: dois}\n", encoding="utf-8")

    stale = igrules("apply", "rules.yaml", "--yes", "--if-version", "7", cwd=tmp_path)
    fresh = igrules("apply", "rules.yaml", "--yes", "--if-version", "1", cwd=tmp_path)

    assert (stale.returncode, fresh.returncode) == (5, 0), stale.stderr + fresh.stderr
    assert "help:" in stale.stderr


def test_apply_without_a_terminal_asks_for_yes(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("igrules: 1\nreplies: {preço: um}\n", encoding="utf-8")

    result = igrules("apply", "rules.yaml", cwd=tmp_path)

    assert result.returncode == 2
    assert "--yes" in result.stderr


def test_one_account_cannot_belong_to_two_tenants(tmp_path: Path) -> None:
    for slug in ("ana", "bia"):
        directory = tmp_path / slug
        directory.mkdir()
        (directory / "rules.yaml").write_text("igrules: 1\nreplies: {oi: oi}\n")
        (directory / "tenant.yaml").write_text(
            'igrules-tenant: 1\ninstagram: {account_id: "17841400000000101", '
            "api: instagram_login, token: {secret: t}}\n"
        )

    together = igrules("validate", ".", cwd=tmp_path)
    first = igrules("apply", "ana", "--yes", cwd=tmp_path)
    second = igrules("apply", "bia", "--yes", cwd=tmp_path)

    assert together.returncode == 1
    assert "IGR801" in together.stdout
    assert first.returncode == 0, first.stderr
    assert second.returncode == 5, second.stderr
    assert "bia" in second.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate", "nowhere"),
        ("validate", "empty"),
        ("list", "nowhere.yaml"),
        ("bogus",),
        ("validate", "--bogus"),
        ("apply", "nowhere", "--yes"),
        ("secret", "set", "nobody", "token"),
        ("app", "add", "default"),
        ("tenant", "add", "Not A Slug"),
        ("init", "full"),
        ("init", "new", "--timezone", "Mars/Olympus"),
        ("db", "reset"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_two_and_a_remedy(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")

    result = igrules(*arguments, cwd=tmp_path)

    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stderr
    assert "Traceback" not in result.stderr


def test_a_database_that_is_none_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "igrules.db").write_text("this is a shopping list, not a database" * 100)

    result = igrules("tenant", "list", cwd=tmp_path)

    assert result.returncode == 3, result.stdout
    assert "help:" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_postgresql_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    url = "postgresql://igrules:hunter2@127.0.0.1:1/igrules"

    result = igrules("tenant", "list", "--database-url", url, cwd=tmp_path)

    assert result.returncode == 3, result.stdout
    assert "help:" in result.stderr
    assert "Traceback" not in result.stderr
    assert "hunter2" not in result.stderr


def test_secrets_are_taken_from_stdin_and_never_shown(tmp_path: Path) -> None:
    igrules("tenant", "add", "luz", cwd=tmp_path)

    stored = igrules("secret", "set", "luz", "access_token", cwd=tmp_path, stdin="IGAAhidden\n")
    listed = igrules("secret", "list", "luz", cwd=tmp_path)
    removed = igrules("secret", "rm", "luz", "access_token", cwd=tmp_path)

    assert (stored.returncode, listed.returncode, removed.returncode) == (0, 0, 0), stored.stderr
    assert "access_token" in listed.stdout
    assert "IGAAhidden" not in stored.stdout + listed.stdout + removed.stdout
    assert b"IGAAhidden" not in (tmp_path / "igrules.db").read_bytes()


def test_apps_are_added_listed_and_removed(tmp_path: Path) -> None:
    added = igrules("app", "add", "default", cwd=tmp_path, stdin="verify-me\nsecret-a\nsecret-b\n")
    listed = igrules("app", "list", "--format", "json", cwd=tmp_path)
    removed = igrules("app", "rm", "default", cwd=tmp_path)

    assert (added.returncode, removed.returncode) == (0, 0), added.stderr
    assert json.loads(listed.stdout)["apps"] == [
        {"name": "default", "api": "instagram_login", "app_id": "", "tenant": None, "secrets": 2}
    ]
    assert "secret-a" not in added.stdout + listed.stdout


def test_the_rules_are_listed_in_the_order_they_are_tried(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "igrules: 1\n"
        "replies: {preço: um}\n"
        "rules:\n"
        "  - {id: late, when: dm, do: {text: a}}\n"
        "  - {id: early, when: dm, do: {text: b}, priority: 60, cooldown: 1h30m}\n"
        "  - {id: beside, when: dm, do: {tag: x}}\n"
        "fallback: oi\n",
        encoding="utf-8",
    )

    result = igrules("list", "rules.yaml", "--format", "json", cwd=tmp_path)

    rows = json.loads(result.stdout)["tenants"]["rules"]
    tried = [(row["number"], row["rule"], row["marks"]) for row in rows if row["number"]]
    assert tried == [
        (1, "early", ["prio 60", "cooldown 1h30m"]),
        (2, "late", []),
        (3, "replies.preco", []),
        (4, "fallback", ["cooldown 12h"]),
    ]
    assert [row["rule"] for row in rows if row["number"] is None] == ["beside"]


@pytest.mark.parametrize("words", [("schema", "ruleset"), ("--help",), ("list", "--help")])
def test_a_reader_that_goes_away_is_no_failure(words: tuple[str, ...], tmp_path: Path) -> None:
    """As ``igrules … | head`` does."""
    reader, writer = os.pipe()
    os.close(reader)

    ended = subprocess.run(
        [sys.executable, "-m", "igrules.cli", *words],
        cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120,
    )  # fmt: skip

    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_help_does_not_pay_for_the_server() -> None:
    code = (
        "import sys; sys.argv = ['igrules', '--help']\n"
        "from igrules.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'peewee', 'falcon', 'requests', 'jsonschema', 'huey', 'rich', 'yaml'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stderr == "[]\n"


def test_a_command_on_this_machine_does_not_pay_for_the_workers() -> None:
    code = (
        "import sys, igrules.cli.inside\n"
        "print(sorted({'huey', 'redis', 'requests', 'rich'} & set(sys.modules)))"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_shared_files_lie_beside_the_tenants(tmp_path: Path) -> None:
    for name, text in {
        "rulesets/luz/tenant.yaml": "igrules-tenant: 1\n",
        "rulesets/luz/a.yaml": "igrules: 1\ninclude: ola.yaml\n",
        "rulesets/_shared/ola.yaml": "igrules: 1\nfallback: {texto: Olá!}\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    wrong = igrules("validate", "rulesets", cwd=tmp_path)
    (tmp_path / "rulesets/_shared/ola.yaml").write_text("igrules: 1\nfallback: Olá!\n")
    right = igrules("validate", "rulesets/luz", cwd=tmp_path)
    (tmp_path / "rulesets/_shared/guia.yaml").write_text("igrules: 1\nblueprint: {version: x}\n")
    alone = igrules("validate", "rulesets/_shared/ola.yaml", cwd=tmp_path)
    blueprint = igrules("validate", "rulesets/_shared/guia.yaml", cwd=tmp_path)

    assert "rulesets/_shared/ola.yaml:2:12: error[IGR101] unknown key 'texto'" in wrong.stdout
    assert alone.returncode == 0
    assert problem_lines(blueprint.stdout) == [
        "rulesets/_shared/guia.yaml:2:13: error[IGR102] 'blueprint' needs 'summary'",
        "rulesets/_shared/guia.yaml:2:22: error[IGR105] 'x' is not a whole number",
    ]
    assert (wrong.returncode, right.returncode) == (1, 0)
