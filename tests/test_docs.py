"""Every example in README and docs is true: it is executed.

A code block is executed when a comment stands on the line before it:

    <!-- test: valid ruleset -->      the YAML compiles without an error
    <!-- test: valid tenant -->       tenant.yaml and, behind ---, a rule file compile together
    <!-- test: valid shared -->       a rule file and, behind ---, a shared one, alike
    <!-- test: shell -->              the lines run one after the other and end with 0
    <!-- test: python -->             the module runs
    <!-- test: output of validate --> `igrules validate` on the YAML prints the block after it
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from igrules.language.compiler import compile_tenant
from igrules.plugins import build_registry

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "plugins").glob("*/README.md")),
]
KINDS = ("valid ruleset", "valid tenant", "valid shared", "shell", "python", "output of validate")
_BLOCK = re.compile(r"<!-- test: ([a-z ]+) -->\n```\w*\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    kind: str
    text: str


def blocks(kind: str) -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            name = str(page.relative_to(ROOT))
            found.append(Block(name, line, match.group(1), match.group(2)))
    return [block for block in found if block.kind == kind]


def where(block: Block) -> str:
    return f"{block.page}:{block.line}"


@pytest.mark.parametrize("block", blocks("valid ruleset"), ids=where)
def test_a_rule_file_in_the_docs_compiles(block: Block) -> None:
    compiled = compile_tenant({"rules.yaml": block.text.encode()}, build_registry(), slug="docs")

    assert [p for p in compiled.problems if p.severity == "error"] == []


@pytest.mark.parametrize("block", blocks("valid tenant"), ids=where)
def test_a_tenant_in_the_docs_compiles_without_a_remark(block: Block) -> None:
    tenant, rules = block.text.split("---\n")
    files = {"tenant.yaml": tenant.encode(), "rules.yaml": rules.encode()}

    compiled = compile_tenant(files, build_registry(), slug="docs")

    assert [p for p in compiled.problems if p.severity != "hint"] == []


@pytest.mark.parametrize("block", blocks("valid shared"), ids=where)
def test_a_shared_file_in_the_docs_compiles_without_a_remark(block: Block) -> None:
    rules, shared = block.text.split("---\n")
    name = shared.partition("\n")[0].removeprefix("# ")
    files = {"rules.yaml": rules.encode(), name: shared.encode()}

    compiled = compile_tenant(files, build_registry(), slug="docs")

    assert [p for p in compiled.problems if p.severity != "hint"] == []
    assert compiled.ruleset is not None
    assert name in compiled.ruleset.files


@pytest.mark.parametrize("block", blocks("shell"), ids=where)
def test_commands_in_the_docs_run(block: Block, tmp_path: Path) -> None:
    programs = str(Path(sys.executable).parent)
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("IGRULES")},
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }

    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("block", blocks("python"), ids=where)
def test_a_module_in_the_docs_runs(block: Block, tmp_path: Path) -> None:
    module = tmp_path / "example.py"
    module.write_text(block.text, encoding="utf-8")

    result = subprocess.run(
        [sys.executable, "-W", "error", str(module)], capture_output=True, text=True, timeout=60
    )

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("block", blocks("output of validate"), ids=where)
def test_validate_prints_what_the_docs_show(block: Block, tmp_path: Path) -> None:
    page = (ROOT / block.page).read_text(encoding="utf-8")
    shown = page.partition(block.text)[2].partition("```\n$ igrules validate ")[2]
    name, _, rest = shown.partition("\n")
    (tmp_path / name).write_text(block.text, encoding="utf-8")

    result = subprocess.run(
        [sys.executable, "-m", "igrules.cli", "validate", name, "--format", "text"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert result.stdout == rest.partition("```")[0]


def test_every_comment_that_asks_for_a_test_is_one_of_those_above() -> None:
    asked = sum(page.read_text(encoding="utf-8").count("<!-- test:") for page in PAGES)

    assert asked == sum(len(blocks(kind)) for kind in KINDS)
    assert asked > 0


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            is_page = not target.startswith(("http://", "https://"))
            if is_page and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")

    assert broken == []
