"""Secrets and keys: that every sealed value opens, and that somebody can get in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from igrules.ledger import Ledger
from igrules.work.configuration import Configuration
from igrules.work.doctor.finding import Finding, fail, ok, warn


def check(ledger: Ledger, configuration: Configuration, now: int) -> Iterator[Finding]:
    """All of it."""
    closed = ledger.sealed.that_do_not_open()
    for one in closed[:5]:
        yield fail("secrets", f"{one} does not open", "store the value again")
    if not closed:
        yield ok("secrets", f"every sealed value opens ({', '.join(ledger.sealed.keys)})")
    yield from _key_file(configuration)
    yield from state_dir(Path(configuration.state_dir))
    if ledger.keys.any_operator():
        yield ok("operator key", "there is one")
    else:
        yield warn("operator key", "there is none", "igrules admin bootstrap makes one")
    wrong = ledger.audit.verify(now)
    for line in wrong[:5]:
        yield fail("audit log", line, "igrules audit verify shows all; compare with your copy")
    if not wrong:
        yield ok("audit log", "every entry is as it was written")


def state_dir(path: Path) -> Iterator[Finding]:
    """Whether the state directory is its owner's alone, where there is one, and whether igrules can
    write there."""
    full = path.expanduser().absolute()
    # A directory above may be closed to us, so nothing is asked that raises.
    there = next(one for one in (full, *full.parents) if os.path.exists(one))
    if there == full and full.stat().st_mode & 0o077:
        yield warn("state dir", f"others can look into {path}", f"chmod 700 {path}")
    if not os.access(there, os.W_OK | os.X_OK):
        yield warn(
            "state dir",
            f"nothing can be written into {path}, so a database that is put back by hand would not"
            " be noticed",
            "let the user that igrules runs as write there, or set state_dir",
        )


def _key_file(configuration: Configuration) -> Iterator[Finding]:
    named = configuration.key_file or os.environ.get("IGRULES_KEY_FILE", "")
    if not named and os.environ.get("IGRULES_KEY"):
        yield ok("master key", "from IGRULES_KEY")
        return
    path = Path(named).expanduser() if named else Path(configuration.state_dir) / "master.key"
    try:
        mode = path.stat().st_mode & 0o777
    except OSError:
        yield fail("master key", f"there is none at {path}", "put the key file back")
        return
    if mode & 0o077:
        yield fail("master key", f"others can read {path}", f"chmod 600 {path}")
    elif Path(configuration.backup_dir or "/nowhere").expanduser() in path.resolve().parents:
        yield warn("master key", f"{path} lies among the backups", "keep it elsewhere")
    else:
        yield ok("master key", f"{path}, mode {mode:o}")
