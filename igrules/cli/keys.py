"""``igrules admin`` and ``igrules tenant key``: API keys, each written to stdout once."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.options import Database, ServerUrl, StateDir, Table, TableFormat

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
    from igrules.cli.inside import user
    from igrules.cli.store import now, opened
    from igrules.ledger import Act

    with opened(database_url, state_dir) as ledger, _new_file(out) as file:
        at = now()
        with ledger.act(Act(f"os:{user()}", "key.bootstrap"), at) as noted:
            made = ledger.keys.bootstrap(at, replace=replace)
            noted.object = made.key.id
            if file is not None:
                # Inside: a key nobody has would be in the way of the next attempt.
                os.write(file, f"{made.secret}\n".encode())
                os.fsync(file)
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
    slug: Annotated[str, typer.Argument(help="The tenant's slug, as its directory is named.")],
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
        made = api.post(path, {"scopes": scopes, "label": label, "expires_at": _ends(expires)})
        _show_new(made.media, format)


def _show_new(made: dict[str, Any], format: Table) -> None:
    if format is Table.JSON:
        typer.echo(json.dumps({"igrules": 1, "key": made}, ensure_ascii=False, indent=2))
        return
    typer.echo(made["key"])
    _say(f"made the key {made['id']} ({', '.join(made['scopes'])}); {_ONCE}")


def _show(keys: list[dict[str, Any]], format: Table) -> None:
    from igrules.cli.listing import print_table

    if format is Table.JSON:
        typer.echo(json.dumps({"igrules": 1, "keys": keys}, ensure_ascii=False, indent=2))
        return
    print_table(
        [
            ("id", "may", "state", "made", "ends", "last used", "label"),
            *(
                (key["id"], ", ".join(key["scopes"]), key["state"], _minute(key["created_at"]),
                 _minute(key["expires_at"]), _minute(key["used_at"]), key["label"])
                for key in keys
            ),
        ]
    )  # fmt: skip


def _minute(time: str | None) -> str:
    """A time of the API as people read it; a dash for none."""
    from igrules.cli.store import shown_time
    from igrules.web.times import read

    return shown_time(read(time)) if time else "-"


def _ends(expires: str | None) -> str | None:
    from igrules.cli.store import now
    from igrules.errors import UsageError
    from igrules.language.values import Flaw, read_duration
    from igrules.web.times import shown

    if expires is None:
        return None
    lasts = read_duration(expires)
    if isinstance(lasts, Flaw):
        raise UsageError(f"--expires: {lasts.message}", lasts.help)
    return shown(now() + lasts)


@contextmanager
def _new_file(path: Path | None) -> Iterator[int | None]:
    """A file that only its owner can read, gone again when what follows fails."""
    from igrules.errors import UsageError

    if path is None:
        yield None
        return
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already", "name a new file") from error
    try:
        yield file
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(file)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
