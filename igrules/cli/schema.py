"""``igrules schema``: the JSON Schema of the rule language, with the installed plugins; and the
description of the HTTP API."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from igrules.cli.options import Database, ServerUrl, StateDir


class SchemaName(StrEnum):
    """The documents there are."""

    RULESET = "ruleset"
    TENANT = "tenant"
    TEST = "test"
    OPENAPI = "openapi"


def schema(
    name: Annotated[
        SchemaName | None, typer.Argument(help="Default: those of the language.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the files into this directory.")
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", metavar="SLUG", help="Only with the plugins this tenant uses."),
    ] = None,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Print the JSON Schema for editors, or write it into a directory."""
    from igrules.errors import UsageError

    if tenant is None and (server or database_url or state_dir):
        raise UsageError("the schema of which tenant?", "add --tenant, or leave out the rest")
    wanted = (
        _openapi()
        if name is SchemaName.OPENAPI
        else _documents(tenant, server, database_url, state_dir)
    )
    if name is not None:
        wanted = {file: text for file, text in wanted.items() if file.startswith(f"{name.value}.")}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for file, text in wanted.items():
            (out / file).write_text(text, encoding="utf-8")
            typer.echo(f"wrote {out / file}")
        return
    if len(wanted) > 1:
        raise UsageError(
            "name one schema: ruleset, tenant, test or openapi", "or write all with  --out DIR"
        )
    for text in wanted.values():
        typer.echo(json.dumps(json.loads(text), ensure_ascii=False, indent=2))


def _openapi() -> dict[str, str]:
    """The description of the HTTP API, by its file's name."""
    from igrules.web.doors import DOORS
    from igrules.web.openapi import document
    from igrules.web.routes import ALL

    text = json.dumps(document(ALL, DOORS), ensure_ascii=False, indent=1)
    return {"openapi.json": text + "\n"}


def _documents(
    tenant: str | None, server: str | None, database_url: str | None, state_dir: str | None
) -> dict[str, str]:
    """The text of every schema file by its name: with all plugins here, or as a server gives them
    for a tenant."""
    from igrules.language.schema import NAMES, documents
    from igrules.plugins import build_registry

    if tenant is None:
        return documents(build_registry())
    from igrules.cli.remote import connected, of_tenant

    with connected(server, database_url, state_dir) as api:
        found = {
            name: api.get(of_tenant(tenant, "schemas", name), plugins="tenant").media
            for name in NAMES
        }
    return {
        f"{name}.schema.json": json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        for name, document in found.items()
    }
