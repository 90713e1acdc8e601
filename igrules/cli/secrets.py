"""``igrules secret``: a tenant's secrets, read by prompt or stdin, never from an argument."""

from __future__ import annotations

from typing import Annotated

import typer

from igrules.cli.options import (
    Database,
    ServerUrl,
    Slug,
    StateDir,
    Table,
    TableFormat,
    read_hidden,
)
from igrules.cli.rotate import rotate
from igrules.cli.tables import print_json, print_table

app = typer.Typer(no_args_is_help=True, help="Secrets of a tenant; values are never shown.")
app.command("rotate")(rotate)

Name = Annotated[str, typer.Argument(help="The secret's name, as in  {secret: name}.")]


@app.command("set")
def set_secret(
    tenant: Slug,
    name: Name,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Store a value, read from a hidden prompt or from stdin."""
    import re

    from igrules.cli.remote import connected, of_tenant
    from igrules.errors import UsageError

    if not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", name):
        raise UsageError(f"'{name}' is no name", "use a-z, 0-9 and _, a letter first, 48 at most")
    with connected(server, database_url, state_dir) as api:
        # Asked before the value is typed: whether there is such a tenant, and the right to it.
        api.get(of_tenant(tenant, "secrets"), limit=1)
        value = read_hidden(f"{name} of {tenant}")
        if not value:
            raise UsageError("the value is empty", f"igrules secret set {tenant} {name} < file")
        api.put(of_tenant(tenant, "secrets", name), {"value": value})
    typer.echo(f"stored {name} of {tenant}")


@app.command("list")
def list_secrets(
    tenant: Slug,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show names and ages."""
    from igrules.cli.moments import local_time
    from igrules.cli.remote import connected, of_tenant

    with connected(server, database_url, state_dir) as api:
        rows = list(api.pages(of_tenant(tenant, "secrets")))
    if format is Table.JSON:
        print_json({"secrets": rows})
        return
    print_table([("name", "set"), *((one["name"], local_time(one["set_at"])) for one in rows)])


@app.command("rm")
def remove(
    tenant: Slug,
    name: Name,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Forget a value."""
    from igrules.cli.remote import connected, of_tenant

    with connected(server, database_url, state_dir) as api:
        api.delete(of_tenant(tenant, "secrets", name))
    typer.echo(f"removed {name} of {tenant}")
