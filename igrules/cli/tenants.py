"""``igrules tenant``: the tenants of this installation."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from igrules.cli.options import Database, StateDir, Table, TableFormat

app = typer.Typer(no_args_is_help=True, help="Tenants: the client accounts igrules runs.")

Slug = Annotated[str, typer.Argument(help="The tenant's slug, as its directory is named.")]


@app.command()
def add(
    slug: Annotated[str | None, typer.Argument(help="Short name: a-z, 0-9, '-'.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Shown in lists.")] = None,
    email: Annotated[str, typer.Option("--email", help="The tenant's contact address.")] = "",
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Add a tenant; on a terminal, asks for what is missing. `igrules apply` adds one as well."""
    import re

    from igrules.cli.store import now, opened
    from igrules.errors import UsageError

    slug = slug if slug is not None else _missing("slug")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", slug):
        raise UsageError(f"'{slug}' is no slug", "use a-z, 0-9 and '-', 32 characters at most")
    if name is None:
        name = str(typer.prompt("name", default=slug)) if sys.stdin.isatty() else slug
    with opened(database_url, state_dir) as ledger:
        tenant = ledger.tenants.add(slug, name, now(), email=email)
        token = ledger.tenants.verify_token(tenant.id)
    typer.echo(f"added tenant {slug}")
    typer.echo(f"webhook path   /webhook/{token}")
    typer.echo(f"verify token   {token}")


def _missing(what: str) -> str:
    from igrules.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(f"the {what} is missing", f"igrules tenant add {what.upper()}")
    return str(typer.prompt(what))


@app.command("list")
def list_tenants(
    database_url: Database = None, state_dir: StateDir = None, format: TableFormat = Table.TEXT
) -> None:
    """Show the tenants with their live version and account."""
    from igrules.cli.listing import print_table
    from igrules.cli.store import opened

    with opened(database_url, state_dir) as ledger:
        rows: list[dict[str, Any]] = []
        for tenant in ledger.tenants.list():
            scope = ledger.for_tenant(tenant.id)
            live = scope.live()
            rows.append(
                {
                    "slug": tenant.slug,
                    "name": tenant.name,
                    "state": tenant.state,
                    "version": live.number if live else None,
                    "accounts": [
                        account.username or account.ig_id for account in scope.accounts.list()
                    ],
                }
            )
    if format is Table.JSON:
        typer.echo(json.dumps({"igrules": 1, "tenants": rows}, ensure_ascii=False, indent=2))
        return
    print_table(
        [
            ("tenant", "name", "state", "live", "account"),
            *(
                (row["slug"], row["name"], row["state"], str(row["version"] or "-"),
                 ", ".join(row["accounts"]) or "-")
                for row in rows
            ),
        ]
    )  # fmt: skip


@app.command()
def show(slug: Slug, database_url: Database = None, state_dir: StateDir = None) -> None:
    """Show one tenant with its webhook address and verify token."""
    from igrules.cli.store import opened, shown_time

    with opened(database_url, state_dir) as ledger:
        tenant = ledger.tenants.get(slug)
        scope = ledger.for_tenant(tenant.id)
        live, accounts = scope.live(), scope.accounts.list()
        token = ledger.tenants.verify_token(tenant.id)
    typer.echo(f"tenant         {tenant.slug} ({tenant.name}), {tenant.state}")
    version = f"{live.number}, {shown_time(live.published_at)}, {live.author}" if live else "none"
    typer.echo(f"live version   {version}")
    for account in accounts:
        typer.echo(f"account        {account.ig_id} {account.username} ({account.api})")
    typer.echo(f"webhook path   /webhook/{token}")
    typer.echo(f"verify token   {token}")
