"""``igrules test``: a tenant's own tests, played with a clock that is moved by hand."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from igrules.cli.options import Color, Colour, Paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from igrules.cli.suites import SuiteResult
    from igrules.errors import Problem

_ROUNDS = 50
"""So often texts are accepted: every round shows the next ``expect`` of each test."""


class TestFormat(StrEnum):
    """Formats of a report of tests."""

    AUTO = "auto"
    TEXT = "text"
    CONCISE = "concise"
    JSON = "json"
    GITHUB = "github"
    JUNIT = "junit"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for on the command line."""

    paths: tuple[str, ...]
    run: str
    coverage: bool
    least: int | None
    require_tests: bool
    update: bool
    format: TestFormat
    color: Colour


def play(
    paths: Paths = None,
    run: Annotated[
        str,
        typer.Option(
            "--run", metavar="TEXT", help="Only tests whose name holds this, or matches it."
        ),
    ] = "",
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Show what the tests have tried of the rules.")
    ] = False,
    least: Annotated[
        int | None,
        typer.Option(
            "--min", min=0, max=100, help="Fail below this coverage in percent.", show_default=False
        ),
    ] = None,
    require_tests: Annotated[
        bool,
        typer.Option(
            "--require-tests",
            envvar="CI",
            help="A tenant without tests fails; always so where CI is set.",
        ),
    ] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Write the texts that were sent into the tests.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Play again when a file is saved; Ctrl-C ends.")
    ] = False,
    format: Annotated[
        TestFormat, typer.Option("--format", help="How to write the report.")
    ] = TestFormat.AUTO,
    color: Color = Colour.AUTO,
) -> None:
    """Play the scenario tests of tenants: nothing sleeps, nothing is sent."""
    from igrules.cli.exits import FINDINGS, Finish

    wanted = _Wanted(
        tuple(paths or ()), run, coverage or least is not None, least, require_tests, update,
        format, color,
    )  # fmt: skip
    if watch:
        _watch(wanted)
    if not _play_once(wanted):
        raise Finish(FINDINGS)


def _watch(wanted: _Wanted) -> None:
    """Play, and again after every change, until somebody ends it."""
    from pathlib import Path

    from igrules.cli.watching import stamps, wait_for_change
    from igrules.errors import UsageError

    places = wanted.paths or ("rulesets" if Path("rulesets").is_dir() else ".",)
    if "-" in places:
        raise UsageError("--watch needs files", "name a directory instead of  -")
    before = stamps(places)
    while True:
        _play_once(wanted)
        typer.echo("waiting for a file to be saved; Ctrl-C ends", err=True)
        before = wait_for_change(places, before)


def _play_once(wanted: _Wanted) -> bool:
    """Play the tests and show what came of them; true when all is well."""
    from igrules.cli.checking import has_errors
    from igrules.cli.coverage_report import below

    started = time.perf_counter()
    results = _results(wanted)
    problems = [problem for result in results for problem in result.problems]
    if wanted.require_tests:
        problems += _without_tests(results)
    if wanted.least is not None:
        found = (below(result, wanted.least) for result in results)
        problems += [problem for problem in found if problem is not None]
    _show(results, problems, wanted, time.perf_counter() - started)
    return not has_errors(problems)


def _results(wanted: _Wanted) -> list[SuiteResult]:
    """What came of the tests; of those with accepted texts after they were written."""
    from igrules.cli.suites import accept, chosen_by, find_suites, run_suites
    from igrules.plugins import build_registry

    registry, chosen = build_registry(), chosen_by(wanted.run)

    def results() -> list[SuiteResult]:
        return list(run_suites(find_suites(wanted.paths), registry, chosen))

    found = results()
    accepted: set[str] = set()
    for _ in range(_ROUNDS if wanted.update else 0):
        written = accept(found)
        if not written:
            break
        accepted.update(written)
        found = results()
    for name in sorted(accepted):
        typer.echo(f"accepted the texts that were sent in {name}", err=True)
    return found


def _without_tests(results: Sequence[SuiteResult]) -> list[Problem]:
    from igrules.errors import Span
    from igrules.language.codes import problem

    found = []
    for result in results:
        if not result.suite.tests:
            tenant = result.suite.tenant
            start = Span(next(iter(tenant.files)), 1, 1, 1, 2)
            message = f"tenant '{tenant.slug}' has no tests"
            help = "write some into  tests/rules.yaml  beside the rules; igrules init shows one"
            found.append(problem("IGR704", start, message, help))
    return found


def _show(
    results: Sequence[SuiteResult], problems: Sequence[Problem], wanted: _Wanted, seconds: float
) -> None:
    from igrules.cli.checking import wants_color
    from igrules.cli.scenario_report import as_json, as_junit
    from igrules.language.report import render

    chosen = wanted.format
    if chosen is TestFormat.AUTO:
        in_actions = os.environ.get("GITHUB_ACTIONS") == "true"
        chosen = TestFormat.GITHUB if in_actions else TestFormat.TEXT
    if chosen is TestFormat.JSON:
        typer.echo(as_json(results, problems, seconds, wanted.coverage))
    elif chosen is TestFormat.JUNIT:
        typer.echo(as_junit(results, problems, seconds))
    elif chosen is TestFormat.TEXT:
        _show_text(results, problems, wanted, seconds)
    else:
        form: Literal["concise", "github"] = "github" if chosen is TestFormat.GITHUB else "concise"
        shown = render(problems, _sources(results), form, wants_color(wanted.color))
        if shown:
            typer.echo(shown)


def _show_text(
    results: Sequence[SuiteResult], problems: Sequence[Problem], wanted: _Wanted, seconds: float
) -> None:
    from igrules.cli.checking import wants_color
    from igrules.cli.coverage_report import as_lines
    from igrules.cli.scenario_report import as_text, is_failed_test
    from igrules.language.report import render

    others = [one for one in problems if not is_failed_test(one)]
    framed = [one for one in others if one.code != "IGR704"]
    if framed:
        shown = render(framed, _sources(results), "text", wants_color(wanted.color))
        typer.echo(shown + "\n")
    for line in as_text(results, seconds):
        typer.echo(line)
    if wanted.coverage:
        for result in results:
            if result.coverage is not None:
                name = result.suite.tenant.slug if len(results) > 1 else ""
                typer.echo()
                typer.echo("\n".join(as_lines(result.coverage, name)))
    for one in others:
        if one.code == "IGR704":
            typer.echo(f"error[IGR704] {one.message}\n  = help: {one.help}")


def _sources(results: Sequence[SuiteResult]) -> dict[str, str]:
    """The texts of all files, for the code frames."""
    found = {name: text for one in results for name, text in one.compiled.sources.items()}
    for one in results:
        for name, data in one.suite.tests.items():
            found[name] = data.decode("utf-8-sig", "replace")
    return found
