"""``igrules replay``: have an event decided once more, or a dead send sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from igrules.cli.options import Database, OneTenant, ServerUrl, StateDir, Table, TableFormat
from igrules.cli.tables import print_json

if TYPE_CHECKING:
    from igrules.cli.remote import Reply, Server


def replay(
    id: Annotated[int, typer.Argument(min=1, help="The number of an event, or of a send.")],
    tenant: OneTenant = None,
    send: Annotated[bool, typer.Option("--send", help="It is the number of a send.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Decide with today's rules; store nothing.")
    ] = False,
    version: Annotated[
        int | None,
        typer.Option("--version", min=1, help="With --dry-run: whose rules.", show_default=False),
    ] = None,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Have an event that failed, was set aside or skipped decided once more, or a send that is
    dead, refused or expired sent, through all gates."""
    from igrules.cli.choosing import slugs
    from igrules.cli.remote import connected
    from igrules.cli.sends import settled
    from igrules.errors import UsageError

    if send and dry_run:
        raise UsageError("--dry-run is for events", "igrules sends list  shows what a send says")
    if version is not None and not dry_run:
        raise UsageError("--version goes with --dry-run only", "what is done uses the live rules")
    body: dict[str, object] = {"dry_run": dry_run}
    if version is not None:
        body["version"] = version
    with connected(server, database_url, state_dir) as api:
        if send:
            settled(api, tenant, id, "retry", format)
            return
        slug, reply = _asked(api, slugs(api, tenant), id, body)
    if format is Table.JSON:
        print_json({"tenant": slug, "event": id, **reply.media})
    elif not dry_run:
        again = "" if reply.media["reopened"] else " already"
        typer.echo(f"event {id} of {slug} waits{again} to be decided again")
    else:
        typer.echo("\n".join(_lines(reply)))


def _asked(api: Server, slugs: list[str], event: int, body: dict[str, object]) -> tuple[str, Reply]:
    from igrules.cli.remote import of_tenant
    from igrules.errors import NotFound

    for slug in slugs:
        try:
            # Looked for first: a version that is missing is another mistake.
            api.get(of_tenant(slug, "events", event))
        except NotFound:
            continue
        return slug, api.post(of_tenant(slug, "events", event, "replay"), body)
    raise NotFound(f"there is no event {event}", "igrules trace  lists the newest ones")


def _lines(reply: Reply) -> list[str]:
    from igrules.language.frames import visible

    found = reply.media
    lines = [f"outcome  {found['outcome']} {found['reason']}".rstrip()]
    lines[0] += f" · version {found['version']} · nothing was stored"
    for rule in found["reasons"]:
        fired = rule["reason"] == "fired"
        reason = "" if fired else rule["reason"]
        lines.append(f"{rule['rule']:24} {'YES' if fired else 'no '} {reason:10} {rule['why']}")
    for effect in found["effects"]:
        lines.append(f"would send   {effect['kind']}   {visible(effect['text'])}")
    return [line.rstrip() for line in lines]
