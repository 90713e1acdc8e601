"""``python -m igrules.sandbox``: the local Instagram as a process of its own.

``--state -`` reads a JSON object from standard input: ``{"accounts": [...], "people": [...],
"scripts": [...]}``, each item as the control API takes it. When everything stands, one line of JSON
with ``url`` and ``phone`` is written to standard output. Ends on SIGTERM, SIGINT.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from igrules.errors import UsageError
from igrules.sandbox.scripts import read_script
from igrules.sandbox.server import Sandbox
from igrules.work.signals import Signals


def run(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal comes; gives the exit code. Raises `UsageError`."""
    flags = _flags().parse_args(arguments)
    with Signals() as signals:
        return _run(flags, signals)


def main(arguments: Sequence[str] | None = None) -> int:
    """`run`, with what is wrong on standard error; gives the exit code."""
    try:
        return run(arguments)
    except UsageError as error:
        sys.stderr.write(f"{error.message}: {error.help}\n")
        return 2


def _run(flags: argparse.Namespace, signals: Signals) -> int:
    state = _read_state(flags.state)
    sandbox = Sandbox(
        Path(flags.journal),
        webhook_url=flags.webhook_url,
        app_secret=flags.app_secret.encode(),
        host=flags.host,
        port=flags.port,
        seed=flags.seed,
        token=flags.token,
        senders=flags.senders,
    )
    arrange(sandbox, state)
    sandbox.start()
    sys.stdout.write(json.dumps({"url": sandbox.url, "phone": sandbox.phone_url}) + "\n")
    sys.stdout.flush()
    while not signals.wait(60):
        pass
    sandbox.stop()
    return 0


def arrange(sandbox: Sandbox, state: Mapping[str, Any]) -> None:
    """Add the accounts, people and scripts of a state; raises `UsageError` for a misfit."""
    try:
        for account in state.get("accounts", ()):
            sandbox.add_account(**account)
        for person in state.get("people", ()):
            sandbox.add_person(**person)
        for script in state.get("scripts", ()):
            sandbox.scripts.add(read_script(script))
    except TypeError as error:
        raise UsageError(
            f"the state does not fit: {error}", "compare it with add_account"
        ) from error


def _read_state(path: str) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        state = json.loads(text)
    except (OSError, ValueError) as error:
        raise UsageError(f"the state cannot be read: {error}", "give a file of JSON") from error
    if not isinstance(state, dict) or state.keys() - {"accounts", "people", "scripts"}:
        raise UsageError(
            "the state is no JSON object of accounts, people and scripts",
            'write {"accounts": [...]}',
        )
    return state


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m igrules.sandbox")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--journal", required=True, help="file of executed acts, appended to")
    parser.add_argument("--webhook-url", default="", help="where updates are delivered")
    parser.add_argument("--app-secret", default="", help="signs the updates")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--token", default="", help="opens the phone page and the control API")
    parser.add_argument("--senders", type=int, default=1, help="webhooks delivered at a time")
    parser.add_argument("--state", default="", help="accounts as JSON, '-' for standard input")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
