"""Say that the process lives, and whether it should be given work."""

from __future__ import annotations

import threading
from collections.abc import Callable

import falcon

from igrules.errors import LedgerError, SchemaMismatch
from igrules.web.ingest import Writer
from igrules.work.clock import Clock

_SLOW = 1.0
_FULL = 0.8
_ASK_EVERY = 1.0


class Stopping:
    """Whether this process is on its way out; once true, it stays true."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def begin(self) -> None:
        """From now on."""
        self._event.set()


class Readiness:
    """Whether webhooks can be taken: a commit takes under 1 s, the queue has room, the schema is
    known, nobody stops us.

    ``commit`` looks at the schema and makes one durable commit, at most once a second, whoever asks
    how often.
    """

    def __init__(
        self, writer: Writer, commit: Callable[[int], object], stopping: Stopping, clock: Clock
    ) -> None:
        self._writer = writer
        self._commit = commit
        self._stopping = stopping
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._trouble = ""

    def reasons(self) -> list[str]:
        """Give what speaks against sending work here; empty: ready."""
        if self._stopping:
            return ["stopping"]
        reasons = []
        # How quick the last webhooks were stored says nothing: who is not ready gets no more.
        if self._writer.load() >= _FULL:
            reasons.append("busy")
        trouble = self._ask()
        return [*reasons, trouble] if trouble else reasons

    def _ask(self) -> str:
        # Only one request waits for a database that hangs; the others say so at once.
        if not self._lock.acquire(blocking=False):
            return self._trouble or self._slow()
        try:
            now = self._clock.monotonic()
            if self._asked_at is None or now >= self._asked_at + _ASK_EVERY:
                self._asked_at = now
                self._trouble = self._try_commit()
            return self._trouble
        finally:
            self._lock.release()

    def _try_commit(self) -> str:
        try:
            self._commit(self._clock.now())
        except SchemaMismatch:
            return "schema"
        except LedgerError:
            return "database"
        return self._slow()

    def _slow(self) -> str:
        asked_at = self._asked_at
        waited = 0.0 if asked_at is None else self._clock.monotonic() - asked_at
        return "slow database" if waited >= _SLOW else ""


class Health:
    """``GET /api/health``: the process lives."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Say so."""
        resp.media = {"status": "ok"}


class Ready:
    """``GET /api/ready``: 200 when this process takes webhooks, else 503 with the reasons."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Say it in words that name no client."""
        reasons = self._readiness.reasons()
        resp.status = falcon.HTTP_503 if reasons else falcon.HTTP_200
        resp.media = {"ready": not reasons, "reasons": reasons}
