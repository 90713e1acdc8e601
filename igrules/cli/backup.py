"""``igrules backup`` and ``igrules restore``: a copy while everything runs, and the way back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from igrules.cli.options import Database, StateDir, Yes, ask

if TYPE_CHECKING:
    from igrules.ledger.restoring import Place, Restored, Target


def backup(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where the backup goes.")
    ] = None,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Seal it with the master key.")
    ] = False,
    mark: Annotated[
        bool, typer.Option("--mark", help="Only note that a backup was made by other means.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Overwrite the file.")] = False,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Copy the database into one file, also while it is in use. The master key is not in it."""
    from igrules import __version__
    from igrules.cli.inside import actor
    from igrules.cli.store import now, opened
    from igrules.errors import UsageError
    from igrules.ledger import Act
    from igrules.work.sizes import shown_size

    if (out is None) != mark:
        raise UsageError(
            "a backup needs a file, or --mark",
            "igrules backup --out FILE, or igrules backup --mark",
        )
    with opened(database_url, state_dir) as ledger:
        if out is None:
            row = ledger.backups.mark(now())
        else:
            row = ledger.backups.write(
                out.expanduser(), now(), version=__version__, encrypt=encrypt, overwrite=yes
            )
        ledger.audit.note(Act(actor(), "backup.create", object=str(row.id)), now())
    if out is None:
        typer.echo("noted that a backup was made now")
        return
    typer.echo(f"wrote {out} ({shown_size(row.bytes)}{', sealed' if encrypt else ''})")
    typer.echo("the master key is not in it; keep that elsewhere")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that igrules backup has written.")],
    yes: Yes = False,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Put a backup in the place of the database. Nothing is sent until `igrules
    resume --after-restore`."""
    from igrules.cli.exits import FINDINGS, Finish
    from igrules.cli.inside import actor
    from igrules.cli.store import configuration, now, state_dir as found
    from igrules.instagram.reader import read
    from igrules.ledger import restoring

    settings = configuration(database_url, state_dir)
    place = restoring.Place(
        settings.database_url,
        found(settings),
        settings.key_file,
        settings.sqlite_driver,
        settings.deployment,
    )
    target = restoring.look(place, now(), os.environ)
    _refuse_alive(target)
    question = _question(target)
    if question and not ask(question, yes):
        raise Finish(FINDINGS)
    done = restoring.restore(
        file.expanduser(), place, target, now(), read=read, actor=actor(), environ=os.environ
    )
    raise Finish(_finish(place, done, file))


def _refuse_alive(target: Target) -> None:
    from igrules.errors import Conflict

    if target.alive:
        names = ", ".join(f"{one.kind} on {one.host}" for one in target.alive)
        raise Conflict(
            f"{len(target.alive)} processes work on this database: {names}",
            "stop them first; one that died counts as gone after 30 s",
        )


def _question(target: Target) -> str:
    if target.state == "used":
        return f"The database holds {target.tenants} tenants. Replace it?"
    if target.state == "unreadable":
        return "There is a database that cannot be read. Replace it?"
    return ""


def _finish(place: Place, done: Restored, file: Path) -> int:
    """Erase again who was erased since the backup, look it all over, and say how it stands."""
    from igrules.cli.doctor import print_findings, verdict
    from igrules.cli.store import configuration, now, shown_time
    from igrules.ledger import Ledger
    from igrules.work.doctor import local

    ledger = Ledger.open(
        place.url,
        place.state_dir,
        sqlite_driver=place.sqlite_driver,
        key_file=place.key_file,
        deployment=place.deployment,
    )
    try:
        ledger.erasures.run(now())
        typer.echo(f"restored {file}, made {shown_time(done.head.at)}")
        if done.aside is not None:
            typer.echo(f"the database before it is {done.aside}")
        if done.erasures:
            typer.echo(f"erased again: {done.erasures}")
        findings = local(ledger, configuration(place.url, str(place.state_dir)), now())
        print_findings(findings)
        if done.parked:
            typer.echo(f"{done.parked} sends may have been sent: igrules sends list --state parked")
        typer.echo("nothing is sent until  igrules resume --after-restore")
        # That nothing is sent for now is what was asked for, no failure.
        return verdict([one for one in findings if one.name != "restore"])
    finally:
        ledger.close()
