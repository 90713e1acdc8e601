"""Deliver webhooks as Meta does: signed, batched, repeated, in any order, again after a failure."""

from __future__ import annotations

import dataclasses
import hashlib
import heapq
import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import urllib3

from igrules.errors import UsageError
from igrules.sandbox.envelopes import FORMS, Element, envelope, signature
from igrules.sandbox.fields import changed
from igrules.sandbox.things import Happening
from igrules.sandbox.world import World

_ANSWER_WITHIN = 5.0
_REMEMBERED = 20_000
RETRY_MS = (0, 1_000, 5_000, 15_000, 60_000, 300_000, 1_800_000, *(7_200_000,) * 17)
"""Waits before each further try: at once, then ever rarer, for about 36 hours."""
HOUR_RETRY_MS = (0, 1_000, 5_000)
"""The other regime Meta describes: a few tries, and after an hour of failures no subscription."""
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Manner:
    """How webhooks are delivered. Chances are between 0 and 1.

    ``form`` is one of `FORMS` or ``mixed``. Up to ``batch`` updates share a request, of any
    accounts that have the same address; ``linger_ms`` is how long an update waits for company.
    ``duplicate`` is the chance that a request is sent once more, ``duplicate_after_ms`` later,
    and once more again after that, up to ``copies`` times; ``shuffle`` the chance that an update
    overtakes those before it. ``echo`` says when own acts come back: ``early`` (before the answer
    of the call), ``after`` or ``late`` (``echo_delay_ms`` after it), ``missing``. ``hold`` keeps
    everything back. An account whose updates failed for ``unsubscribe_after_ms`` without one
    success (0: never) loses its subscription, and gets nothing before it subscribes again;
    `HOUR_REGIME` is that way to go on."""

    form: str = "plain"
    batch: int = 1
    linger_ms: int = 0
    duplicate: float = 0.0
    duplicate_after_ms: int = 0
    copies: int = 1
    shuffle: float = 0.0
    echo: str = "after"
    echo_delay_ms: int = 30
    echo_app_id: str = ""
    echo_metadata: bool = False
    hold: bool = False
    retry_ms: tuple[int, ...] = RETRY_MS
    unsubscribe_after_ms: int = 0


_ECHOES = ("early", "after", "late", "missing")


def read_manner(manner: Manner, fields: Mapping[str, Any]) -> Manner:
    """``manner`` with fields from JSON; raises `UsageError` for what does not fit."""
    found = changed(manner, fields, "manner")
    for word, known in ((found.form, (*FORMS, "mixed")), (found.echo, _ECHOES)):
        if word not in known:
            raise UsageError(f"'{word}' is no way to deliver", f"known: {', '.join(known)}")
    return found


HOUR_REGIME = Manner(retry_ms=HOUR_RETRY_MS, unsubscribe_after_ms=HOUR_MS)


@dataclass(frozen=True, slots=True)
class Delivered:
    """One request that was made. ``status`` 0: no answer."""

    at: int
    status: int
    took_ms: int
    attempt: int
    elements: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Letter:
    """Something to deliver: one element that may still be batched, or a finished body. An empty
    ``url`` is that of the postman when it is delivered."""

    url: str
    secret: bytes
    elements: tuple[Element, ...]
    body: bytes = b""
    attempt: int = 0


