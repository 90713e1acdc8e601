"""``igrules apply``: publish rules as a new version."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.options import Color, Colour, Database, Paths, ServerUrl, StateDir, Yes, ask

if TYPE_CHECKING:
    from igrules.cli.checking import Checked
    from igrules.cli.remote import Server
    from igrules.errors import IgrulesError
    from igrules.kinds import Registry
    from igrules.language.ruleset import Ruleset


class InFlight(StrEnum):
    """What becomes of runs that wait while rules are published."""

    FINISH = "finish"
    CANCEL = "cancel"


def apply(
    paths: Paths = None,
    message: Annotated[
        str, typer.Option("--message", "-m", help="What changes, for history.")
    ] = "",
    if_version: Annotated[
        int | None, typer.Option("--if-version", help="Only when this version is live.")
    ] = None,
    in_flight: Annotated[
        InFlight,
        typer.Option(
            "--in-flight",
            help="Runs that wait: finish in the version they began with, or cancel them.",
        ),
    ] = InFlight.FINISH,
    yes: Yes = False,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    color: Color = Colour.AUTO,
) -> None:
    """Check rule files and publish them: one new version for each tenant that changed."""
    from igrules.cli.checking import check, has_errors, sources, wants_color
    from igrules.cli.exits import DONE, FINDINGS, Finish
    from igrules.cli.remote import connected
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
    with connected(server, database_url, state_dir) as api:
        codes = [
            _publish(
                api, registry, one, message=message, if_version=if_version, yes=yes,
                colored=wants_color(color), in_flight=in_flight,
            )
            for one in checked
        ]  # fmt: skip
    if max(codes) != DONE:
        raise Finish(max(codes))


def _publish(
    api: Server,
    registry: Registry,
    one: Checked,
    *,
    message: str,
    if_version: int | None,
    yes: bool,
    colored: bool,
    in_flight: InFlight,
) -> int:
    """Publish one tenant, tell about it, and give the exit code."""
    from igrules.cli.exits import DONE, FINDINGS, code_of, say_error
    from igrules.errors import IgrulesError, RulesetError
    from igrules.language.compiler import compile_tenant

    slug, files = one.tenant.slug, one.tenant.for_ledger()
    ruleset = compile_tenant(files, registry, slug=slug, shared=one.tenant.shared).ruleset
    assert ruleset is not None  # the same bytes compiled a moment ago
    files = dict(ruleset.files)
    live = _live(api, slug)
    number = live["version"] if live else None
    if live and live["digest"] == ruleset.digest:
        typer.echo(f"{slug}: version {number} is live already, nothing to publish")
        if in_flight is InFlight.FINISH:
            return DONE
    else:
        typer.echo(_plan(slug, number, _rules_of(live, registry, slug) if live else None, ruleset))
    if live and in_flight is InFlight.CANCEL:
        typer.echo(f"  runs to cancel: {_waiting(api, slug)}")
    if not ask(f"Publish {slug}?", yes):
        typer.echo(f"{slug}: not published")
        return FINDINGS
    try:
        expected = number if if_version is None else if_version
        body = _body(files, message, in_flight)
        published = _put(api, slug, body, ruleset, expected or 0)
    except RulesetError as error:
        _show_refused(one, error, colored)
        return FINDINGS
    except IgrulesError as error:
        say_error(_named(slug, error))
        return code_of(error)
    typer.echo(f"{slug}: version {published['version']} is live")
    if in_flight is InFlight.CANCEL:
        typer.echo(f"  runs cancelled: {published['cancelled_runs']}")
    for secret in published["missing_secrets"]:
        typer.echo(f"  next: igrules secret set {slug} {secret}")
    return DONE


def _body(files: dict[str, bytes], message: str, in_flight: InFlight) -> dict[str, Any]:
    from igrules.cli.store import author

    return {
        "files": {name: data.decode("utf-8") for name, data in files.items()},
        "message": message,
        "author": author(),
        "in_flight": in_flight.value,
    }


def _waiting(api: Server, slug: str) -> str:
    """How many runs wait, and for how many people."""
    from igrules.cli.remote import of_tenant

    people = [run["contact"] for run in api.pages(of_tenant(slug, "runs"), state="parked")]
    return f"{len(people)}, people: {len(set(people))}"


def _put(
    api: Server, slug: str, body: dict[str, Any], ruleset: Ruleset, expected: int
) -> dict[str, Any]:
    """Publish on top of version ``expected`` (0: none), making the tenant when it is new."""
    from igrules.cli.remote import address, of_tenant
    from igrules.errors import NotFound

    headers = {"If-Match": f'"{expected}"'} if expected else {"If-None-Match": "*"}
    path = of_tenant(slug, "ruleset")
    try:
        return dict(api.put(path, body, headers=headers).media)
    except NotFound:
        settings = ruleset.settings
        made = {"slug": slug, "name": settings.name or slug}
        api.post(address("tenants"), {**made, "email": settings.email} if settings.email else made)
        return dict(api.put(path, body, headers=headers).media)


def _show_refused(one: Checked, error: Any, colored: bool) -> None:
    """Problems that only the server has, such as a plugin it lacks, at their places here."""
    from igrules.cli.problems import renamed
    from igrules.language.report import render

    names = {stored: path for path, stored in one.tenant.stored.items()}
    shown = render(renamed(error.problems, names), one.compiled.sources, "text", colored)
    typer.echo(shown.rstrip("\n"))
    typer.echo(f"{one.tenant.slug}: the server refused these files", err=True)


def _named(slug: str, error: IgrulesError) -> IgrulesError:
    return type(error)(f"{slug}: {error.message}", error.help)


def _live(api: Server, slug: str) -> dict[str, Any] | None:
    """The live version with its files; ``None`` without one, or without the tenant."""
    from igrules.cli.remote import of_tenant
    from igrules.errors import NotFound

    try:
        return dict(api.get(of_tenant(slug, "ruleset")).media)
    except NotFound:
        return None


def _rules_of(live: dict[str, Any], registry: Registry, slug: str) -> Ruleset | None:
    """The rules of a version; ``None`` when they no longer compile."""
    from igrules.language.compiler import compile_tenant

    files = {name: text.encode() for name, text in live["files"].items()}
    return compile_tenant(files, registry, slug=slug).ruleset


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
