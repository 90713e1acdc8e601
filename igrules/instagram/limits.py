"""The figures of the platform, and what its answers say about the rest.

Sources: Meta, Instagram Platform Overview and Graph API Rate Limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from igrules.instagram.parsing import parse
from igrules.model import Usage

TEXT_BYTES = 1000
"""Bytes of UTF-8 in a message or private reply."""
ANSWER_BYTES = 1 << 20
"""Bytes of an answer that are read at all."""

CALL_MS = 15_000
MEDIA_CALL_MS = 90_000
"""With media by URL: Meta fetches first, which may take 75 seconds."""
CONNECT_MS = 5_000

THROTTLED_MS = 60_000
EXHAUSTED_MS = 300_000
"""When the budget is used up and no header says for how long."""
_LONGEST_MS = 86_400_000
_FULL = 100
_APP, _BUSINESS = "x-app-usage", "x-business-use-case-usage"


def wait_of(headers: Mapping[str, str]) -> int | None:
    """Milliseconds the answer asks us to wait, at most a day; ``None`` when it does not say.

    ``Retry-After`` comes first, then the estimate of a budget that is used up. Header names are
    compared in lower case.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    asked = _retry_after(lower)
    if asked is None:
        asked = _regain(lower)
    return None if asked is None else max(0, min(asked, _LONGEST_MS))


def usage_of(headers: Mapping[str, str]) -> Usage | None:
    """What an answer says about budgets and pauses; ``None``: nothing.

    ``Retry-After`` is about the account, as long as no header says that it is the app.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    if _APP not in lower and _BUSINESS not in lower and "retry-after" not in lower:
        return None
    account, wait = _used(_account_budgets(lower))
    app, app_wait = _used(_app_budgets(lower))
    asked = max(0, min(_retry_after(lower) or 0, _LONGEST_MS)) if "retry-after" in lower else 0
    return Usage(account, app, max(wait, asked), app_wait)


def _retry_after(headers: Mapping[str, str]) -> int | None:
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return int(value[:9]) * 1000
    try:
        # Against the answer's own clock: ours may differ from the platform's.
        then, now = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("date", ""))
        return int((then - now).total_seconds() * 1000)
    except (TypeError, ValueError, OverflowError):
        return None


def _regain(headers: Mapping[str, str]) -> int | None:
    return _used([*_app_budgets(headers), *_account_budgets(headers)])[1] or None


def _used(budgets: Sequence[Mapping[str, Any]]) -> tuple[int | None, int]:
    """Percent of the fullest budget, ``None`` without any, and milliseconds until those that are
    used up are open again; 0: none is."""
    most, wait = None, 0
    for budget in budgets:
        percent = _percent(budget)
        most = percent if most is None else max(most, percent)
        if percent >= _FULL:
            minutes = budget.get("estimated_time_to_regain_access")
            known = isinstance(minutes, int) and minutes > 0
            wait = max(wait, minutes * 60_000 if known and minutes else EXHAUSTED_MS)
    return most, min(wait, _LONGEST_MS)


def _app_budgets(headers: Mapping[str, str]) -> list[Mapping[str, Any]]:
    app = _json(headers.get(_APP))
    return [app] if isinstance(app, dict) else []


def _account_budgets(headers: Mapping[str, str]) -> list[Mapping[str, Any]]:
    business = _json(headers.get(_BUSINESS))
    found: list[Mapping[str, Any]] = []
    for listed in business.values() if isinstance(business, dict) else ():
        if isinstance(listed, list):
            found += [item for item in listed if isinstance(item, dict)]
    return found


def _json(text: str | None) -> Any:
    try:
        return parse(text.encode("utf-8", "surrogatepass")) if text else None
    except ValueError:
        return None


def _percent(budget: Mapping[str, Any]) -> int:
    get = budget.get
    figures = (get("call_count"), get("total_time"), get("total_cputime"))
    return max([figure for figure in figures if isinstance(figure, int)], default=0)
