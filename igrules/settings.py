"""What a tenant's ``tenant.yaml`` comes to, and the values it shares with rule files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from igrules.model import EMPTY


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` times in any window of ``window`` milliseconds."""

    count: int
    window: int


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference to a stored secret, never its value."""

    name: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What a tenant's ``tenant.yaml`` says, with defaults filled in."""

    slug: str
    name: str = ""
    email: str = ""
    timezone: str = ""
    languages: tuple[str, ...] = ("pt",)
    enabled: bool = True
    instagram: Mapping[str, Any] = EMPTY
    """Keys ``account_id``, ``api``, ``page_id``, ``username``, ``token`` (a `Secret`), ``app``."""
    per_day: int | None = None
    per_contact: Rate = Rate(50, 86_400_000)
    preset: str = "careful"
    plugins: Mapping[str, Any] = EMPTY
    http_hosts: tuple[str, ...] = ()
    notify: Mapping[str, Any] = EMPTY
    consent: Mapping[str, Any] = EMPTY
    on_doubt: str = ""
    answer_within: int | None = None
    pause_after_human: int = 3_600_000
    allow: tuple[str, ...] = ()
    keep: int = 30 * 86_400_000
    phone_prefix: str = ""
    extra: Mapping[str, Any] = EMPTY
    """The remaining settings, for limits of plugin actions."""
