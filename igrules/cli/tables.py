"""Show what a command has found: in columns for people, as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from igrules.cli.options import Table

_TIMES = ("time", "last", "since")
"""Columns that hold times as the API says them; people see them in the machine's zone."""


def show_rows(
    format: Table, name: str, rows: Sequence[Mapping[str, Any]], columns: tuple[str, ...]
) -> None:
    """Write rows by these columns, or as JSON under this name."""
    if format is Table.JSON:
        print_json({name: rows})
    else:
        print_rows(rows, columns)


def print_json(found: Mapping[str, Any]) -> None:
    """Write JSON, marked with the version of its form."""
    typer.echo(json.dumps({"igrules": 1, **found}, ensure_ascii=False, indent=2))


def print_table(table: Sequence[tuple[str, ...]]) -> None:
    """Write rows in columns as wide as their widest cell; the last column stays ragged."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        typer.echo("   ".join(cells).rstrip())


def print_rows(rows: Sequence[Mapping[str, Any]], columns: tuple[str, ...]) -> None:
    """Write rows by these columns, which are their headings, too; long texts are cut."""
    print_table([columns, *(tuple(_cell(name, row[name]) for name in columns) for row in rows)])


def _cell(name: str, value: object) -> str:
    """One line of at most 60 characters, without what a terminal would obey."""
    from igrules.cli.moments import local_time
    from igrules.language.frames import visible

    if name in _TIMES:
        return local_time(str(value))
    text = visible(" ".join(str(value).split()))
    return text if len(text) <= 60 else text[:59] + "…"
