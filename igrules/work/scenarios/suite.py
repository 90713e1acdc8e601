"""Run the tests of one file against a tenant's rules."""

from __future__ import annotations

from collections.abc import Callable

from igrules.errors import Problem, Span
from igrules.kinds import Registry, Settings
from igrules.language.codes import problem
from igrules.language.findings import Findings
from igrules.language.loading import Loaded, apply_ignores, load
from igrules.language.markers import TEST, sort_files
from igrules.language.nested import NestedReader
from igrules.language.place import Known, Place
from igrules.language.roots import check_blanks
from igrules.language.ruleset import Ruleset
from igrules.language.scenario_files import Scenario, ScenarioFile, read_scenarios
from igrules.language.scenario_names import check_names, looks_at_clock
from igrules.work.scenarios.clock import USUAL, read_time
from igrules.work.scenarios.mocks import Mocks
from igrules.work.scenarios.playing import Stage, play
from igrules.work.scenarios.results import FileResult, Mismatch, Result
from igrules.work.world.world import World

Compiling = Callable[[Registry], Ruleset | None]
"""Compiles the tenant with these kinds; ``None`` when its files have errors."""


def run_file(
    data: bytes,
    file: str,
    registry: Registry,
    compiling: Compiling,
    *,
    wanted: Callable[[Scenario], bool] = lambda scenario: True,
    played: Callable[[World], None] = lambda world: None,
) -> FileResult:
    """Read a test file and play the tests that are ``wanted``; ``played`` sees each world after.

    A file with mistakes is not played: its problems are the result.
    """
    findings = Findings()
    loaded = load(data, file)
    findings.extend(loaded.problems)
    read = _read(loaded, file, findings, registry)
    if read is None or findings.errors():
        return FileResult(file, problems=apply_ignores(findings.ordered(), loaded.ignores))
    mocks = Mocks(read.mocks)
    ruleset = compiling(mocks.registry(registry))
    if ruleset is None:
        return FileResult(file)
    check_names(read, ruleset, findings)
    start = _start(read, ruleset, findings)
    if findings.errors() or start is None:
        return FileResult(file, problems=apply_ignores(findings.ordered(), loaded.ignores))
    stage = Stage(read, ruleset, registry, mocks, start)
    results = []
    for scenario in filter(wanted, read.scenarios):
        result, world = play(scenario, stage)
        results.append(result)
        played(world)
    if len(results) == len(read.scenarios) and all(result.passed for result in results):
        _report_unused(mocks, findings)
    failed = (_problem(result, one) for result in results for one in result.mismatches)
    found = (*findings.ordered(), *failed)
    return FileResult(file, tuple(results), apply_ignores(found, loaded.ignores))


def _read(loaded: Loaded, file: str, findings: Findings, registry: Registry) -> ScenarioFile | None:
    """What the file says; ``None`` when it does not even say that it holds tests."""
    sort_files({file: loaded}, findings)
    if loaded.node is None or findings.errors():
        return None
    first = loaded.node.entries[0].key
    if loaded.node.get(TEST) is None:
        message = f"'{first.text}' does not begin a file of tests"
        findings.add("IGR010", first.span, message, "begin it with  igrules-test: 1")
        return None
    place = Place(findings, registry, Settings(""), Known(), NestedReader(), check_blanks)
    return read_scenarios(loaded.node, file, place)


def _start(file: ScenarioFile, ruleset: Ruleset, findings: Findings) -> int | None:
    """When the tests begin."""
    top = Span(file.file, 1, 1, 1, 2)
    if not file.now:
        if looks_at_clock(ruleset):
            message = "the rules look at the clock, and 'now' does not say what time it is"
            findings.add("IGR102", top, message, f'add  now: "{USUAL}"  to this file')
        return read_time(USUAL, ruleset)
    span = file.spans.get("now", top)
    if not (ruleset.zone or ruleset.settings.timezone):
        message = "'now' is a local time, and no time zone says where"
        findings.add("IGR802", span, message, "add  timezone: America/Sao_Paulo  to tenant.yaml")
    start = read_time(file.now, ruleset)
    if start is None:
        message = f"'{file.now}' is not a time"
        findings.add("IGR105", span, message, f'write  now: "{USUAL}"')
    return start


def _report_unused(mocks: Mocks, findings: Findings) -> None:
    for mock in mocks.unused():
        message = f"no test needed this mock of '{mock.name}'"
        findings.add("IGR705", mock.span, message, "correct the name, or remove it")


def _problem(result: Result, mismatch: Mismatch) -> Problem:
    """A mismatch as a problem of the file."""
    if mismatch.code == "IGR706":
        message = f"test '{result.scenario.name}' needs {mismatch.expected}"
        help = "add it under  mocks:  with what it answers"
        return problem("IGR706", mismatch.span, message, help)
    step = f", step {mismatch.step}" if mismatch.step else ""
    message = f"'{result.scenario.name}'{step}: expected {mismatch.expected}, got {mismatch.got}"
    help = mismatch.because or "correct the rule, or what the test expects of it"
    return problem("IGR703", mismatch.span, message, help)
