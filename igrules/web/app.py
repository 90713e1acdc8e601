"""The Falcon app: which address is which door."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import falcon

from igrules import __version__
from igrules.kinds import Registry
from igrules.ledger import Ledger
from igrules.web.access import Access, NoKeysInAddresses
from igrules.web.calls import Services
from igrules.web.doors import DOORS
from igrules.web.headers import SafeHeaders
from igrules.web.health import Health, Readiness, Ready, Stopping
from igrules.web.ingest import Writer
from igrules.web.openapi import document
from igrules.web.operations import Operation
from igrules.web.refusals import OnlyMethods, ShortAddresses, refuse_json
from igrules.web.resource import Address
from igrules.web.routes import ALL, by_path
from igrules.web.signers import Signers
from igrules.web.viewer import Description, Viewer
from igrules.web.webhook import Webhook
from igrules.web.webhook_metrics import WebhookMetrics
from igrules.work.absence import Absence
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration

if TYPE_CHECKING:
    from igrules.work.bell import Bell

App = falcon.App[falcon.Request, falcon.Response]


def process_name() -> str:
    """By what this process is known as a server of webhooks."""
    return f"{socket.gethostname()}:{os.getpid()}:web"


def build_app(
    ledger: Ledger,
    writer: Writer,
    *,
    registry: Registry,
    configuration: Configuration,
    clock: Clock,
    stopping: Stopping,
    bell: Bell | None = None,
    signers: Signers | None = None,
    access: Access | None = None,
    metrics: Any = None,
    operations: Sequence[Operation] = ALL,
    pause: Callable[[float], None] = time.sleep,
    database: Absence | None = None,
) -> App:
    """Make the WSGI app. ``stopping`` turns readiness off and new webhooks away with 503.

    Raises `UsageError` when one of ``operations`` is not declared completely.
    """
    signers = signers or Signers(ledger, clock)
    webhook = Webhook(signers, writer, ledger.deliveries, clock, stopping, database)
    name = process_name()

    def commit(now: int) -> None:
        ledger.check_schema()
        ledger.beat(name, now, kind="web", version=__version__, durable=True)

    readiness = Readiness(writer, commit, stopping, clock)
    services = Services(
        ledger, registry, configuration, clock, bell.ring if bell else _nobody, metrics,
        pause=pause,
    )  # fmt: skip
    doors: dict[str, Any] = {
        "/webhook": webhook,
        "/webhook/{verify_token}": webhook,
        "/api/health": Health(),
        "/api/ready": Ready(readiness),
    }
    return _app(services, access or Access(ledger, clock), operations, doors)


def build_local_app(ledger: Ledger, registry: Registry, configuration: Configuration) -> App:
    """Make the WSGI app for calls inside a process: the operations alone, without a socket, a
    webhook or a worker. Who asks stands in the environ under `igrules.web.access.LOCAL`."""
    clock = Clock()
    services = Services(ledger, registry, configuration, clock)
    return _app(services, Access(ledger, clock), ALL, {})


def _app(
    services: Services, access: Access, operations: Sequence[Operation], doors: dict[str, Any]
) -> App:
    measures: list[Any] = [WebhookMetrics(services.metrics)] if services.metrics else []
    first: list[Any] = [*measures, ShortAddresses(), NoKeysInAddresses(access)]
    app: App = falcon.App(middleware=[*first, OnlyMethods(), SafeHeaders()])
    refuse_json(app)
    viewer = Viewer()
    doors = {
        **doors,
        "/api/openapi.json": Description(lambda: document(operations, DOORS)),
        "/api/docs": viewer,
        "/api/docs/{file}": viewer,
    }
    for path, there in by_path(operations).items():
        address = Address(services, access)
        for operation in there:
            address.add(operation)
        app.add_route(path, address)
    for path, resource in doors.items():
        app.add_route(path, resource)
    return app


def _nobody(count: int) -> None:
    """Nobody works in this process; the sweep of another finds it."""
