"""Find the tests behind the paths of a command, and run them against the rules they belong to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from igrules.cli.files import READ_AT_MOST, TenantFiles, find_tenants

if TYPE_CHECKING:
    from igrules.errors import Problem
    from igrules.kinds import Registry
    from igrules.language.compiler import Compiled
    from igrules.language.ruleset import Ruleset
    from igrules.language.scenario_files import Scenario
    from igrules.work.scenarios.coverage import Coverage
    from igrules.work.scenarios.results import FileResult

DIRECTORY = "tests"
_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Suite:
    """A tenant's rules and its test files, by the paths they are shown by."""

    tenant: TenantFiles
    tests: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """What came of one tenant's tests. ``files`` is empty when its rules have errors."""

    suite: Suite
    compiled: Compiled
    files: tuple[FileResult, ...] = ()
    coverage: Coverage | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Errors of the rules that keep tests from running, and everything about the tests."""
        broken = [one for one in self.compiled.problems if one.severity == "error"]
        return (*broken, *(problem for file in self.files for problem in file.problems))


def find_suites(paths: Sequence[str]) -> list[Suite]:
    """The tests of everything the paths name: a tenant, a directory of tenants, or a test file."""
    found = []
    for path in paths or [""]:
        only = Path(path)
        if path and only.is_file() and only.parent.name == DIRECTORY:
            tenants = find_tenants([str(only.parent.parent)])
            found += [Suite(tenant, {str(only): _read(only)}) for tenant in tenants]
        else:
            tenants = find_tenants([path] if path else [])
            found += [Suite(tenant, tests_of(tenant)) for tenant in tenants]
    return found


def tests_of(tenant: TenantFiles) -> dict[str, bytes]:
    """The test files beside a tenant's rules."""
    directory = Path(next(iter(tenant.files))).parent / DIRECTORY
    if not directory.is_dir():
        return {}
    files = sorted(entry for entry in directory.iterdir() if entry.suffix in _ENDINGS)
    return {str(entry): _read(entry) for entry in files if not entry.name.startswith(".")}


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(READ_AT_MOST)


def chosen_by(pattern: str) -> Callable[[Scenario], bool]:
    """Whether the name of a test holds a text, or matches it as an expression."""
    try:
        expression = re.compile(pattern, re.IGNORECASE)
    except re.error:
        expression = re.compile(re.escape(pattern), re.IGNORECASE)
    plain = pattern.casefold()
    return lambda scenario: (
        plain in scenario.name.casefold() or bool(expression.search(scenario.name))
    )


def run_suites(
    suites: Sequence[Suite], registry: Registry, wanted: Callable[[Scenario], bool]
) -> Iterator[SuiteResult]:
    """Compile each tenant and run its tests."""
    from igrules.language.compiler import compile_tenant
    from igrules.work.scenarios.coverage import Coverage
    from igrules.work.scenarios.suite import run_file

    for suite in suites:
        tenant = suite.tenant

        def compiled_with(kinds: Registry, tenant: TenantFiles = tenant) -> Compiled:
            return compile_tenant(tenant.files, kinds, slug=tenant.slug, shared=tenant.shared)

        compiled = compiled_with(registry)
        if compiled.ruleset is None:
            yield SuiteResult(suite, compiled)
            continue

        def ruleset_with(kinds: Registry, known: Compiled = compiled) -> Ruleset | None:
            return known.ruleset if kinds is registry else compiled_with(kinds).ruleset

        coverage = Coverage(compiled.ruleset)
        files = tuple(
            run_file(data, file, registry, ruleset_with, wanted=wanted, played=coverage.note)
            for file, data in suite.tests.items()
        )
        yield SuiteResult(suite, compiled, files, coverage)


def accept(results: Sequence[SuiteResult]) -> list[str]:
    """Write the texts that were sent into the files of tests that expected others; their names."""
    from igrules.language.codes import problem
    from igrules.language.fixing import apply_fixes

    written = []
    for result in results:
        for file in result.files:
            fixes = [
                problem("IGR703", one.span, "", "", fix=one.accepting)
                for test in file.results
                for one in test.mismatches
                if one.accepting is not None
            ]
            text = result.suite.tests[file.file].decode("utf-8-sig", "replace")
            accepted = apply_fixes(text, fixes, unsafe=True)
            if accepted != text:
                Path(file.file).write_text(accepted, encoding="utf-8", newline="")
                written.append(file.file)
    return written
