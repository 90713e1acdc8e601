"""One contact talking to a ruleset: what it is told, what is kept of it, what its runs wait for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from igrules.engine.contacts import changed
from igrules.engine.decide import decide
from igrules.engine.waking import wake
from igrules.language.ruleset import Ruleset
from igrules.model import Change, Contact, Decision, Effect, Event, Facts, Mark, Refused, Sent
from igrules.runs import Run, plain_run, read_run
from tests.deciding import NOW, comment, dm, rules, tap

VERSION = 3


class Talk:
    """A contact whose events are decided one after the other, with what was stored in between.

    Every method gives what is sent, as texts, or as the kind of what has none.
    """

    def __init__(self, text: str | Ruleset, tenant: str = "", **contact: Any) -> None:
        self.ruleset = rules(text, tenant) if isinstance(text, str) else text
        self.contact = Contact(1, "7", **contact)
        self.now = NOW
        self.runs: list[Run] = []
        self.marks: tuple[Mark, ...] = ()
        self.decision = Decision("no_match")
        self.changes: list[Change] = []
        self.ended: list[str] = []
        """How runs ended that had been parked."""
        self._count = 0

    def says(self, text: str = "", **fields: Any) -> list[str]:
        """The person writes."""
        return self.hears(dm(text, **fields))

    def taps(self, title: str, payload: str = "") -> list[str]:
        """The person taps a quick reply."""
        return self.hears(tap(title, payload))

    def comments(self, text: str) -> list[str]:
        """The person comments on a post."""
        return self.hears(comment(text))

    def hears(self, event: Event) -> list[str]:
        """Decide an event that comes in now."""
        self._count += 1
        ref = f"m{self._count}"
        event = replace(event, id=self._count, ref=ref, occurred_at=self.now, received_at=self.now)
        decided = decide(
            event, self.ruleset, self._facts(), self.now, version=VERSION, older=self._older
        )
        if event.kind in ("message", "postback"):
            self.contact = replace(self.contact, last_in_at=self.now)
        first = self.contact.first_at or self.now
        self.contact = replace(self.contact, first_at=first)
        return self._apply(decided)

    def receives(self, outcome: Sent | Refused) -> list[str]:
        """The call that the newest run waits for has ended."""
        run = next(run for run in reversed(self.runs) if run.state == "calling")
        return self._apply(wake(run, outcome, self.ruleset, self._facts(), self.now))

    def passes(self, milliseconds: int) -> list[str]:
        """Let time pass; runs go on when theirs has come."""
        end, said = self.now + milliseconds, list[str]()
        while due := [run for run in self.runs if run.wake_at is not None and run.wake_at <= end]:
            run = min(due, key=lambda one: one.wake_at or 0)
            self.now = run.wake_at or end
            said += self._apply(wake(run, None, self.ruleset, self._facts(), self.now))
        self.now = end
        return said

    def _older(self, version: int) -> Ruleset | None:
        return None

    def _facts(self) -> Facts:
        return Facts(self.contact, marks=self.marks, runs=tuple(self.runs))

    def _apply(self, decision: Decision) -> list[str]:
        self.decision = decision
        self.changes = list(decision.changes)
        self.marks = (*self.marks, *decision.marks)
        for change in decision.changes:
            self.contact = changed(self.contact, change)
        for run in decision.runs:
            self.runs = [one for one in self.runs if one.id != run.id]
            if run.state == "ended":
                self.ended.append(run.ended)
            else:
                id = run.id or max([one.id for one in self.runs], default=0) + 1
                self.runs.append(read_run(plain_run(replace(run, id=id))))
        return [said(effect) for effect in decision.effects]


def said(effect: Effect) -> str:
    """The text of an effect, or its kind."""
    return str(effect.payload.get("text", effect.kind))


def rule(*steps: str, when: str = "dm", **keys: str) -> str:
    """A file with one rule that carries out these steps."""
    more = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    return f"rules:\n  - id: r\n    when: {when}\n{more}    do:\n" + "".join(
        f"      - {step}\n" for step in steps
    )
