"""Choose the bell that the settings name, or the one that fits the database."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import igrules.work.local_line as local_line
from igrules.errors import UsageError
from igrules.ledger import Ledger
from igrules.work.bell import Bell, MemoryBell, SweepOnly
from igrules.work.configuration import Configuration
from igrules.work.foreign_bell import ForeignBell, load
from igrules.work.local_line import LocalLine
from igrules.work.postgres_line import PostgresLine
from igrules.work.redis_line import RedisLine
from igrules.work.shared_bell import Line, SharedBell, Words

_WORDS = ("local", "memory", "postgres", "redis", "none")
_CHOICES = f"auto, {', '.join(_WORDS)}, or module:object"


def bell_name(configuration: Configuration, engine: str) -> str:
    """``local``, ``memory``, ``postgres``, ``redis``, ``none`` or ``module:object``: what the
    setting says, or for ``auto`` what fits. Raises `UsageError` for what cannot be."""
    word = configuration.bell
    if word == "auto":
        if configuration.redis_url:
            return "redis"
        if engine == "postgresql":
            return "postgres"
        return "local" if local_line.works() else "memory"
    if word not in _WORDS and ":" not in word:
        raise UsageError(f"unknown bell '{word}'", f"set bell to {_CHOICES}")
    if word == "postgres" and engine != "postgresql":
        raise UsageError(
            "the bell 'postgres' rings through a PostgreSQL database, and this one is SQLite",
            "set bell to auto, or database_url to postgresql://…",
        )
    if word == "local" and not local_line.works():
        raise UsageError("the bell 'local' needs Unix sockets", "set bell to auto")
    if word == "redis" and not configuration.redis_url:
        raise UsageError(
            "the bell 'redis' needs an address", "set IGRULES_REDIS_URL to redis://host:6379"
        )
    return word


def make_bell(
    configuration: Configuration,
    ledger: Ledger,
    *,
    work: bool,
    heard: Callable[[bool], None] | None = None,
) -> Bell:
    """Give the bell of a process, with workers or without. ``heard`` is told when what carries it
    comes and goes. Raises `UsageError`."""
    name = bell_name(configuration, ledger.engine)
    if ":" in name:
        return ForeignBell(load(name))
    line = make_line(configuration, ledger)
    if line is not None:
        return SharedBell(line, words(ledger), heard)
    return MemoryBell() if work else SweepOnly()


def make_line(configuration: Configuration, ledger: Ledger, *, own: bool = False) -> Line | None:
    """The line between processes, ``None`` for a bell without one. ``own``: one that nobody else
    calls or hears. Raises `UsageError`."""
    name = f"bell_{ledger.key_for('name of the bell').hex()[:16]}"
    if own:
        name += f"_{secrets.token_hex(4)}"
    match bell_name(configuration, ledger.engine):
        case "postgres":
            return PostgresLine(ledger.url, f"igrules_{name}")
        case "redis":
            return RedisLine(configuration.redis_url, f"igrules_{name}", 2 * configuration.threads)
        case "local":
            return LocalLine(local_line.places(ledger.state_dir, name), echoes=own)
    return None


def words(ledger: Ledger) -> Words:
    """The words of this installation: all its processes know them, nobody else does."""
    return Words(ledger.key_for("words of the bell"))
