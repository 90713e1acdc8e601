"""One request, authenticated and checked, as an operation's function gets it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from igrules.kinds import Registry
from igrules.ledger import Act, Ledger, Noted, Scope, Tenant
from igrules.web.operations import Caller
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration

_WAITING = 8


@dataclass(frozen=True, slots=True)
class Services:
    """What operations work with; the same for every request of a process."""

    ledger: Ledger
    registry: Registry
    configuration: Configuration
    clock: Clock
    ring: Callable[[int], None] = field(default=lambda count: None)
    metrics: Any = None
    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_WAITING))
    """Places for requests that pause, so that they never take all threads from webhooks."""
    pause: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class LiveCall:
    """A `Call`. ``acts`` counts the audit entries it has opened."""

    services: Services
    caller: Caller
    now: int
    request_id: str
    audit: str
    headers: Callable[[str], str | None]
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any = None
    of: Tenant | None = None
    """The tenant, where the operation has one."""
    acts: int = 0

    @property
    def ledger(self) -> Ledger:
        """Everything durable."""
        return self.services.ledger

    @property
    def registry(self) -> Registry:
        """The installed kinds."""
        return self.services.registry

    @property
    def configuration(self) -> Configuration:
        """The settings of the installation."""
        return self.services.configuration

    @property
    def metrics(self) -> Any:
        """What this process counts; ``None`` where nobody serves."""
        return self.services.metrics

    @property
    def tenant(self) -> Tenant:
        """The tenant of the key or of the operator's path."""
        if self.of is None:
            raise RuntimeError("this operation is declared without a tenant")
        return self.of

    @property
    def scope(self) -> Scope:
        """That tenant's rows."""
        return self.ledger.for_tenant(self.tenant.id)

    def header(self, name: str) -> str | None:
        """A header of the request."""
        return self.headers(name)

    def acting(self, object: str = "") -> AbstractContextManager[Noted]:
        """Open the transaction of this act, with its one audit entry."""
        if not self.audit:
            raise RuntimeError("this operation is declared as one that changes nothing")
        self.acts += 1
        owner = self.of.id if self.of else self.caller.tenant_id or 0
        act = Act(
            self.caller.actor, self.audit, owner, object, self.caller.address, self.request_id
        )
        return self.ledger.act(act, self.now)

    def ring(self, count: int = 1) -> None:
        """Wake workers of this process."""
        self.services.ring(count)

    def wait(self, seconds: float) -> bool:
        """Pause the request; false, without a pause, when many requests pause already."""
        waiting = self.services.waiting
        if not waiting.acquire(blocking=False):
            return False
        try:
            self.services.pause(seconds)
        finally:
            waiting.release()
        return True
