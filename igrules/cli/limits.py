"""``igrules tenant stats`` and ``igrules tenant limit``: a tenant's numbers, and what it may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.options import Database, ServerUrl, Slug, StateDir, Table, TableFormat
from igrules.cli.tables import print_json, print_table

if TYPE_CHECKING:
    from igrules.cli.remote import Server

_TOTALS = (
    "messages_today", "limit_remaining", "daily_limit", "total_messages", "webhooks_received",
)  # fmt: skip


def stats(
    slug: Annotated[
        str | None, typer.Argument(help="A tenant's slug; without one, all tenants.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DAY", help="As 2026-03-01; else 30 days ago.")
    ] = None,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show how many messages were sent and received, today and so far."""
    from igrules.cli.choosing import slugs
    from igrules.cli.remote import connected, of_tenant

    with connected(server, database_url, state_dir) as api:
        found = [
            {
                "tenant": one,
                **api.get(of_tenant(one, "stats"), **_days(since)).media,
                "backlog": api.get(of_tenant(one, "backlog")).media,
            }
            for one in slugs(api, slug)
        ]
    if format is Table.JSON:
        print_json({"tenants": found})
    elif slug is None:
        _print_all(found)
    else:
        _print_one(found[0])


def _days(since: str | None) -> dict[str, str]:
    return {} if since is None else {"from": since}


def _print_all(found: list[dict[str, Any]]) -> None:

    heading = ("tenant", "today", "left", "limit", "sent", "received", "state")
    rows = [
        (one["tenant"], *(_number(one[name]) for name in _TOTALS), _state(one)) for one in found
    ]
    print_table([heading, *rows])


def _print_one(one: dict[str, Any]) -> None:

    typer.echo(f"tenant              {one['tenant']}, {_state(one)}")
    typer.echo(f"messages today      {one['messages_today']}")
    typer.echo(f"left of the limit   {_number(one['limit_remaining'])}{_next_day(one)}")
    typer.echo(f"daily limit         {_number(one['daily_limit'])}")
    typer.echo(f"messages so far     {one['total_messages']}")
    typer.echo(f"events received     {one['webhooks_received']}")
    for waiting in one["backlog"]["waiting"]:
        typer.echo(f"waiting to go out   {waiting['words'] or _held(waiting)}")
    answers = one["total"]["answer_times"]
    if answers["count"]:
        typer.echo(f"time to answer      {_time(answers['median_ms'])}, 19 of 20 within "
                   f"{_time(answers['p95_ms'])}")  # fmt: skip
    for what, heading, became in (
        ("rules", "rule", "sent"), ("invalid", "rule", "refused as invalid"),
        ("kinds", "kind", "sent"),
    ):  # fmt: skip
        if one["total"][what]:
            typer.echo("")
            rows = [(name or "(API)", str(n)) for name, n in one["total"][what].items()]
            print_table([(heading, became), *rows])
    if one["days"]:
        typer.echo("")
        days = [(day["day"], str(day["webhooks"]), str(day["messages"])) for day in one["days"]]
        print_table([("day", "received", "sent"), *days])


def _next_day(one: dict[str, Any]) -> str:
    """When there is something left again, where nothing is."""
    if one["limit_remaining"] != 0:
        return ""
    return f", more from midnight on ({one['timezone'] or 'UTC'})"


def _held(waiting: dict[str, Any]) -> str:
    return f"{waiting['count']} ({waiting['held_by']})"


def _state(one: dict[str, Any]) -> str:
    return "active" if one["active"] else "deactivated"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _time(ms: int) -> str:
    return f"{ms} ms" if ms < 1_000 else f"{ms / 1_000:.1f} s"


def limit(
    slug: Slug,
    per_day: Annotated[
        int | None, typer.Option("--per-day", min=0, help="Messages a day, at most.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", help="careful: it may not choose documented.")
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option("--host", help="Its rules may call this host; repeatable.")
    ] = None,
    plugin: Annotated[
        list[str] | None, typer.Option("--plugin", help="It may use this plugin; repeatable.")
    ] = None,
    no_hosts: Annotated[bool, typer.Option("--no-hosts", help="It may call none.")] = False,
    no_plugins: Annotated[bool, typer.Option("--no-plugins", help="It may use none.")] = False,
    lift: Annotated[
        list[str] | None,
        typer.Option("--lift", help="No longer limit: per-day, preset, hosts or plugins."),
    ] = None,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Show or set what a tenant may at most do; the lower of this and its tenant.yaml holds."""
    from igrules.cli.remote import connected, of_tenant

    wanted = _wanted(per_day, preset, host, plugin, no_hosts, no_plugins, lift or [])
    with connected(server, database_url, state_dir) as api:
        found = api.get(of_tenant(slug, "limits")).media
        if wanted:
            found = _set(api, slug, found, wanted)
    typer.echo(f"messages a day   {_number(found['daily_limit'])}")
    own = f"{_number(found['own_daily_limit'])} by its tenant.yaml"
    holds = _number(found["effective_daily_limit"])
    typer.echo(f"                 {own}; {holds} holds, {found['used_today']} used today")
    typer.echo(f"preset           {found['preset'] or '-'}")
    for name in ("hosts", "plugins"):
        shown = "-" if found[name] is None else ", ".join(found[name]) or "none"
        typer.echo(f"{name:<16} {shown}")


_LIFTED = {"per-day": "daily_limit", "preset": "preset", "hosts": "hosts", "plugins": "plugins"}


def _wanted(
    per_day: int | None,
    preset: str | None,
    hosts: list[str] | None,
    plugins: list[str] | None,
    no_hosts: bool,
    no_plugins: bool,
    lift: list[str],
) -> dict[str, Any]:
    from igrules.errors import UsageError

    wanted: dict[str, Any] = {}
    for word in lift:
        if word not in _LIFTED:
            raise UsageError(f"'{word}' is no limit", f"use {', '.join(_LIFTED)}")
        wanted[_LIFTED[word]] = None
    given = {
        "daily_limit": per_day,
        "preset": preset,
        "hosts": [] if no_hosts else hosts or None,
        "plugins": [] if no_plugins else plugins or None,
    }
    return {**wanted, **{name: value for name, value in given.items() if value is not None}}


def _set(api: Server, slug: str, found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Set these, and leave the others as they are."""
    from igrules.cli.remote import of_tenant

    kept = {name: found[name] for name in _LIFTED.values()}
    changed: dict[str, Any] = api.put(of_tenant(slug, "limits"), {**kept, **wanted}).media
    return changed
