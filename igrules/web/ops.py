"""The operator's own listener: metrics and health, on loopback, without a key."""

from __future__ import annotations

from typing import Any

import falcon

from igrules.web.headers import SafeHeaders
from igrules.web.health import Health
from igrules.web.refusals import OnlyMethods, ShortAddresses, refuse_json
from igrules.work.metrics import CONTENT_TYPE, Metrics


class _Numbers:
    """``GET /metrics``."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Give everything this process counts."""
        resp.content_type = CONTENT_TYPE
        resp.text = self._metrics.text()


def build_ops_app(metrics: Metrics, ready: Any = None) -> falcon.App[Any, Any]:
    """Make the WSGI app. ``ready`` is the resource that answers ``/api/ready``, if there is one."""
    app: falcon.App[Any, Any] = falcon.App(
        middleware=[ShortAddresses(), OnlyMethods(), SafeHeaders()]
    )
    refuse_json(app)
    app.add_route("/metrics", _Numbers(metrics))
    app.add_route("/api/health", Health())
    if ready is not None:
        app.add_route("/api/ready", ready)
    return app
