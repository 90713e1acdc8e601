"""The ledger against a model of it: whatever is done to it in whatever order, both say the same.

A step is one thing a process can do or suffer. After each, every send and every event is compared,
and what was executed at the other side is counted. Time is handed in and nobody sleeps.
"""

from __future__ import annotations

import sys

from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)  # fmt: skip

import igrules.ledger.epochs as epochs
from tests.delivery_model import NEVER, OPEN
from tests.delivery_workers import Workers


class Machine(Workers):
    """All there is: workers, operators, and time."""

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.come_to_rest()
        finally:
            self.home.close(self.world)

    @rule(seconds=st.sampled_from((1, 6, 31, 140)))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * 1_000

    @precondition(lambda self: not self.paused and self.calls)
    @rule(rarely=st.integers(0, 3))
    def pause(self, rarely: int) -> None:
        if rarely:
            return
        self.world.ledger.pause("tenant", str(self.world.tenant.id), self.now)
        self.paused = True

    @precondition(lambda self: self.paused)
    @rule(send_waiting=st.booleans())
    def resume(self, send_waiting: bool) -> None:
        self.world.ledger.resume(
            "tenant", str(self.world.tenant.id), self.now, send_waiting=send_waiting
        )
        self.paused = False
        for said in self.said():
            if said.state == "pending" and (said.why == "paused" or said.at <= self.now):
                said.at, said.why = self.now, ""
                if not send_waiting:
                    said.end("skipped")

    @precondition(lambda self: not self.restored and self.executed)
    @rule(rarely=st.integers(0, 2))
    def restore(self, rarely: int) -> None:
        """A backup was put back, and everybody starts anew."""
        if rarely:
            return
        with self.world.ledger._db.transaction() as db:
            epochs.begin(db, self.now)
        self.home.reopen(self.world)
        self.world.ledger.lanes.sweep(self.now)
        self.restored = True
        self.hands.clear()
        for talk in self.talks.values():
            self.old.update(talk.open)
            talk.owned = False
            talk.runs.clear()
        for said in self.said():
            if said.state in OPEN:
                said.set_aside(self.now)

    @precondition(lambda self: self.restored)
    @rule()
    def resume_after_restore(self) -> None:
        self.world.ledger.resume_after_restore(self.now)
        self.restored = False
        for said in self.said():
            said.look_for(self.now)
            if said.state == "pending" and said.why == "restored":
                said.at, said.why = self.now, ""

    def come_to_rest(self) -> None:
        """In the end all is decided and settled, whatever has happened."""
        if self.restored:
            self.resume_after_restore()
        if self.paused:
            self.resume(True)
        self.hands.clear()
        for call in self.calls:
            call.waits = False
        for _ in range(200):
            self.claim(8)
            if not self.hands:
                due = min(talk.due() for talk in self.talks.values())
                if due == NEVER:
                    break
                self.now = max(self.now + 1, due)
            while self.hands:
                self.step(0, True)
            for call in [call for call in self.calls if call.waits]:
                self.carry_out(call)
                self.receive(call, "sent")
            self.agrees()
        assert not [said for said in self.said() if said.state in OPEN]
        assert not any(talk.open or talk.runs for talk in self.talks.values())
