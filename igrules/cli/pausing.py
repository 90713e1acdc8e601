"""``igrules pause`` and ``igrules resume``: stop and start what goes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.options import Database, Limit, OneTenant, ServerUrl, StateDir, Table, TableFormat
from igrules.cli.tables import show_rows

if TYPE_CHECKING:
    from igrules.cli.remote import Server

Tenant = Annotated[str | None, typer.Option("--tenant", metavar="SLUG", help="This tenant.")]
Account = Annotated[
    str | None,
    typer.Option("--account", metavar="ID", help="Only this account: its id or user name."),
]
Rule = Annotated[str | None, typer.Option("--rule", metavar="ID", help="Only this rule.")]
Everything = Annotated[bool, typer.Option("--all", help="The whole installation.")]
App = Annotated[
    str | None, typer.Option("--app", metavar="NAME", help="All accounts of this Meta app.")
]
_ALL = "/api/v1/installation"


def pause(
    tenant: Tenant = None,
    account: Account = None,
    rule: Rule = None,
    everything: Everything = False,
    span: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="As 1h; else until resumed.")
    ] = None,
    drop: Annotated[
        bool, typer.Option("--drop", help="Let what would wait end unsent, at once.")
    ] = False,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Let nothing out: of a tenant, an account, a rule, or at all. What comes in is stored."""
    from igrules.cli.moments import local_time
    from igrules.cli.remote import connected

    with connected(server, database_url, state_dir) as api:
        path, what, name = _place(api, tenant, account, rule, everything)
        body = {**what, **({"for": span} if span else {}), **({"mode": "drop"} if drop else {})}
        hold = api.post(f"{path}/pause", body).media
    until = f"until {local_time(hold['until'])}" if hold["until"] else "until igrules resume"
    typer.echo(f"{name} is paused {until}")


def resume(
    tenant: Tenant = None,
    account: Account = None,
    rule: Rule = None,
    everything: Everything = False,
    send_waiting: Annotated[
        bool, typer.Option("--send-waiting", help="Let out what waited, if its window allows.")
    ] = False,
    app: App = None,
    after_restore: Annotated[
        bool, typer.Option("--after-restore", help="Send again from a restored backup.")
    ] = False,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Let go out again what was paused, or what igrules has stopped. What waited is dropped, unless
    --send-waiting."""
    from igrules.cli.remote import connected
    from igrules.errors import UsageError

    with connected(server, database_url, state_dir) as api:
        if after_restore:
            if everything or any((tenant, account, rule, app)):
                raise UsageError("--after-restore is for the whole installation", "give it alone")
            _after_restore(api)
            return
        if app is not None:
            if everything or any((tenant, account, rule)):
                raise UsageError("--app excludes the others", "leave out --app, or the others")
            path, what, name = _ALL, {"app": app}, f"app {app}"
        else:
            path, what, name = _place(api, tenant, account, rule, everything)
        body = {**what, "send_waiting": send_waiting}
        done = api.post(f"{path}/resume", body).media
    if not done["lifted"]:
        typer.echo(f"{name} was not paused")
        return
    count = done["released"] if send_waiting else done["dropped"]
    typer.echo(f"{name} goes on; {count} that waited {_became(count, send_waiting)}")


def holds(
    tenant: OneTenant = None,
    limit: Limit = 50,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show what keeps sends back: pauses, and what igrules has stopped by itself."""
    from igrules.cli.choosing import tenants
    from igrules.cli.remote import connected, of_tenant
    from igrules.errors import Denied

    with connected(server, database_url, state_dir) as api:
        path = f"{_ALL}/holds" if tenant is None else of_tenant(tenant, "holds")
        try:
            found = list(api.pages(path, most=limit))
        except Denied:
            found = list(api.pages(of_tenant(str(api.get("/api/v1").media["slug"]), "holds"),
                                   most=limit))  # fmt: skip
        named = any(one["tenant"] or one["account"] for one in found)
        names = _names(tenants(api) if named else ())
    rows = [_row(one, names, format) for one in found]
    show_rows(format, "holds", rows, ("what", "reason", "by", "mode", "since", "until"))


def _names(tenants: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, str]]:
    """Tenants and accounts by their ids, as `resume` takes them."""
    names: dict[tuple[str, str], dict[str, str]] = {}
    for tenant in tenants:
        slug = {"tenant": tenant["slug"]}
        names["tenant", tenant["id"]] = slug
        for account in tenant["accounts"]:
            name = account["username"] or account["ig_id"]
            names["account", account["id"]] = {**slug, "account": name}
    return names


def _row(
    hold: dict[str, Any], known: Mapping[tuple[str, str], dict[str, str]], format: Table
) -> dict[str, Any]:
    """A hold, its tenant and its account named as `resume` takes them."""
    from igrules.cli.moments import local_time

    for name in ("tenant", "account"):
        hold = {**hold, **known.get((name, hold[name]), {})}
    names = ("app", "tenant", "account", "rule", "kind")
    until = local_time(hold["until"]) if format is Table.TEXT else hold["until"]
    what = [f"{name} {hold[name]}" for name in names if hold[name]]
    return {
        "what": " ".join(what) or "the installation",
        **{name: hold[name] for name in ("reason", "by", "mode", "since")},
        "until": until or "resumed",
    }


def _became(count: int, send_waiting: bool) -> str:
    verb = "is" if count == 1 else "are"
    return f"{'goes' if count == 1 else 'go'} out" if send_waiting else f"{verb} dropped"


def _after_restore(api: Server) -> None:
    done = api.post(f"{_ALL}/release").media
    typer.echo(f"sending goes on; {done['parked']} sends of the backup are looked for")


def _place(
    api: Server, tenant: str | None, account: str | None, rule: str | None, everything: bool
) -> tuple[str, dict[str, Any], str]:
    """The address of what is meant, what the body says of it, and how it is called."""
    from igrules.cli.choosing import only
    from igrules.cli.remote import of_tenant
    from igrules.errors import UsageError

    if everything:
        if any((tenant, account, rule)):
            raise UsageError("--all excludes the others", "leave out --all, or the others")
        return _ALL, {}, "the installation"
    if not any((tenant, account, rule)):
        raise UsageError("nothing is named", "give --tenant, --account, --rule or --all")
    slug = only(api, tenant)
    what = {key: value for key, value in (("account", account), ("rule", rule)) if value}
    name = " ".join([slug, *(f"{key} {value}" for key, value in what.items())])
    return of_tenant(slug), what, name
