"""Exit codes, the same for every command, and how an error becomes one of them."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from igrules.errors import Conflict, Denied, IgrulesError, NotFound, RulesetError, UsageError

DONE = 0
FINDINGS = 1
"""Errors in the input, or a refused ``apply``."""
USAGE = 2
FAILED = 3
"""The job could not be done: disk, network, database, a bug."""
DENIED = 4
"""No token, a wrong one, or a scope that is missing."""
CONFLICT = 5
INTERRUPTED = 130


class Finish(IgrulesError):
    """End the command with this code; everything was said already."""

    def __init__(self, code: int) -> None:
        super().__init__("")
        self.code = code


def run(app: Callable[[], Any]) -> int:
    """Run the application; say what went wrong on stderr; give the exit code."""
    try:
        app()
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else USAGE
    except Finish as finish:
        return finish.code
    except IgrulesError as error:
        say_error(error)
        return code_of(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        leave_pipe()
        return DONE
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        say_error(IgrulesError(f"{(error.strerror or str(error)).lower()}{place}"))
        return FAILED
    except Exception:  # noqa: BLE001  # the last door: a bug is shown with its traceback
        traceback.print_exc()
        say_error(IgrulesError("this is a bug in igrules", "report it with the lines above"))
        return FAILED
    return DONE


def leave_pipe() -> None:
    """Write no more: the reader went away, and Python would complain once more at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def code_of(error: IgrulesError) -> int:
    """The exit code for an error."""
    match error:
        case UsageError() | NotFound():
            return USAGE
        case RulesetError():
            return FINDINGS
        case Denied():
            return DENIED
        case Conflict():
            return CONFLICT
        case _:
            return FAILED


def say_error(error: IgrulesError) -> None:
    """Write an error and its remedy to stderr."""
    print(f"error: {error.message}", file=sys.stderr)
    if error.help:
        print(f"  = help: {error.help}", file=sys.stderr)
