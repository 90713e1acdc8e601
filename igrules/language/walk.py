"""Follow every path a run may take, with what is known on it.

What is known is a value, and a `Watch` says how steps change it. Where paths meet again, both are
joined to one; where none goes on, nothing is known and nothing is reached.

Why each flow twice and no more: first without looking at callers, to know what it changes, then
with everything its callers bring, to report. However often flows are started, the time is linear.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from igrules.language.conditions import Tree
from igrules.language.done import Call, Done, Listed, every
from igrules.language.flows import WrittenFlow
from igrules.language.parking import Parking, parking

S = TypeVar("S")


class Watch(Protocol[S]):
    """Says what is known along a path, and reports what it finds there."""

    def outside(self) -> S:
        """What is known where a flow begins, when nothing is known of its callers."""

    def below(self, state: S, test: Tree | None, unless: Tree | None) -> S | None:
        """Where ``test`` holds and ``unless`` does not; ``None`` when that can never be."""

    def meets(self, done: Done, state: S) -> None:
        """Look at a step that is about to be carried out."""

    def behind(self, done: Done, state: S) -> S:
        """Behind a step that waits for nobody."""

    def answered(self, done: Done, state: S, took: int) -> S:
        """After the message a step waited for, at most ``took`` milliseconds long."""

    def unanswered(self, done: Done, state: S, took: int) -> S:
        """After a message that was no answer."""

    def waited(self, done: Done, state: S, took: int) -> S:
        """After a time in which nobody wrote."""

    def unread(self, state: S) -> S:
        """Behind a step of which nobody knows what it does."""

    def failed(self, done: Done, state: S) -> S:
        """After a step that failed."""

    def either(self, one: S, other: S) -> S:
        """What is known where two paths meet."""

    def entering(self, call: Call, state: S) -> S:
        """At the beginning of a flow that is started here."""

    def through(self, call: Call, state: S, change: S) -> S:
        """Behind a flow that leads from `outside` to ``change``."""

    def unreached(self, done: Done, last: Done) -> None:
        """Note a step no path leads to; ``last`` is the one before it."""


class Walk(Generic[S]):
    """Follows paths for one watch. Flows must not start each other in a circle."""

    def __init__(self, watch: Watch[S], flows: Mapping[str, WrittenFlow]) -> None:
        self._watch = watch
        self._flows = flows
        self._changes: dict[str, S | None] = {}
        self._entries: dict[str, S] = {}
        self._silent = 0

    def begin(self, steps: Sequence[Done], state: S) -> None:
        """Follow steps with which a run begins."""
        self._along(steps, state)

    def enter_flows(self) -> None:
        """Follow the flows that were started on the way; ``flows`` come callers first."""
        for name, flow in self._flows.items():
            if name in self._entries:
                self._along(flow.steps, self._entries[name])

    def _along(self, steps: Sequence[Done], state: S | None) -> S | None:
        """What is known behind the steps, ``None`` when no path leads out of them."""
        for number, done in enumerate(steps):
            if state is None:
                if number and not self._silent:
                    self._watch.unreached(done, steps[number - 1])
                return None
            state = self._past(done, state)
        return state

    def _past(self, done: Done, state: S) -> S | None:
        inside = self._watch.below(state, done.test, done.unless)
        if inside is None:
            return state
        if not self._silent:
            self._watch.meets(done, inside)
        return self._joined([*self._ends(done, inside), self._beside(done, state)])

    def _beside(self, done: Done, state: S) -> S | None:
        """What is known where the step is skipped; ``None`` when it never is."""
        test, unless = done.test, done.unless
        if test is not None and unless is not None:
            return state
        return None if test is unless else self._watch.below(state, unless, test)

    def _joined(self, ends: Iterable[S | None]) -> S | None:
        joined: S | None = None
        for end in ends:
            if end is not None:
                joined = end if joined is None else self._watch.either(joined, end)
        return joined

    def _ends(self, done: Done, state: S) -> Iterator[S | None]:
        """What is known behind a step, by each way that leads on from it."""
        action, watch = done.step.action, self._watch
        if action.name == "stop":
            return
        if done.is_unread:
            yield self._past_unread(done, watch.unread(state))
            return
        if done.step.on_error == "continue":
            yield watch.failed(done, state)
        parks = parking(done)
        branches = [one for one in done.lists if not one.begins and not one.ends]
        self._dead_ends(done, state, parks)
        if parks is not None:
            yield from self._parked(done, state, parks)
        elif done.calls:
            for call in done.calls:
                yield self._through(call, state)
        elif branches:
            yield from self._branches(done, branches, state)
        else:
            yield watch.behind(done, state)

    def _past_unread(self, done: Done, state: S) -> S:
        for listed in done.lists:
            if not listed.begins:
                self._along(listed.steps, state)
        return state

    def _dead_ends(self, done: Done, state: S, parks: Parking | None) -> None:
        """Steps below this one after which the run is over."""
        for listed in done.lists:
            if listed.ends:
                self._along(listed.steps, self._start(done, listed, state, parks))

    def _start(self, done: Done, listed: Listed, state: S, parks: Parking | None) -> S:
        if parks is None or listed.label == "on_error":
            return self._watch.failed(done, state)
        if listed.label == "on_timeout":
            return self._watch.waited(done, state, parks.timeout)
        return self._watch.unanswered(done, state, parks.timeout)

    def _parked(self, done: Done, state: S, parks: Parking) -> Iterator[S]:
        if parks.by_message:
            yield self._watch.answered(done, state, parks.timeout)
        if parks.by_wrong_message:
            yield self._watch.unanswered(done, state, parks.timeout)
        if parks.by_time is not None:
            yield self._watch.waited(done, state, parks.by_time)

    def _branches(self, done: Done, branches: Sequence[Listed], state: S) -> Iterator[S | None]:
        """One of several lists is carried out, the first whose conditions hold."""
        rest: S | None = state
        for listed in branches:
            if rest is None:
                return
            start = self._watch.below(rest, listed.test, listed.unless)
            if start is not None:
                yield self._along(listed.steps, start)
            if listed.unless is None and listed.test is not None:
                rest = self._watch.below(rest, None, listed.test)
        if all(listed.test is not None or listed.unless is not None for listed in branches):
            yield rest if rest is None else self._watch.behind(done, rest)

    def _through(self, call: Call, state: S) -> S | None:
        if call.flow not in self._flows:
            return state
        if not self._silent:
            entering = self._watch.entering(call, state)
            known = self._entries.get(call.flow)
            self._entries[call.flow] = (
                entering if known is None else self._watch.either(known, entering)
            )
        change = self._change(call.flow)
        return None if change is None else self._watch.through(call, state, change)

    def _change(self, name: str) -> S | None:
        """What a flow makes of nothing known; ``None`` when the run always ends in it."""
        if name not in self._changes:
            self._silent += 1
            self._changes[name] = self._along(self._flows[name].steps, self._watch.outside())
            self._silent -= 1
        return self._changes[name]


def tapped(steps: Iterable[Done]) -> Iterator[Listed]:
    """All lists below the steps that a tap begins: no path leads to them."""
    for done in every(steps):
        yield from (listed for listed in done.lists if listed.begins and listed.steps)
