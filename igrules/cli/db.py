"""``igrules db``: where the data is, its schema, its integrity."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from igrules.cli.options import Database, StateDir, Table, TableFormat, Yes, ask
from igrules.cli.tables import print_json

app = typer.Typer(no_args_is_help=True, help="The database: where it is, schema, integrity.")


@app.command()
def info(
    database_url: Database = None, state_dir: StateDir = None, format: TableFormat = Table.TEXT
) -> None:
    """Show where the data is and which engine holds it."""
    from igrules.cli.store import opened

    with opened(database_url, state_dir) as ledger:
        facts = dict(ledger.info())
    if format is Table.JSON:
        print_json({"database": facts})
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        shown = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
        typer.echo(f"{name.replace('_', ' '):{width}}   {shown}")


@app.command()
def upgrade(database_url: Database = None, state_dir: StateDir = None) -> None:
    """Bring the schema to this igrules' version."""
    from igrules.cli.store import opened

    with opened(database_url, state_dir) as ledger:
        applied = ledger.upgrade()
        version = ledger.info()["schema_version"]
    typer.echo(f"applied {', '.join(applied)}" if applied else f"nothing to do: schema {version}")


@app.command()
def check(database_url: Database = None, state_dir: StateDir = None) -> None:
    """Check that the database is whole. Ends with 1 when it is not."""
    from igrules.cli.exits import FINDINGS, Finish
    from igrules.cli.store import opened

    with opened(database_url, state_dir) as ledger:
        found = ledger.check()
    for line in found:
        typer.echo(f"error: {line}\n  = help: stop every process and restore the last backup")
    if found:
        raise Finish(FINDINGS)
    typer.echo("ok")


@app.command()
def reset(
    database_url: Database = None,
    state_dir: StateDir = None,
    yes: Yes = False,
    name: Annotated[
        str | None,
        typer.Option("--name", help="The database's name, which answers the second question."),
    ] = None,
) -> None:
    """Delete everything and begin anew. Asks twice; without a terminal  --yes  answers the first
    question, and  --name  with the database's own name the second."""
    from igrules.cli.exits import FINDINGS, Finish
    from igrules.cli.inside import actor
    from igrules.cli.store import configuration, now, opened
    from igrules.errors import Conflict
    from igrules.ledger import Act

    where = configuration(database_url, state_dir).database_url
    if not ask(f"Delete every tenant, rule, event and message in {_masked(where)}?", yes):
        raise Finish(FINDINGS)
    _ask_name(where.partition("?")[0].rpartition("/")[2], name)
    with opened(database_url, state_dir) as ledger:
        alive = ledger.processes(ledger.clock() or now())
        if alive:
            raise Conflict(
                f"{len(alive)} processes work on this database", "stop them first, then try again"
            )
        ledger.reset(Act(actor(), "db.reset"), now())
    typer.echo("the database is empty")


def _ask_name(wanted: str, name: str | None) -> None:
    """The second question. Raises `UsageError` unless it is answered with the name."""
    from igrules.errors import UsageError

    if name is None and sys.stdin.isatty():
        name = str(typer.prompt(f"There is no way back. Type its name, {wanted}, to go on"))
    if name is None:
        raise UsageError(
            "There is no way back, and no terminal to ask on", f"add --yes --name {wanted}"
        )
    if name.strip() != wanted:
        raise UsageError(f"the database is called {wanted}", "nothing was deleted")


def _masked(url: str) -> str:
    """The address without user name and password."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else url
