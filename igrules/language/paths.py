"""Follow the paths a run may take, to count the messages that answer one event.

Branches are alternatives. A question or a wait begins anew: what comes after it answers another
event, or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from igrules.errors import Span
from igrules.language.done import Done
from igrules.language.flows import WrittenFlow
from igrules.language.nodes import Scalar
from igrules.language.place import Place
from igrules.language.rules import Written
from igrules.language.ruleset import Hears
from igrules.language.steps import messages_of

MOST_MESSAGES = 5


def check_messages(
    rules: Iterable[Written], flows: Mapping[str, WrittenFlow], place: Place
) -> None:
    """Report paths on which more messages answer one event than may, by whatever trigger."""
    counts = _Counts(flows, place)
    for written in rules:
        for hears in written.rule.hears:
            counts.of(hears.trigger.name).along(written.steps, 0)


class _Counts:
    """One count for each trigger, so that a flow is followed once for all its callers."""

    def __init__(self, flows: Mapping[str, WrittenFlow], place: Place) -> None:
        self.flows = flows
        self.place = place
        self.told: set[Span] = set()
        self._found: dict[str, _Count] = {}
        self._tapped: set[int] = set()

    def of(self, trigger: str) -> _Count:
        """The count of events of one trigger."""
        if trigger not in self._found:
            self._found[trigger] = _Count(trigger, self)
        return self._found[trigger]

    def after_tap(self, steps: tuple[Done, ...]) -> None:
        """Follow the steps that a tap begins, by its own trigger."""
        if id(steps) not in self._tapped:
            self._tapped.add(id(steps))
            for hears in steps[0].hears if steps else ():
                self.of(hears.trigger.name).along(steps, 0)


class _Count:
    """Counts along the paths of an event that came by one trigger."""

    def __init__(self, trigger: str, counts: _Counts) -> None:
        self._trigger = trigger
        self._counts = counts
        self._seen: dict[tuple[str, int], int] = {}

    def along(self, steps: Iterable[Done], count: int) -> int:
        """How many messages the longest path has behind these steps, after ``count`` before."""
        for done in steps:
            if self._hears(done.hears):
                count = self._behind(done, count)
        return count

    def _behind(self, done: Done, count: int) -> int:
        count += messages_of(done.step, self._counts.place, Scalar(done.step.action.name, done.key))
        if count > MOST_MESSAGES:
            self._report(done.key)
            count = 0
        if done.step.action.parks and done.step.action.waits is not None:
            count = 0
        behind = [count]
        for listed in done.lists:
            if listed.begins:
                self._counts.after_tap(listed.steps)
                continue
            after = self.along(listed.steps, count)
            behind += [] if listed.ends else [after]
        behind += [self._through(one.flow, count) for one in done.calls]
        return max(behind)

    def _through(self, name: str, count: int) -> int:
        """How many there are behind a flow."""
        flow = self._counts.flows.get(name)
        if flow is None:
            return count
        if (name, count) not in self._seen:
            self._seen[name, count] = count
            self._seen[name, count] = self.along(flow.steps, count)
        return self._seen[name, count]

    def _hears(self, hears: tuple[Hears, ...]) -> bool:
        return any(one.trigger.name == self._trigger for one in hears)

    def _report(self, span: Span) -> None:
        if span not in self._counts.told:
            self._counts.told.add(span)
            message = f"more than {MOST_MESSAGES} messages answer one event"
            help = "put several sentences into one text"
            self._counts.place.problem("IGR112", span, message, help)
