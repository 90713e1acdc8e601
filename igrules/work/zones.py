"""The time zone of tenants that say none: the setting, else this machine's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from igrules.errors import UsageError
from igrules.language.values import READERS, Flaw

UTC = "Etc/UTC"
_LINK = Path("/etc/localtime")
_NAME = Path("/etc/timezone")


def zone_of(setting: str) -> str:
    """The zone of the setting ``timezone``, else the machine's.

    Raises `UsageError` when the setting is no time zone.
    """
    found = READERS["zone"](setting) if setting else ""
    if isinstance(found, Flaw):
        raise UsageError(f"the setting 'timezone': {found.message}", found.help)
    return setting or machine_zone(os.environ)


def check_zone(zone: str) -> None:
    """Raises `UsageError` for a time zone nobody knows."""
    found = READERS["zone"](zone)
    if isinstance(found, Flaw):
        raise UsageError(found.message, found.help)


def machine_zone(environ: Mapping[str, str], link: Path = _LINK, name: Path = _NAME) -> str:
    """The zone of this machine by its name; UTC where the machine does not say one."""
    _, _, linked = os.path.realpath(link).partition("zoneinfo/")
    written = name.read_text("utf-8", "replace").strip() if name.is_file() else ""
    for zone in (environ.get("TZ", "").lstrip(":"), linked, written):
        if zone and not isinstance(READERS["zone"](zone), Flaw):
            return zone
    return UTC
