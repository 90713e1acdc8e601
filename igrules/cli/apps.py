"""``igrules app``: the Meta apps whose webhooks this installation takes."""

from __future__ import annotations

import json
import secrets
import sys
from enum import StrEnum
from typing import Annotated

import typer

from igrules.cli.options import Database, StateDir, Table, TableFormat

app = typer.Typer(no_args_is_help=True, help="Meta apps: their secrets check the webhooks.")


class Api(StrEnum):
    """The two flavours of the Instagram API."""

    INSTAGRAM_LOGIN = "instagram_login"
    FACEBOOK_LOGIN = "facebook_login"


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="As in  instagram.app  of tenant.yaml.")] = "default",
    api: Annotated[
        Api, typer.Option("--api", help="Which login the app uses.")
    ] = Api.INSTAGRAM_LOGIN,
    app_id: Annotated[str, typer.Option("--app-id", help="The app's id at Meta.")] = "",
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Only for this tenant; default: shared by all.")
    ] = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Add an app. Its app secrets (one to four: Instagram and Meta secret, old and new) and its
    verify token are asked for; without a terminal they are read from stdin: the verify token on the
    first line (empty: one is made), then one secret a line."""
    from igrules.cli.store import now, opened

    token, keys = _read_values()
    made = not token
    token = token or secrets.token_urlsafe(24)
    with opened(database_url, state_dir) as ledger:
        ledger.apps.add(name, api.value, keys, token, now(), app_id=app_id, tenant=tenant)
    typer.echo(f"added app {name} ({api.value}, {len(keys)} of 4 secrets)")
    if made:
        typer.echo(f"verify token, for the Meta dashboard: {token}")


def _read_values() -> tuple[str, list[str]]:
    from igrules.errors import UsageError

    if sys.stdin.isatty():
        token = str(typer.prompt("verify token (empty: make one)", default="", show_default=False))
        keys: list[str] = []
        while len(keys) < 4:
            key = str(
                typer.prompt(
                    "app secret (empty: done)", default="", hide_input=True, show_default=False
                )
            ).strip()
            if not key:
                break
            keys.append(key)
    else:
        lines = [line.strip() for line in sys.stdin.read().splitlines()]
        token, keys = (lines[0] if lines else ""), [line for line in lines[1:] if line]
    if not keys:
        raise UsageError(
            "an app needs a secret", "it stands in the Meta dashboard under App settings"
        )
    if len(keys) > 4:
        raise UsageError(f"{len(keys)} secrets are too many", "keep the newest; four are the most")
    return token.strip(), keys


@app.command("list")
def list_apps(
    database_url: Database = None, state_dir: StateDir = None, format: TableFormat = Table.TEXT
) -> None:
    """Show the apps, without secrets."""
    from igrules.cli.listing import print_table
    from igrules.cli.store import opened

    with opened(database_url, state_dir) as ledger:
        apps = ledger.apps.list()
        slugs = {tenant.id: tenant.slug for tenant in ledger.tenants.list()}
    rows = [
        {
            "name": one.name,
            "api": one.flavour,
            "app_id": one.app_id,
            "tenant": slugs.get(one.tenant_id) if one.tenant_id else None,
            "secrets": len(one.secrets),
        }
        for one in apps
    ]
    if format is Table.JSON:
        typer.echo(json.dumps({"igrules": 1, "apps": rows}, indent=2))
        return
    print_table(
        [
            ("name", "api", "app id", "tenant", "secrets"),
            *(
                (str(row["name"]), str(row["api"]), str(row["app_id"] or "-"),
                 str(row["tenant"] or "all"), str(row["secrets"]))
                for row in rows
            ),
        ]
    )  # fmt: skip


@app.command("rm")
def remove(
    name: Annotated[str, typer.Argument(help="The app's name.")],
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Remove an app: its webhooks are refused from then on."""
    from igrules.cli.store import opened

    with opened(database_url, state_dir) as ledger:
        ledger.apps.remove(name)
    typer.echo(f"removed app {name}")
