"""``igrules tenant``: the tenants of an installation."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.keys import tenant_key
from igrules.cli.limits import limit, stats
from igrules.cli.new_clients import Wishes, add_client, ask_all
from igrules.cli.options import Database, ServerUrl, Slug, StateDir, Table, TableFormat
from igrules.cli.tables import print_json, print_table

if TYPE_CHECKING:
    from igrules.cli.remote import Server

app = typer.Typer(no_args_is_help=True, help="Tenants: the client accounts igrules runs.")


@app.command()
def add(
    slug: Annotated[str | None, typer.Argument(help="Short name: a-z, 0-9, '-'.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Shown in lists.")] = None,
    email: Annotated[str, typer.Option("--email", help="The tenant's contact address.")] = "",
    timezone: Annotated[
        str, typer.Option("--timezone", help="Of its days, as America/Sao_Paulo.")
    ] = "",
    account: Annotated[
        str, typer.Option("--account", metavar="ID", help="The Instagram account's id.")
    ] = "",
    page: Annotated[
        str, typer.Option("--page", metavar="ID", help="The Facebook page's id, if it has one.")
    ] = "",
    keyword: Annotated[
        list[str] | None, typer.Option("--keyword", help="A word it answers; repeatable.")
    ] = None,
    answer: Annotated[
        str, typer.Option("--answer", help="What it answers to the keywords.", show_default=False)
    ] = "",
    daily_limit: Annotated[
        int | None, typer.Option("--daily-limit", min=0, help="Messages a day.")
    ] = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the access token from stdin.")
    ] = False,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Add a tenant. Without arguments it asks for everything on the terminal.

    With an account, keywords, a limit or a token its rules are published at once, and a key for
    its owner is shown this once. `igrules apply` adds tenants as well.
    """
    from igrules.cli.remote import connected
    from igrules.errors import UsageError

    wishes = Wishes(
        slug, name, email, account, page, tuple(keyword or ()), answer, daily_limit,
        timezone=timezone,
    )  # fmt: skip
    if slug is None and name is None:
        if not sys.stdin.isatty():
            raise UsageError("the slug is missing", "igrules tenant add SLUG")
        wishes = ask_all(wishes)
    elif token_stdin:
        wishes = wishes.with_token(sys.stdin.readline().strip())
    with connected(server, database_url, state_dir) as api:
        if wishes.is_client:
            add_client(api, wishes)
        else:
            _add(api, wishes)


def _add(api: Server, wishes: Wishes) -> None:
    from igrules.cli.remote import address
    from igrules.language.slugs import slug_of

    body = {
        "slug": wishes.slug if wishes.slug is not None else slug_of(wishes.name or ""),
        "name": wishes.name,
        "email": wishes.email,
        "timezone": wishes.timezone,
    }
    made = api.post(address("tenants"), {key: value for key, value in body.items() if value}).media
    typer.echo(f"added tenant {made['slug']}")
    typer.echo(f"webhook path   {made['webhook_path']}")
    typer.echo(f"verify token   {made['verify_token']}")


@app.command("list")
def list_tenants(
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show the tenants with their live version and account."""
    from igrules.cli.remote import address, connected

    with connected(server, database_url, state_dir) as api:
        found = sorted(api.pages(address("tenants")), key=lambda one: str(one["slug"]))
    rows: list[dict[str, Any]] = [
        {
            "slug": one["slug"],
            "name": one["name"],
            "state": one["state"],
            "version": one["version"],
            "accounts": [account["username"] or account["ig_id"] for account in one["accounts"]],
        }
        for one in found
    ]
    if format is Table.JSON:
        print_json({"tenants": rows})
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
def show(
    slug: Slug,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Show one tenant with its webhook address and verify token."""
    from igrules.cli.moments import local_time
    from igrules.cli.remote import connected, of_tenant

    with connected(server, database_url, state_dir) as api:
        tenant = api.get(of_tenant(slug)).media
        webhook = api.get(of_tenant(slug, "webhook")).media
        newest = list(api.pages(of_tenant(slug, "versions"), most=1)) if tenant["version"] else []
    typer.echo(f"tenant         {tenant['slug']} ({tenant['name']}), {tenant['state']}")
    version = "none"
    if newest:
        (live,) = newest
        version = f"{live['version']}, {local_time(live['published_at'])}, {live['author']}"
    typer.echo(f"live version   {version}")
    for account in tenant["accounts"]:
        left = account["token_days_left"]
        ends = "" if left is None else f", token ends in {left} days"
        shown = f"{account['ig_id']} {account['username']} ({account['api']}{ends})"
        typer.echo(f"account        {shown}")
    typer.echo(f"webhook path   {webhook['webhook_path']}")
    typer.echo(f"verify token   {webhook['verify_token']}")


@app.command()
def deactivate(
    slug: Slug,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Let a tenant rest: its webhooks are kept aside, nothing goes out, its keys do nothing."""
    from igrules.cli.remote import connected, of_tenant

    with connected(server, database_url, state_dir) as api:
        api.post(of_tenant(slug, "deactivate"))
    typer.echo(f"deactivated {slug}; igrules tenant activate {slug} brings it back")


@app.command()
def activate(
    slug: Slug,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Bring a deactivated tenant back. What ended meanwhile stays ended."""
    from igrules.cli.remote import connected, of_tenant

    with connected(server, database_url, state_dir) as api:
        api.post(of_tenant(slug, "activate"))
    typer.echo(f"{slug} is active")


app.command("key")(tenant_key)
app.command("stats")(stats)
app.command("limit")(limit)
