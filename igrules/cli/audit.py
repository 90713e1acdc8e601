"""``igrules audit``: what was done here, by whom, and whether the log is whole."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from igrules.cli.options import Database, OneTenant, ServerUrl, Since, StateDir, Table, TableFormat
from igrules.cli.tables import print_json, print_table

app = typer.Typer(no_args_is_help=True, help="The audit log: who did what, and when.")


@app.command("list")
def list_entries(
    tenant: OneTenant = None,
    since: Since = None,
    action: Annotated[str | None, typer.Option("--action", help="Such as key.create.")] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", help="key:<id>, os:<user>, or meta.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show the newest entries, newest first."""
    from igrules.cli.moments import local_time, read_since
    from igrules.cli.remote import connected

    with connected(server, database_url, state_dir) as api:
        rows: list[dict[str, Any]] = list(
            api.pages(
                _place(tenant), most=limit, since=read_since(since), action=action, actor=actor
            )
        )
    if format is Table.JSON:
        print_json({"audit": rows})
        return
    print_table(
        [
            ("when", "who", "tenant", "did", "to"),
            *(
                (local_time(row["at"]), row["actor"], row["tenant"] or "-", row["action"],
                 row["object"])
                for row in rows
            ),
        ]
    )  # fmt: skip


@app.command()
def export(
    since: Since = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write there instead of stdout.")
    ] = None,
    tenant: OneTenant = None,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Write the entries as JSON lines, newest first, to keep them outside of this machine."""
    from igrules.cli.moments import read_since
    from igrules.cli.remote import connected

    count = 0
    with (
        connected(server, database_url, state_dir) as api,
        out.open("w", encoding="utf-8") if out else _stdout() as file,
    ):
        for row in api.pages(_place(tenant), since=read_since(since)):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    print(f"wrote {count} entries", file=sys.stderr)


@app.command()
def verify(database_url: Database = None, state_dir: StateDir = None) -> None:
    """Check that no entry was changed, added or removed. Ends with 1 when one was.

    Works on the database, with the master key. The entries of a day are counted once it is over.
    """
    from igrules.cli.exits import FINDINGS, Finish
    from igrules.cli.store import now, opened

    with opened(database_url, state_dir) as ledger:
        found = ledger.audit.verify(now())
    for line in found:
        typer.echo(f"error: {line}")
    if found:
        typer.echo("  = help: compare with what `igrules audit export` wrote before")
        raise Finish(FINDINGS)
    typer.echo("ok")


def _place(tenant: str | None) -> str:
    from igrules.cli.remote import address, of_tenant

    return address("operator", "audit") if tenant is None else of_tenant(tenant, "audit")


def _stdout() -> Any:
    from contextlib import nullcontext

    return nullcontext(sys.stdout)
