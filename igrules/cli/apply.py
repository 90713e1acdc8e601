"""``igrules apply``: publish rules as a new version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from igrules.cli.options import Color, Colour, Database, Paths, StateDir, Yes, ask

if TYPE_CHECKING:
    from igrules.cli.checking import Checked
    from igrules.errors import IgrulesError
    from igrules.kinds import Registry
    from igrules.language.ruleset import Ruleset
    from igrules.ledger import Ledger


def apply(
    paths: Paths = None,
    message: Annotated[
        str, typer.Option("--message", "-m", help="What changes, for history.")
    ] = "",
    if_version: Annotated[
        int | None, typer.Option("--if-version", help="Only when this version is live.")
    ] = None,
    yes: Yes = False,
    database_url: Database = None,
    state_dir: StateDir = None,
    color: Color = Colour.AUTO,
) -> None:
    """Check rule files and publish them: one new version for each tenant that changed."""
    from igrules.cli.checking import check, has_errors, sources, wants_color
    from igrules.cli.exits import DONE, FINDINGS, Finish
    from igrules.cli.store import opened
    from igrules.language.report import render
    from igrules.plugins import build_registry

    registry = build_registry()
    checked = check(paths or [], registry)
    problems = [problem for one in checked for problem in one.compiled.problems]
    if problems:
        typer.echo(render(problems, sources(checked), "text", wants_color(color)).rstrip("\n"))
    if has_errors(problems):
        typer.echo("nothing was published", err=True)
        raise Finish(FINDINGS)
    with opened(database_url, state_dir) as ledger:
        codes = [
            _publish(ledger, registry, one, message=message, if_version=if_version, yes=yes)
            for one in checked
        ]
    if max(codes) != DONE:
        raise Finish(max(codes))


def _publish(
    ledger: Ledger,
    registry: Registry,
    one: Checked,
    *,
    message: str,
    if_version: int | None,
    yes: bool,
) -> int:
    """Publish one tenant, tell about it, and give the exit code."""
    from igrules.cli.exits import DONE, FINDINGS, code_of, say_error
    from igrules.cli.store import author, now
    from igrules.errors import IgrulesError
    from igrules.language.compiler import compile_tenant

    slug, files = one.tenant.slug, one.tenant.for_ledger()
    ruleset = compile_tenant(files, registry, slug=slug, shared=one.tenant.shared).ruleset
    assert ruleset is not None  # the same bytes compiled a moment ago
    live = _live_rules(ledger, registry, slug)
    number, before = live if live is not None else (None, None)
    if before is not None and before.digest == ruleset.digest:
        typer.echo(f"{slug}: version {number} is live already, nothing to publish")
        return DONE
    typer.echo(_plan(slug, number, before, ruleset))
    if not ask(f"Publish {slug}?", yes):
        typer.echo(f"{slug}: not published")
        return FINDINGS
    try:
        scope = ledger.for_tenant(_tenant_id(ledger, slug, ruleset))
        version = scope.publish(
            files, ruleset.digest, ruleset.settings, message, author(), now(),
            folding=ruleset.folding, if_version=if_version,
        )  # fmt: skip
    except IgrulesError as error:
        say_error(_named(slug, error))
        return code_of(error)
    typer.echo(f"{slug}: version {version.number} is live")
    for secret in _missing_secrets(ledger, slug, ruleset):
        typer.echo(f"  next: igrules secret set {slug} {secret}")
    return DONE


def _named(slug: str, error: IgrulesError) -> IgrulesError:
    return type(error)(f"{slug}: {error.message}", error.help)


def _tenant_id(ledger: Ledger, slug: str, ruleset: Ruleset) -> int:
    from igrules.cli.store import now
    from igrules.errors import NotFound

    try:
        return ledger.tenants.get(slug).id
    except NotFound:
        settings = ruleset.settings
        return ledger.tenants.add(slug, settings.name or slug, now(), email=settings.email).id


def _live_rules(ledger: Ledger, registry: Registry, slug: str) -> tuple[int, Ruleset | None] | None:
    """Number and rules of the live version; the rules are ``None`` when they no longer compile."""
    from igrules.errors import NotFound
    from igrules.language.compiler import compile_tenant

    try:
        live = ledger.for_tenant(ledger.tenants.get(slug).id).live()
    except NotFound:
        return None
    if live is None:
        return None
    return live.number, compile_tenant(live.files, registry, slug=slug).ruleset


def _plan(slug: str, number: int | None, before: Ruleset | None, after: Ruleset) -> str:
    """What publishing changes, rule by rule."""
    if number is None:
        return f"{slug}: first version, {_rules(len(after.rules))}"
    old = {rule.id for rule in before.rules} if before else set()
    new = {rule.id for rule in after.rules}
    lines = [f"{slug}: local files -> live version {number}"]
    lines += [f"  + rule  {rule}" for rule in sorted(new - old)]
    lines += [f"  - rule  {rule}" for rule in sorted(old - new)]
    if old == new:
        lines.append("  the same rules, with changes in them or in the settings")
    return "\n".join(lines)


def _rules(number: int) -> str:
    return "1 rule" if number == 1 else f"{number} rules"


def _missing_secrets(ledger: Ledger, slug: str, ruleset: Ruleset) -> list[str]:
    token = ruleset.settings.instagram.get("token")
    if token is None:
        return []
    scope = ledger.for_tenant(ledger.tenants.get(slug).id)
    return [] if scope.secrets.get(token.name) else [token.name]
