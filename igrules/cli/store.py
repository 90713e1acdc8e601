"""Open the database a command works on."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from igrules.instagram.client import GraphClient
    from igrules.kinds import Registry
    from igrules.ledger import Ledger
    from igrules.work.configuration import Configuration


def configuration(
    database_url: str | None = None, state_dir: str | None = None, **flags: object
) -> Configuration:
    """The settings of this installation, with these flags on top."""
    from igrules.work.configuration import read_configuration

    return read_configuration({"database_url": database_url, "state_dir": state_dir, **flags})


def open_ledger(settings: Configuration) -> Ledger:
    """Open the database, making it on first use; a new one is named on stderr."""
    from igrules.ledger import Ledger

    new = is_new(settings.database_url)
    ledger = Ledger.open(
        settings.database_url,
        state_dir(settings),
        sqlite_driver=settings.sqlite_driver,
        key_file=settings.key_file,
        deployment=settings.deployment,
    )
    if new:
        print(f"created {settings.database_url}", file=sys.stderr)
    return ledger


def graph_client(settings: Configuration) -> GraphClient:
    """The client that asks Instagram at the addresses of the settings."""
    from igrules.work.graph import graph_client as make

    return make(settings)


def working_registry(settings: Configuration) -> Registry:
    """All kinds, with the channels that reach the outside. Raises `UsageError` for settings of
    theirs that say nothing of use."""
    from igrules.fetch.guard import Guard
    from igrules.fetch.mail import Mailer, read_mail_server
    from igrules.plugins import build_registry

    return build_registry(
        graph=graph_client(settings),
        guard=Guard(settings.http_deny.replace(",", " ").split()),
        mail=Mailer(read_mail_server(settings.smtp_url)) if settings.smtp_url else None,
    )


def state_dir(settings: Configuration) -> Path:
    """The state directory; a relative one stands beside the SQLite file."""
    path = Path(settings.state_dir).expanduser()
    if path.is_absolute() or settings.database_url.startswith("postgres"):
        return path
    return _file(settings.database_url).parent / path


def is_new(database_url: str) -> bool:
    """Whether opening would make a new SQLite file."""
    if database_url.startswith("postgres"):
        return False
    return not _file(database_url).exists()


def _file(database_url: str) -> Path:
    return Path(database_url.removeprefix("sqlite:///")).expanduser()


@contextmanager
def opened(database_url: str | None, state: str | None) -> Iterator[Ledger]:
    """The database of a short command, closed at its end."""
    ledger = open_ledger(configuration(database_url, state))
    try:
        yield ledger
    finally:
        ledger.close()


def now() -> int:
    """The time in milliseconds UTC."""
    return time.time_ns() // 1_000_000


def author() -> str:
    """Who runs the command, for the version's history."""
    return os.environ.get("IGRULES_AUTHOR") or user()


def user() -> str:
    """The operating system's name for who runs the command."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def shown_time(milliseconds: int | None) -> str:
    """A time as people read it, in the machine's zone; empty for ``None``."""
    if milliseconds is None:
        return ""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(milliseconds / 1000))
