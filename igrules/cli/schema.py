"""``igrules schema``: the JSON Schema of the rule language, with the installed plugins."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class SchemaName(StrEnum):
    """The documents there are."""

    RULESET = "ruleset"
    TENANT = "tenant"
    TEST = "test"


def schema(
    name: Annotated[SchemaName | None, typer.Argument(help="Default: all three.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write <name>.schema.json into this directory.")
    ] = None,
) -> None:
    """Print the JSON Schema for editors, or write it into a directory."""
    from igrules.errors import UsageError
    from igrules.language.schema import documents
    from igrules.plugins import build_registry

    wanted = documents(build_registry())
    if name is not None:
        wanted = {file: text for file, text in wanted.items() if file.startswith(f"{name.value}.")}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for file, text in wanted.items():
            (out / file).write_text(text, encoding="utf-8")
            typer.echo(f"wrote {out / file}")
        return
    if len(wanted) > 1:
        raise UsageError("name one schema: ruleset, tenant or test", "or write all with  --out DIR")
    for text in wanted.values():
        typer.echo(json.dumps(json.loads(text), ensure_ascii=False, indent=2))
