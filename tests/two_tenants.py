"""Two published tenants with one answered message each, and their keys: no more than that, so that
counts can be asserted."""

from __future__ import annotations

from typing import Any

from igrules.ledger import Ledger, NewDelivery
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker
from tests.seeding import ACCOUNTS, PEOPLE, SCOPES, Asker, Hands, Seeded, Seeds
from tests.talking import dm
from tests.working import NOW, Recorder, publish

LUZ = PEOPLE["luz"]
_RULES = "rules:\n- {id: hello, when: dm, if: {keywords: [oi]}, do: {text: Olá}}\n"


def plant(ledger: Ledger) -> Seeded:
    """Make them."""
    registry = Recorder().registry()
    for slug, account in ACCOUNTS.items():
        publish(ledger, registry, _RULES, slug, account)
    app_id = ledger.apps.list()[0].id
    bodies = [dm(ACCOUNTS[slug], PEOPLE[slug], f"m_{slug}", "oi", NOW) for slug in ACCOUNTS]
    ledger.deliveries.store([NewDelivery(app_id, None, body, NOW) for body in bodies])
    worker = Worker(ledger, registry, Configuration(rate_scale=1_000, threads=1), clock=Hands())
    while worker.turn():
        pass
    luz, sol = (_seeds(ledger, slug) for slug in ACCOUNTS)
    operator = ledger.keys.create("operator", 0, ["operator"], NOW).secret
    return Seeded(ledger, registry, luz, sol, operator, "")


def _seeds(ledger: Ledger, slug: str) -> Seeds:
    tenant = ledger.tenants.get(slug)
    keys = {scope: ledger.keys.create("tenant", tenant.id, [scope], NOW).secret for scope in SCOPES}
    return Seeds(tenant, "", {"tenant": slug}, keys)


class Asking:
    """Asks with the operator's key, or another, and expects a status. Each request comes a second
    after the one before, the first one at ``NOW`` and a second."""

    def __init__(self, seeded: Seeded) -> None:
        self.asker = Asker(seeded, clock=Hands(NOW))
        self.key = seeded.operator

    def __call__(
        self, method: str, path: str, json: Any = None, *, status: int = 200, **more: Any
    ) -> Any:
        more.setdefault("key", self.key)
        reply = self.asker.ask(method, f"/api/v1{path}", json=json, **more)
        assert reply.status_code == status, reply.text
        return reply.json if reply.content else None
