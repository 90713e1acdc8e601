"""``igrules history``, ``show``, ``rollback``: the versions of a tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.options import (
    Database,
    ServerUrl,
    Slug,
    StateDir,
    Table,
    TableFormat,
    Yes,
    ask,
)
from igrules.cli.tables import print_json, print_rows

if TYPE_CHECKING:
    from igrules.cli.remote import Server


def history(
    tenant: Annotated[
        str | None, typer.Argument(help="The tenant's slug; the only one when there is one.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many.")] = 20,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show the versions of a tenant, newest first."""
    from igrules.cli.choosing import only
    from igrules.cli.remote import connected, of_tenant

    with connected(server, database_url, state_dir) as api:
        slug = only(api, tenant)
        rows = [
            {
                "version": one["version"],
                "time": one["published_at"],
                "author": one["author"],
                "state": one["state"],
                "message": one["message"],
            }
            for one in api.pages(of_tenant(slug, "versions"), most=limit)
        ]
    if format is Table.JSON:
        print_json({"tenant": slug, "versions": rows})
        return
    print_rows(rows, ("version", "time", "author", "state", "message"))


def show(
    tenant: Slug,
    version: Annotated[int, typer.Argument(min=1, help="The number of a version.")],
    diff: Annotated[
        int | None,
        typer.Option("--diff", min=1, metavar="VERSION", help="What this other one changes."),
    ] = None,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show the files of a version, or the difference between it and another one."""
    from igrules.cli.remote import connected, of_tenant

    with connected(server, database_url, state_dir) as api:
        if diff is not None:
            path = of_tenant(tenant, "versions", version, "diff")
            found = api.get(path, to=diff).media
        else:
            found = api.get(of_tenant(tenant, "versions", version)).media
    if format is Table.JSON:
        print_json({**found})
    else:
        typer.echo(_as_files(found) if diff is None else _as_diff(found))


def rollback(
    tenant: Slug,
    to: Annotated[
        int | None,
        typer.Option("--to", min=1, help="Which one; default: the one before the live one."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; publish nothing.")
    ] = False,
    message: Annotated[str, typer.Option("--message", "-m", help="Why, for history.")] = "",
    yes: Yes = False,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Publish an old version again, as a new one."""
    from igrules.cli.exits import FINDINGS, Finish
    from igrules.cli.remote import connected, of_tenant
    from igrules.cli.store import author

    with connected(server, database_url, state_dir) as api:
        live = int(api.get(of_tenant(tenant, "ruleset")).media["version"])
        old = to if to is not None else _before(api, tenant, live)
        changes = api.get(of_tenant(tenant, "versions", live, "diff"), to=old).media
        typer.echo(f"{tenant}: version {live} -> version {old} again")
        typer.echo(_as_diff(changes))
        if dry_run:
            return
        if not ask(f"Publish version {old} of {tenant} again?", yes):
            typer.echo(f"{tenant}: not published")
            raise Finish(FINDINGS)
        body = {"to": old, "author": author(), **({"message": message} if message else {})}
        path = of_tenant(tenant, "rollback")
        published = api.post(path, body, headers={"If-Match": f'"{live}"'}).media
    if published["changed"]:
        typer.echo(f"{tenant}: version {published['version']} is live")
    else:
        typer.echo(f"{tenant}: version {live} is live already, nothing to publish")


def _before(api: Server, tenant: str, live: int) -> int:
    from igrules.cli.remote import of_tenant
    from igrules.errors import Conflict

    for one in api.pages(of_tenant(tenant, "versions")):
        if one["version"] < live:
            return int(one["version"])
    raise Conflict(f"version {live} is the first of {tenant}", "name a later one with --to")


def _as_files(found: dict[str, Any]) -> str:
    from igrules.cli.moments import local_time

    head = f"version {found['version']} · {local_time(found['published_at'])} · {found['author']}"
    lines = [f"{head} · {found['message']}".rstrip(" ·")]
    for name, text in found["files"].items():
        lines += ["", f"--- {name}", text.rstrip("\n")]
    return "\n".join(lines)


def _as_diff(found: dict[str, Any]) -> str:
    """Rules first, then lines."""
    rules = found["rules"]
    lines = []
    for sign, what in (("+", "added"), ("-", "removed"), ("~", "changed")):
        lines += [f"  {sign} rule  {rule}" for rule in (rules or {}).get(what, ())]
    if rules is None:
        lines.append("  one of the two no longer compiles, so only their lines are compared")
    lines += [one["diff"] for one in found["files"]]
    return "\n".join(lines) if found["files"] else "  no difference"
