"""The parked runs of one contact while one event is decided: which go on, and which end.

Why one place: a run may be ended by a newer question, a new start of its rule, a handover or a stop
word, and each of them must see what the ones before it did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from igrules.engine.running import Ran
from igrules.model import Facts
from igrules.runs import Run

MOST_PARKED = 20
"""Parked runs of one contact."""
MOST_PARKED_IN_TENANT = 10_000


class Conversation:
    """Runs that were parked before, and those this decision parks."""

    def __init__(self, facts: Facts) -> None:
        self._open = list(facts.runs)
        self._stored: dict[int, Run] = {}
        self.ended: list[tuple[Run, str]] = []
        """Runs that others ended, and how."""

    @property
    def question(self) -> Run | None:
        """The run whose question is open."""
        return next((run for run in reversed(self._open) if run.state == "asking"), None)

    def room(self, facts: Facts) -> int:
        """How many more runs may be parked."""
        if facts.parked_in_tenant >= MOST_PARKED_IN_TENANT:
            return 0
        return max(0, MOST_PARKED - len(self._open))

    def take(self, run: Run) -> None:
        """Take a run out because it goes on; `keep` brings it back in its new state."""
        self._open = [one for one in self._open if one.key != run.key]

    def keep(self, ran: Ran) -> None:
        """Note the new state of a run that was carried out, and what it means for the others."""
        run = ran.run
        if any(change.kind == "opt_out" for change in ran.changes):
            self.end("opted_out")
        if any(change.kind == "handoff" and change.value for change in ran.changes):
            self.end("handed_off", lambda other: other.state == "asking")
        if run.state == "asking":
            self.end("replaced", lambda other: other.state == "asking")
        if run.state != "ended":
            self._open.append(run)
        if run.id:
            self._stored[run.id] = run

    def end(self, reason: str, which: Callable[[Run], bool] = lambda run: True) -> None:
        """End the parked runs that ``which`` names; all, unless it is given."""
        ending = [run for run in self._open if which(run)]
        self._open = [run for run in self._open if not which(run)]
        for run in ending:
            self.ended.append((run, reason))
            if run.id:
                self._stored[run.id] = ended_as(run, reason)

    def changed(self) -> tuple[Run, ...]:
        """Every run that is not as it was, new ones last. One that began and ended is not there."""
        return (*self._stored.values(), *(run for run in self._open if not run.id))


def ended_as(run: Run, reason: str, why: str = "") -> Run:
    """The run at its end."""
    return replace(run, state="ended", ended=reason, why=why, wake_at=None, expects="")
