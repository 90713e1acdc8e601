"""Find messages that may come too late, or before the person has written at all.

From the last message of the person, waits are added up along every path at their longest. A check
of the window begins anew: the message below it is sent only while it is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from igrules.errors import Note, Span
from igrules.language.conditions import (
    Joined,
    Said,
    Tree,
    heard_under,
    never_by,
    opens_window,
    sense,
)
from igrules.language.done import Call, Done, every
from igrules.language.flows import WrittenFlow
from igrules.language.place import Place
from igrules.language.reach import need_of, report_closed
from igrules.language.rules import Written
from igrules.language.ruleset import Hears
from igrules.language.values import write_duration
from igrules.language.walk import Walk, tapped

_HOUR = 3_600_000
WINDOW = 24 * _HOUR - 300_000
"""How late a message may come after the person's last one: 24 hours less 5 minutes."""
_PRIVATE = 7 * 24 * _HOUR
_NEVER = -1


class Elapsed(NamedTuple):
    """The longest times on the way here, in milliseconds; `_NEVER` where no path is like that.

    ``heard``: since the person's last message. ``unheard``: on paths on which no message of the
    person came so far. ``since``: since the event. ``replied`` are the private replies on the way.
    """

    heard: int = _NEVER
    unheard: int = _NEVER
    since: int = 0
    replied: frozenset[Span] = frozenset()


class Lateness:
    """Watches the time on the paths of an event that came by one trigger."""

    def __init__(self, hears: Hears, every: _All) -> None:
        self._hears = (hears,)
        self._every = every
        self._reach = hears.trigger.reaches.get("message", "no")

    def start(self) -> Elapsed:
        """The time when the event came."""
        return Elapsed(heard=0) if self._reach == "yes" else Elapsed(unheard=0)

    def outside(self) -> Elapsed:
        return Elapsed(unheard=0)

    def below(self, state: Elapsed, test: Tree | None, unless: Tree | None) -> Elapsed | None:
        if test is None and unless is None:
            return state
        name = self._hears[0].trigger.name
        if not heard_under(test, self._hears) or never_by(unless, name):
            return None
        if opens_window(test, name) or _refuses_closed(unless):
            return state._replace(heard=0, unheard=_NEVER)
        return state

    def meets(self, done: Done, state: Elapsed) -> None:
        need = need_of(done.step.action, done.step.options)
        if need == "private_reply":
            self._every.reply(done, state)
        elif need == "message" and self._reach != "no":
            if state.unheard != _NEVER:
                self._every.closed(done, self._hears[0], bool(state.replied))
            elif state.heard > WINDOW:
                self._every.late(done, state.heard)

    def behind(self, done: Done, state: Elapsed) -> Elapsed:
        if need_of(done.step.action, done.step.options) != "private_reply":
            return state
        return state._replace(replied=state.replied | {done.key})

    def answered(self, done: Done, state: Elapsed, took: int) -> Elapsed:
        state = self.behind(done, state)
        return Elapsed(heard=0, since=state.since + took, replied=state.replied)

    unanswered = answered

    def waited(self, done: Done, state: Elapsed, took: int) -> Elapsed:
        state = self.behind(done, state)
        return Elapsed(
            _later(state.heard, took), _later(state.unheard, took), state.since + took,
            state.replied,
        )  # fmt: skip

    def unread(self, state: Elapsed) -> Elapsed:
        return state._replace(heard=0, unheard=_NEVER)

    def failed(self, done: Done, state: Elapsed) -> Elapsed:
        return self.behind(done, state)

    def either(self, one: Elapsed, other: Elapsed) -> Elapsed:
        return Elapsed(
            max(one.heard, other.heard),
            max(one.unheard, other.unheard),
            max(one.since, other.since),
            one.replied | other.replied,
        )

    def entering(self, call: Call, state: Elapsed) -> Elapsed:
        return state

    def through(self, call: Call, state: Elapsed, change: Elapsed) -> Elapsed:
        """What was not heard of inside was heard of outside, so much earlier."""
        heard, unheard = change.heard, _NEVER
        if change.unheard != _NEVER:
            heard = max(heard, _later(state.heard, change.unheard))
            unheard = _later(state.unheard, change.unheard)
        return Elapsed(heard, unheard, state.since + change.since, state.replied | change.replied)

    def unreached(self, done: Done, last: Done) -> None:
        """Who looks for names says so."""


def _later(time: int, took: int) -> int:
    return time if time == _NEVER else time + took


def _refuses_closed(unless: Tree | None) -> bool:
    """Whether an ``unless`` keeps everybody out whose window is closed."""
    if isinstance(unless, Joined):
        return unless.mode == "any" and any(map(_refuses_closed, unless.parts))
    return isinstance(unless, Said) and _closes(unless)


def _closes(one: Said) -> bool:
    return one.condition.name == "window" and one.value == "closed"


