"""``igrules doctor``: look at the installation and at what Meta says of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from igrules.cli.options import Database, StateDir, Table, TableFormat
from igrules.cli.tables import print_json

if TYPE_CHECKING:
    from igrules.work.doctor import Finding


def doctor(
    tenant: Annotated[
        str | None, typer.Argument(help="Only this tenant, besides the installation.")
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Subscribe what is missing.")] = False,
    format: TableFormat = Table.TEXT,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Check the installation and the Meta set-up, one line each, with the remedy. Ends with 1 when
    a line fails."""
    from igrules.cli.exits import Finish
    from igrules.cli.store import configuration, graph_client, now, open_ledger, state_dir as found
    from igrules.plugins import build_registry
    from igrules.work.doctor import examine

    settings = configuration(database_url, state_dir)
    settings = dataclasses.replace(settings, state_dir=str(found(settings)))
    client = graph_client(settings)
    ledger = open_ledger(settings)
    try:
        one = ledger.tenants.get(tenant) if tenant else None
        findings = examine(ledger, build_registry(), settings, client, now(), tenant=one, fix=fix)
    finally:
        ledger.close()
        client.close()
    print_findings(findings, format)
    raise Finish(verdict(findings))


def print_findings(findings: Sequence[Finding], format: Table = Table.TEXT) -> None:
    """One line each, and the remedy below."""
    if format is Table.JSON:
        shown = [dataclasses.asdict(one) for one in findings]
        print_json({"findings": shown})
        return
    many = len({one.tenant for one in findings if one.tenant}) > 1
    width = max((len(one.name) for one in findings), default=0)
    for one in findings:
        whose = f"{one.tenant}: " if many and one.tenant else ""
        typer.echo(f"{one.level:4}  {one.name:{width}}  {whose}{one.sentence}")
        if one.remedy:
            typer.echo(f"      = help: {one.remedy}")


def verdict(findings: Sequence[Finding]) -> int:
    """The exit code for these."""
    from igrules.cli.exits import DONE, FINDINGS

    return FINDINGS if any(one.level == "FAIL" for one in findings) else DONE
