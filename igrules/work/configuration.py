"""The settings of an installation: flags, then ``IGRULES_*`` variables, then ``igrules.toml``."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from igrules.errors import UsageError
from igrules.work.operator_ways import read_ways
from igrules.work.zones import zone_of


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything an operator can set. Durations are milliseconds, sizes bytes."""

    database_url: str = "igrules.db"
    """A path or ``sqlite:///path`` (embedded), or ``postgresql://…``."""
    sqlite_driver: str = "auto"
    """``auto``, ``sqlite3`` or ``cysqlite``."""
    state_dir: str = ".igrules"
    key_file: str = ""
    """Where the master key stands; empty: ``master.key`` in the state directory."""
    deployment: str = ""
    bell: str = "auto"
    """``auto``, ``local``, ``memory``, ``postgres``, ``redis``, ``none`` or ``module:object``."""
    redis_url: str = field(default="", repr=False)
    """``redis://:password@host:6379/0``, or ``rediss://…``: where the bell ``redis`` is."""
    host: str = "127.0.0.1"
    port: int = 8080
    web_threads: int = 32
    admin_listen: str = ""
    """``HOST:PORT`` of a listener of its own for the operator's side, which is then nowhere
    else."""
    ops_listen: str = "127.0.0.1:9464"
    """``HOST:PORT`` of metrics and health, or ``none``."""
    trusted_proxy: str = ""
    """The address from which the proxy in front connects."""
    metrics_tenants: str = "200"
    """How many tenants, the busiest, have numbers by name. ``none``: nobody has."""
    threads: int = 8
    """Worker threads of this process."""
    timezone: str = ""
    igl_url: str = "https://graph.instagram.com"
    fbl_url: str = "https://graph.facebook.com"
    graph_version: str = "v26.0"
    lease: int = 30_000
    quiet: int = 120_000
    """How long after its deadline an unclear message is left alone before it is looked for; replies
    to comments half of it, media by URL two and a half times."""
    linger: int = 2
    """How long the webhook writer waits for company, in milliseconds."""
    sweep_every: int = 1_000
    claim_lanes: int = 32
    public_url: str = ""
    """The address under which Meta reaches this installation, ``https://bot.example``."""
    http_deny: str = ""
    """Further addresses no tenant may call, as ranges: ``198.51.100.0/24, 2001:db8::/32``."""
    smtp_url: str = ""
    """The server e-mail goes out by: ``smtps://user:password@host:465?from=bot@agency.example``."""
    notify: str = ""
    """How the operator is told of alerts; see `igrules.work.operator_ways`."""
    poll_comments: bool = False
    """Read the newest comments of posts that rules name, for those whose webhook never came."""
    privacy_url: str = ""
    """The page that tells persons how to ask what is held about them."""
    backup_dir: str = ""
    """Where the chore ``backup`` writes; empty: it does not."""
    backup_every: int = 86_400_000
    backup_max_age: int = 86_400_000
    """Without a backup younger than this, `igrules doctor` warns."""
    backup_encrypt: bool = False
    """Seal scheduled backups with the master key."""
    retry_scale: float = 1.0
    """Multiplies the retry schedule; below 1 in tests."""
    rate_scale: float = 1.0
    """Divides the intervals of all rate buckets and multiplies their bursts; above 1 only where the
    Graph API is not Meta's."""


_DURATIONS = {
    "backup_every": ("1s", "366d"), "backup_max_age": ("1s", "366d"), "lease": ("1s", "1h"),
    "quiet": ("1s", "24h"), "sweep_every": ("10ms", "1m"),
}  # fmt: skip
"""Settings that are written as ``24h``, with the least and the most they may be. A bare number
counts milliseconds: ``quiet = 120`` would look for messages before they can be there."""
_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([1-9]\d{0,11})\s*(ms|s|m|h|d)?", re.ASCII)
_VERSION = re.compile(r"v\d{1,3}\.\d{1,3}", re.ASCII)
_RANGES = {
    "port": (0, 65_535), "web_threads": (1, 1_000), "threads": (1, 64),
    "linger": (0, 1_000), "claim_lanes": (1, 1_000),
}  # fmt: skip
"""Every setting that is a whole number, with the least and the most it may be: a process that has
no thread looks alive and answers nobody."""
_YES_NO = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip

_ADDRESSES = ("public_url", "privacy_url", "igl_url", "fbl_url")
_META = (".instagram.com", ".facebook.com")
_ALIASES = {"DATABASE_URL": "database_url", "PORT": "port"}


