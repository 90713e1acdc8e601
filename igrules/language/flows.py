"""Read ``flows``: steps with a name, which rules and other flows start.

Why after the rules, callers first: what a flow may say depends on who starts it. It is read once,
with everything that its callers have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from igrules.errors import Span
from igrules.language.calls import order_of_calls
from igrules.language.defined import Definition, definitions
from igrules.language.done import Call, Done, every_tree
from igrules.language.homes import Home
from igrules.language.nodes import Entry
from igrules.language.place import Known, Place, Unit
from igrules.language.ruleset import Block, Hears
from igrules.language.steps import read_steps
from igrules.language.written_sizes import count_values

MOST_FLOWS = 200
PREFIX = "flows."


@dataclass(frozen=True, slots=True)
class WrittenFlow:
    """A flow as written. ``sound``: all of it was read."""

    name: str
    span: Span
    block: Block
    steps: tuple[Done, ...]
    place: Place
    unit: Unit
    sound: bool
    phrases: int
    patterns: int


def find_flows(homes: Iterable[Home], place: Place) -> Mapping[str, Definition]:
    """The flows of all files by name, not read yet."""
    found = definitions("flows", homes)
    if len(found) > MOST_FLOWS:
        span = list(found.values())[MOST_FLOWS].span
        message = f"{len(found)} flows, {MOST_FLOWS} are allowed"
        place.problem("IGR112", span, message, "join flows that do the same")
    return dict(list(found.items())[:MOST_FLOWS])


def read_flows(
    found: Mapping[str, Definition], known: Known, units: Iterable[Unit]
) -> Mapping[str, WrittenFlow]:
    """Read every flow, callers first; ``units`` are those of the rules."""
    calls = [call for unit in units for call in unit.calls]
    places = {name: one.place._replace(known=known) for name, one in found.items()}
    nodes = {name: (one.entry.value, places[name]) for name, one in found.items()}
    written: dict[str, WrittenFlow] = {}
    for name in order_of_calls(nodes):
        callers = tuple(call for call in calls if call.flow == name)
        flow = _read_flow(name, found[name].entry, places[name], callers)
        calls.extend(flow.unit.calls)
        written[name] = flow
    return written


def _read_flow(name: str, entry: Entry, place: Place, callers: tuple[Call, ...]) -> WrittenFlow:
    before = place.findings.errors()
    path, unit = PREFIX + name, Unit()
    place = place._replace(
        rule=path if callers else "", stem=path, path=path, unit=unit, callers=callers
    )
    place = _joined(place, callers)
    steps = read_steps(entry.value, place, entry.key.text)
    block = Block(path, tuple(done.step for done in steps), place.zone)
    sound = place.findings.errors() == before
    phrases, patterns = count_values(every_tree(steps))
    return WrittenFlow(name, entry.key.span, block, steps, place, unit, sound, phrases, patterns)


def _joined(place: Place, callers: tuple[Call, ...]) -> Place:
    """The place inside a flow: what any caller may bring, what every caller brings for sure."""
    places = [call.place for call in callers]
    if not places:
        return place
    hears: dict[str, Hears] = {}
    for one in places:
        for each in one.hears:
            hears.setdefault(each.trigger.name, each)
    return place._replace(
        hears=tuple(hears.values()),
        captures=frozenset[str]().union(*(one.captures for one in places)),
        sure=frozenset.intersection(*(one.sure for one in places)),
        window_open=all(one.window_open for one in places),
        opened=frozenset(name for name in hears if _is_open(name, places)),
    )


def _is_open(trigger: str, places: list[Place]) -> bool:
    """Whether every caller this trigger leads to has an open window."""
    led = [one for one in places if any(hears.trigger.name == trigger for hears in one.hears)]
    return all(one.window_open or trigger in one.opened for one in led)
