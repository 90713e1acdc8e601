"""``igrules secret rotate``: seal everything anew with the first line of the master key file."""

from __future__ import annotations

import typer

from igrules.cli.options import Database, StateDir


def rotate(database_url: Database = None, state_dir: StateDir = None) -> None:
    """Seal every secret anew with the first line of the master key file.

    Before: put a new line '<id>:<32 bytes in base64>' on top of the file, keep the old one below,
    and restart every process. Afterwards the old line may go. Works on the database while
    everything runs; it may be repeated. Ends with 1 when something does not open.
    """
    from igrules.cli.exits import FINDINGS, Finish
    from igrules.cli.inside import actor
    from igrules.cli.store import now, opened
    from igrules.ledger import Act

    with opened(database_url, state_dir) as ledger:
        first, *older = ledger.sealed.keys
        renewed: dict[str, int] = {}
        closed: dict[str, int] = {}
        for column, done in ledger.sealed.renew():
            renewed[column] = renewed.get(column, 0) + done.renewed
            closed[column] = closed.get(column, 0) + done.closed
        left = ledger.sealed.left()
        ledger.audit.note(Act(actor(), "secret.rotate", object=first), now())
    for column, count in renewed.items():
        typer.echo(f"{column:24} {count:7} sealed anew {left.get(column, 0):7} left")
    if any(closed.values()):
        typer.echo("error: some values do not open with the keys at hand")
        typer.echo("  = help: put back the line they were sealed with, or store them again")
        raise Finish(FINDINGS)
    if left:
        typer.echo("some were stored meanwhile by a process that has the old key file")
        typer.echo("restart every process, then run this again")
        raise Finish(FINDINGS)
    typer.echo(_end(first, older))


def _end(first: str, older: list[str]) -> str:
    if not older:
        return f"every value is sealed with '{first}', the only line of the key file"
    lines = f"the line '{older[0]}'" if len(older) == 1 else f"the lines {', '.join(older)}"
    return (
        f"every value is sealed with '{first}'; {lines} may go from the key file,"
        " but keep it for backups made before"
    )
