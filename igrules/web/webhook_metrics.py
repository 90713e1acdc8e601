"""Count webhook requests and how long they took."""

from __future__ import annotations

import time
from typing import Any

import falcon

from igrules.work.metrics import Metrics

_STARTED = "igrules.started"


class WebhookMetrics:
    """Falcon middleware; it goes first, so that it also counts what others refuse."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Note when it came."""
        req.env[_STARTED] = time.monotonic()

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: Any, succeeded: bool
    ) -> None:
        """Count it."""
        path = req.path
        if path == "/webhook" or path.startswith("/webhook/"):
            route = "shared" if path == "/webhook" else "tenant"
            took = time.monotonic() - req.env.get(_STARTED, time.monotonic())
            self._metrics.answered(route, falcon.http_status_to_code(resp.status), took)
