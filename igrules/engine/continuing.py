"""What an event continues: the steps a tap leads to, the run whose question it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from igrules.engine.conversation import Conversation, ended_as
from igrules.engine.planning import Budget
from igrules.engine.running import Ran, Running
from igrules.engine.scene import Scene
from igrules.instagram.windows import happened_at, opens_window
from igrules.language.ruleset import Ruleset
from igrules.language.tap_payload import read_tap
from igrules.model import Event, Facts
from igrules.runs import LONGEST_LIFE, Frame, Run

Older = Callable[[int], Ruleset | None]
"""Gives the ruleset of another version; ``None`` when it is not kept."""
_REPLIES = frozenset({"text", "attachment", "reply", "quick_reply", "story_reply", "unsupported"})
_TAPPED = {"message": "quick_reply", "postback": "postback"}


def is_reply(event: Event) -> bool:
    """Whether this is a message the person wrote to us, so that it can answer a question."""
    return event.kind == "message" and event.sub in _REPLIES


class Continuing:
    """The runs one event continues. ``ran`` are they, in order."""

    def __init__(
        self,
        scene: Scene,
        version: int,
        older: Older,
        conversation: Conversation,
        budget: Budget,
    ) -> None:
        self._scene = scene
        self._version = version
        self._older = older
        self._conversation = conversation
        self._budget = budget
        self.ran: list[Ran] = []

    def tap(self) -> bool:
        """Start the steps the tap was offered with; false when it leads nowhere any more."""
        tap = read_tap(self._scene.event)
        if tap is None or self._scene.event.kind not in _TAPPED:
            return False
        ruleset = self._ruleset(tap.version)
        if ruleset is None or tap.block not in ruleset.blocks:
            return False
        event, now = self._scene.event, self._scene.now
        run = Run(
            tap.rule,
            tap.version,
            event,
            (_TAPPED[event.kind],),
            frames=(Frame(tap.block),),
            started_at=now,
            expires_at=now + LONGEST_LIFE,
        )
        # Whoever taps twice wants the same once more, not two reminders later on.
        self._conversation.end(
            "restarted", lambda other: other.rule == run.rule and other.frames[:1] == run.frames
        )
        self._carry_out(Running(self._inside(ruleset, event), run, self._budget).from_start())
        return True

    def answer(self, run: Run) -> None:
        """Let the run whose question is open go on with the event as its answer."""
        self._conversation.take(run)
        self._budget.parks += 1
        ruleset = self._ruleset(run.version)
        if ruleset is None:
            why = f"version {run.version} of the rules is not kept any more"
            self._carry_out(Ran(ended_as(run, "failed", why)))
            return
        event = self._scene.event
        since = event.received_at or self._scene.now
        running = Running(
            self._inside(ruleset, run.event),
            run,
            self._budget,
            facts=_with_window(self._scene.facts, event),
            since=since,
        )
        self._carry_out(running.go_on(event))

    def _carry_out(self, ran: Ran) -> None:
        self._conversation.keep(ran)
        self.ran.append(ran)

    def _ruleset(self, version: int) -> Ruleset | None:
        return self._scene.ruleset if version == self._version else self._older(version)

    def _inside(self, ruleset: Ruleset, event: Event) -> Scene:
        """The scene of a run: the event that started it, in the version it began with."""
        scene = self._scene
        return Scene(event, ruleset, scene.facts, scene.now, scene.stopwatch)


def _with_window(facts: Facts, event: Event) -> Facts:
    """The facts with the window that this event of the person opens, for a run of another one."""
    if not opens_window(event):
        return facts
    latest = max(facts.contact.last_in_at or 0, happened_at(event))
    return replace(facts, contact=replace(facts.contact, last_in_at=latest))
