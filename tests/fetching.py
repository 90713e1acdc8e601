"""A worker before the local Instagram: what people do there arrives, answers go back over HTTP."""

from __future__ import annotations

from pathlib import Path

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.ledger import EventRow, Ledger, NewDelivery
from igrules.plugins import build_registry
from igrules.sandbox.journal import Act
from igrules.sandbox.server import Sandbox
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.publishing import prepare, publish
from igrules.work.worker import Worker
from tests.running import ENOUGH
from tests.sandbox.receiving import PAGE, POST, SHOP, Receiver

TOKEN = "token-of-the-shop"
_APIS = {"instagram_login": "", "facebook_login": f'\n  page_id: "{PAGE}"'}


class WorldClock(Clock):
    """The clock of the local Instagram, which tests put forward."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self._sandbox = sandbox

    def now(self) -> int:
        return self._sandbox.world.now()


class Shop:
    """One account with rules, and people who write to it."""

    def __init__(self, ledger: Ledger, folder: Path, api: str = "instagram_login") -> None:
        self.ledger = ledger
        self.receiver = Receiver()
        journal = folder / "journal.jsonl"
        self.sandbox = Sandbox(journal, webhook_url=self.receiver.url, app_secret=b"s").start()
        self.sandbox.add_account(
            ig_id=SHOP, username="luz.loja", api=api, token=TOKEN,
            page_id=PAGE if api == "facebook_login" else "",
            posts=[{"id": POST, "at": self.sandbox.world.now() - 86_400_000}],
        )  # fmt: skip
        self.people = self.sandbox.people
        self.clock = WorldClock(self.sandbox)
        self._api = api
        url = self.sandbox.url
        self._client = GraphClient(GraphUrls(f"{url}/igl", f"{url}/fbl"))
        self.registry = build_registry(graph=self._client, third_party=False)
        self.configuration = Configuration(
            rate_scale=1_000, threads=1, igl_url=f"{url}/igl", fbl_url=f"{url}/fbl", quiet=0
        )
        ledger.apps.add("meta", api, ["s"], "shared", self.clock.now())
        self.tenant = ledger.tenants.add("luz", "Luz", self.clock.now()).id
        self.worker = self.new_worker()
        self._taken = 0

    def close(self) -> None:
        """End everything that listens."""
        self._client.close()
        self.sandbox.stop()
        self.receiver.close()

    def new_worker(self) -> Worker:
        """A worker that remembers nothing."""
        return Worker(self.ledger, self.registry, self.configuration, clock=self.clock)

    def publish(self, rules: str, settings: str = "") -> None:
        """Publish these rules, and further settings, from the present moment on."""
        tenant = (
            f'igrules-tenant: 1\ntimezone: America/Sao_Paulo\ninstagram:\n  account_id: "{SHOP}"\n'
            f"  username: luz.loja\n  api: {self._api}\n  token: {{secret: access_token}}"
            f"{_APIS[self._api]}\n{settings}"
        )
        files = {"tenant.yaml": tenant.encode(), "rules.yaml": f"igrules: 1\n{rules}".encode()}
        scope = self.ledger.for_tenant(self.tenant)
        prepared = prepare(files, self.registry, "luz")
        publish(scope, prepared, self.registry, "", "test", self.clock.now())
        scope.secrets.set("access_token", TOKEN, self.clock.now())

    def work(self) -> None:
        """Take in what happened and work it off, with what comes of it."""
        for _ in range(20):
            assert self.sandbox.postman.wait_idle(ENOUGH)
            bodies = [one.body for one in self.receiver.received[self._taken :]]
            self._taken += len(bodies)
            app = self.ledger.apps.list()[0]
            now = self.clock.now()
            self.ledger.deliveries.store([NewDelivery(app.id, None, body, now) for body in bodies])
            busy = bool(bodies)
            for _ in range(200):
                if not self.worker.turn():
                    break
                busy = True
            if not busy:
                return
        raise AssertionError("the worker never comes to rest")

    def said(self) -> list[str]:
        """The texts that went out, oldest first."""
        return [act.text for act in self.acts() if act.text]

    def acts(self) -> tuple[Act, ...]:
        """What was executed."""
        return self.sandbox.acts()

    def events(self, *kinds: str) -> list[EventRow]:
        """The events of these kinds, oldest first."""
        rows = sorted(self.ledger.for_tenant(self.tenant).events(1_000), key=lambda row: row.id)
        return [row for row in rows if not kinds or row.kind in kinds]

    def reads(self) -> int:
        """How many reads came to the local Instagram, of the last hundred happenings."""
        return sum(one.what.startswith("read") for one in self.sandbox.world.happenings)
