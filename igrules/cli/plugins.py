"""``igrules plugins``: what is installed, and what could not be taken."""

from __future__ import annotations

import dataclasses

import typer

from igrules.cli.options import Table, TableFormat
from igrules.cli.tables import print_json, print_table

app = typer.Typer(no_args_is_help=True, help="Installed plugins and their kinds.")


@app.command("list")
def list_plugins(format: TableFormat = Table.TEXT) -> None:
    """Show every plugin with its kinds. One that could not be loaded says why; ends with 1 then."""
    from igrules.cli.exits import FINDINGS, Finish
    from igrules.plugins import build_registry

    plugins = build_registry().plugins
    if format is Table.JSON:
        rows = [dataclasses.asdict(plugin) for plugin in plugins]
        print_json({"plugins": rows})
    else:
        table = [("plugin", "distribution", "version", "kinds")]
        table += [
            (plugin.name, plugin.distribution, plugin.version, ", ".join(plugin.kinds))
            for plugin in plugins
            if not plugin.error
        ]
        print_table(table)
    broken = [plugin for plugin in plugins if plugin.error]
    for plugin in broken if format is Table.TEXT else []:
        typer.echo(
            f"error: plugin '{plugin.name}' ({plugin.distribution} {plugin.version}): "
            f"{plugin.error}\n  = help: {plugin.help}"
        )
    if broken:
        raise Finish(FINDINGS)
