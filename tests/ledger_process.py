"""Work on a ledger without any server: what processes do whose end is the test.

`Store` acknowledges bodies and notes each in ``acknowledged``; `Work` splits, decides and "calls
the platform", which executes by noting the key in ``executed``. Notes are written in one piece, so
a kill leaves whole lines.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from pathlib import Path

from igrules.errors import LeaseLost, Stale
from igrules.ledger import DueSend, Finding, Lane, Ledger, NewDelivery, Ready, StoredEvent
from igrules.model import Decision, Effect, Mark, Sent
from tests.ledgering import body, dm, read

LEASE, QUIET, DEADLINE = 700, 300, 200
PEOPLE = 7


def clock() -> int:
    """Milliseconds UTC."""
    return time.time_ns() // 1_000_000


class Notes:
    """A file to which whole lines are added, also by several processes at once. It is open for as
    long as somebody holds this."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        weakref.finalize(self, os.close, self._file)

    def add(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())


class Store:
    """Acknowledges groups of updates; the first of each group comes twice."""

    def __init__(self, ledger: Ledger, notes: Notes, now: Callable[[], int] = clock) -> None:
        self._ledger, self._notes, self._now = ledger, notes, now
        self._app = ledger.apps.list()[0]

    def group(self, number: int) -> None:
        keys = [f"m{n:05}" for n in range(number, number + 3)]
        updates = [dm(key, f"p{int(key[1:]) % PEOPLE}", occurred_at=self._now()) for key in keys]
        bodies = [body(*updates), body(updates[0])]
        self._ledger.deliveries.store(
            [NewDelivery(self._app.id, None, one, self._now()) for one in bodies]
        )
        for key in keys:
            self._notes.add(key)


class Work:
    """Splits, decides and sends: two messages for each event, the first begun with its decision."""

    def __init__(
        self, ledger: Ledger, notes: Notes, name: str, now: Callable[[], int] = clock
    ) -> None:
        self._ledger, self._notes, self._name, self._now = ledger, notes, name, now
        self._turns = 0

    def turn(self) -> bool:
        """Split and work what is due. False when nothing was."""
        self._turns += 1
        split = self._ledger.deliveries.split(read, self._now(), limit=5).deliveries
        self._ledger.lanes.sweep(self._now())
        owner = f"{self._name}.{self._turns}"
        lanes = self._ledger.lanes.claim(owner, self._now(), lease=LEASE, limit=2)
        for lane in lanes:
            try:
                self._take(lane)
            except LeaseLost:
                continue
        return bool(split or lanes)

    def _take(self, lane: Lane) -> None:
        ledger = self._ledger
        ledger.sends.cut_off(lane, self._now())
        due = [doubt.id for doubt in ledger.sends.doubts(lane, self._now()) if doubt.is_due]
        ledger.sends.conclude(lane, {id: Finding("unsure") for id in due}, self._now())
        for _ in range(8):
            send = ledger.sends.next(lane, self._now())
            if isinstance(send, DueSend):
                ready = ledger.sends.begin(
                    lane, send, self._now(), lease=LEASE, quiet=QUIET, deadline=lambda _: DEADLINE,
                    rate_scale=1_000,
                )  # fmt: skip
                if isinstance(ready, Ready):
                    self._call(ready)
                continue
            stored = ledger.lanes.next_event(lane, self._now())
            if stored is None:
                break
            self._decide(lane, stored)
        ledger.lanes.release(lane, self._now())

    def _decide(self, lane: Lane, stored: StoredEvent) -> None:
        (event,) = read(stored.body, stored.received_at)
        names = {"r": 1} if int(event.key[1:]) % 5 == 0 else {}
        facts = self._ledger.lanes.facts(lane, event, self._now(), marks_all=names)
        effects = tuple(
            Effect("text", lane.person, {"text": f"{event.key} {n}"}, key=f"{event.key}.{n}",
                   rule="r")
            for n in (1, 2)
        )  # fmt: skip
        decision = Decision("answered", effects=effects, marks=(Mark("r", self._now()),))
        try:
            ready = self._ledger.lanes.record(
                lane, stored, decision, self._now(), version=1, lease=LEASE, quiet=QUIET,
                deadline=lambda _: DEADLINE, facts=facts, rate_scale=1_000,
            )  # fmt: skip
        except Stale:
            return
        if ready is not None:
            self._call(ready)

    def _call(self, ready: Ready) -> None:
        self._notes.add(f"{ready.effect.target} {ready.effect.key}")
        receipt = Sent(f"mid.{ready.effect.key}")
        self._ledger.sends.settle(ready.send_id, ready.attempt, receipt, self._now())
