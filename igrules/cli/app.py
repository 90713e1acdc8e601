"""All commands put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from igrules.cli import (
    alerts,
    apply as apply_command,
    apps,
    audit,
    backup as backup_command,
    convert as convert_command,
    db,
    doctor as doctor_command,
    history as history_command,
    init as init_command,
    keys,
    listing,
    metrics as metrics_command,
    pausing,
    plugins,
    privacy,
    replay as replay_command,
    runs,
    scenarios,
    schema as schema_command,
    secrets,
    sends,
    serving,
    simulate as simulate_command,
    tenants,
    trace as trace_command,
    validate as validate_command,
    webhooks,
)
from igrules.cli.exits import DONE, INTERRUPTED, leave_pipe

_GROUPS = {
    "secret": secrets.app,
    "tenant": tenants.app,
    "app": apps.app,
    "plugins": plugins.app,
    "db": db.app,
    "admin": keys.app,
    "audit": audit.app,
    "sends": sends.app,
    "runs": runs.app,
    "webhooks": webhooks.webhooks,
    "orphans": webhooks.orphans,
    "alerts": alerts.app,
}
_COMMANDS: dict[str, Callable[..., None]] = {
    "init": init_command.init,
    "doctor": doctor_command.doctor,
    "backup": backup_command.backup,
    "restore": backup_command.restore,
    "validate": validate_command.validate,
    "test": scenarios.play,
    "simulate": simulate_command.simulate,
    "list": listing.list_rules,
    "schema": schema_command.schema,
    "apply": apply_command.apply,
    "convert": convert_command.convert,
    "history": history_command.history,
    "show": history_command.show,
    "rollback": history_command.rollback,
    "trace": trace_command.trace,
    "replay": replay_command.replay,
    "pause": pausing.pause,
    "resume": pausing.resume,
    "holds": pausing.holds,
    "erase": privacy.erase,
    "export": privacy.export,
    "metrics": metrics_command.metrics,
    "serve": serving.serve,
    "work": serving.work,
    "demo": serving.demo,
    "sandbox": serving.sandbox,
}


@contextmanager
def _ending() -> Iterator[None]:
    """A question that is interrupted, and a reader that went away, end with codes of ours."""
    try:
        yield
    except typer.Abort as error:
        typer.echo("interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from error
    except BrokenPipeError as error:
        leave_pipe()
        raise typer.Exit(DONE) from error


class _Root(TyperGroup):
    """All commands."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the arguments; help is written here."""
        with _ending():
            return super().make_context(*args, **extra)

    def invoke(self, *args: Any) -> Any:
        """Run the command."""
        with _ending():
            return super().invoke(*args)


def build(arguments: Sequence[str]) -> Callable[[], Any]:
    """The application, ready to run with these arguments.

    Plugins are asked for commands only when the first argument is none of ours.
    """
    app = typer.Typer(
        name="igrules",
        cls=_Root,
        help="Run Instagram for many accounts at once, by rules.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=True,
    )
    app.callback()(_options)
    for name, command in _COMMANDS.items():
        app.command(name)(command)
    for name, group in _GROUPS.items():
        app.add_typer(group, name=name)
    first = next((argument for argument in arguments if not argument.startswith("-")), "")
    if first and first not in _COMMANDS and first not in _GROUPS:
        _add_plugin_commands(app)
    return lambda: app(args=list(arguments), prog_name="igrules")


def _add_plugin_commands(app: typer.Typer) -> None:
    from igrules.plugins import build_registry

    for name, group in build_registry().commands.items():
        app.add_typer(group, name=name)


def _version(wanted: bool) -> None:
    if wanted:
        from igrules import __version__

        typer.echo(f"igrules {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Run Instagram for many accounts at once, by rules."""
