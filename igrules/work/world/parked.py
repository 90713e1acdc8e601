"""The runs of a world that wait for something."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from igrules.language.ruleset import Ruleset
from igrules.model import Decision, Refused, Sent
from igrules.runs import Run
from igrules.work.world.happenings import Ended
from igrules.work.world.sends import Sends

_STATES = frozenset({"waiting", "asking", "calling"})


class Parked:
    """Parked runs by number."""

    def __init__(self) -> None:
        self._runs: dict[int, Run] = {}
        self._count = 0

    def keep(self, runs: Iterable[Run]) -> Mapping[str, int | None]:
        """Store the new states of runs, and give the numbers of new ones by their rules."""
        new: dict[str, int | None] = {}
        for run in runs:
            number = run.id
            if not number:
                self._count += 1
                number = new[run.rule] = self._count
            if run.state == "ended":
                self._runs.pop(number, None)
            else:
                self._runs[number] = replace(run, id=number)
        return new

    def end(self, number: int, key: str) -> Run | None:
        """End a run because its send ``key`` did not go out; ``None`` when there is none, or it
        waits for just this send and is told the outcome."""
        run = self._runs.get(number)
        if run is None or (run.state == "calling" and run.expects == key):
            return None
        return self._runs.pop(number)

    def of(self, person: str) -> tuple[Run, ...]:
        """The parked runs of a person, oldest first."""
        return tuple(run for run in self._runs.values() if run.event.person == person)

    def __iter__(self) -> Iterator[Run]:
        return iter(tuple(self._runs.values()))

    def __len__(self) -> int:
        return len(self._runs)


def due_at(run: Run, sends: Sends) -> int | None:
    """When a run goes on as far as anybody can tell now."""
    send = sends.of_key(run.expects) if run.state == "calling" else None
    if send is not None and send.closed_at is not None:
        return send.closed_at
    return run.wake_at


def outcome_for(run: Run, sends: Sends) -> Sent | Refused | None:
    """What became of the call a run waited for; ``None``: its time has come."""
    send = sends.of_key(run.expects) if run.state == "calling" else None
    if send is None or send.closed_at is None:
        return None
    if send.state == "sent" and send.result is not None:
        return send.result
    return Refused(send.reason or send.state)


def ends_of(decision: Decision, ruleset: Ruleset, at: int) -> Iterator[Ended]:
    """The runs that ended by a decision, those as well that began by it.

    A trace lists runs that went on or parked, and then those that others ended.
    """
    trace = decision.trace
    listed = [tuple(one) for one in trace.get("runs", ())]
    why = {run.rule: run.why for run in decision.runs if run.state == "ended"}
    why |= {rule: reason for rule, (_, reason) in trace.get("ended", {}).items()}
    for rule, how, _ in listed:
        if how not in _STATES:
            yield Ended(at, rule, how, why.get(rule, ""))
    live = {rule.id for rule in ruleset.rules if rule.status == "live"}
    going = {rule for rule, how, _ in listed if how in _STATES}
    for one in decision.outcomes:
        if one.reason == "fired" and one.rule in live and one.rule not in going:
            how, reason = trace.get("ended", {}).get(one.rule, ("done", ""))
            yield Ended(at, one.rule, how, reason)
