"""``igrules init``: a tenant to begin with."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

_TENANT = """\
# yaml-language-server: $schema={schema}/tenant.schema.json
igrules-tenant: 1
name: {name}
timezone: {timezone}
languages: [pt]
# When the Instagram account is connected:
# instagram:
#   account_id: "17841400000000101"
#   api: instagram_login
#   token: {{secret: access_token}}
"""
_RULES = """\
# yaml-language-server: $schema={schema}/ruleset.schema.json
igrules: 1
replies:
  preço, valor, quanto custa:
    text: "Oi! A tabela está em https://{slug}.example/precos"
    examples: {{match: ["qual o PREÇO?", quanto custaaa], ignore: [bom dia]}}
  horário: Atendemos de segunda a sábado, das 9h às 18h.
comments:
  guia:
    private_reply: "Aqui está o guia: https://{slug}.example/guia"
    reply: ["Te mandei no direct! 💌", "Olha a sua DM 😉", "Já está na sua caixa ✨"]
fallback: Recebi sua mensagem! Já te respondo.
"""
_TESTS = """\
# yaml-language-server: $schema=../{schema}/test.schema.json
igrules-test: 1
tests:
  - name: who asks for the price gets the table
    dm: qual o preço?
    expect: {{texts: [{{contains: "https://{slug}.example/precos"}}]}}
  - name: a comment with the word is answered in private and in public
    comment: quero o GUIA!
    expect: {{private_replies: [{{contains: "https://{slug}.example/guia"}}], sent: 2}}
  - name: nobody stays without an answer
    dm: vocês têm estacionamento?
    expect: {{rule: fallback, sent: 1}}
"""
_MINIMAL = """\
igrules: 1
replies:
  preço, valor, quanto custa: "Oi! A tabela está em https://{slug}.example/precos"
fallback: Recebi sua mensagem! Já te respondo.
"""
_WORKFLOW = """\
name: igrules
on: [push, pull_request]
jobs:
  validate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{python-version: "3.12"}}
      - run: pip install igrules
      - run: |
          igrules validate {directory} --strict
          igrules test {directory}
"""


def init(
    directory: Annotated[
        str, typer.Argument(metavar="[DIR]", help="The tenant's directory; its name is the slug.")
    ] = "loja",
    name: Annotated[str | None, typer.Option("--name", help="The tenant's name.")] = None,
    timezone: Annotated[
        str, typer.Option("--timezone", help="IANA zone of the tenant.")
    ] = "America/Sao_Paulo",
    minimal: Annotated[
        bool, typer.Option("--minimal", help="Only the rule file, five lines.")
    ] = False,
) -> None:
    """Write a tenant to begin with. Files that exist are never overwritten."""
    from igrules.errors import UsageError
    from igrules.language.slugs import slug_of

    target = Path(directory)
    slug = slug_of(target.resolve().name)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"'{directory}' exists and is not empty", "name a new directory")
    _known_zone(timezone)
    values = {
        "slug": slug,
        "name": _quoted(name or target.resolve().name),
        "timezone": timezone,
        "directory": shlex.quote(directory),
        "schema": "../schemas",
    }
    files = {target / "rules.yaml": _MINIMAL if minimal else _RULES}
    if not minimal:
        files[target / "tenant.yaml"] = _TENANT
        files[target / "tests" / "rules.yaml"] = _TESTS
        workflow = Path(".github/workflows/igrules.yml")
        if not workflow.exists():
            files[workflow] = _WORKFLOW
    written = {path: text.format(**values) for path, text in files.items()}
    if not minimal:
        written.update(_missing_schemas(target.parent / "schemas"))
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    typer.echo("wrote " + ", ".join(str(path) for path in written))
    typer.echo(f'next: igrules simulate {shlex.quote(directory)} --dm "qual o preço?"')


def _missing_schemas(directory: Path) -> dict[Path, str]:
    """The JSON Schemas that the first line of every file names, for completion in editors."""
    from igrules.language.schema import documents
    from igrules.plugins import build_registry

    found = documents(build_registry())
    return {
        directory / name: text for name, text in found.items() if not (directory / name).exists()
    }


def _known_zone(name: str) -> None:
    from igrules.errors import UsageError
    from igrules.language.values import READERS, Flaw

    found = READERS["zone"](name)
    if isinstance(found, Flaw):
        raise UsageError(found.message, found.help)


def _quoted(text: str) -> str:
    """The text as a YAML value: plain where that is safe, else in double quotes."""
    if re.fullmatch(r"[\w][\w .&-]*", text) and not text.endswith(" "):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
