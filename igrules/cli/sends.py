"""``igrules sends``: messages and other acts on their way out."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.options import Database, Limit, OneTenant, ServerUrl, StateDir, Table, TableFormat
from igrules.cli.tables import print_json, show_rows

if TYPE_CHECKING:
    from igrules.cli.remote import Server

app = typer.Typer(no_args_is_help=True, help="Messages and other acts on their way out.")


@app.callback()
def _sends() -> None:
    """Messages and other acts on their way out."""


@app.command("list")
def list_sends(
    tenant: OneTenant = None,
    state: Annotated[
        str | None, typer.Option("--state", help="pending, doubt, parked, sent, refused, dead, …")
    ] = None,
    limit: Limit = 50,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show sends with their state and the reason for it; of unclear ones also what was found and
    how long somebody can still decide."""
    from igrules.cli.choosing import slugs
    from igrules.cli.remote import connected

    with connected(server, database_url, state_dir) as api:
        rows = [row for slug in slugs(api, tenant) for row in _rows(api, slug, state, limit)]
    first = ("send", "time", "tenant", "kind", "to", "state", "reason")
    unclear = ("evidence", "left") if state in ("parked", "doubt") else ()
    show_rows(format, "sends", rows, (*first, *unclear, "text"))


class Verdict(StrEnum):
    """What became of a send, as a person knows."""

    SENT = "sent"
    RETRY = "retry"
    DISCARD = "discard"


@app.command("settle")
def settle(
    send: Annotated[int, typer.Argument(min=1, help="The number of a send.")],
    verdict: Annotated[
        Verdict,
        typer.Option(
            "--as", help="sent: it went out; retry: send it, through all gates; discard: let it be."
        ),
    ],
    tenant: OneTenant = None,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Settle a send that was given up: one that is parked, or dead."""
    from igrules.cli.remote import connected

    with connected(server, database_url, state_dir) as api:
        settled(api, tenant, send, verdict.value, format)


def settled(api: Server, tenant: str | None, send: int, verdict: str, format: Table) -> None:
    """Settle a send of whichever tenant has it, and say what it is now. Raises `NotFound`."""
    from igrules.cli.choosing import slugs
    from igrules.cli.remote import of_tenant
    from igrules.errors import NotFound

    for slug in slugs(api, tenant):
        try:
            api.get(of_tenant(slug, "sends", send))
        except NotFound:
            continue
        found = api.post(of_tenant(slug, "sends", send, "settle"), {"as": verdict}).media
        if format is Table.JSON:
            print_json({"tenant": slug, **found})
        else:
            waits = " and waits to go out" if found["state"] == "pending" else ""
            typer.echo(f"send {send} of {slug} is {found['state']}{waits}")
        return
    raise NotFound(f"there is no send {send}", "igrules sends list  shows the newest ones")


def _rows(api: Server, slug: str, state: str | None, limit: int) -> list[dict[str, Any]]:
    from igrules.cli.moments import time_left
    from igrules.cli.remote import of_tenant

    return [
        {
            "tenant": slug,
            "send": int(one["id"]),
            "time": one["created_at"],
            "kind": one["kind"],
            "to": one["target"],
            "state": one["state"],
            "reason": one["reason"],
            "evidence": one["evidence"],
            "left": time_left(one["expires_at"]) if one["state"] in ("parked", "doubt") else "",
            "text": one["text"] or _attached(one["media"] or {}),
        }
        for one in api.pages(of_tenant(slug, "sends"), most=limit, state=state)
    ]


def _attached(media: dict[str, Any]) -> str:
    """What a message without words shows: addresses, titles of cards, the id of a post."""
    cards = [card["title"] for card in media.get("cards", ())]
    files = media.get("urls") or cards
    return " · ".join(files) if files else str(media.get("id") or media.get("emoji") or "")
