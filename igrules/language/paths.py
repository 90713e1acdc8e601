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
    told: set[Span] = set()
    for written in rules:
        for hears in written.rule.hears:
            _Count(hears.trigger.name, flows, place, told).along(written.steps, 0)


class _Count:
    """Counts along the paths of an event that came by one trigger."""

    def __init__(
        self, trigger: str, flows: Mapping[str, WrittenFlow], place: Place, told: set[Span]
    ) -> None:
        self._trigger = trigger
        self._flows = flows
        self._place = place
        self._seen: dict[tuple[str, int], int] = {}
        self.told = told

    def along(self, steps: Iterable[Done], count: int) -> int:
        """How many messages the longest path has behind these steps, after ``count`` before."""
        for done in steps:
            if self._hears(done.hears):
                count = self._behind(done, count)
        return count

    def _behind(self, done: Done, count: int) -> int:
        count += messages_of(done.step, self._place, Scalar(done.step.action.name, done.key))
        if count > MOST_MESSAGES:
            self._report(done.key)
            count = 0
        if done.step.action.parks and done.step.action.waits is not None:
            count = 0
        behind = [count]
        for listed in done.lists:
            if listed.begins:
                self._after_tap(listed.steps)
                continue
            after = self.along(listed.steps, count)
            behind += [] if listed.ends else [after]
        behind += [self._through(one.flow, count) for one in done.calls]
        return max(behind)

    def _after_tap(self, steps: tuple[Done, ...]) -> None:
        """Follow the steps that a tap begins, by its own trigger."""
        for hears in steps[0].hears if steps else ():
            count = _Count(hears.trigger.name, self._flows, self._place, self.told)
            count.along(steps, 0)

    def _through(self, name: str, count: int) -> int:
        """How many there are behind a flow."""
        flow = self._flows.get(name)
        if flow is None:
            return count
        if (name, count) not in self._seen:
            self._seen[name, count] = count
            self._seen[name, count] = self.along(flow.steps, count)
        return self._seen[name, count]

    def _hears(self, hears: tuple[Hears, ...]) -> bool:
        return any(one.trigger.name == self._trigger for one in hears)

    def _report(self, span: Span) -> None:
        if span not in self.told:
            self.told.add(span)
            message = f"more than {MOST_MESSAGES} messages answer one event"
            help = "put several sentences into one text"
            self._place.problem("IGR112", span, message, help)