class Postman:
    """The sender of webhooks; starts its threads with `start`.

    One sender keeps the order in which things happened; several deliver at the same time.
    """

    def __init__(
        self, world: World, url: str, secret: bytes, manner: Manner, seed: str, senders: int = 1
    ) -> None:
        self.url = url
        self.secret = secret
        self.manner = manner
        self.log: deque[Delivered] = deque(maxlen=_REMEMBERED)
        self.acknowledged: set[bytes] = set()
        """SHA-256 of each body that was answered with 200."""
        self._world = world
        self._random = random.Random(seed)  # noqa: S311 - repeatable faults, no secrets
        lock = threading.RLock()
        self._wake, self._settled = threading.Condition(lock), threading.Condition(lock)
        self._queue: list[tuple[float, int, _Letter]] = []
        self._count = itertools.count()
        self._failing_since: dict[str, int] = {}
        self._busy = 0
        self._running = False
        self._threads = [
            threading.Thread(target=self._run, name=f"sandbox-webhook-{number}", daemon=True)
            for number in range(senders)
        ]

    def start(self) -> None:
        """Begin to deliver."""
        self._running = True
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what was not delivered stays undelivered."""
        with self._wake:
            self._running = False
            self._wake.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_ANSWER_WITHIN + 1)

    def set_manner(self, manner: Manner) -> None:
        """Deliver in another manner from now on."""
        with self._wake:
            self.manner = manner
            self._wake.notify_all()

    def clear(self) -> None:
        """Forget what waits and what was delivered."""
        with self._wake:
            self._queue.clear()
            self.log.clear()

    def post(self, element: Element, delay_ms: int = 0) -> None:
        """Deliver an element, ``delay_ms`` from now at the earliest; never to an account that has
        no subscription."""
        account = self._world.accounts.get(element.account)
        if account is not None and not account.subscribed:
            return
        wait = max(delay_ms, self.manner.linger_ms)
        self._push(self._letter(element), wait)

    def post_body(self, body: bytes) -> None:
        """Sign and deliver bytes as they are."""
        self._push(_Letter("", self.secret, (), body), 0)

    def deliver(self, element: Element) -> None:
        """Deliver an element now and return when it was answered."""
        with urllib3.PoolManager() as connections:
            self._send(connections, self._finish([self._letter(element)]))

    def wait_idle(self, seconds: float) -> bool:
        """Wait until nothing is left to deliver; false when time was up."""
        with self._wake:
            return self._settled.wait_for(lambda: not self._queue and not self._busy, seconds)

    def waiting(self) -> int:
        """How many letters have not been delivered yet."""
        with self._wake:
            return len(self._queue) + self._busy

    def _letter(self, element: Element) -> _Letter:
        account = self._world.accounts.get(element.account)
        own = account is not None and account.webhook_url
        url = account.webhook_url if account is not None and own else ""
        secret = account.app_secret if account is not None and account.app_secret else self.secret
        return _Letter(url, secret, (element,))

    def _push(self, letter: _Letter, delay_ms: int) -> None:
        with self._wake:
            due = time.monotonic() + delay_ms / 1000
            heapq.heappush(self._queue, (due, next(self._count), letter))
            self._wake.notify()

    def _run(self) -> None:
        with urllib3.PoolManager() as connections:
            while (letter := self._take()) is not None:
                try:
                    self._send(connections, letter)
                finally:
                    with self._wake:
                        self._busy -= 1
                        self._settled.notify_all()

    def _take(self) -> _Letter | None:
        """Wait for the next letter; ``None`` when it is over."""
        with self._wake:
            while self._running:
                now = time.monotonic()
                if not self.manner.hold and self._queue and self._queue[0][0] <= now:
                    self._busy += 1
                    letter = self._collect(now)
                    if self._queue:
                        # One sender wakes the next, and who sleeps keeps an eye on what is left.
                        self._wake.notify()
                    return letter
                idle = self.manner.hold or not self._queue
                self._wake.wait(None if idle else self._queue[0][0] - now)
            return None

    def _collect(self, now: float) -> _Letter:
        """Take what shall travel in one request out of the queue."""
        due = [heapq.heappop(self._queue)]
        shuffled = self._random.random() < self.manner.shuffle
        if shuffled or self.manner.batch > 1:
            while self._queue and self._queue[0][0] <= now:
                due.append(heapq.heappop(self._queue))
        if shuffled:
            self._random.shuffle(due)
        first = due[0][2]
        taken = [first]
        for item in due[1:]:
            letter = item[2]
            fits = not first.body and not letter.body and len(taken) < self.manner.batch
            if fits and (letter.url, letter.secret) == (first.url, first.secret):
                taken.append(letter)
            else:
                heapq.heappush(self._queue, item)
        return self._finish(taken)

    def _finish(self, letters: Sequence[_Letter]) -> _Letter:
        first = letters[0]
        if first.body:
            return first
        form = self.manner.form
        if form == "mixed":
            form = self._random.choice(FORMS)
        elements = tuple(element for letter in letters for element in letter.elements)
        body = envelope(elements, self._world.now(), form)
        letter = _Letter(first.url, first.secret, elements, body)
        for copy in range(1, self.manner.copies + 1):
            if self._random.random() < self.manner.duplicate:
                self._push(letter, copy * self.manner.duplicate_after_ms)
        return letter

    def _send(self, connections: urllib3.PoolManager, letter: _Letter) -> None:
        url = letter.url or self.url
        if not url:
            return
        started = time.monotonic()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": signature(letter.body, letter.secret),
        }
        try:
            answer = connections.request(
                "POST", url, body=letter.body, headers=headers, timeout=_ANSWER_WITHIN,
                retries=False, redirect=False,
            )  # fmt: skip
            status = answer.status
        except urllib3.exceptions.HTTPError:
            status = 0
        self._settle(letter, status, int((time.monotonic() - started) * 1000))

    def _settle(self, letter: _Letter, status: int, took_ms: int) -> None:
        now = self._world.now()
        count = len(letter.elements)
        self.log.append(Delivered(now, status, took_ms, letter.attempt, count, letter.body))
        if status == 200:
            self.acknowledged.add(hashlib.sha256(letter.body).digest())
        self._world.note(_happening(letter, now, status, took_ms))
        self._judge(letter, status == 200, now)
        waits = self.manner.retry_ms
        if status != 200 and letter.attempt < len(waits):
            again = _Letter(
                letter.url, letter.secret, letter.elements, letter.body, letter.attempt + 1
            )
            self._push(again, waits[letter.attempt])

    def _judge(self, letter: _Letter, succeeded: bool, now: int) -> None:
        """Take the subscription of accounts whose updates have failed for too long."""
        for name in {element.account for element in letter.elements}:
            if succeeded:
                self._failing_since.pop(name, None)
                continue
            since = self._failing_since.setdefault(name, now)
            patience = self.manner.unsubscribe_after_ms
            if patience and now - since >= patience:
                with self._world.lock:
                    account = self._world.accounts.get(name)
                    if account is not None:
                        self._world.add_account(dataclasses.replace(account, subscribed=()))


def _happening(letter: _Letter, now: int, status: int, took_ms: int) -> Happening:
    kinds = [_word(element) for element in letter.elements]
    account = letter.elements[0].account if letter.elements else ""
    return Happening(now, "webhook", ", ".join(kinds) or "body", status, took_ms, account)


def _word(element: Element) -> str:
    if element.field:
        return element.field
    if "message" in element.value:
        return "echo" if element.value["message"].get("is_echo") else "message"
    known = ("postback", "reaction", "read", "referral", "message_edit")
    return next((word for word in known if word in element.value), "update")
