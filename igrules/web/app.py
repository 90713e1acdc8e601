"""The Falcon app: which address is which door."""

from __future__ import annotations

import os
import socket
from typing import Any

import falcon

from igrules import __version__
from igrules.errors import LedgerError
from igrules.ledger import Ledger
from igrules.web.headers import SafeHeaders
from igrules.web.health import Health, Readiness, Ready, Stopping
from igrules.web.ingest import Writer
from igrules.web.refusals import OnlyMethods, ShortAddresses, refuse_json
from igrules.web.signers import Signers
from igrules.web.webhook import Webhook
from igrules.work.clock import Clock

App = falcon.App[falcon.Request, falcon.Response]


class Root:
    """``GET /``: what is running here."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Give name and version."""
        resp.media = {"name": "igrules", "version": __version__, "status": "running"}


def build_app(
    ledger: Ledger,
    writer: Writer,
    *,
    clock: Clock,
    stopping: Stopping,
    signers: Signers | None = None,
) -> App:
    """Make the WSGI app. ``stopping`` turns readiness off and new webhooks away with 503."""
    app: App = falcon.App(middleware=[ShortAddresses(), OnlyMethods(), SafeHeaders()])
    refuse_json(app)
    app.add_error_handler(LedgerError, _database_away)
    signers = signers or Signers(ledger, clock)
    webhook = Webhook(signers, writer, ledger.deliveries, clock, stopping)
    name = f"{socket.gethostname()}:{os.getpid()}:web"

    def commit(now: int) -> None:
        ledger.beat(name, now, kind="web", version=__version__)

    readiness = Readiness(writer, commit, stopping, clock)
    routes: dict[str, Any] = {
        "/": Root(),
        "/webhook": webhook,
        "/webhook/{verify_token}": webhook,
        "/api/health": Health(),
        "/api/ready": Ready(readiness),
    }
    for path, resource in routes.items():
        app.add_route(path, resource)
    return app


def _database_away(
    req: falcon.Request, resp: falcon.Response, error: LedgerError, params: dict[str, Any]
) -> None:
    raise falcon.HTTPServiceUnavailable(
        title="503 Service Unavailable", description="the database is away; try again"
    )
