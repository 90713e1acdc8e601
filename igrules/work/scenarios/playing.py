"""Play one test in a fresh world, step by step, up to the first thing that is not as expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from igrules.kinds import Registry
from igrules.language.ruleset import Ruleset
from igrules.language.scenario_files import Expected, Scenario, ScenarioFile, Step
from igrules.language.scenario_names import SOMEBODY
from igrules.language.scenarios import EVENTS, TEXTS
from igrules.language.values import write_duration
from igrules.work.scenarios.accepting import accepting
from igrules.work.scenarios.because import because, unsaid
from igrules.work.scenarios.cast import contact_of
from igrules.work.scenarios.clock import read_time
from igrules.work.scenarios.expectations import Difference, differences
from igrules.work.scenarios.mocks import Mocks
from igrules.work.scenarios.results import Mismatch, Result
from igrules.work.scenarios.seen import Seen, steps_of
from igrules.work.scenarios.tapping import tap_of
from igrules.work.scenarios.writing import quoted, texts
from igrules.work.world.events import Author, event_of
from igrules.work.world.outside import Outside
from igrules.work.world.world import World


class Stage:
    """Where the tests of one file are played: the rules, the people, what others answer."""

    def __init__(
        self, file: ScenarioFile, ruleset: Ruleset, registry: Registry, mocks: Mocks, start: int
    ) -> None:
        self.file = file
        self.ruleset = ruleset
        self.registry = registry
        self.mocks = mocks
        self.start = start

    def world(self) -> World:
        """A world in which nothing has happened yet."""
        self.mocks.renew()
        start = self.start
        world = World(
            self.ruleset,
            self.registry,
            start,
            outside=Outside(),
            posts={post: start - age for post, age in self.file.posts.items()},
        )
        steps = {step.path: step for step in steps_of(world)}
        world.delivery.outside.answering = lambda effect: self.mocks.answer(
            effect, steps.get(effect.step)
        )
        for name, values in self.file.contacts.items():
            world.people.add(contact_of(name, values, self.ruleset, start))
            for rule, ago in values.get("fired", {}).items():
                world.fired(name, rule, start - ago)
        return world


def play(scenario: Scenario, stage: Stage) -> tuple[Result, World]:
    """Play a test; the world is as the test left it."""
    world = stage.world()
    playing = _Playing(scenario, stage, world)
    mismatches = tuple(playing.run())
    return Result(scenario, mismatches, world.now - stage.start), world


class _Playing:
    """A test under way."""

    def __init__(self, scenario: Scenario, stage: Stage, world: World) -> None:
        self._scenario = scenario
        self._stage = stage
        self._world = world
        self._person = scenario.person or SOMEBODY
        self._number = 0
        self._from = 0

    def run(self) -> Iterator[Mismatch]:
        for step in self._scenario.steps:
            for mismatch in self._play(step):
                yield mismatch
                return

    def _play(self, step: Step) -> Iterator[Mismatch]:
        if step.word == "expect":
            yield from self._compare(step, step.value)
            return
        if step.word in EVENTS:
            self._number += 1
            self._world.hear(event_of(step.word, step.value, self._author(), self._number))
        elif (refused := _DOING[step.word](self, step.value)) is not None:
            seen = Seen(self._world, self._from, self._person)
            yield Mismatch("IGR703", step.span, step.number, *refused, unsaid(seen))
        for name in self._stage.mocks.missing:
            yield Mismatch(
                "IGR706", step.span, step.number, f"a mock for {quoted(name)}", "none stands for it"
            )

    def _author(self) -> Author:
        contact = self._world.people.find(self._person)
        return Author(self._world.account, self._person, contact.username)

    def _compare(self, step: Step, expected: Expected) -> Iterator[Mismatch]:
        seen = Seen(self._world, self._from, self._person)
        self._from = len(self._world.log)
        found = differences(expected, seen, self._stage.registry)
        if not found:
            return
        first = found[0]
        yield Mismatch(
            "IGR703",
            step.span,
            step.number,
            f"{first.key}: {first.expected}",
            _got(first, seen),
            because(first, expected, seen),
            accepting(expected, found, self._stage.registry),
        )

    def _tap(self, title: str) -> tuple[str, str] | None:
        self._number += 1
        event = tap_of(self._world, self._author(), title, self._number)
        if isinstance(event, str):
            return f"tap: {quoted(title)}", event
        self._world.hear(event)
        return None

    def _advance(self, duration: int) -> tuple[str, str] | None:
        self._world.advance(self._world.now + duration)
        return None

    def _at(self, text: str) -> tuple[str, str] | None:
        time = read_time(text, self._stage.ruleset, self._world.now)
        if time is None or time < self._world.now:
            lasted = write_duration(self._world.now - self._stage.start)
            return f"at: {text}", f"it is later already, {lasted} after the beginning"
        self._world.advance(time)
        return None

    def _human(self, text: str) -> tuple[str, str] | None:
        self._world.write_by_hand(self._person, text)
        return None

    def _resolve(self, wanted: bool) -> tuple[str, str] | None:
        if wanted and not self._world.resolve(self._person):
            return "resolve: true", "nobody holds this conversation"
        return None

    def _deliver(self, outcomes: tuple[str, ...]) -> tuple[str, str] | None:
        self._world.delivery.outside.tell(outcomes)
        return None

    def _as(self, person: str) -> tuple[str, str] | None:
        self._person = person
        return None


def _got(first: Difference, seen: Seen) -> str:
    """What happened instead; what was said besides, because it mostly tells why."""
    got = f"{first.key}: {first.got}"
    said = seen.texts("text")
    if first.key in TEXTS or not said:
        return got
    return (
        f"{got}, texts: {texts(said)}"
        if len(said) == 1
        else f"{got}, texts: [… {quoted(said[-1])}]"
    )


_DOING: dict[str, Callable[[Any, Any], tuple[str, str] | None]] = {
    "tap": _Playing._tap,
    "advance": _Playing._advance,
    "at": _Playing._at,
    "human": _Playing._human,
    "resolve": _Playing._resolve,
    "deliver": _Playing._deliver,
    "as": _Playing._as,
}
