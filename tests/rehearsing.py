"""Play test files against rule files, both given as texts."""

from __future__ import annotations

from igrules.errors import Problem
from igrules.kinds import Registry
from igrules.language.compiler import compile_tenant
from igrules.language.ruleset import Ruleset
from igrules.work.scenarios.results import FileResult
from igrules.work.scenarios.suite import run_file

from .compiling import registry

FILE = "luz/tests/t.yaml"
NOW = 'now: "2026-03-10T14:00:00"\n'
TENANT = "timezone: America/Sao_Paulo\n"


def play(tests: str, rules: str, tenant: str = TENANT, kinds: Registry | None = None) -> FileResult:
    """Play a test file given without its first line against rules given alike."""
    known = kinds or registry()
    files = {
        "luz/rules.yaml": f"igrules: 1\n{rules}".encode(),
        "luz/tenant.yaml": f"igrules-tenant: 1\n{tenant}".encode(),
    }

    def compiled(with_kinds: Registry) -> Ruleset | None:
        found = compile_tenant(files, with_kinds, slug="luz")
        assert found.ruleset is not None, [(one.code, one.message) for one in found.problems]
        return found.ruleset

    return run_file(f"igrules-test: 1\n{tests}".encode(), FILE, known, compiled)


def play_steps(steps: str, rules: str, tenant: str = TENANT, head: str = "") -> list[str]:
    """Play the steps of one test by ana; what was not as expected, one line each."""
    indented = "\n".join(f"      {line}" for line in steps.strip("\n").splitlines())
    tests = f"{NOW}{head}tests:\n  - name: t\n    as: ana\n    steps:\n{indented}\n"
    if "contacts:" not in head:
        tests = "contacts: {ana: {first_name: Ana, username: ana.s}}\n" + tests
    return told(play(tests, rules, tenant))


def told(result: FileResult) -> list[str]:
    """Problems of the file, and expected and got of each test that failed."""
    found = [f"{one.code} {one.message}" for one in result.problems if one.code not in ("IGR703",)]
    for test in result.results:
        found += [f"{one.expected} | {one.got}" for one in test.mismatches if one.code == "IGR703"]
    return found


def places(problems: tuple[Problem, ...]) -> list[str]:
    """Code and place of each problem."""
    return [f"{one.code} {one.span.line}:{one.span.column}" for one in problems]
