"""The command line: ``igrules``, or ``python cli.py`` in a checkout.

Why imports stand inside the commands: ``igrules --help`` must not pay for the server.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run one command and end the process with one of the codes of `igrules.cli.exits`."""
    from igrules.cli.app import build
    from igrules.cli.exits import run

    sys.exit(run(build(sys.argv[1:])))
