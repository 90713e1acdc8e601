"""Whatever happens to a send, in whatever order: one that is to be repeated only when it is proved
missing is carried out once at most."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings as how, strategies as some

from igrules.errors import Conflict
from igrules.ledger import DueSend, Finding, Lane, Ledger, Ready, Unsettled
from igrules.ledger.doubts import Word, where
from igrules.model import Effect, Event, NotDone, Receipt, Sent, Unknown
from tests.ledgering import DEADLINE, LEASE, NOW, QUIET, World, private, public, text
from tests.sizes import load

STEPS = (
    "executed, answered", "executed, unclear", "late, unclear", "not executed, refused for now",
    "not executed, unclear",
    "executed, crash", "late, crash", "not executed, crash", "late receipt", "echo", "look",
    "nobody can look", "a person says", "a person discards",
)  # fmt: skip
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory: Path = tmp_path_factory.mktemp("histories")
    ledger = Ledger.open(str(directory / "a.db"), directory / "state")
    yield World(ledger)
    ledger.close()


def forget(world: World) -> None:
    """Let nothing be left of the history before: it would be due as well, and five calls that are
    unclear in a row stop the account."""
    db = world.ledger._db
    with db.transaction():
        for table, change in (
            ("lane", "due = NULL, owner = NULL"),
            ("send", "state = 'dropped'"),
            ("account", "strikes = 0"),
        ):
            db.run(f"UPDATE {table} SET {change}")
        db.run("DELETE FROM hold")


class History:
    """One send, the platform that carries it out or does not, and the time."""

    def __init__(self, world: World, effect: Effect) -> None:
        self.world, self.effect = world, effect
        self.person = f"h{next(_NUMBERS)}"
        self.now = NOW
        self.executed = 0
        self.owed: list[tuple[Ready, Receipt]] = []
        """Receipts that have not arrived yet."""
        forget(world)
        self.lane: Lane | None = world.answer(
            effect, now=NOW, person=self.person, key=f"m-{self.person}"
        )

    def step(self, what: str) -> None:
        """Let this happen, if it can."""
        if what == "late receipt":
            if self.owed:
                self._settle(*self.owed.pop(0))
        elif what == "echo":
            self._echo()
        elif what.startswith("a person"):
            self._say("discard" if what.endswith("discards") else "")
        elif self._claimed():
            if what in ("look", "nobody can look"):
                self._look(what == "look")
            else:
                self._call(*what.split(", "))

    def _claimed(self) -> bool:
        """Hold the lane, however long that takes."""
        if self.lane is None:
            self.now += DEADLINE + LEASE
            found = self.world.ledger.lanes.claim("w", self.now, lease=LEASE, limit=500)
            self.lane = next((lane for lane in found if lane.person == self.person), None)
            for lane in found:
                if lane.person != self.person:
                    self.world.ledger.lanes.release(lane, self.now)
        return self.lane is not None

    def _call(self, does: str, answers: str) -> None:
        """Make the next call, if one is due."""
        lane = self.lane
        assert lane is not None  # the caller holds it
        send = self.world.ledger.sends.next(lane, self.now)
        if not isinstance(send, DueSend):
            return
        ready = self.world.ledger.sends.begin(
            lane, send, self.now, lease=LEASE, quiet=QUIET, deadline=lambda _: DEADLINE
        )
        if not isinstance(ready, Ready):
            return
        done = does in ("executed", "late")
        self.executed += done
        mid = f"mid.{self.person}.{ready.attempt}"
        if answers == "answered":
            self._settle(ready, Sent(mid))
        elif answers == "refused for now":
            self._settle(ready, NotDone(after=0))
        elif answers == "unclear":
            self._settle(ready, Unknown("timeout"))
        else:
            self.owed.append((ready, Sent(mid) if done else NotDone(after=0)))
            self.lane = None

    def _settle(self, ready: Ready, receipt: Receipt) -> None:
        self.world.settle(ready, receipt, self.now)

    def _look(self, honest: bool) -> None:
        """Let the quiet time pass and look; the platform shows what is there."""
        lane = self.lane
        assert lane is not None  # the caller holds it
        sends = self.world.ledger.sends
        self.now += DEADLINE + QUIET
        if not isinstance(sends.next(lane, self.now), Unsettled):
            return
        sends.cut_off(lane, self.now)
        seen = self.executed if where(self.effect) != "nowhere" else None
        word: Word = "unsure" if not honest or seen is None else "found" if seen else "absent"
        due = [doubt.id for doubt in sends.doubts(lane, self.now) if doubt.is_due]
        sends.conclude(lane, {id: Finding(word, "conversation") for id in due}, self.now)

    def _echo(self) -> None:
        if not self.executed or self.lane is None:
            return
        words = str(self.effect.payload["text"])
        kind = "own" if self.effect.kind == "reply" else "echo"
        event = Event(kind, "17", self.person, ref=f"e.{self.person}", text=words,
                      parent=self.effect.target)  # fmt: skip
        self.world.ledger.lanes.echo(self.lane, event, self.now)

    def _say(self, verdict: str) -> None:
        """Somebody has looked into the conversation."""
        row = next(row for row in self.world.scope.sends(1) if row.person == self.person)
        said = verdict or ("sent" if self.executed else "retry")
        if row.state == "parked":
            try:
                self.world.scope.settle_send(row.id, said, self.now)
            except Conflict:
                return


@given(
    kind=some.sampled_from(("text", "reply", "private_reply")),
    policy=some.sampled_from(("", "park", "strict")),
    steps=some.lists(some.sampled_from(STEPS), max_size=14),
)
@how(
    max_examples=load(40, 4_000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_history_carries_a_send_out_twice(
    world: World, kind: str, policy: str, steps: list[str]
) -> None:
    number = next(_NUMBERS)
    make = {"text": text, "reply": public, "private_reply": private}[kind]
    about = {"target": f"h{number + 1}"} if kind == "text" else {"comment": f"c{number}"}
    if kind == "private_reply" and not policy:
        policy = "park"
    history = History(world, make(f"k{number}", on_doubt=policy, **about))

    for step in steps:
        history.step(step)

    assert history.executed <= 1, world.scope.sends(1)
    assert world.ledger.stats(None)["double_sends"] == 0
