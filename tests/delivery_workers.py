"""Workers on one ledger, step by step: they take conversations, work, lose them and die."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)  # fmt: skip

from igrules.errors import LeaseLost
from igrules.ledger import DueRun, DueSend, Lane, Ready, StoredEvent, Unsettled, Wait
from igrules.ledger.doubts import ABSENT, FOUND, Finding
from igrules.model import Decision, Effect
from tests.delivery_model import MINUTE, NEVER, OPEN, Said, Talk
from tests.delivery_platform import ANSWERS, KINDS, NUMBERS, PEOPLE, Call, Platform, pick
from tests.ledgering import DEADLINE, LEASE, QUIET, public, read, text
from tests.parking import question

SCALE = 1_000_000
"""How fast a conversation may go is a matter of its own."""


class Workers(Platform):
    """The platform, and those who work for it."""

    def must_be_found(self) -> set[str]:
        return {person for person, talk in self.talks.items() if talk.due() <= self.now}

    @precondition(lambda self: self.must_be_found())
    @rule(limit=st.sampled_from((1, 8)))
    def claim(self, limit: int) -> None:
        must = self.must_be_found()
        may = {p for p, t in self.talks.items() if not t.owned or t.until <= self.now}
        lanes = self.world.claim(self.now, f"w{next(self.numbers) % 2}", limit)
        got = {lane.person for lane in lanes}
        unreleased = {person for person in got if self.talks[person].owned}
        assert got <= may
        assert bool(got) >= bool(must)
        assert len(got) <= (1 if unreleased else limit)
        missed = set() if limit == 1 or unreleased or self.any_unreleased(must) else must - got
        assert not missed, [(self.now, self.talks[person]) for person in missed]
        for lane in lanes:
            talk = self.talks[lane.person]
            talk.claim(self.now)
            assert (lane.fence, lane.deaths) == (talk.fence, talk.deaths)
            assert lane.poisoned == (talk.deaths >= 3)
        self.hands += lanes

    def any_unreleased(self, people: set[str]) -> bool:
        return any(self.talks[person].owned for person in people)

    @precondition(lambda self: self.must_be_found())
    @rule(limit=st.sampled_from((1, 8)), steps=st.integers(1, 4), at_once=st.booleans())
    def claim_and_work(self, limit: int, steps: int, at_once: bool) -> None:
        """As workers do, who do not wait between a claim and their turn."""
        self.claim(limit)
        for _ in range(steps):
            if self.hands and not any(call.waits for call in self.calls):
                self.step(len(self.hands) - 1, at_once)

    @rule(
        person=st.sampled_from(PEOPLE), kind=st.sampled_from(KINDS), steps=st.integers(1, 9),
        done=st.booleans(), word=st.sampled_from(("", *sorted(ANSWERS))),
    )  # fmt: skip
    def converse(self, person: str, kind: str, steps: int, done: bool, word: str) -> None:
        """A message is worked on, its call is answered, or its worker dies in it."""
        self.deliver(person, kind)
        self.claim(8)
        for n in range(steps):
            if self.hands:
                self.step(len(self.hands) - 1, n % 2 == 0)
            if not any(call.waits for call in self.calls):
                continue
            if word:
                self.answer(len(self.calls) - 1, done, word)
            elif self.hands:
                self.crash(len(self.hands) - 1)

    @precondition(lambda self: self.hands)
    @rule(n=NUMBERS, at_once=st.booleans())
    def step(self, n: int, at_once: bool) -> None:
        """The next thing of a turn; whoever has lost the lane changes nothing."""
        lane = pick(self.hands, n)
        if self.is_ours(lane):
            self.work(lane, at_once)
            return
        self.hands.remove(lane)
        with pytest.raises(LeaseLost):
            self.work(lane, at_once)

    @precondition(lambda self: self.hands)
    @rule(n=NUMBERS)
    def crash(self, n: int) -> None:
        """A worker is gone, and nobody waits for its call."""
        lane = pick(self.hands, n)
        self.hands.remove(lane)
        for call in self.calls:
            if call.talk is self.talks[lane.person] and call.send.fence == lane.fence:
                call.waits = False

    @precondition(lambda self: any(self.is_ours(lane) for lane in self.hands))
    @rule(n=NUMBERS)
    def give_back(self, n: int) -> None:
        """A turn is over before everything is done."""
        self.release(pick([lane for lane in self.hands if self.is_ours(lane)], n))

    @precondition(lambda self: not self.must_be_found())
    @rule()
    def next_thing_is_due(self) -> None:
        due = min(talk.due() for talk in self.talks.values())
        self.now = max(self.now + 1, due if due < NEVER else 0)

    @precondition(lambda self: self.calls)
    @rule(times=st.integers(1, 4))
    def much_later(self, times: int) -> None:
        """Others go on with what somebody has left, who may be frozen and not dead."""
        self.hands.clear()
        for _ in range(times):
            if not self.must_be_found():
                self.next_thing_is_due()
            self.claim(8)
            for _ in range(3):
                if self.hands:
                    self.step(len(self.hands) - 1, True)

    def is_ours(self, lane: Lane) -> bool:
        talk = self.talks[lane.person]
        return talk.owned and talk.fence == lane.fence

    def work(self, lane: Lane, at_once: bool) -> None:
        sends, lanes, talk = (
            self.world.ledger.sends,
            self.world.ledger.lanes,
            self.talks[lane.person],
        )
        ours = self.is_ours(lane)
        send = sends.next(lane, self.now)
        if isinstance(send, Unsettled):
            own = lanes.next_event(lane, self.now, only_own=True)
            if own is not None:
                self.decide(lane, own, at_once)
            else:
                assert not ours or talk.unsettled(self.now)
                self.settle_doubts(lane)
        elif isinstance(send, DueSend):
            assert not ours or send.effect.key in {said.key for said in talk.ready(self.now)}
            self.begin(lane, send)
        else:
            left = talk.ready(self.now) + talk.unsettled(self.now)
            assert not (ours and left), (self.now, left)
            stored = lanes.next_event(lane, self.now)
            due = lanes.next_run(lane, self.now) if stored is None else None
            if stored is not None:
                self.decide(lane, stored, at_once)
            elif due is not None:
                self.wake(lane, due)
            else:
                assert not ours or (not talk.open and talk.due_of_runs() > self.now)
                self.release(lane)

    def release(self, lane: Lane) -> None:
        self.world.ledger.lanes.release(lane, self.now)
        self.talks[lane.person].release()
        self.hands.remove(lane)

    def decide(self, lane: Lane, stored: StoredEvent, at_once: bool) -> None:
        talk, ledger = self.talks[lane.person], self.world.ledger
        if lane.poisoned and talk.deaths:
            ledger.lanes.quarantine(lane, stored, self.now, 1)
            talk.hold(None)
            self.closed(talk, stored.ref)
            return
        if stored.kind == "echo":
            self.hear(lane, stored)
        cause, kind = stored.ref.split(":", 1)
        effects = effects_of(cause, kind, lane.person)
        runs = (question(stored.id, wake_at=self.now + MINUTE, state="waiting", rule=cause),)
        decision = Decision("answered", effects=effects, runs=runs if kind == "wait" else ())
        ready = ledger.lanes.record(
            lane, stored, decision, self.now, version=1, lease=LEASE, quiet=QUIET,
            deadline=(lambda _: DEADLINE) if at_once else None, rate_scale=SCALE,
        )  # fmt: skip
        talk.hold(self.now + LEASE)
        old = stored.ref in self.old
        self.closed(talk, stored.ref)
        if kind == "wait" and not old:
            talk.runs[cause] = self.now + MINUTE
        # Where another one is open, the worker looks which is next.
        is_alone = not any(said.state in OPEN for said in talk.sends)
        self.add(talk, effects, old)
        first = talk.ready(self.now)[:1] if at_once and effects and is_alone else []
        if first and self.shut:
            self.put_off(talk, first.pop())
        begun = [ready.effect.key] if ready else []
        assert begun == [said.key for said in first], (self.now, talk)
        if ready:
            self.begun(talk, first[0], ready)

    def put_off(self, talk: Talk, said: Said) -> None:
        """Nothing goes out now. When to look again is the ledger's affair, if only it is later."""
        row = self.world.ledger._db.first(
            "SELECT not_before, reason FROM send WHERE key = ?", (said.key,)
        )
        assert row is not None
        assert row[0] > self.now
        talk.put_off(said, row[0], row[1])

    def hear(self, lane: Lane, stored: StoredEvent) -> None:
        """The echo proves it, whoever has the lane meanwhile."""
        (event,) = read(stored.body, stored.received_at)
        key = stored.ref.split(":", 1)[1]
        said = next(s for t in self.talks.values() for s in t.sends if s.key == key)
        assert self.world.ledger.lanes.echo(lane, event, self.now), said
        if said.state in ("sending", "doubt", "parked") or (
            said.doubts and said.state == "pending"
        ):
            said.state = "sent"

    def wake(self, lane: Lane, due: DueRun) -> None:
        talk = self.talks[lane.person]
        over = dataclasses.replace(due.run, state="ended", ended="done")
        effects = (text(f"{due.run.rule}.late", target=lane.person),)
        decision = Decision("answered", effects=effects, runs=(over,))
        self.world.ledger.lanes.record_wake(lane, due, decision, self.now, lease=LEASE)
        assert talk.runs.pop(due.run.rule) <= self.now
        talk.hold(self.now + LEASE)
        self.add(talk, effects, False)

    def begin(self, lane: Lane, send: DueSend) -> None:
        talk = self.talks[lane.person]
        ready = self.world.ledger.sends.begin(
            lane, send, self.now, lease=LEASE, quiet=QUIET, deadline=lambda _: DEADLINE,
            rate_scale=SCALE,
        )  # fmt: skip
        talk.hold(self.now + LEASE)
        said = next(said for said in talk.sends if said.key == send.effect.key)
        assert isinstance(ready, Ready) == (not self.shut)
        if isinstance(ready, Ready):
            self.begun(talk, said, ready)
        else:
            assert isinstance(ready, Wait)
            self.put_off(talk, said)
            assert (said.at, said.why) == (ready.until, ready.reason)

    def begun(self, talk: Talk, said: Said, ready: Ready) -> None:
        talk.begin(said, self.now)
        assert ready.attempt == said.attempt
        self.calls.append(Call(talk, said, ready))

    def settle_doubts(self, lane: Lane) -> None:
        """Cut-off calls are in doubt; after the quiet time somebody looks for them."""
        talk, sends = self.talks[lane.person], self.world.ledger.sends
        sends.cut_off(lane, self.now)
        doubts = {doubt.id: doubt for doubt in sends.doubts(lane, self.now) if doubt.is_due}
        found = {id: self.look(doubt.effect.key) for id, doubt in doubts.items()}
        if found:
            sends.conclude(lane, found, self.now)
        talk.hold(None)
        for said in talk.unsettled(self.now):
            if said.state == "sending":
                said.doubt()
        for said in talk.unsettled(self.now):
            talk.conclude(said, said.key in self.executed, self.now)

    def look(self, key: str) -> Finding:
        is_there = key in self.executed
        return Finding(FOUND, "conversation", f"e:{key}") if is_there else Finding(ABSENT)

    def closed(self, talk: Talk, ref: str) -> None:
        first_echo = next((one for one in talk.open if one.startswith("e")), "")
        assert ref in (talk.open[0], first_echo)
        talk.open.remove(ref)

    def add(self, talk: Talk, effects: tuple[Effect, ...], old: bool) -> None:
        for effect in effects:
            said = Said(effect.key, effect.track, effect.key.split(".")[0], self.now)
            if old:
                said.set_aside(self.now)
            if not self.restored:
                said.look_for(self.now)
            talk.sends.append(said)


def effects_of(cause: str, kind: str, person: str) -> tuple[Effect, ...]:
    """What a message of this kind is answered with."""
    first = text(f"{cause}.1", target=person)
    if kind == "two":
        return (first, text(f"{cause}.2", target=person))
    if kind == "comment":
        return (first, public(f"{cause}.3", comment=cause))
    return (first,) if kind == "wait" else ()
