"""Show what came of tests: for people, for programs, for platforms."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from igrules.cli.suites import SuiteResult
    from igrules.errors import Problem
    from igrules.work.scenarios.results import FileResult, Mismatch, Result

_NAMES = 52
"""Characters after which the place of a failed test stands."""
_FAILED = frozenset({"IGR703", "IGR706"})


def as_text(results: Sequence[SuiteResult], seconds: float) -> Iterator[str]:
    """Lines for people: every test, why one failed, and how many there were."""
    from igrules.language.values import write_duration

    for file in _files(results):
        if file.results:
            yield file.file
        for result in file.results:
            yield from _test(result)
    examples = sum(_examples(result) for result in results)
    if examples:
        yield f"examples     {examples} ok"
    tests = [result for file in _files(results) for result in file.results]
    failed = sum(not result.passed for result in tests)
    lasted = write_duration(sum(result.lasted for result in tests))
    counted = f"{len(tests)} test" + ("" if len(tests) == 1 else "s")
    outcome = f"{failed} failed" if failed else "all ok"
    if tests:
        yield f"{counted}, {outcome} · virtual time {lasted} · {seconds:.2f} s"


def is_failed_test(problem: Problem) -> bool:
    """Whether a problem is told as a test that failed."""
    return problem.code in _FAILED


def as_json(
    results: Sequence[SuiteResult],
    problems: Sequence[Problem],
    seconds: float,
    with_coverage: bool = False,
) -> str:
    """One document with every test."""
    from igrules.cli.coverage_report import as_json as coverage_as_json
    from igrules.language.documents import problem_to_json

    covered = [coverage_as_json(one) for one in results if one.coverage is not None]
    more = {"coverage": covered} if with_coverage else {}

    tests = [result for file in _files(results) for result in file.results]
    document = {
        "igrules": 1,
        "files": [
            {"file": file.file, "tests": [_as_json(result) for result in file.results]}
            for file in _files(results)
        ],
        "problems": [problem_to_json(one) for one in problems],
        **more,
        "summary": {
            "tests": len(tests),
            "failed": sum(not result.passed for result in tests),
            "examples": sum(_examples(result) for result in results),
            "virtual_ms": sum(result.lasted for result in tests),
            "seconds": round(seconds, 3),
        },
    }
    return json.dumps(document, ensure_ascii=False, indent=1)


def as_junit(results: Sequence[SuiteResult], problems: Sequence[Problem], seconds: float) -> str:
    """A report in the form build servers read. What keeps a file from being run is an error."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites time="{seconds:.3f}">']
    for file in _files(results):
        failed = sum(not result.passed for result in file.results)
        name, count = _quoted(file.file), len(file.results)
        lines.append(f'  <testsuite name={name} tests="{count}" failures="{failed}" errors="0">')
        for result in file.results:
            lines += _case(file, result)
        lines.append("  </testsuite>")
    broken = [one for one in problems if one.severity == "error" and one.code not in _FAILED]
    if broken:
        count = len(broken)
        lines.append(f'  <testsuite name="files" tests="{count}" failures="0" errors="{count}">')
        for one in broken:
            where = f"{one.span.file}:{one.span.line}:{one.span.column}"
            lines.append(f"    <testcase name={_quoted(where)} classname={_quoted(one.code)}>")
            lines.append(
                f"      <error message={_quoted(one.message)}>{_escaped(one.help)}</error>"
            )
            lines.append("    </testcase>")
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"])


def _files(results: Sequence[SuiteResult]) -> Iterator[FileResult]:
    for result in results:
        yield from result.files


def _examples(result: SuiteResult) -> int:
    ruleset = result.compiled.ruleset
    return sum(len(rule.examples) for rule in ruleset.rules) if ruleset is not None else 0


def _test(result: Result) -> Iterator[str]:
    name = result.scenario.name
    if result.passed:
        yield f"  ok    {name}"
        return
    for number, one in enumerate(result.mismatches):
        place = f"{one.span.file}:{one.span.line}:{one.span.column}"
        if not number:
            yield f"  FAIL  {name:{_NAMES}}  {place}"
        yield from _mismatch(one)


def _mismatch(one: Mismatch) -> Iterator[str]:
    step = f"step {one.step}" if one.step else ""
    yield f"        {step:<9}expected  {one.expected}"
    yield f"        {'':<9}got       {one.got}"
    if one.because:
        yield f"        because  {one.because}"


def _as_json(result: Result) -> dict[str, Any]:
    span = result.scenario.span
    return {
        "name": result.scenario.name,
        "line": span.line,
        "column": span.column,
        "outcome": "ok" if result.passed else "failed",
        "virtual_ms": result.lasted,
        "mismatches": [
            {
                "code": one.code,
                "line": one.span.line,
                "column": one.span.column,
                "step": one.step,
                "expected": one.expected,
                "got": one.got,
                "because": one.because,
            }
            for one in result.mismatches
        ],
    }


def _case(file: FileResult, result: Result) -> Iterator[str]:
    head = f"    <testcase name={_quoted(result.scenario.name)} classname={_quoted(file.file)}"
    if result.passed:
        yield f"{head}/>"
        return
    yield f"{head}>"
    for one in result.mismatches:
        message = _quoted(f"expected {one.expected}, got {one.got}")
        where = f"{one.span.file}:{one.span.line}:{one.span.column}"
        told = f"{where}\n{one.because}" if one.because else where
        yield f"      <failure message={message}>{_escaped(told)}</failure>"
    yield "    </testcase>"


def _escaped(text: str) -> str:
    """The text as it may stand in XML, which has no way to say a control character."""
    return escape("".join(sign for sign in text if sign >= " " or sign in "\t\n"))


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'
