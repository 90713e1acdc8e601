"""``igrules validate``: every mistake at once, each with its place and its remedy."""

from __future__ import annotations

import os
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from igrules.cli.options import Color, Colour, Paths

if TYPE_CHECKING:
    from igrules.cli.checking import Checked
    from igrules.errors import Problem
    from igrules.language import report


_FIX_ROUNDS = 10
"""Overlapping fixes are written one after the other, each on a file that was read again."""


class ReportFormat(StrEnum):
    """Formats of a report."""

    AUTO = "auto"
    TEXT = "text"
    CONCISE = "concise"
    JSON = "json"
    JSONL = "jsonl"
    GITHUB = "github"
    SARIF = "sarif"


Format = Annotated[ReportFormat, typer.Option("--format", help="How to write the problems.")]


def validate(
    paths: Paths = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail, too.")] = False,
    select: Annotated[
        list[str] | None, typer.Option("--select", help="Only these codes or prefixes (IGR3).")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", help="Not these codes; errors stay.")
    ] = None,
    hints: Annotated[bool, typer.Option("--hints", help="Show hints as well.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write the safe fixes into the files.")
    ] = False,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="Write the offered fixes as well.")
    ] = False,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="Count the problems by code.")
    ] = False,
    format: Format = ReportFormat.AUTO,
    color: Color = Colour.AUTO,
    stdin_name: Annotated[
        str, typer.Option("--stdin-name", help="The name of the file read by '-'.")
    ] = "stdin.yaml",
) -> None:
    """Check rule files: grammar, names, reach, texts and their examples. Nothing is published."""
    from igrules.cli.checking import check, has_errors, sources, wants_color
    from igrules.cli.exits import FINDINGS, Finish
    from igrules.language.report import render
    from igrules.plugins import build_registry

    registry = build_registry()
    checked = check(paths or [], registry, stdin_name)
    for _ in range(_FIX_ROUNDS if fix or unsafe_fixes else 0):
        if not _write_fixes(checked, unsafe_fixes):
            break
        checked = check(paths or [], registry, stdin_name)
    problems = _chosen([problem for one in checked for problem in one.problems], select, ignore)
    if statistics:
        _count(problems)
    else:
        chosen = _format(format)
        shown = render(problems, sources(checked), chosen, wants_color(color), hints)
        if shown:
            typer.echo(shown.rstrip("\n"))
    failing = strict and any(problem.severity == "warning" for problem in problems)
    if has_errors(problems) or failing:
        raise Finish(FINDINGS)


def _format(chosen: ReportFormat) -> report.Format:
    if chosen is not ReportFormat.AUTO:
        return cast("report.Format", chosen.value)
    return "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"


def _chosen(
    problems: list[Problem], select: list[str] | None, ignore: list[str] | None
) -> list[Problem]:
    """Apply ``--select`` and ``--ignore``; an error can be selected away from view by neither."""
    wanted = tuple(part.strip() for item in select or [] for part in item.split(","))
    unwanted = tuple(part.strip() for item in ignore or [] for part in item.split(","))
    kept = []
    for problem in problems:
        selected = not wanted or problem.code.startswith(wanted)
        ignored = bool(unwanted) and problem.code.startswith(unwanted)
        if problem.severity == "error" or (selected and not ignored):
            kept.append(problem)
    return kept


def _count(problems: list[Problem]) -> None:
    names = {problem.code: problem.name for problem in problems}
    for code, number in sorted(Counter(problem.code for problem in problems).items()):
        typer.echo(f"{number:5}  {code}  {names[code]}")


def _write_fixes(checked: list[Checked], unsafe: bool) -> bool:
    """Write fixes into the files that have some; tell whether one was written."""
    from igrules.language.report import apply_fixes

    written = False
    for one in checked:
        for name, text in one.compiled.sources.items():
            mine = [problem for problem in one.problems if problem.span.file == name]
            fixed = apply_fixes(text, mine, unsafe)
            if fixed != text and name in one.tenant.files and Path(name).is_file():
                Path(name).write_text(fixed, encoding="utf-8", newline="")
                typer.echo(f"fixed {name}", err=True)
                written = True
    return written
