"""May this send of a world go out now? The rules of the ledger's gates, in their order.

What a test cannot set up has no gate here: holds, tokens, the pace of the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from igrules.kinds import Rate, Settings
from igrules.ledger.days import local_day, next_midnight
from igrules.ledger.fingerprints import looks_alike
from igrules.ledger.rates import A_MINUTE, HTTP, LIMITED
from igrules.model import Contact
from igrules.work.world.sends import OPEN, Send, Sends

_MINUTE = 60_000
_COMMENTS = frozenset({"reply", "private_reply"})
_SAID = frozenset({"sent", "doubt", "parked"})


@dataclass(frozen=True, slots=True)
class Shut:
    """The gate that is closed. ``until`` ``None``: for good."""

    state: str = "pending"
    reason: str = ""
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tenant may do: its settings, and how often it may call."""

    settings: Settings
    rates: Mapping[str, Rate]


def shut_gate(send: Send, sends: Sends, contact: Contact, limits: Limits, now: int) -> Shut | None:
    """The first closed gate of a send; ``None`` when it may go out."""
    expires = send.effect.expires_at
    return (
        _unwelcome(send, contact, now)
        or (Shut("expired", "window") if expires and now > expires else None)
        or (Shut("skipped", "repeated") if _is_repeated(send, sends, now) else None)
        or _accompanied(send, sends, now)
        or _called_too_often(send, sends, limits.rates, now)
        or _over_limit(send, sends, limits.settings, now)
    )


def day_of(send: Send, limits: Limits, now: int) -> str:
    """The local day a send counts against; empty when it counts against none."""
    return _day(send, limits.settings, now)


def _day(send: Send, settings: Settings, now: int) -> str:
    if not send.effect.counted or settings.per_day is None:
        return ""
    return local_day(settings.timezone, now)


def _unwelcome(send: Send, contact: Contact, now: int) -> Shut | None:
    effect = send.effect
    confirms = not effect.rule and effect.step == "consent"
    if confirms or effect.unmuted or not effect.reaches_contact:
        return None
    if contact.opted_out:
        return Shut("skipped", "opted_out")
    if contact.handoff_until is not None and contact.handoff_until > now:
        return Shut("skipped", "handed_off")
    return None


def _is_repeated(send: Send, sends: Sends, now: int) -> bool:
    """The same text of the same rule to the same person within a minute is a mistake."""
    effect = send.effect
    if effect.again or not effect.rule or not effect.reaches_contact:
        return False
    return any(
        other.id != send.id
        and other.person == send.person
        and other.effect.rule == effect.rule
        and looks_alike(other.effect.payload, effect.payload)
        and other.state in _SAID
        and (other.closed_at or other.created_at) > now - _MINUTE
        for other in sends
    )


def _accompanied(send: Send, sends: Sends, now: int) -> Shut | None:
    """ "We wrote you" is said only after it is true."""
    if not send.effect.companion:
        return None
    other = sends.of_key(send.effect.companion)
    if other is None or other.state not in OPEN | {"sent"}:
        return Shut("skipped", "companion")
    if other.state == "sent":
        return None
    return Shut(reason="companion", until=max(other.not_before, now + 1_000))


def _called_too_often(send: Send, sends: Sends, rates: Mapping[str, Rate], now: int) -> Shut | None:
    """Beyond its own rate a call ends, beyond that of any minute it waits."""
    limit = send.effect.limit
    rate = rates.get(limit)
    if not limit:
        return None
    if rate is not None and _free_at(sends, limit, rate) > now:
        return Shut("skipped", LIMITED)
    if limit == HTTP and (free := _free_at(sends, limit, A_MINUTE)) > now:
        return Shut(reason=LIMITED, until=free)
    return None


def _free_at(sends: Sends, limit: str, rate: Rate) -> int:
    """When the oldest of the newest ``count`` calls leaves the window; 0: there are fewer."""
    made = sorted(one.tried_at for one in sends if one.effect.limit == limit and one.attempts)
    return made[-rate.count] + rate.window if len(made) >= rate.count else 0


def _over_limit(send: Send, sends: Sends, settings: Settings, now: int) -> Shut | None:
    day = _day(send, settings, now)
    if not day or settings.per_day is None or send.day:
        return None
    if sum(other.day == day for other in sends) < settings.per_day:
        return None
    if send.effect.kind in _COMMENTS:
        return Shut(reason="daily_limit", until=next_midnight(settings.timezone, now))
    return Shut("skipped", "daily_limit")
