"""A published tenant and a channel that records: what tests of the worker stand on."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

from igrules.kinds import Channel, Registry
from igrules.language.compiler import compile_tenant
from igrules.ledger import Ledger
from igrules.model import Account, Effect, Receipt, Sent
from igrules.plugins import build_registry
from tests.running import ENOUGH

NOW = 1_790_000_000_000
ACCOUNT = "17841400000000101"
SECRET = "app-secret"
TENANT = """\
igrules-tenant: 1
timezone: America/Sao_Paulo
instagram:
  account_id: "{account}"
  username: luz.loja
  api: instagram_login
  token: {{secret: access_token}}
"""


class Recorder:
    """A channel that keeps what it was asked to deliver. ``answer`` gives each receipt."""

    def __init__(self, answer: Callable[[Effect, Account], Receipt] | None = None) -> None:
        self.calls: list[Effect] = []
        self.accounts: list[Account] = []
        self.answer = answer
        self._came = threading.Condition()

    def __call__(self, effect: Effect, account: Account) -> Receipt:
        with self._came:
            self.calls.append(effect)
            self.accounts.append(account)
            number = len(self.calls)
            self._came.notify_all()
        if self.answer is not None:
            return self.answer(effect, account)
        return Sent(f"out_{number}", account.ig_id)

    @property
    def texts(self) -> list[str]:
        """The texts delivered so far."""
        with self._came:
            return [str(effect.payload.get("text", "")) for effect in self.calls]

    def wait_for(self, count: int, seconds: float = ENOUGH) -> bool:
        """Wait until ``count`` calls were made; false when they were not in time."""
        with self._came:
            return self._came.wait_for(lambda: len(self.calls) >= count, seconds)

    def registry(self) -> Registry:
        """The built-in kinds with this as the way to Instagram."""
        channel = Channel("instagram", "Records", self)
        registry = build_registry(third_party=False)
        return dataclasses.replace(registry, channels={"instagram": channel})


def connect(ledger: Ledger, slug: str = "luz", account: str = ACCOUNT) -> int:
    """Add a tenant and, the first time, the app that signs. Give the tenant's id."""
    if not ledger.apps.list():
        ledger.apps.add("meta", "instagram_login", [SECRET], "shared-token", NOW)
    tenant = ledger.tenants.add(slug, slug.title(), NOW)
    return tenant.id


def publish(
    ledger: Ledger,
    registry: Registry,
    rules: str,
    slug: str = "luz",
    account: str = ACCOUNT,
    settings: str = "",
    zone: str = "America/Sao_Paulo",
) -> int:
    """Publish ``rules``, connecting the tenant first if it is new. Give the tenant's id."""
    known = {tenant.slug: tenant.id for tenant in ledger.tenants.list()}
    tenant_id = known[slug] if slug in known else connect(ledger, slug, account)
    tenant = TENANT.format(account=account).replace("America/Sao_Paulo", zone)
    files = {
        "tenant.yaml": (tenant + settings).encode(),
        "rules.yaml": f"igrules: 1\n{rules}".encode(),
    }
    compiled = compile_tenant(files, registry, slug=slug)
    assert compiled.ruleset is not None, compiled.problems
    ruleset = compiled.ruleset
    scope = ledger.for_tenant(tenant_id)
    scope.publish(files, ruleset.digest, ruleset.settings, "", "test", NOW)
    scope.secrets.set("access_token", f"token-of-{slug}", NOW)
    return tenant_id
