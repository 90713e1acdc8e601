"""``igrules metrics``: the numbers of a server, or of the database, as Prometheus reads them."""

from __future__ import annotations

import typer

from igrules.cli.options import Database, ServerUrl, StateDir


def metrics(
    server: ServerUrl = None, database_url: Database = None, state_dir: StateDir = None
) -> None:
    """Show what a server counts; without --server, what the database knows."""
    from igrules.cli.remote import connected

    with connected(server, database_url, state_dir) as api:
        typer.echo(api.get("/metrics").content.decode(), nl=False)
