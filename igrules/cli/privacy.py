"""``igrules erase``, ``igrules export`` and ``igrules tenant rm``: what persons and tenants may ask
for."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.options import Database, ServerUrl, Slug, StateDir, Yes, ask
from igrules.cli.tenants import app as tenants

if TYPE_CHECKING:
    from igrules.cli.remote import Server

_PATIENCE = 60.0
_PAUSE = 0.5

Tenant = Annotated[str, typer.Option("--tenant", metavar="SLUG", help="Whose contact it is.")]
Contact = Annotated[
    str, typer.Option("--contact", metavar="ID", help="The id at Instagram, or @ and a user name.")
]


def erase(
    tenant: Tenant,
    contact: Contact,
    yes: Yes = False,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Forget a contact: messages, traces, tags, fields. There is no way back."""
    from igrules.cli.exits import FINDINGS, Finish
    from igrules.cli.remote import connected, of_tenant

    if not ask(f"Erase everything about {contact} at {tenant}?", yes):
        typer.echo("nothing was erased", err=True)
        raise Finish(FINDINGS)
    with connected(server, database_url, state_dir) as api:
        job = api.delete(of_tenant(tenant, "contacts", contact)).media
        if server is not None:
            job = _wait(api, job, of_tenant(tenant, "erasures", job["id"]))
    if server is None:
        job = _finish(job, database_url, state_dir)
    _tell(f"erased {contact}", job)


def export(
    tenant: Tenant,
    contact: Contact,
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="A new file; '-': stdout.")],
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Write everything that is held about a contact as JSON."""
    from igrules.cli.own_files import made
    from igrules.cli.remote import connected, of_tenant

    with connected(server, database_url, state_dir) as api:
        found = api.post(of_tenant(tenant, "contacts", contact, "export")).media
    text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    if out == "-":
        typer.echo(text, nl=False)
        return
    with made(Path(out)) as file:
        file.write(text.encode("utf-8", "replace"))
    count = sum(len(rows) for rows in found.values())
    typer.echo(f"wrote {count} entries to {out}")


@tenants.command("rm")
def remove(
    slug: Slug,
    yes: Yes = False,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Delete a tenant with everything it has; asks for the slug. There is no way back."""
    import sys

    from igrules.cli.exits import FINDINGS, Finish
    from igrules.cli.remote import address, connected, of_tenant
    from igrules.errors import UsageError

    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"deleting {slug} has to be confirmed", "add --yes")
        typed = typer.prompt(f"This deletes rules, contacts and messages. Type {slug} to go on")
        if str(typed).strip() != slug:
            typer.echo("nothing was deleted", err=True)
            raise Finish(FINDINGS)
    with connected(server, database_url, state_dir) as api:
        job = api.delete(of_tenant(slug), confirm=slug).media
        if server is not None:
            job = _wait(api, job, address("deletions", job["id"]))
    if server is None:
        job = _finish(job, database_url, state_dir)
    _tell(f"deleted tenant {slug}", job)


def _wait(api: Server, job: dict[str, Any], path: str) -> dict[str, Any]:
    """Look how far the server is, for a minute at most."""
    until = time.monotonic() + _PATIENCE
    while job["state"] != "done" and time.monotonic() < until:
        time.sleep(_PAUSE)
        job = api.get(path).media
    return job


def _finish(job: dict[str, Any], database_url: str | None, state_dir: str | None) -> dict[str, Any]:
    """Do the rest here: nobody else may be running."""
    if job["state"] == "done":
        return job
    from igrules.cli.store import now, opened

    with opened(database_url, state_dir) as ledger:
        ledger.erasures.run(now(), only=int(job["id"]))
        return {**job, "state": ledger.erasures.get(int(job["id"])).state}


def _tell(what: str, job: dict[str, Any]) -> None:
    if job["state"] == "done":
        typer.echo(what)
    else:
        typer.echo(f"accepted as erasure {job['id']}; the rest is done by the running server")