class _All:
    """What is found on the paths of all triggers, each problem once."""

    def __init__(self, steps: Iterable[Sequence[Done]], place: Place) -> None:
        self._place = place
        self._guards = _Guards(steps)
        self._told: set[tuple[str, Span]] = set()
        self._closed: dict[tuple[Span, bool], tuple[Done, list[str]]] = {}

    def _is_new(self, code: str, span: Span) -> bool:
        new = (code, span) not in self._told
        self._told.add((code, span))
        return new

    def closed(self, done: Done, hears: Hears, replied: bool) -> None:
        """The person has not written: nothing can be sent."""
        names = self._closed.setdefault((done.key, replied), (done, []))[1]
        if hears.trigger.name not in names:
            names.append(hears.trigger.name)

    def report(self) -> None:
        """Say of all triggers together what cannot be sent."""
        for (span, replied), (done, names) in self._closed.items():
            report_closed(done.step.action, span, names, done.place, replied=replied)

    def late(self, done: Done, time: int) -> None:
        """The window may be closed by then."""
        if self._is_new("IGR304", done.key):
            name, shown = done.step.action.name, write_duration(time)
            message = f"this '{name}' may come {shown} after the person's last message"
            help = "add  if: {window: open}  to this step: 24 hours later nothing is delivered"
            self._place.problem("IGR304", done.key, message, help)

    def reply(self, done: Done, state: Elapsed) -> None:
        """A private reply: the only one, and within 7 days."""
        if state.since > _PRIVATE and self._is_new("IGR305", done.key):
            shown = write_duration(state.since)
            message = f"this private reply may come {shown} after the comment, 7 days are allowed"
            self._place.problem("IGR305", done.key, message, "move it above the waits")
        for first in sorted(state.replied, key=lambda span: (span.file, span.line, span.column)):
            if self._guards.may_meet(first, done.key) and self._is_new("IGR305", done.key):
                self._place.problem(
                    "IGR305",
                    done.key,
                    "a comment gets one private reply, and this is the second",
                    "join the two texts, or let their conditions exclude each other",
                    notes=(Note(first, "the first one"),),
                )


class _Guards:
    """Under which conditions private replies stand, to tell those that exclude each other."""

    def __init__(self, lists: Iterable[Sequence[Done]]) -> None:
        self._found: dict[Span, tuple[frozenset[object], frozenset[object]]] = {}
        for steps in lists:
            self._note(steps, frozenset(), frozenset())

    def _note(
        self, steps: Iterable[Done], tests: frozenset[object], refused: frozenset[object]
    ) -> None:
        for done in steps:
            inside = tests | _senses(done.test), refused | _senses(done.unless)
            if need_of(done.step.action, done.step.options) == "private_reply":
                self._found[done.key] = inside
            for listed in done.lists:
                below = inside[0] | _senses(listed.test), inside[1] | _senses(listed.unless)
                self._note(listed.steps, *below)

    def may_meet(self, first: Span, second: Span) -> bool:
        """Whether both may be carried out by one run."""
        nothing: tuple[frozenset[object], frozenset[object]] = (frozenset(), frozenset())
        one, other = self._found.get(first, nothing), self._found.get(second, nothing)
        return not (one[0] & other[1] or one[1] & other[0])


def _senses(tree: Tree | None) -> frozenset[object]:
    return frozenset() if tree is None else frozenset({sense(tree)})


class _Walks:
    """The walks of all triggers, over one set of findings."""

    def __init__(self, every: _All, flows: Mapping[str, WrittenFlow]) -> None:
        self._every = every
        self._flows = flows
        self._found: dict[str, tuple[Lateness, Walk[Elapsed]]] = {}

    def begin(
        self,
        hears: Hears,
        steps: Sequence[Done],
        test: Tree | None = None,
        unless: Tree | None = None,
    ) -> None:
        """Follow the steps from an event of this trigger."""
        name = hears.trigger.name
        if name not in self._found:
            watch = Lateness(hears, self._every)
            self._found[name] = watch, Walk(watch, self._flows)
        watch, walk = self._found[name]
        start = watch.below(watch.start(), test, unless)
        if start is not None:
            walk.begin(steps, start)

    def enter_flows(self) -> None:
        """Follow the flows that were started on the way."""
        for _, walk in self._found.values():
            walk.enter_flows()


def check_lateness(
    rules: Iterable[Written], flows: Mapping[str, WrittenFlow], place: Place
) -> None:
    """Report messages outside the window, before the person wrote, and private replies that are
    too many or too late."""
    rules = tuple(rules)
    lists = [one.steps for one in rules]
    lists += [one.steps for one in flows.values() if one.place.callers]
    found = _All(lists, place)
    walks = _Walks(found, flows)
    for written in rules:
        at_once = not any(done.calls or done.step.action.parks for done in every(written.steps))
        for hears in written.rule.hears:
            if not (at_once and hears.trigger.reaches.get("message") == "yes"):
                walks.begin(hears, written.steps, written.test, written.unless)
    for steps in lists:
        for listed in tapped(steps):
            for hears in listed.steps[0].around.hears:
                walks.begin(hears, listed.steps)
    walks.enter_flows()
    found.report()
