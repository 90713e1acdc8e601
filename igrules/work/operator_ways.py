"""The operator's ways to be told: the setting ``notify``, written as in ``tenant.yaml`` or shorter.

``{"email": ["ops@agency.example"]}``, ``{"webhook": {"url": "https://…", "secret": "…"}}``, both
together, or just the addresses: ``ops@agency.example, https://hooks.agency.example/igrules``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from igrules.errors import UsageError
from igrules.fetch.mail import is_address
from igrules.fetch.targets import read_target

_HELP = "write  ops@agency.example, https://hooks.agency.example/igrules"


@dataclass(frozen=True, slots=True)
class OperatorWays:
    """Both may be empty. ``secret`` signs what goes to ``url``."""

    emails: tuple[str, ...] = ()
    url: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)


def read_ways(text: str) -> OperatorWays:
    """Take the setting apart. Raises `UsageError`, which repeats no address of a webhook: it may
    hold a secret."""
    if text.lstrip().startswith("{"):
        return _from_map(text)
    words = text.replace(",", " ").split()
    urls = [word for word in words if "://" in word]
    if len(urls) > 1:
        raise UsageError("notify names two webhooks", "keep one of them")
    return _checked(OperatorWays(tuple(word for word in words if "://" not in word), *urls))


def _from_map(text: str) -> OperatorWays:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise UsageError("notify is no JSON", _HELP) from error
    unknown = sorted(given.keys() - {"email", "webhook"})
    if unknown:
        raise UsageError(f"notify has no way '{unknown[0]}'", "there are email and webhook")
    emails = given.get("email", [])
    emails = [emails] if isinstance(emails, str) else emails
    hook = given.get("webhook", {})
    hook = {"url": hook} if isinstance(hook, str) else hook
    if not _is_list_of_text(emails) or not _is_hook(hook):
        raise UsageError("notify holds something else than addresses", _HELP)
    return _checked(OperatorWays(tuple(emails), hook.get("url", ""), hook.get("secret", "")))


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_hook(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and value.keys() <= {"url", "secret"}
        and all(isinstance(one, str) for one in value.values())
        and ("url" in value or not value)
    )


def _checked(ways: OperatorWays) -> OperatorWays:
    wrong = next((one for one in ways.emails if not is_address(one)), None)
    if wrong is not None:
        raise UsageError(f"'{wrong[:60]}' in notify is no e-mail address", _HELP)
    if ways.url and read_target(ways.url) is None:
        raise UsageError(
            "the webhook in notify is no address that can be called",
            "write  https://host/path, without user or port",
        )
    return ways
