"""What a channel is handed beside an effect, and what it answers.

A channel performs one `Effect` for an `Account` and answers with a `Receipt`: `Sent`, `NotDone`,
`Refused` or `Unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


def _no_secret(name: str) -> str | None:
    """An account that was made without a store has no secrets."""
    return None


@dataclass(frozen=True, slots=True)
class Account:
    """An Instagram professional account, ready for a call. ``api`` is ``instagram_login`` or
    ``facebook_login``; ``page_id`` is empty with the former."""

    id: int
    tenant_id: int
    tenant: str
    ig_id: str
    api: str
    page_id: str = ""
    username: str = ""
    token: str = field(default="", repr=False)
    proof: str = field(default="", repr=False)
    """The ``appsecret_proof`` that goes with the token, empty when none is sent."""
    secret: Callable[[str], str | None] = field(default=_no_secret, repr=False, compare=False)
    """Read a stored secret of the tenant by its name; ``None`` when there is none."""
    hosts: tuple[str, ...] = ()
    """The hosts that may be called at the time of the call: those of the tenant's live
    ``tenant.yaml`` that the operator allows."""
    ways: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The ways to the team by name, as ``notify`` of the live ``tenant.yaml`` has them."""
    plugin: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """This tenant's settings of the plugin whose channel is called."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of its budgets the platform says an account and its app have used, in percent;
    ``None``: it does not say. ``wait`` and ``app_wait`` are the milliseconds for which it wants to
    hear nothing of the account, or of all accounts of the app."""

    account: int | None = None
    app: int | None = None
    wait: int = 0
    app_wait: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said: class (``SENT``, ``THROTTLE``, …), HTTP status, code and
    subcode."""

    cls: str = ""
    status: int = 0
    code: int = 0
    subcode: int = 0
    trace_id: str = ""
    message: str = ""
    """Meta's own words about the error, for the trace; never message text."""
    usage: Usage | None = None
    """What the answer says about budgets, if anything."""
    listed: bool = True
    """False: nobody has listed this code yet, so its class is a guess by its HTTP status."""


@dataclass(frozen=True, slots=True)
class Sent:
    """It went out. ``id`` is the platform's id, ``person`` who received it where it says so."""

    id: str = ""
    person: str = ""
    evidence: str = "receipt"
    result: Any = None
    answer: Answer = Answer()


@dataclass(frozen=True, slots=True)
class NotDone:
    """Proved not done; may be tried again ``after`` milliseconds (``None``: by the retry schedule).
    ``counts`` is false when this does not use up a retry (throttled)."""

    after: int | None = None
    reason: str = ""
    counts: bool = True
    answer: Answer = Answer()


@dataclass(frozen=True, slots=True)
class Refused:
    """The other side said no, for good."""

    reason: str
    answer: Answer = Answer()


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can tell whether it was done."""

    reason: str
    answer: Answer = Answer()


Receipt = Sent | NotDone | Refused | Unknown
