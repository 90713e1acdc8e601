"""Read ``flows``: steps with a name, which rules and other flows start.

Why after the rules, callers first: what a flow may say depends on who starts it. It is read once,
with everything that its callers have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from igrules.errors import Span
from igrules.language.calls import order_of_calls
from igrules.language.done import Call, Done, every_tree
from igrules.language.names import report_twice
from igrules.language.nodes import Entry, Map, Scalar
from igrules.language.place import Known, Place, Unit
from igrules.language.ruleset import Block, Hears
from igrules.language.shapes import report_empty
from igrules.language.steps import read_steps
from igrules.language.typed import report_flaw
from igrules.language.values import READERS, Flaw
from igrules.language.written_sizes import count_values

MOST_FLOWS = 200
PREFIX = "flows."


@dataclass(frozen=True, slots=True)
class FoundFlow:
    """A flow that stands in a file and is not read yet; ``place`` is that of the file."""

    name: str
    entry: Entry
    place: Place

    def knowing(self, known: Known) -> FoundFlow:
        """The same where these names are known."""
        return FoundFlow(self.name, self.entry, self.place._replace(known=known))


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


def find_flows(files: Iterable[tuple[Map, Place]], place: Place) -> Mapping[str, FoundFlow]:
    """The flows of all files by name; files come with their places."""
    found: dict[str, FoundFlow] = {}
    for node, here in files:
        below = node.get("flows")
        if below is None:
            continue
        if not isinstance(below, Map):
            _report_no_map(below, here)
            continue
        if not below.entries:
            report_empty(here, below, "flows")
        for entry in below.entries:
            _find(entry, here, found)
    if len(found) > MOST_FLOWS:
        span = list(found.values())[MOST_FLOWS].entry.key.span
        message = f"{len(found)} flows, {MOST_FLOWS} are allowed"
        place.problem("IGR112", span, message, "join flows that do the same")
    return dict(list(found.items())[:MOST_FLOWS])


def _report_no_map(node: Scalar | object, place: Place) -> None:
    if isinstance(node, Scalar) and not node.text.strip():
        report_empty(place, node, "flows")
        return
    help = "write  flows: {precos: [{text: Olá!}]}"
    span = getattr(node, "span")  # noqa: B009  # every node has one
    place.problem("IGR103", span, "'flows' takes a map of names", help)


def _find(entry: Entry, place: Place, found: dict[str, FoundFlow]) -> None:
    name = entry.key.text
    flaw = READERS["name"](name)
    if isinstance(flaw, Flaw):
        report_flaw(entry.key, flaw, place)
    if name in found:
        report_twice(place, f"'{PREFIX}{name}'", entry.key.span, found[name].entry.key.span)
        return
    found[name] = FoundFlow(name, entry, place)


def read_flows(found: Mapping[str, FoundFlow], units: Iterable[Unit]) -> Mapping[str, WrittenFlow]:
    """Read every flow, callers first; ``units`` are those of the rules."""
    calls = [call for unit in units for call in unit.calls]
    written: dict[str, WrittenFlow] = {}
    for name in order_of_calls(found):
        flow = _read_flow(found[name], tuple(call for call in calls if call.flow == name))
        calls.extend(flow.unit.calls)
        written[name] = flow
    return written


def _read_flow(found: FoundFlow, callers: tuple[Call, ...]) -> WrittenFlow:
    place, name, entry = found.place, found.name, found.entry
    before = place.findings.errors()
    path, unit = PREFIX + name, Unit()
    place = place._replace(
        rule=path if callers else "", stem=path, path=path, unit=unit, callers=callers
    )
    place = _joined(place, callers)
    steps = read_steps(entry.value, place, name)
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
