"""The webhook door: bytes in, signature checked, stored, 200. Nothing is read before the answer.

Why so little: Meta cannot be asked again, so this door has the fewest ways to fail.
"""

from __future__ import annotations

import logging
import math
import threading

import falcon

from igrules.errors import BadSignature, LedgerError
from igrules.instagram.signature import handshake
from igrules.ledger import Deliveries, NewDelivery
from igrules.web.health import Stopping
from igrules.web.ingest import NotStored, Writer
from igrules.web.refusals import ProcessStops
from igrules.web.signers import SHARED, Route, Signers
from igrules.work.absence import Absence, of_database
from igrules.work.clock import Clock
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
LARGEST = 4 * 1024 * 1024
"""Bytes of a body. A batch of 1,000 updates fits; refusing a real one would lose it."""
_SAY_EVERY = 60.0
"""Seconds from one line about refused webhooks to the next: who forges them shall not fill the
log."""


class Webhook:
    """``/webhook`` and ``/webhook/{verify_token}``."""

    def __init__(
        self,
        signers: Signers,
        writer: Writer,
        deliveries: Deliveries,
        clock: Clock,
        stopping: Stopping,
        database: Absence | None = None,
    ) -> None:
        self._database = database or of_database(clock.monotonic)
        self._signers = signers
        self._writer = writer
        self._deliveries = deliveries
        self._clock = clock
        self._stopping = stopping
        self._lock = threading.Lock()
        self._unsaid, self._said_at = 0, -math.inf

    def on_get(
        self, req: falcon.Request, resp: falcon.Response, verify_token: str | None = None
    ) -> None:
        """Answer Meta's handshake with its challenge."""
        params = {name: value for name, value in req.params.items() if isinstance(value, str)}
        if verify_token is None:
            tokens = self._signers.verify_tokens()
        else:
            tokens = [verify_token] if self._signers.route(verify_token) else []
        challenge = handshake(params, tokens)
        if challenge is None:
            raise falcon.HTTPForbidden(
                title="403 Forbidden",
                description="this is no handshake with the verify token of this address",
            )
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = challenge

    def on_post(
        self, req: falcon.Request, resp: falcon.Response, verify_token: str | None = None
    ) -> None:
        """Store one body. 200 means: it is on the disk."""
        if self._stopping:
            raise self._refuse()
        try:
            self._take(req, verify_token)
        except (NotStored, ProcessStops) as error:
            raise self._refuse() from error
        except LedgerError as error:
            # Said once, not by a line for each that comes while it lasts.
            self._database.missed(error)
            raise self._refuse() from error
        resp.content_type = falcon.MEDIA_JSON
        resp.data = b'{"success": true}'

    def _take(self, req: falcon.Request, verify_token: str | None) -> None:
        route = SHARED if verify_token is None else self._signers.route(verify_token)
        if route is None:
            raise falcon.HTTPNotFound()
        body = _read(req)
        app_id = self._signed_by(route, body, req.get_header("X-Hub-Signature-256"))
        self._writer.put(NewDelivery(app_id, route.tenant_id, body, self._clock.now()))

    def _refuse(self) -> falcon.HTTPServiceUnavailable:
        """The answer to what is not stored; it is counted, unless this process is stopping: then
        another one takes it."""
        why = "this process is stopping and has not stored this"
        if not self._stopping:
            why = "this was not stored"
            self._deliveries.refused.add(self._clock.now())
        return falcon.HTTPServiceUnavailable(
            title="503 Service Unavailable", description=f"{why}; send it again"
        )

    def _signed_by(self, route: Route, body: bytes, header: str | None) -> int:
        try:
            return self._signers.verify(route, body, header).id
        except BadSignature as error:
            self._count_forged()
            self._say_forged()
            raise falcon.HTTPForbidden(
                title="403 Forbidden",
                description="no app of this address signed these bytes",
            ) from error

    def _say_forged(self) -> None:
        """Say how many were refused since it was said last, at most once a minute."""
        with self._lock:
            self._unsaid += 1
            now = self._clock.monotonic()
            if now < self._said_at + _SAY_EVERY:
                return
            count, self._unsaid, self._said_at = self._unsaid, 0, now
        words = "no app of the address signed them; compare the app secrets with Meta's dashboard"
        say(_LOG, logging.WARNING, "webhooks were refused", count=count, reason=words)

    def _count_forged(self) -> None:
        try:
            self._deliveries.count_forged(self._clock.now())
        except LedgerError as error:
            say(_LOG, logging.WARNING, "a webhook with a wrong signature was not counted", error)


def _read(req: falcon.Request) -> bytes:
    """Give the bytes as they came. Raises 413 above `LARGEST`."""
    body: bytes = req.bounded_stream.read(LARGEST + 1)
    if len(body) > LARGEST:
        raise falcon.HTTPContentTooLarge(
            title="413 Content Too Large", description="a webhook body has at most 4 MiB"
        )
    return body
