"""``igrules alerts``: what needs a person."""

from __future__ import annotations

from typing import Annotated

import typer

from igrules.cli.options import Database, ServerUrl, StateDir, Table, TableFormat
from igrules.cli.tables import show_rows

app = typer.Typer(no_args_is_help=True, help="What needs a person.")


@app.callback()
def _alerts() -> None:
    """What needs a person."""


@app.command("list")
def list_alerts(
    cause: Annotated[
        str | None, typer.Option("--cause", help="Only of this cause.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many.")] = 50,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show alerts, newest first: each cause once a day, and by which ways it was told."""
    from igrules.cli.remote import address, connected

    with connected(server, database_url, state_dir) as api:
        rows = [
            {
                "alert": int(one["id"]),
                "time": one["at"],
                "cause": one["cause"],
                "tenant": one["tenant"] or "",
                "told": ", ".join(one["told"]) or ("waits" if one["waits"] else one["error"]),
                "words": one["words"],
            }
            for one in api.pages(address("alerts"), most=limit, cause=cause)
        ]
    show_rows(format, "alerts", rows, ("alert", "time", "cause", "tenant", "told", "words"))
