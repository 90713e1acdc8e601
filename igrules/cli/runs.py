"""``igrules runs``: conversations that have stopped to wait for an answer, a time or a call."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.options import Database, Limit, OneTenant, ServerUrl, StateDir, Table, TableFormat
from igrules.cli.tables import print_json, show_rows

if TYPE_CHECKING:
    from igrules.cli.remote import Server

app = typer.Typer(no_args_is_help=True, help="Runs that have stopped to wait.")

_Number = Annotated[int, typer.Argument(min=1, help="The number of a run.")]


@app.callback()
def _runs() -> None:
    """Runs that have stopped to wait."""


class State(StrEnum):
    """Which runs to show."""

    PARKED = "parked"
    WAITING = "waiting"
    ASKING = "asking"
    CALLING = "calling"
    ENDED = "ended"
    ANY = "any"


@app.command("list")
def list_runs(
    tenant: OneTenant = None,
    state: Annotated[
        State, typer.Option("--state", help="parked: all that have not ended.")
    ] = State.PARKED,
    contact: Annotated[
        str | None, typer.Option("--contact", help="Only of this person: an id, or @name.")
    ] = None,
    limit: Limit = 50,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show runs, newest first: whom they wait for, and where they stand."""
    from igrules.cli.choosing import slugs
    from igrules.cli.remote import connected, of_tenant

    with connected(server, database_url, state_dir) as api:
        rows = [
            _row(slug, one)
            for slug in slugs(api, tenant)
            for one in api.pages(
                of_tenant(slug, "runs"), most=limit, state=state.value, contact=contact
            )
        ]
    show_rows(
        format, "runs", rows,
        ("run", "tenant", "rule", "version", "contact", "state", "step", "wakes"),
    )  # fmt: skip


@app.command("show")
def show(
    run: _Number,
    tenant: OneTenant = None,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show where a run stands, what it knows and what happened to it."""
    from igrules.cli.remote import connected

    with connected(server, database_url, state_dir) as api:
        slug, found = _find(api, tenant, run)
    if format is Table.JSON:
        print_json({"tenant": slug, **found})
        return
    for line in _told(slug, found):
        typer.echo(line)


@app.command("cancel")
def cancel(
    run: _Number,
    tenant: OneTenant = None,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """End a run now, and what it has not said yet with it."""
    from igrules.cli.remote import connected, of_tenant

    with connected(server, database_url, state_dir) as api:
        slug, _ = _find(api, tenant, run)
        found = api.post(of_tenant(slug, "runs", run, "cancel"), {}).media
    if format is Table.JSON:
        print_json({"tenant": slug, **found})
    else:
        typer.echo(f"run {run} of {slug} has ended: {found['ended']}")


def _find(api: Server, tenant: str | None, run: int) -> tuple[str, dict[str, Any]]:
    """A run of whichever tenant has it. Raises `NotFound`."""
    from igrules.cli.choosing import slugs
    from igrules.cli.remote import of_tenant
    from igrules.errors import NotFound

    for slug in slugs(api, tenant):
        try:
            return slug, dict(api.get(of_tenant(slug, "runs", run)).media)
        except NotFound:
            continue
    raise NotFound(f"there is no run {run}", "igrules runs list --state any  shows the newest ones")


def _row(slug: str, one: dict[str, Any]) -> dict[str, Any]:
    return {
        "run": int(one["id"]),
        "tenant": slug,
        "rule": one["rule"],
        "version": one["version"],
        "contact": one["contact"] or "",
        "state": one["ended"] or one["state"],
        "step": one["step"],
        "wakes": one["wakes_at"] or "",
    }


def _told(slug: str, run: dict[str, Any]) -> list[str]:
    ended = f"ended as {run['ended']} at {run['ended_at']}" if run["ended"] else run["state"]
    lines = [
        f"run {run['id']} of {slug}: {ended}" + (f" ({run['why']})" if run["why"] else ""),
        f"  rule      {run['rule']}, version {run['version']}",
        f"  contact   {run['contact'] or 'nobody'}",
        f"  began     {run['started_at']} with event {run['event']}",
        f"  stands at {run['step']} after {run['steps_used']} steps",
    ]
    lines += [f"            in {one['steps']}, step {one['at']}" for one in run["position"]]
    if not run["ended"]:
        lines.append(f"  wakes     {run['wakes_at'] or 'by nothing but its end'}")
        lines.append(f"  lives to  {run['expires_at']}")
    for what in ("answers", "results"):
        lines += [f"  {what[:-1]:<9} {name}: {value}" for name, value in run[what].items()]
    lines += [f"  {note['at']}  {note['step']}  {note['text']}" for note in run["notes"]]
    if not run["known"]:
        lines.append("  what it knew is no longer stored")
    return lines
