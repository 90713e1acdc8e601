"""``igrules test``: a tenant's own tests, played with a clock that is moved by hand."""

from __future__ import annotations

import os
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from igrules.cli.options import Color, Colour, Paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from igrules.cli.suites import SuiteResult
    from igrules.errors import Problem


class TestFormat(StrEnum):
    """Formats of a report of tests."""

    AUTO = "auto"
    TEXT = "text"
    CONCISE = "concise"
    JSON = "json"
    GITHUB = "github"
    JUNIT = "junit"


def play(
    paths: Paths = None,
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="TEXT",
            help="Only tests whose name holds this, or matches it.",
            show_default=False,
        ),
    ] = None,
    require_tests: Annotated[
        bool,
        typer.Option(
            "--require-tests",
            envvar="CI",
            show_envvar=True,
            help="A tenant without tests fails; always so where CI is set.",
        ),
    ] = False,
    format: Annotated[
        TestFormat, typer.Option("--format", help="How to write the report.")
    ] = TestFormat.AUTO,
    color: Color = Colour.AUTO,
) -> None:
    """Play the scenario tests of tenants: nothing sleeps, nothing is sent."""
    from igrules.cli.checking import has_errors
    from igrules.cli.exits import FINDINGS, Finish
    from igrules.cli.suites import chosen_by, find_suites, run_suites
    from igrules.plugins import build_registry

    started = time.perf_counter()
    results = list(run_suites(find_suites(paths or []), build_registry(), chosen_by(run or "")))
    problems = [problem for result in results for problem in result.problems]
    if require_tests:
        problems += _without_tests(results)
    _show(results, problems, format, color, time.perf_counter() - started)
    if has_errors(problems):
        raise Finish(FINDINGS)


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
    results: Sequence[SuiteResult],
    problems: Sequence[Problem],
    chosen: TestFormat,
    color: Colour,
    seconds: float,
) -> None:
    from igrules.cli.checking import wants_color
    from igrules.cli.scenario_report import as_json, as_junit, as_text, is_failed_test
    from igrules.language.report import render

    sources = _sources(results)
    if chosen is TestFormat.AUTO:
        in_actions = os.environ.get("GITHUB_ACTIONS") == "true"
        chosen = TestFormat.GITHUB if in_actions else TestFormat.TEXT
    if chosen is TestFormat.JSON:
        typer.echo(as_json(results, problems, seconds))
    elif chosen is TestFormat.JUNIT:
        typer.echo(as_junit(results, problems, seconds))
    elif chosen is TestFormat.TEXT:
        others = [one for one in problems if not is_failed_test(one)]
        if others:
            typer.echo(render(others, sources, "text", wants_color(color)) + "\n")
        for line in as_text(results, seconds):
            typer.echo(line)
    else:
        form: Literal["concise", "github"] = "github" if chosen is TestFormat.GITHUB else "concise"
        shown = render(problems, sources, form, wants_color(color))
        if shown:
            typer.echo(shown)


def _sources(results: Sequence[SuiteResult]) -> dict[str, str]:
    """The texts of all files, for the code frames."""
    found = {name: text for one in results for name, text in one.compiled.sources.items()}
    for one in results:
        for name, data in one.suite.tests.items():
            found[name] = data.decode("utf-8-sig", "replace")
    return found
