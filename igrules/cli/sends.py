"""``igrules sends``: messages and other acts on their way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.options import Database, ServerUrl, StateDir, Table, TableFormat
from igrules.cli.trace import Limit, Tenant

if TYPE_CHECKING:
    from igrules.cli.remote import Server

app = typer.Typer(no_args_is_help=True, help="Messages and other acts on their way out.")


@app.callback()
def _sends() -> None:
    """Messages and other acts on their way out."""


@app.command("list")
def list_sends(
    tenant: Tenant = None,
    state: Annotated[
        str | None, typer.Option("--state", help="pending, doubt, parked, sent, refused, dead, …")
    ] = None,
    limit: Limit = 50,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show sends with their state and the reason for it."""
    from igrules.cli.choosing import slugs
    from igrules.cli.listing import dump, print_rows
    from igrules.cli.remote import connected

    with connected(server, database_url, state_dir) as api:
        rows = [row for slug in slugs(api, tenant) for row in _rows(api, slug, state, limit)]
    if format is Table.JSON:
        typer.echo(dump({"igrules": 1, "sends": rows}))
        return
    print_rows(rows, ("send", "time", "tenant", "kind", "to", "state", "reason", "text"))


def _rows(api: Server, slug: str, state: str | None, limit: int) -> list[dict[str, Any]]:
    from igrules.cli.moments import local_time
    from igrules.cli.remote import of_tenant

    return [
        {
            "tenant": slug,
            "send": int(one["id"]),
            "time": local_time(one["created_at"]),
            "kind": one["kind"],
            "to": one["target"],
            "state": one["state"],
            "reason": one["reason"],
            "text": one["text"],
        }
        for one in api.pages(of_tenant(slug, "sends"), most=limit, state=state)
    ]
