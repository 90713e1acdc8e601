"""The wheel works in an environment that holds nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the programs of a new environment with the wheel in it."""
    work = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(work)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    wheel = next(work.glob("*.whl"))
    venv.create(work / "env", with_pip=True)
    programs = work / "env" / "bin"
    subprocess.run(
        [programs / "python", "-m", "pip", "install", "--quiet", str(wheel)],
        check=True,
        capture_output=True,
        cwd=work,
    )
    return programs


def run(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("IGRULES", "PYTHON"))}
    return subprocess.run(
        [installed / "igrules", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_first_commands_work_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    made = run(installed, "init", "loja", cwd=tmp_path)
    checked = run(installed, "validate", "loja", "--strict", cwd=tmp_path)
    applied = run(installed, "apply", "loja", "--yes", cwd=tmp_path)
    tenants = run(installed, "tenant", "list", "--format", "json", cwd=tmp_path)

    assert [step.returncode for step in (made, checked, applied, tenants)] == [0, 0, 0, 0], (
        made.stderr + checked.stdout + applied.stderr + tenants.stderr
    )
    assert [row["slug"] for row in json.loads(tenants.stdout)["tenants"]] == ["loja"]


def test_the_wheel_carries_schemas_and_examples(installed: Path, tmp_path: Path) -> None:
    schema = run(installed, "schema", "ruleset", cwd=tmp_path)
    found = subprocess.run(
        [
            installed / "python",
            "-c",
            "import igrules, pathlib; here = pathlib.Path(igrules.__file__).parent\n"
            "print(sorted(p.name for p in (here / 'schemas').glob('*.schema.json')))\n"
            "print(sorted(p.name for p in (here / 'rulesets').iterdir() if p.is_dir()))\n"
            "print(sorted(p.name for p in (here / 'web' / 'static').iterdir()))",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert schema.returncode == 0, schema.stderr
    assert json.loads(schema.stdout)["title"]
    assert found.stdout.splitlines() == [
        "['ruleset.schema.json', 'tenant.schema.json', 'test.schema.json']",
        "['clinica', 'criadora', 'luz']",
        "['api.css', 'api.html', 'api.js', 'swagger-ui']",
    ]
