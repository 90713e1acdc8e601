"""``igrules admin`` and ``igrules tenant key``: API keys, each written to stdout once."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from igrules.cli.options import Database, ServerUrl, Slug, StateDir, Table, TableFormat
from igrules.cli.tables import print_json, print_table

if TYPE_CHECKING:
    from igrules.cli.remote import Server

app = typer.Typer(no_args_is_help=True, help="The operator's side: keys of the installation.")

Expires = Annotated[
    str | None, typer.Option("--expires", metavar="TIME", help="End the key after it, as in 90d.")
]
Revoke = Annotated[
    str | None, typer.Option("--revoke", metavar="ID", help="End this key; make none.")
]
Label = Annotated[str, typer.Option("--label", help="Say what the key is for; shown in lists.")]
Listing = Annotated[bool, typer.Option("--list", help="Show the keys; make none.")]


@app.command()
def bootstrap(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the key to this new file, mode 0600."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="End every operator key there is.")
    ] = False,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Make the first operator key and show it once. Works on the database, not through a server."""
    from igrules.cli.inside import actor
    from igrules.cli.store import now, opened
    from igrules.ledger import Act

    with opened(database_url, state_dir) as ledger, _file(out) as file:
        at = now()
        with ledger.act(Act(actor(), "key.bootstrap"), at) as noted:
            made = ledger.keys.bootstrap(at, replace=replace)
            noted.object = made.key.id
            if file is not None:
                # Inside: a key nobody has would be in the way of the next attempt.
                file.write(f"{made.secret}\n".encode())
                file.flush()
                os.fsync(file.fileno())
    if out is None:
        typer.echo(made.secret)
    _say(f"made the operator key {made.key.id}; {f'it is in {out}' if out else _ONCE}")


@app.command("key")
def admin_key(
    read: Annotated[
        bool, typer.Option("--read", help="The key may look at everything and change nothing.")
    ] = False,
    label: Label = "",
    expires: Expires = None,
    revoke: Revoke = None,
    listing: Listing = False,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Make a further operator key and show it once; --list shows all, --revoke ends one.

    To rotate: make a key, put it where the old one was, then revoke that.
    """
    from igrules.cli.remote import address, connected

    scopes = ["operator:read" if read else "operator"]
    with connected(server, database_url, state_dir) as api:
        _keys(api, address("operator", "keys"), scopes, label, expires, revoke, listing, format)


def tenant_key(
    slug: Slug,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="What it may: read, rules, send, admin. Repeatable."),
    ] = None,
    label: Label = "",
    expires: Expires = None,
    revoke: Revoke = None,
    listing: Listing = False,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Make a key of a tenant and show it once; --list shows its keys, --revoke ends one.

    To rotate: make a key, put it where the old one was, then revoke that.
    """
    from igrules.cli.remote import connected, of_tenant

    with connected(server, database_url, state_dir) as api:
        path = of_tenant(slug, "keys")
        _keys(api, path, scope or [], label, expires, revoke, listing, format)


_ONCE = "it is shown this once"


def _keys(
    api: Server,
    path: str,
    scopes: list[str],
    label: str,
    expires: str | None,
    revoke: str | None,
    listing: bool,
    format: Table,
) -> None:
    from igrules.cli.moments import read_end
    from igrules.errors import UsageError

    if revoke is not None and listing:
        raise UsageError("--revoke and --list exclude each other", "leave one out")
    if revoke is not None:
        from urllib.parse import quote

        api.delete(f"{path}/{quote(revoke, safe='')}")
        _say(f"revoked {revoke}; every process refuses it within 5 seconds")
    elif listing:
        _show(list(api.pages(path)), format)
    elif not scopes:
        raise UsageError(
            "a key needs something it may do",
            "--scope read, rules, send or admin; --list shows the keys there are",
        )
    else:
        made = api.post(
            path, {"scopes": scopes, "label": label, "expires_at": read_end("--expires", expires)}
        )
        _show_new(made.media, format)


def _show_new(made: dict[str, Any], format: Table) -> None:
    if format is Table.JSON:
        print_json({"key": made})
        return
    typer.echo(made["key"])
    _say(f"made the key {made['id']} ({', '.join(made['scopes'])}); {_ONCE}")


_TIMES = ("created_at", "expires_at", "used_at")


def _show(keys: list[dict[str, Any]], format: Table) -> None:
    from igrules.cli.moments import local_time

    if format is Table.JSON:
        print_json({"keys": keys})
        return
    print_table(
        [
            ("id", "may", "state", "made", "ends", "last used", "label"),
            *(
                (
                    key["id"],
                    ", ".join(key["scopes"]),
                    key["state"],
                    *(local_time(key[name]) or "-" for name in _TIMES),
                    key["label"],
                )
                for key in keys
            ),
        ]
    )  # fmt: skip


def _file(out: Path | None) -> AbstractContextManager[BinaryIO | None]:
    from igrules.cli.own_files import made

    return nullcontext() if out is None else made(out)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
