"""The frozen values the ledger takes and gives. Times are milliseconds UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from igrules.model import EMPTY, Account, Decision, Effect, Event, Facts


@dataclass(frozen=True, slots=True)
class Tenant:
    """A client. ``state`` is ``active`` or ``deactivated``."""

    id: int
    slug: str
    name: str
    state: str
    created_at: int
    email: str = ""
    deactivated_at: int | None = None


@dataclass(frozen=True, slots=True)
class App:
    """A Meta app whose webhooks are taken. ``tenant_id`` ``None``: shared by all tenants.
    ``flavour`` is ``instagram_login`` or ``facebook_login``."""

    id: int
    name: str
    tenant_id: int | None
    app_id: str
    flavour: str
    secrets: tuple[bytes, ...] = field(repr=False)
    verify_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Version:
    """A published state of a tenant's files. ``state`` is ``live`` or ``old``."""

    number: int
    files: Mapping[str, bytes] = field(repr=False)
    digest: str
    author: str
    message: str
    published_at: int
    state: str
    folding: int = 1
    plugins: Mapping[str, Any] = EMPTY


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A verified webhook body: the app whose secret signed it, and the tenant its address named."""

    app_id: int
    route_tenant_id: int | None
    body: bytes = field(repr=False)
    received_at: int


@dataclass(frozen=True, slots=True)
class SplitResult:
    """What one split did. ``lanes`` counts those that became due; all 0: there was nothing to
    do."""

    deliveries: int = 0
    events: int = 0
    duplicates: int = 0
    orphans: int = 0
    unreadable: int = 0
    lanes: int = 0
    tests: int = 0
    kinds: Mapping[tuple[str, str], int] = field(default_factory=dict, compare=False)
    """How many of each: ``("events", kind)``, ``("duplicates", kind)``, ``("orphans", reason)``."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A claimed conversation. ``fence`` proves the claim, ``deaths`` counts claims that found the
    lease of the one before unreleased; from three on the lane is ``poisoned``."""

    id: int
    tenant_id: int
    account_id: int
    person: str
    fence: int
    owner: str
    poisoned: bool = False
    deaths: int = 0


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An inbox row. ``body`` is an envelope of the one element; an internal event (``source``
    ``internal``) was never an envelope, so it comes as ``event``."""

    id: int
    kind: str
    source: str
    body: bytes = field(repr=False)
    received_at: int
    replays: int = 0
    ref: str = ""
    username: str = ""
    occurred_at: int = 0
    event: Event | None = None
    beside_runs: bool = False
    """Whether runs of the same lane are parked, one of which may have its turn first."""
    beside_sends: bool = False
    """Whether sends of the same lane are open, one of which may have its turn first."""


@dataclass(frozen=True, slots=True)
class Decided:
    """An event of a lane and what was decided about it, not stored yet. ``facts``: what was looked
    at; ``version``: of the ruleset; ``took_us``: microseconds."""

    lane: Lane
    stored: StoredEvent
    decision: Decision
    facts: Facts | None
    version: int
    took_us: int


@dataclass(frozen=True)
class ReadFacts(Facts):
    """Facts that remember which marks of wide scopes were looked for, so that `Lanes.record` can
    look again."""

    wide_post: tuple[tuple[str, int], ...] = field(default=(), compare=False, repr=False)
    wide_all: tuple[tuple[str, int], ...] = field(default=(), compare=False, repr=False)
    post: str = field(default="", compare=False, repr=False)
    new_profile: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """The profile as it was just read, which is stored with the decision."""


@dataclass(frozen=True, slots=True)
class DueSend:
    """A send whose turn it is. ``effect`` is what shall be done, ``attempt`` how often it was
    begun."""

    id: int
    effect: Effect
    attempt: int
    inbox_id: int | None = None

    @property
    def key(self) -> str:
        """The key of the effect."""
        return self.effect.key

    @property
    def kind(self) -> str:
        """The kind of the effect."""
        return self.effect.kind


@dataclass(frozen=True, slots=True)
class Ready:
    """A send whose state ``sending`` is stored: make the call now, then settle ``attempt``."""

    effect: Effect
    account: Account
    attempt: int
    send_id: int
    deadline_at: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing may go out before ``until``. ``place``: the place in line a send has from now on."""

    until: int
    reason: str = ""
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A send of the lane is unclear, and it is time to find out what became of it."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A send that ended without a call."""

    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as the ledger has it. Without a decision ``outcome`` is empty and ``trace``
    ``None``."""

    id: int
    kind: str
    ref: str
    person: str
    received_at: int
    occurred_at: int
    state: str
    body: bytes = field(repr=False)
    outcome: str = ""
    reason: str = ""
    ruleset_version: int = 0
    trace: Mapping[str, Any] | None = field(default=None, repr=False)
    took_us: int = 0
    account_id: int = 0
    username: str = ""
    source: str = "webhook"
    replays: int = 0
    decided_at: int | None = None


@dataclass(frozen=True, slots=True)
class SendRow:
    """A send as the ledger has it. ``closed_at`` ``None``: it is still open, or parked."""

    id: int
    key: str
    kind: str
    target: str
    payload: Mapping[str, Any] = field(repr=False)
    state: str
    reason: str
    message_id: str
    evidence: str
    attempt: int
    created_at: int
    closed_at: int | None
    rule: str
    step: str
    event_id: int | None = None
    person: str = ""
    track: str = "m"
    slot: str | None = None
    not_before: int = 0
    expires_at: int = 0
    follows: bool = False
    """It is pending, and the order lets it go out after another that is open."""


@dataclass(frozen=True, slots=True)
class QueuedSend:
    """A send that was asked for. ``new``: it was made by this call, not by an earlier one with the
    same Idempotency-Key."""

    send_id: int
    state: str
    reason: str
    new: bool = False
