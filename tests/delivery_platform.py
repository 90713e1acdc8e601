"""People and the platform around one ledger, and what has to hold after everything they do."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Protocol, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)  # fmt: skip

from igrules.ledger import Lane, Ready
from igrules.model import NotDone, Receipt, Refused, Sent, Unknown
from tests.delivery_model import Said, Talk
from tests.ledgering import NOW, World, dm

PEOPLE = ("ana", "ben")
KINDS = ("two", "comment", "wait", "none")
ANSWERS = {"unclear": Unknown("reset"), "not done": NotDone(5_000, "no", counts=False),
           "refused": Refused("no")}  # fmt: skip
T = TypeVar("T")
NUMBERS = st.integers(0, 60)


@dataclasses.dataclass
class Call:
    """A call on its way. ``waits``: somebody waits for its answer."""

    talk: Talk
    send: Said
    ready: Ready
    waits: bool = True
    done: bool = False
    answered: bool = False


class Home(Protocol):
    """Where ledgers come from: a fresh one for each example."""

    def world(self) -> World: ...
    def reopen(self, world: World) -> None: ...
    def close(self, world: World) -> None: ...


class Platform(RuleBasedStateMachine):
    """What comes in from outside, and what is compared; `home` is given by the test."""

    home: Home

    def __init__(self) -> None:
        super().__init__()
        self.world = self.home.world()
        self.now = NOW
        self.talks = {person: Talk() for person in PEOPLE}
        self.hands: list[Lane] = []
        self.calls: list[Call] = []
        self.refs: list[tuple[str, str]] = []
        self.executed: list[str] = []
        self.told: set[str] = set()
        self.paused = self.restored = False
        self.numbers = itertools.count(1)
        self.old: set[str] = set()

    @property
    def shut(self) -> str:
        """Why nothing may go out."""
        return "restored" if self.restored else "paused" if self.paused else ""

    def said(self) -> list[Said]:
        return [said for talk in self.talks.values() for said in talk.sends]

    # What people and the platform do.

    @initialize(kinds=st.tuples(*[st.sampled_from(KINDS)] * len(PEOPLE)))
    def begin_talking(self, kinds: tuple[str, ...]) -> None:
        for person, kind in zip(PEOPLE, kinds, strict=True):
            self.deliver(person, kind)

    @rule(person=st.sampled_from(PEOPLE), kind=st.sampled_from(KINDS))
    def deliver(self, person: str, kind: str) -> None:
        ref = f"m{next(self.numbers)}:{kind}"
        self.refs.append((person, ref))
        self.send_in(person, ref)

    @precondition(lambda self: self.refs)
    @rule(n=NUMBERS, rarely=st.integers(0, 2))
    def redeliver(self, n: int, rarely: int) -> None:
        if rarely:
            return
        person, ref = pick(self.refs, n)
        found = self.world.deliver(dm(ref, person), now=self.now)
        assert (found.events, found.duplicates) == (0, 1)

    @precondition(lambda self: self.untold())
    @rule(n=NUMBERS)
    def echo(self, n: int) -> None:
        """The platform tells of a message it has carried out."""
        key = pick(self.untold(), n)
        person = next(p for p, t in self.talks.items() if key in {s.key for s in t.sends})
        self.send_in(person, f"e:{key}", kind="echo", text=f"words of {key}")
        self.told.add(key)

    def untold(self) -> list[str]:
        return [key for key in self.executed if key not in self.told and not key.endswith(".3")]

    def send_in(self, person: str, ref: str, **about: str) -> None:
        found = self.world.deliver(dm(ref, person, **about), now=self.now)
        assert (found.events, found.duplicates) == (1, 0)
        self.talks[person].open.append(ref)

    @precondition(lambda self: any(self.may_be_done(call) for call in self.calls))
    @rule(n=NUMBERS)
    def execute(self, n: int) -> None:
        """The platform carries a call out, within the quiet time."""
        self.carry_out(pick([call for call in self.calls if self.may_be_done(call)], n))

    def may_be_done(self, call: Call) -> bool:
        return (
            not (call.done or call.answered) and self.now < call.ready.deadline_at + call.send.quiet
        )

    def carry_out(self, call: Call) -> None:
        call.done = True
        self.executed.append(call.send.key)

    @precondition(lambda self: any(call.waits for call in self.calls))
    @rule(n=NUMBERS, done=st.booleans(), word=st.sampled_from(sorted(ANSWERS)))
    def answer(self, n: int, done: bool, word: str) -> None:
        """The answer comes, in time or late, also to a worker that has lost its lane."""
        call = pick([call for call in self.calls if call.waits], n)
        if done and self.may_be_done(call):
            self.carry_out(call)
        self.receive(call, word)

    def receive(self, call: Call, word: str) -> None:
        """Many unclear ones in a row would stop the account, which is a matter of its own."""
        call.waits = False
        word = "sent" if call.done and word != "unclear" else word
        receipt: Receipt = ANSWERS.get(word) or Sent(f"e:{call.send.key}")
        call.answered = word != "unclear"
        call.talk.settle(call.send, call.ready.attempt, word, self.now)
        state = self.world.ledger.sends.settle(
            call.ready.send_id, call.ready.attempt, receipt, self.now
        )
        assert state == call.send.state, (state, word, call.send)
        self.world.ledger._db.run("UPDATE account SET strikes = 0, unclear = 0")

    # What holds after every step.

    @invariant()
    def agrees(self) -> None:
        db = self.world.ledger._db
        rows = db.all("SELECT key, state, attempt FROM send")
        real = {key: (state, attempt) for key, state, attempt in rows}
        meant = {said.key: (said.state, said.attempt) for said in self.said()}
        unlike = real.items() ^ meant.items()
        assert not unlike, (self.now, unlike)
        for person, talk in self.talks.items():
            rows = db.all(
                "SELECT i.ref FROM inbox i JOIN lane l ON l.id = i.lane_id WHERE i.state = 'open'"
                " AND l.person = ? ORDER BY i.id", (person,)
            )  # fmt: skip
            assert [row[0] for row in rows] == talk.open
        self.check_executed()

    def check_executed(self) -> None:
        """Nothing twice, nothing out of order, nothing called what it is not."""
        assert max(Counter(self.executed).values(), default=1) == 1
        for talk in self.talks.values():
            made = [said.key for said in talk.sends if said.track == "m"]
            done = [made.index(key) for key in self.executed if key in made]
            assert done == sorted(done), (self.now, talk, self.executed)
        wrong = ("skipped", "cancelled", "refused", "expired", "dead")
        assert not [s for s in self.said() if s.key in self.executed and s.state in wrong]
        assert not [s for s in self.said() if s.state == "sent" and s.key not in self.executed]


def pick(among: Sequence[T], n: int) -> T:
    return among[n % len(among)]
