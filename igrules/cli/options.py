"""Options that several commands share."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from igrules.errors import UsageError

Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PATH]...",
        help="Files, tenant directories, directories of tenants. Default: rulesets, else here.",
        show_default=False,
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        metavar="URL",
        help="A SQLite file or postgresql://… (also DATABASE_URL). Default: igrules.db here.",
        show_default=False,
    ),
]
StateDir = Annotated[
    str | None,
    typer.Option(
        "--state-dir", metavar="DIR", help="Where the key file stands.", show_default=False
    ),
]
ServerUrl = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="A running server, instead of the local database; the key comes from IGRULES_TOKEN.",
        show_default=False,
    ),
]
Slug = Annotated[str, typer.Argument(help="The tenant's slug, as its directory is named.")]
OneTenant = Annotated[
    str | None, typer.Option("--tenant", help="Only this tenant; default: all.", show_default=False)
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many a tenant.")]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="2h, 7d or 2026-03-10.", show_default=False),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Colour(StrEnum):
    """When to colour the output."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Table(StrEnum):
    """Formats of commands that list things."""

    TEXT = "text"
    JSON = "json"


Color = Annotated[Colour, typer.Option("--color", help="Colour the output.")]
TableFormat = Annotated[Table, typer.Option("--format", help="How to write the result.")]


def ask(question: str, yes: bool) -> bool:
    """Ask yes or no on the terminal; ``yes`` answers it beforehand.

    Raises `UsageError` when there is no terminal to ask on.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"{question} There is no terminal to ask on", "add --yes")
    return typer.confirm(question)


def read_hidden(prompt: str) -> str:
    """Read a value that nobody may see: prompted on a terminal, else one line of stdin."""
    if sys.stdin.isatty():
        return str(typer.prompt(prompt, hide_input=True)).strip()
    return sys.stdin.readline().strip()
