"""A process that has loaded igrules once, and forks a copy of itself for each process asked for.

``python -m tests.forking`` reads one JSON object per line and answers with one: ``start`` runs the
command line in a new process, ``signal`` sends one (9 also waits for the end), ``look`` tells how a
process has ended.

Why: loading takes a second of a core, so a test that kills a process every second would measure
little else. What is forked has no thread and no connection yet; from there on it is a process like
any other.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import huey  # noqa: F401  # loaded before the first fork
import psycopg  # noqa: F401  # loaded before the first fork
import redis  # noqa: F401  # loaded before the first fork

import igrules.cli.serving
import igrules.cli.store
import igrules.web.serving  # noqa: F401  # loaded before the first fork
from igrules.cli import main as igrules_main
from igrules.plugins import build_registry


def start(arguments: Sequence[str], environment: Mapping[str, str], log: str) -> int:
    """Fork a process that runs ``igrules`` with these arguments; gives its id."""
    child = os.fork()
    # By whoever of the two comes first: a group that is not there yet cannot be sent a signal.
    with suppress(ProcessLookupError):
        os.setpgid(child, child)
    if child:
        return child
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for number, file in enumerate((nothing, out, out)):
            os.dup2(file, number)
        os.environ.update(environment)
        random.seed()
        sys.argv = ["igrules", *arguments]
        igrules_main()
    except SystemExit as error:
        os._exit(error.code if isinstance(error.code, int) else 1)
    finally:
        sys.stderr.flush()
        os._exit(1)


def look(pid: int, options: int = os.WNOHANG) -> int | None:
    """How a process has ended, as `subprocess` has it; ``None``: it has not."""
    found, status = os.waitpid(pid, options)
    return os.waitstatus_to_exitcode(status) if found else None


def answer(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Do what a line asks for."""
    if asked["do"] == "start":
        return {"pid": start(asked["arguments"], asked["environment"], asked["log"])}
    pid = int(asked["pid"])
    if asked["do"] == "look":
        return {"code": look(pid)}
    os.killpg(pid, int(asked["signal"]))
    return {"code": look(pid, 0) if asked["signal"] == signal.SIGKILL else None}


def main() -> None:
    """Answer line by line until nobody asks any more; who is left then is killed."""
    build_registry(third_party=False)
    started = set()
    for line in sys.stdin:
        told = answer(json.loads(line))
        started.add(told.get("pid"))
        print(json.dumps(told), flush=True)
    for pid in started - {None}:
        # Those that were ended and waited for are no children any more.
        with suppress(ChildProcessError):
            if look(pid) is None:
                os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
