"""``igrules webhooks`` and ``igrules orphans``: what came in, and what came for nobody."""

from __future__ import annotations

from typing import Annotated

import typer

from igrules.cli.options import (
    Database,
    Limit,
    OneTenant,
    ServerUrl,
    Since,
    StateDir,
    Table,
    TableFormat,
)
from igrules.cli.tables import print_json, show_rows

webhooks = typer.Typer(no_args_is_help=True, help="What came in by webhook.")
orphans = typer.Typer(no_args_is_help=True, help="Events that no tenant was found for.")


@webhooks.callback()
def _webhooks() -> None:
    """What came in by webhook."""


@webhooks.command("list")
def list_webhooks(
    tenant: OneTenant = None,
    since: Since = None,
    deliveries: Annotated[
        bool, typer.Option("--deliveries", help="Whole deliveries of all tenants, for operators.")
    ] = False,
    limit: Limit = 50,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show what came in, newest first, with what became of it."""
    from igrules.cli.choosing import slugs
    from igrules.cli.moments import read_since
    from igrules.cli.remote import address, connected, of_tenant
    from igrules.errors import UsageError

    if deliveries and (tenant is not None or since is not None):
        raise UsageError("--deliveries are those of all tenants", "leave out --tenant and --since")
    columns: tuple[str, ...]
    with connected(server, database_url, state_dir) as api:
        if deliveries:
            name, columns = "deliveries", (
                "delivery", "time", "app", "bytes", "state", "events", "duplicates", "orphans",
                "tests",
            )  # fmt: skip
            rows = [
                {"delivery": int(one["id"]), "time": one["received_at"], "app": one["app"] or "",
                 **{key: one[key] for key in one if key not in ("id", "received_at", "app")}}
                for one in api.pages(address("deliveries"), most=limit)
            ]  # fmt: skip
        else:
            name, columns = "webhooks", ("event", "time", "tenant", "kind", "state", "outcome")
            rows = [
                {"event": int(one["id"]), "time": one["received_at"], "tenant": slug,
                 "kind": one["kind"], "state": one["state"], "outcome": one["outcome"] or "waiting"}
                for slug in slugs(api, tenant)
                for one in api.pages(
                    of_tenant(slug, "webhooks"), most=limit, since=read_since(since)
                )
            ]  # fmt: skip
    show_rows(format, name, rows, columns)


@orphans.callback()
def _orphans() -> None:
    """Events that no tenant was found for."""


@orphans.command("list")
def list_orphans(
    app: Annotated[
        str | None, typer.Option("--app", help="Only of this Meta app.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many.")] = 50,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show events whose account belongs to no tenant, newest first, with the reason."""
    from igrules.cli.remote import address, connected

    with connected(server, database_url, state_dir) as api:
        rows = [
            {
                "orphan": int(one["id"]),
                "time": one["received_at"],
                "app": one["app"] or "",
                "tenant": one["tenant"] or "",
                "account": one["account"],
                "reason": one["reason"],
            }
            for one in api.pages(address("orphans"), most=limit, app=app)
        ]
    show_rows(format, "orphans", rows, ("orphan", "time", "app", "tenant", "account", "reason"))


@orphans.command("adopt")
def adopt(
    app: Annotated[
        str | None, typer.Option("--app", help="Only of this Meta app.", show_default=False)
    ] = None,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Feed events in whose account belongs to a tenant now, once the account or the address at
    Meta is right. Each becomes an event once; those that are too old by now are skipped."""
    from igrules.cli.remote import address, connected

    body = {} if app is None else {"app": app}
    events = duplicates = 0
    with connected(server, database_url, state_dir) as api:
        more = True
        while more:
            found = api.post(address("orphans", "adopt"), body).media
            events, duplicates = events + found["events"], duplicates + found["duplicates"]
            more = found["more"]
    if format is Table.JSON:
        print_json({"events": events, "duplicates": duplicates})
        return
    known = f", {duplicates} known already" if duplicates else ""
    typer.echo(f"{events} {'event' if events == 1 else 'events'} adopted{known}")
