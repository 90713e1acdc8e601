"""Read from the platform before deciding: few tries, little time, and then it is unknown.

Why one read at a time for an account: the budget of these calls hangs on how often its posts are
seen and is small for a quiet account (Meta, Instagram Platform Overview). It counts inside this
process only; several processes may each have one under way.

Why a client of its own: a slow answer to a read holds up no send.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

from igrules.instagram.client import GraphClient
from igrules.instagram.reads import NotRead
from igrules.ledger import Ledger
from igrules.model import Account, NotDone, Refused, Unknown
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.graph import ear, graph_client
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
_TRIES = 3
_REFUSED_MS = 300_000
_FAILED_MS = 60_000
_SHUT_MS = 30_000
"""After three failures nothing is read for an account this long: the other side is away."""
_TURN_SECONDS = 5.0
"""How long a read waits for the one before it."""
_KEPT = 10_000

T = TypeVar("T")


class Reading:
    """Reads, and what is not worth asking again for a while. Shared by all worker threads."""

    def __init__(
        self, configuration: Configuration, clock: Clock, ledger: Ledger | None = None
    ) -> None:
        self._ledger = ledger
        self._configuration = configuration
        self._clock = clock
        self._lock = threading.Lock()
        self._made: GraphClient | None = None
        self._one: dict[int, threading.Lock] = {}
        self._shut: dict[int, int] = {}
        self._unknown: OrderedDict[Hashable, int] = OrderedDict()

    def ask(
        self,
        account: Account,
        what: tuple[str, str],
        read: Callable[[GraphClient, Account], T | NotRead],
    ) -> T | None:
        """What ``read`` gives; ``None`` when it is not known, and will not be for a while.

        ``what`` names it: a sort of things, and the id of one.
        """
        key = (account.id, *what)
        if self._is_idle(account, key):
            return None
        turn = self._turn(account)
        if not turn.acquire(timeout=_TURN_SECONDS):
            return None
        try:
            return None if self._is_idle(account, key) else self._try(account, key, read)
        finally:
            turn.release()

    def _try(
        self,
        account: Account,
        key: Hashable,
        read: Callable[[GraphClient, Account], T | NotRead],
    ) -> T | None:
        for _ in range(_TRIES):
            if not self._may_read(account):
                return None
            found = read(self._client(), account)
            if isinstance(found, Refused):
                self._give_up(account, key, _REFUSED_MS, 0)
                return None
            if isinstance(found, NotDone) and found.answer.cls:
                # Throttled, or the token is refused: asking again makes it worse.
                self._give_up(account, key, 0, found.after or _SHUT_MS)
                return None
            if not isinstance(found, NotDone | Unknown):
                return found
        say(_LOG, logging.WARNING, "a read failed three times", account=account.ig_id)
        self._give_up(account, key, _FAILED_MS, _SHUT_MS)
        return None

    def _may_read(self, account: Account) -> bool:
        """Whether the account's budget for such calls lets one more through."""
        if self._ledger is None:
            return True
        scale = self._configuration.rate_scale
        free = self._ledger.buckets.take(
            account.id, "other", self._clock.now(), rate_scale=scale, wait=False
        )
        return free is None

    def _is_idle(self, account: Account, key: Hashable) -> bool:
        now = self._clock.now()
        with self._lock:
            return self._shut.get(account.id, 0) > now or self._unknown.get(key, 0) > now

    def _give_up(self, account: Account, key: Hashable, unknown: int, shut: int) -> None:
        now = self._clock.now()
        with self._lock:
            if shut:
                self._shut[account.id] = now + shut
            if unknown:
                self._unknown[key] = now + unknown
                self._unknown.move_to_end(key)
            while len(self._unknown) > _KEPT:
                self._unknown.popitem(last=False)

    def _turn(self, account: Account) -> threading.Lock:
        with self._lock:
            return self._one.setdefault(account.id, threading.Lock())

    def _client(self) -> GraphClient:
        with self._lock:
            if self._made is None:
                heard = ear(self._ledger, self._clock) if self._ledger is not None else None
                self._made = graph_client(self._configuration, heard)
            return self._made