def read_configuration(
    flags: Mapping[str, Any], environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Configuration:
    """Put the settings together. ``flags`` that are ``None`` were not given.

    Raises `UsageError` for an unknown setting in ``igrules.toml`` or a value of no use.
    """
    environ = os.environ if environ is None else environ
    values = _from_file(cwd or Path.cwd())
    for variable, name in _ALIASES.items():
        if environ.get(variable):
            values[name] = (environ[variable], variable)
    for one in dataclasses.fields(Configuration):
        variable = "IGRULES_" + one.name.upper()
        if environ.get(variable):
            values[one.name] = (environ[variable], variable)
    for name, value in flags.items():
        if value is not None:
            values[name] = (value, "--" + name.replace("_", "-"))
    found = Configuration(
        **{name: _convert(name, value, source) for name, (value, source) in values.items()}
    )
    for name in _ADDRESSES:
        if name in values:
            _check_address(getattr(found, name), values[name][1])
    _check_rates(found, values.get("rate_scale", ("", ""))[1])
    if not _VERSION.fullmatch(found.graph_version):
        raise UsageError(
            f"{values['graph_version'][1]} is '{found.graph_version}', which is no version",
            "write it like v26.0",
        )
    read_ways(found.notify)
    if found.timezone:
        zone_of(found.timezone)
    return found


def _check_address(url: str, source: str) -> None:
    """Refuse what nobody can call, before somebody tries. Raises `UsageError`."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if url and (not is_one or any(sign.isspace() for sign in url)):
        raise UsageError(f"{source} is '{url}', which is no address", "write it like https://host")


def _check_rates(found: Configuration, source: str) -> None:
    """Refuse to go faster than the platform allows. Raises `UsageError`."""
    scale = found.rate_scale
    if not 0 < scale <= 1_000_000:
        raise UsageError(
            f"{source} is '{scale}', which is no factor", f"set {source} to a number above 0"
        )
    names = (urlsplit(url).hostname or "" for url in (found.igl_url, found.fbl_url))
    metas = [name for name in names if name.endswith(_META)]
    if scale > 1 and metas:
        raise UsageError(
            f"{source} is '{scale}', which is faster than {metas[0]} allows",
            f"set {source} to 1 or less, or igl_url and fbl_url to another host",
        )


def _from_file(start: Path) -> dict[str, tuple[Any, str]]:
    """What ``igrules.toml`` sets, each with its place."""
    for directory in (start, *start.parents):
        path = directory / "igrules.toml"
        if path.is_file():
            try:
                found = tomllib.loads(path.read_text(encoding="utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
                raise UsageError(
                    f"{path} cannot be read: {error}", "mend it, or remove it"
                ) from error
            known = sorted(one.name for one in dataclasses.fields(Configuration))
            if unknown := sorted(found.keys() - known):
                raise UsageError(
                    f"unknown setting '{unknown[0]}' in {path}", f"settings are {', '.join(known)}"
                )
            return {name: (value, f"{name} in {path}") for name, value in found.items()}
    return {}


def _duration(value: Any) -> int:
    found = _DURATION.fullmatch(str(value).strip())
    if found is None:
        raise ValueError(value)
    return int(found[1]) * _UNITS[found[2] or "ms"]


def _number(value: Any) -> int:
    if isinstance(value, bool | float):
        raise ValueError(value)
    return int(value)


def _text(name: str, value: Any) -> str:
    if name == "notify" and isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, str) or type(value) is int:
        return str(value)
    raise ValueError(value)


def _convert(name: str, value: Any, source: str) -> Any:
    default: Any = Configuration.__dataclass_fields__[name].default
    try:
        if name in _DURATIONS:
            least, most = map(_duration, _DURATIONS[name])
            return _between(least, _duration(value), most)
        if isinstance(default, bool):
            return _YES_NO[str(value).strip().lower()]
        if isinstance(default, int):
            return _between(_RANGES[name][0], _number(value), _RANGES[name][1])
        return _text(name, value) if isinstance(default, str) else float(value)
    except (TypeError, ValueError, KeyError) as error:
        words = {int: "a whole number", float: "a number", bool: "true or false"}
        word = words.get(type(default), "text")
        if name in _RANGES:
            word += " from {} to {:,}".format(*_RANGES[name])
        if name in _DURATIONS:
            word = "a duration from {} to {}".format(*_DURATIONS[name])
        raise UsageError(
            f"{source} is '{value}', which is not {word}", f"set {source} to {word}"
        ) from error


def _between(least: int, value: int, most: int) -> int:
    if not least <= value <= most:
        raise ValueError(value)
    return value
