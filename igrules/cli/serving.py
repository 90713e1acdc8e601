"""``igrules serve``, ``work``, ``demo`` and ``sandbox``: the commands that keep running."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from igrules.cli.options import Database, StateDir

if TYPE_CHECKING:
    from igrules.ledger import Ledger
    from igrules.work.configuration import Configuration

Threads = Annotated[
    int | None, typer.Option("--threads", min=1, max=64, help="Worker threads.", show_default=False)
]


def serve(
    host: Annotated[str | None, typer.Option("--host", help="Default: 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Default: 8080 (also PORT).")
    ] = None,
    admin_listen: Annotated[
        str | None,
        typer.Option(
            "--admin-listen",
            metavar="HOST:PORT",
            help="Serve the operator's side here, and nowhere else.",
            show_default=False,
        ),
    ] = None,
    no_work: Annotated[
        bool, typer.Option("--no-work", help="Only take webhooks; `igrules work` answers.")
    ] = False,
    threads: Threads = None,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Take webhooks and answer: server and worker in one process."""
    from igrules.cli.exits import Finish
    from igrules.cli.store import configuration, open_ledger, working_registry
    from igrules.web.serving import Server
    from igrules.work.logs import log_to_stderr

    settings = configuration(
        database_url, state_dir, host=host, port=port, threads=threads, admin_listen=admin_listen
    )
    log_to_stderr()
    _look_at(settings)
    registry = working_registry(settings)
    ledger = open_ledger(settings)
    _make_sure(ledger)
    server = Server(settings, registry, ledger, work=not no_work, measured=True)
    try:
        code = server.run(lambda url: typer.echo(f"igrules serves {url}"))
    finally:
        ledger.close()
    raise Finish(code)


def _look_at(settings: Configuration) -> None:
    """Say on stderr when others can look into the state directory. It may be one that others
    use, so its mode is left alone."""
    from igrules.cli.store import state_dir
    from igrules.work.doctor.keys import state_dir as look

    for found in look(state_dir(settings)):
        typer.echo(f"warning: {found.sentence}\n  = help: {found.remedy}", err=True)


def _make_sure(ledger: Ledger) -> None:
    """That a SQLite file is safe with this process; else close it."""
    from igrules.work.alone import wait_until_alone
    from igrules.work.clock import Clock
    from igrules.work.safe_library import check_library

    try:
        check_library(ledger)
        wait_until_alone(ledger, Clock())
    except BaseException:
        ledger.close()
        raise


def work(
    threads: Threads = None,
    once: Annotated[bool, typer.Option("--once", help="End when nothing is due any more.")] = False,
    database_url: Database = None,
    state_dir: StateDir = None,
) -> None:
    """Answer what was stored: a worker beside `igrules serve --no-work`."""
    from igrules.cli.exits import Finish
    from igrules.cli.store import configuration, open_ledger, working_registry
    from igrules.web.serving import run_worker
    from igrules.work.logs import log_to_stderr

    settings = configuration(database_url, state_dir, threads=threads)
    log_to_stderr()
    _look_at(settings)
    registry = working_registry(settings)
    ledger = open_ledger(settings)
    _make_sure(ledger)
    try:
        code = run_worker(settings, registry, ledger, once=once, measured=True)
    finally:
        ledger.close()
    raise Finish(code)


def demo(
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="Default: 8080, or a free one."),
    ] = None,
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", help="Only these example tenants.")
    ] = None,
    rulesets: Annotated[
        Path | None,
        typer.Option("--rulesets", help="Your own directory of tenants instead of the examples."),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep database and journal in this directory.")
    ] = None,
) -> None:
    """Try everything without a Meta account: server, worker and a local Instagram with a phone."""
    from igrules.cli.demo import run

    run(port=port, only=tenant or [], rulesets=rulesets, keep=keep)


def sandbox(
    journal: Annotated[
        Path, typer.Option("--journal", help="File of executed acts, appended to.")
    ] = Path("journal.jsonl"),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: a free one.")] = 0,
    webhook_url: Annotated[
        str, typer.Option("--webhook-url", help="Where updates are delivered.")
    ] = "",
    state: Annotated[
        str, typer.Option("--state", help="Accounts, people, scripts as JSON; '-' reads stdin.")
    ] = "",
    seed: Annotated[int, typer.Option("--seed", help="Fixes ids and chances.")] = 1,
) -> None:
    """Run the local Instagram alone. The secret that signs its webhooks is read from the
    environment: IGRULES_SANDBOX_SECRET."""
    import os

    from igrules.cli.exits import Finish
    from igrules.sandbox.__main__ import run as run_sandbox

    flags = {
        "--journal": str(journal),
        "--port": str(port),
        "--webhook-url": webhook_url,
        "--state": state,
        "--seed": str(seed),
        "--app-secret": os.environ.get("IGRULES_SANDBOX_SECRET", ""),
    }
    raise Finish(run_sandbox([part for pair in flags.items() for part in pair if pair[1]]))
