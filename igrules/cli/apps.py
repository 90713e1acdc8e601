"""``igrules app``: the Meta apps whose webhooks this installation takes."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from igrules.cli.options import Database, ServerUrl, StateDir, Table, TableFormat
from igrules.cli.tables import print_json, print_table

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
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Add an app. Its app secrets (one to four: Instagram and Meta secret, old and new) and its
    verify token are asked for; without a terminal they are read from stdin: the verify token on the
    first line (empty: one is made), then one secret a line."""
    from igrules.cli.remote import address, connected

    token, keys = _read_values()
    body = {"name": name, "api": api.value, "secrets": keys, "app_id": app_id, "tenant": tenant}
    if token:
        body["verify_token"] = token
    with connected(server, database_url, state_dir) as there:
        made = there.post(address("apps"), body).media
    typer.echo(f"added app {name} ({api.value}, {len(keys)} of 4 secrets)")
    if made["verify_token"]:
        typer.echo(f"verify token, for the Meta dashboard: {made['verify_token']}")


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
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show the apps, without secrets."""
    from igrules.cli.remote import address, connected

    with connected(server, database_url, state_dir) as there:
        rows = list(there.pages(address("apps")))
    if format is Table.JSON:
        print_json({"apps": rows})
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
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Remove an app that no account uses: its webhooks are refused from then on."""
    from igrules.cli.remote import address, connected

    with connected(server, database_url, state_dir) as there:
        there.delete(address("apps", name))
    typer.echo(f"removed app {name}")
