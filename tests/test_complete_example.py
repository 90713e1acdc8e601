"""The complete example of the language and the example tenants, with their own tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from igrules.language.compiler import compile_tenant
from igrules.language.ruleset import Ruleset
from igrules.work.scenarios.coverage import Coverage
from igrules.work.scenarios.suite import run_file

from .compiling import registry
from .rehearsing import told
from .test_cli import igrules

ROOT = Path(__file__).parent.parent
BOUTIQUE = Path(__file__).parent / "boutique"
TENANTS = [BOUTIQUE, *(path.parent for path in sorted(ROOT.glob("rulesets/*/tenant.yaml")))]


def ruleset(tenant: Path) -> Ruleset:
    files = {str(path): path.read_bytes() for path in sorted(tenant.glob("*.yaml"))}
    compiled = compile_tenant(files, registry(), slug=tenant.name)
    assert [one for one in compiled.problems if one.severity != "hint"] == []
    assert compiled.ruleset is not None
    return compiled.ruleset


@pytest.mark.parametrize("tenant", TENANTS, ids=lambda path: path.name)
def test_the_tests_of_an_example_pass(tenant: Path) -> None:
    rules = ruleset(tenant)
    files = sorted(tenant.glob("tests/*.yaml"))

    results = [
        run_file(path.read_bytes(), path.name, registry(), lambda _: rules) for path in files
    ]

    assert [line for result in results for line in told(result)] == []
    assert sum(len(result.results) for result in results) >= 4


def test_the_complete_example_has_the_parts_that_coverage_counts() -> None:
    coverage = Coverage(ruleset(BOUTIQUE))

    sorts = ("rules", "branches", "phrases", "variants")
    assert [coverage.count(sort)[1] for sort in sorts] == [8, 16, 18, 4]


def test_a_failure_of_the_complete_example_is_told_with_its_reason(tmp_path: Path) -> None:
    """One more further try, and the second wrong answer does not go to a person any more."""
    tenant = tmp_path / "rulesets" / "luz"
    shutil.copytree(BOUTIQUE, tenant)
    rules = tenant / "loja.yaml"
    written = rules.read_text(encoding="utf-8")
    twice = written.replace('retry: {times: 1, text: "São só', 'retry: {times: 2, text: "São só')
    rules.write_text(twice, encoding="utf-8")

    result = igrules("test", "rulesets/luz", "--coverage", "--min", "85", cwd=tmp_path)

    lines = result.stdout.splitlines()
    assert result.returncode == 1
    assert lines[:9] == [
        "rulesets/luz/tests/loja.yaml",
        "  ok    wholesale customers get no retail price",
        "  ok    an order number gets its state",
        "  FAIL  a wrong number twice goes to a person                 "
        "rulesets/luz/tests/loja.yaml:28:9",
        "        step 5   expected  handed_off: true",
        "                 got       handed_off: false, "
        'texts: [… "São só números, por exemplo 123456."]',
        "        because  'num' takes 2 further tries (retry.times), "
        "'hmm' was the 2nd wrong answer",
        "  ok    no reminder for someone who came back",
        "examples     12 ok",
    ]
    assert lines[9].startswith("4 tests, 1 failed · virtual time 20h · ")
    assert (
        "coverage     rules 2/8   branches 4/16   phrases 2/18   variants 2/4   languages 1/2"
        "        total 23%"
    ) in lines
    assert "error[IGR704] coverage 23% is under --min 85" in lines
