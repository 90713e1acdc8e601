"""``igrules db``: where the data is, its schema, its integrity."""

from __future__ import annotations

import json

import typer

from igrules.cli.options import Database, StateDir, Table, TableFormat, Yes, ask

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
        typer.echo(json.dumps({"igrules": 1, "database": facts}, ensure_ascii=False, indent=2))
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
def reset(database_url: Database = None, state_dir: StateDir = None, yes: Yes = False) -> None:
    """Delete everything and begin anew. Asks twice."""
    from igrules.cli.exits import FINDINGS, Finish
    from igrules.cli.store import configuration, opened

    where = configuration(database_url, state_dir).database_url
    if not ask(f"Delete every tenant, rule, event and message in {_masked(where)}?", yes):
        raise Finish(FINDINGS)
    if not ask("Really? There is no way back.", yes):
        raise Finish(FINDINGS)
    with opened(database_url, state_dir) as ledger:
        ledger.reset()
    typer.echo("the database is empty")


def _masked(url: str) -> str:
    """The address without user name and password."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else url
