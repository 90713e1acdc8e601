"""Which apps a webhook address serves, and so which secrets and tokens count there.

Why remembered: the door reads nothing from the database it does not have to. A secret that was just
added works at once all the same, since a signature that fails makes us look again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from igrules.errors import BadSignature
from igrules.instagram.signature import verify
from igrules.ledger import App, Ledger
from igrules.web.lookups import Lookups
from igrules.work.clock import Clock

_LOOKS = 10
"""Extra looks a second that failed signatures may cause: forgers shall not own the database."""


@dataclass(frozen=True, slots=True)
class Route:
    """A webhook address: the shared one (``tenant_id`` is ``None``) or a tenant's own."""

    tenant_id: int | None


SHARED = Route(None)


class Signers:
    """What the ledger says about apps and webhook addresses, at most 2 s old."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._lookups = Lookups(clock)
        self._lock = threading.Lock()
        self._looks: list[float] = []

    def close(self) -> None:
        """Look no more."""
        self._lookups.close()

    def route(self, verify_token: str) -> Route | None:
        """Give the address that ends in ``verify_token``; ``None`` when there is none."""

        def look() -> Route | None:
            tenant = self._ledger.tenants.by_verify_token(verify_token)
            return Route(tenant.id) if tenant else None

        return self._lookups.find(("token", verify_token), look)

    def verify_tokens(self) -> list[str]:
        """Give the tokens with which Meta may ask at the shared address."""
        return [app.verify_token for app in self._serving(SHARED)]

    def verify(self, route: Route, body: bytes, header: str | None) -> App:
        """Find the app that signed ``body``. Raises `BadSignature` when none of this route did."""
        try:
            return _match(self._serving(route), body, header)
        except BadSignature:
            if not self._may_look_again():
                raise
        self._lookups.forget(route)
        return _match(self._serving(route), body, header)

    def _serving(self, route: Route) -> list[App]:
        return self._lookups.find(route, lambda: self._ledger.apps.serving(route.tenant_id))

    def _may_look_again(self) -> bool:
        now = self._clock.monotonic()
        with self._lock:
            self._looks = [at for at in self._looks if at > now - 1.0]
            if len(self._looks) >= _LOOKS:
                return False
            self._looks.append(now)
            return True


def _match(apps: list[App], body: bytes, header: str | None) -> App:
    owners = [app for app in apps for _ in app.secrets]
    secrets = [secret for app in apps for secret in app.secrets]
    return owners[verify(body, header, secrets)]
