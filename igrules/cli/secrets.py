"""``igrules secret``: a tenant's secrets, read by prompt or stdin, never from an argument."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from igrules.cli.options import Database, StateDir, Table, TableFormat, read_hidden

app = typer.Typer(no_args_is_help=True, help="Secrets of a tenant; values are never shown.")

Tenant = Annotated[str, typer.Argument(help="The tenant's slug.")]
Name = Annotated[str, typer.Argument(help="The secret's name, as in  {secret: name}.")]


@app.command("set")
def set_secret(
    tenant: Tenant, name: Name, database_url: Database = None, state_dir: StateDir = None
) -> None:
    """Store a value, read from a hidden prompt or from stdin."""
    import re

    from igrules.cli.store import now, opened
    from igrules.errors import UsageError

    if not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", name):
        raise UsageError(f"'{name}' is no name", "use a-z, 0-9 and _, a letter first, 48 at most")
    with opened(database_url, state_dir) as ledger:
        scope = ledger.for_tenant(ledger.tenants.get(tenant).id)
        value = read_hidden(f"{name} of {tenant}")
        if not value:
            raise UsageError("the value is empty", f"igrules secret set {tenant} {name} < file")
        scope.secrets.set(name, value, now())
    typer.echo(f"stored {name} of {tenant}")


@app.command("list")
def list_secrets(
    tenant: Tenant,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show names and ages."""
    from igrules.cli.listing import print_table
    from igrules.cli.store import opened, shown_time

    with opened(database_url, state_dir) as ledger:
        rows = ledger.for_tenant(ledger.tenants.get(tenant).id).secrets.list()
    if format is Table.JSON:
        secrets = [{"name": name, "set_at": set_at} for name, set_at in rows]
        typer.echo(json.dumps({"igrules": 1, "secrets": secrets}, indent=2))
        return
    print_table([("name", "set"), *((name, shown_time(set_at)) for name, set_at in rows)])


@app.command("rm")
def remove(
    tenant: Tenant, name: Name, database_url: Database = None, state_dir: StateDir = None
) -> None:
    """Forget a value."""
    from igrules.cli.store import opened

    with opened(database_url, state_dir) as ledger:
        ledger.for_tenant(ledger.tenants.get(tenant).id).secrets.remove(name)
    typer.echo(f"removed {name} of {tenant}")
