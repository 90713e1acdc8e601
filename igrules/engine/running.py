"""Carry out the steps of a run, from where it stands to where it parks or ends.

What shall be sent and changed comes out, nothing is done yet. A run is a stack of frames, each a
list of steps and a place in it, so it can be stored between any two steps.

Why an action's ``on_error`` and branches are frames as well: then there is one way to stop and one
way to go on, wherever a run stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from igrules.engine.changing import Unfit, announced, fitted, is_announced
from igrules.engine.contacts import changed
from igrules.engine.entering import enter
from igrules.engine.expiry import expires_at, needs_window
from igrules.engine.held import Held
from igrules.engine.outgoing import placed_in, said_by
from igrules.engine.planning import Budget, planned_by
from igrules.engine.scene import Scene
from igrules.engine.scope import zone_of
from igrules.engine.truth import weigh
from igrules.engine.variants import turn_of
from igrules.instagram.windows import window_end
from igrules.kinds import Moment
from igrules.language.ruleset import Block, Step, Test
from igrules.model import (
    EMPTY,
    Answered,
    Change,
    Effect,
    Enter,
    Event,
    Facts,
    Failure,
    Halt,
    Mark,
    Park,
    Planned,
    Remark,
    Resulted,
)
from igrules.runs import Frame, Run, RunState

MOST_STEPS = 100
"""Steps one run may carry out in its whole life."""
MOST_CALLS = 5
"""Calls of ``http`` one run may make in its whole life."""
_CALLS = "http"
_DEEPEST = 40
_STATES: dict[str, RunState] = {"time": "waiting", "message": "asking", "call": "calling"}


@dataclass(slots=True)
class Ran:
    """What a stretch of a run came to. ``run`` is its new state: parked, or ended with a reason."""

    run: Run
    effects: list[Effect] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    """Step and remark, for the trace."""
    steps: list[str] = field(default_factory=list)
    """The paths of the steps it came to, in order; a ``!`` before one that was skipped."""

    @property
    def reason(self) -> str:
        """How the run ended; its state while it is parked."""
        return self.run.ended or self.run.state


class Running:
    """One stretch of a run, carried out once by one of `from_start`, `go_on` and `after_refusal`.

    ``since`` is when what it answers came in or came due: from then on ``answer_within`` counts.
    """

    def __init__(
        self, scene: Scene, run: Run, budget: Budget, *, facts: Facts | None = None, since: int = 0
    ) -> None:
        self._scene = scene
        self._run = run
        self._budget = budget
        self._facts = scene.facts if facts is None else facts
        self._since = since
        self._frames = list(run.frames)
        self._captures = dict(run.captures)
        self._answers = dict(run.answers)
        self._results = dict(run.results)
        self._counts = dict(run.counts)
        self._used = run.steps_used
        self._memory = run.memory
        self._mutes = run.mutes
        self._companion = run.companion
        self._delay = 0
        self._moment: Moment | None = None
        self._found: dict[str, Any] = {}
        self._ran = Ran(run)
        self._ended: tuple[str, str] = ("", "")
        self._parked: Park | None = None
        self._step_path = run.step

    def from_start(self) -> Ran:
        """Carry out the steps from the place the run stands at."""
        return self._go()

    def go_on(self, result: Any) -> Ran:
        """Hand the parked step what it waited for, and go on behind it."""
        parked = self._parked_step()
        if parked is None:
            return self._finish()
        block, step = parked
        if step.id and self._run.state == "calling":
            self._results[step.id] = result
        moment, _ = self._moment_of(step, block)
        self._memory = EMPTY
        resume = step.action.resume
        if resume is None:
            self._advance()
            return self._go()
        planned = planned_by(step, lambda: resume(moment, step.options, result), self._budget)
        if self._carry_out(step, planned, resumed=True):
            return self._go()
        return self._finish()

    def after_refusal(self, reason: str) -> Ran:
        """Go on as the parked step's ``on_error`` says: what it waited for did not come."""
        parked = self._parked_step()
        if parked is not None and self._failed(parked[1], reason):
            return self._go()
        return self._finish()

    def _parked_step(self) -> tuple[Block, Step] | None:
        """The step the run is parked at; without it the run ends."""
        frame = self._frames[-1] if self._frames else None
        block = self._scene.ruleset.blocks.get(frame.block) if frame else None
        if frame is None or block is None or frame.at >= len(block.steps):
            self._end("failed", "the step it waited at does not exist")
            return None
        step = block.steps[frame.at]
        self._step_path = step.path
        return block, step

    def _go(self) -> Ran:
        while self._frames:
            frame = self._frames[-1]
            block = self._scene.ruleset.blocks.get(frame.block)
            if block is None:
                self._end("failed", f"the steps '{frame.block}' do not exist")
                break
            if frame.at >= len(block.steps):
                goes_on = self._leave(frame)
            elif self._used >= MOST_STEPS or len(self._frames) > _DEEPEST:
                goes_on = self._end("too_long", f"{MOST_STEPS} steps")
            else:
                goes_on = self._take(block, block.steps[frame.at])
            if not goes_on:
                break
        return self._finish()

    def _leave(self, frame: Frame) -> bool:
        """Go on behind the step that entered this list."""
        self._frames.pop()
        if frame.ends:
            return self._end(frame.ends, frame.why)
        if self._frames:
            self._advance()
        return True

    def _advance(self) -> None:
        frame = self._frames[-1]
        at = frame.at + 1
        self._frames[-1] = Frame(frame.block, at, frame.arguments, frame.ends, frame.why)

    def _take(self, block: Block, step: Step) -> bool:
        """Carry out one step; false parks or ends the run."""
        self._used += 1
        self._step_path = step.path
        moment, mark = self._moment_of(step, block)
        entered, failed = enter(step, moment, self._scene.stopwatch)
        self._ran.steps.append(step.path if entered is not None else f"!{step.path}")
        if entered is None:
            if failed:
                self._note(step.path, f"skipped: {failed}")
            self._advance()
            return True
        self._moment = entered
        planned = planned_by(step, lambda: step.action.plan(entered, step.options), self._budget)
        if mark is not None and not isinstance(planned, Failure):
            self._ran.marks.append(mark)
        return self._carry_out(step, planned)

    def _moment_of(self, step: Step, block: Block) -> tuple[Moment, Mark | None]:
        nth, mark = turn_of(self._scene, step, self._ran.marks)
        held = Held(
            self._captures,
            self._answers,
            self._results,
            self._frames[-1].arguments,
            self._memory,
        )
        run = self._run
        self._found = {}
        self._moment = self._scene.moment_of_step(
            run.heard, run.rule, step, nth, self._facts, held,
            holds=self._holds, zone=block.zone, version=run.version,
        )  # fmt: skip
        return self._moment, mark

    def _holds(self, test: Test) -> bool | None:
        """Weigh a condition that stands in the options of the present step."""
        assert self._moment is not None  # a step is at work
        found = weigh(test, self._moment, self._scene.stopwatch)
        if found.holds:
            self._found |= found.captures
            captures = {**self._moment.captures, **found.captures}
            self._moment = replace(self._moment, captures=captures)
        elif found.holds is None:
            self._note(self._moment.step, f"skipped: {found.why}")
        return found.holds

    def _note(self, step: str, remark: str) -> None:
        self._ran.notes.append((step, remark))

    def _carry_out(
        self, step: Step, planned: tuple[Planned, ...] | Failure, *, resumed: bool = False
    ) -> bool:
        """Do what was planned, in order; false parks or ends the run."""
        if isinstance(planned, Failure):
            return self._failed(step, planned.reason)
        last = ""
        for item in planned:
            if isinstance(item, Enter):
                return self._enter(item)
            if isinstance(item, Park):
                return self._park(item, last)
            if isinstance(item, Halt):
                return self._end(item.reason)
            try:
                if isinstance(item, Effect):
                    if step.action.plugin and not (last or resumed):
                        item = replace(item, limit=step.action.name)
                    if not self._send(step, item):
                        return False
                    last = self._ran.effects[-1].key
                else:
                    self._keep(step, item)
            except Unfit as failed:
                return self._failed(step, str(failed))
        if step.action.parks and last and not resumed:
            return self._park(Park("call"), last)
        self._advance()
        return True

    def _keep(self, step: Step, item: Planned) -> None:
        """What changes the run or the contact, and nothing outside."""
        if isinstance(item, Change):
            self._change(step, item)
        elif isinstance(item, Remark):
            self._note(step.path, item.text)
        elif isinstance(item, Answered) and step.id:
            self._answers[step.id] = item.value
        elif isinstance(item, Resulted) and step.id:
            self._results[step.id] = item.value

    def _enter(self, item: Enter) -> bool:
        path = f"flows.{item.steps}" if isinstance(item.steps, str) else item.steps.path
        if self._moment is not None:
            self._captures |= {**self._moment.captures, **self._found}
        here = self._frames[-1].arguments
        arguments = here if item.arguments is None else item.arguments
        self._frames.append(Frame(path, 0, arguments, item.ends))
        return True

    def _park(self, item: Park, last: str) -> bool:
        if item.awaits == "call" and not last:
            return self._end("failed", "the step waits for a call it did not plan")
        if self._facts.contact.opted_out:
            return self._end("opted_out")
        if self._budget.parks <= 0:
            return self._end("limited", "as many runs are parked as may be")
        self._budget.parks -= 1
        self._parked = item
        self._expects = last if item.awaits == "call" else ""
        return False

    def _failed(self, step: Step, reason: str) -> bool:
        """Go on as the step says for the case that it fails; false ends the run."""
        self._note(step.path, f"failed: {reason}")
        if isinstance(step.on_error, Block):
            here, why = self._frames[-1].arguments, f"{step.path} failed: {reason}"
            self._frames.append(Frame(step.on_error.path, 0, here, "stopped", why))
            return True
        if step.on_error == "continue":
            self._advance()
            return True
        return self._end("failed", reason)

    def _end(self, reason: str, why: str = "") -> bool:
        self._ended = reason, why
        return False

    def _send(self, step: Step, effect: Effect) -> bool:
        contact, end = self._facts.contact, self._window_end()
        if needs_window(effect) and end <= self._scene.now:
            return self._end("window_closed")
        self._count_call(effect)
        number = self._counts[step.path] = self._counts.get(step.path, 0) + 1
        after = effect.after + self._delay
        due, settings = self._scene.now + after, self._scene.ruleset.settings
        end = expires_at(effect, self._scene.event, contact, due, settings, self._since)
        placed = placed_in(self._run, step, effect, number, after, end)
        self._ran.effects.append(placed)
        if placed.kind == "private_reply" and placed.on_error == "stop":
            self._companion = placed.key
        if effect.kind == "typing":
            self._delay += effect.payload.get("ms", 0)
        return True

    def _count_call(self, effect: Effect) -> None:
        """Count a call to another service. Raises `Unfit` when the run has made all it may."""
        if effect.limit != _CALLS:
            return
        self._counts[_CALLS] = self._counts.get(_CALLS, 0) + 1
        if self._counts[_CALLS] > MOST_CALLS:
            raise Unfit(f"limited: a run calls other services {MOST_CALLS} times at most")

    def _window_end(self) -> int:
        return window_end(self._scene.event, self._facts.contact) or 0

    def _change(self, step: Step, change: Change) -> None:
        scene, contact = self._scene, self._facts.contact
        prefix = scene.ruleset.settings.phone_prefix
        fit = fitted(change, contact, scene.ruleset.names.fields, prefix, self._today)
        if fit is None:
            return
        if is_announced(fit, contact, scene.now):
            event = announced(fit, scene.event, scene.now)
            if event is None:
                self._note(step.path, f"limited: the chain of events ends at '{fit.name}'")
            else:
                self._ran.events.append(event)
        self._mutes |= fit.kind == "opt_out" or (fit.kind == "handoff" and fit.value is not None)
        self._facts = replace(self._facts, contact=changed(contact, fit))
        self._ran.changes.append(fit)

    def _today(self) -> date:
        zone = zone_of(self._scene.ruleset)
        return datetime.fromtimestamp(self._scene.now / 1000, zone).date()

    def _finish(self) -> Ran:
        """The run as it stands now, and what came of this stretch."""
        ran, parked = self._ran, self._parked
        ended, why = ("", "") if parked else (self._ended[0] or "done", self._ended[1])
        event = self._run.event
        run = replace(
            self._run,
            # What is kept for weeks needs no bytes that nobody reads again.
            event=replace(event, raw=b"") if parked and event.raw else event,
            frames=tuple(self._frames),
            captures=self._captures,
            answers=self._answers,
            results=self._results,
            counts=self._counts,
            steps_used=self._used,
            state=_STATES[parked.awaits] if parked else "ended",
            ended=ended,
            why=why,
            step=self._step_path,
            memory=parked.memory if parked else EMPTY,
            wake_at=self._wake_at(parked) if parked else None,
            expects=self._expects if parked else "",
            unless_reply=parked.unless_reply if parked else False,
            mutes=self._mutes,
            companion=self._companion,
            late_after=None,
            notes=(*self._run.notes, *((self._scene.now, *note) for note in ran.notes))[-100:],
        )
        ran.run = run
        ran.effects = [said_by(run, self._run.companion, effect) for effect in ran.effects]
        return ran

    def _wake_at(self, parked: Park) -> int | None:
        end = self._run.expires_at
        if parked.until is not None:
            return min(parked.until, end) if end else parked.until
        return end or None
