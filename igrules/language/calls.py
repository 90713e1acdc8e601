"""Which flows start which: the order to read them in, cycles, and how deep they go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from igrules.kinds import Action
from igrules.language.bound import call
from igrules.language.findings import Findings
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.place import Place, Unit
from igrules.language.slots import read_slot
from igrules.language.values import WRONG

if TYPE_CHECKING:
    from igrules.language.flows import WrittenFlow

DEEPEST = 5


def order_of_calls(found: Mapping[str, tuple[Node, Place]]) -> list[str]:
    """The names of flows, callers first; in a cycle as they were written."""
    started = {name: _started(*flow) & found.keys() for name, flow in found.items()}
    order: list[str] = []
    waiting = dict.fromkeys(found)
    while waiting:
        free = [name for name in waiting if not _is_started(name, waiting, started)]
        for name in free or list(waiting)[:1]:
            order.append(name)
            del waiting[name]
    return order


def _is_started(name: str, waiting: Iterable[str], started: Mapping[str, set[str]]) -> bool:
    return any(name in started[other] for other in waiting if other != name)


def _started(node: Node, place: Place) -> set[str]:
    """The flows that seem to be started anywhere below a node; nothing is reported."""
    silent = place._replace(findings=Findings(), fill=lambda *_: None, lists=[], unit=Unit())
    names: set[str] = set()
    for entry in _entries(node):
        action = place.registry.actions.get(entry.key.text)
        if action is None or action.flows is None:
            continue
        options = read_slot(entry.value, action.options, action.name, silent)
        if options is not WRONG:
            names.update(name for name, _ in started_by(action, options, entry.key, silent))
    return names


def started_by(
    action: Action, options: Any, key: Scalar, place: Place
) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """The flows that an action starts, each with its arguments."""
    flows = action.flows
    if flows is None:
        return ()
    return call(lambda value: tuple(flows(value)), options, key, place) or ()


def _entries(node: Node) -> Iterator[Entry]:
    """Every key with its value, anywhere below a node."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Map):
            yield from node.entries
            waiting.extend(entry.value for entry in node.entries)
        elif isinstance(node, Sequence):
            waiting.extend(node.items)
        else:
            assert isinstance(node, Scalar)


def flows_below(unit: Unit, flows: Mapping[str, WrittenFlow]) -> list[WrittenFlow]:
    """Every flow that is started from here, directly or by another one, each once."""
    found: dict[str, WrittenFlow] = {}
    waiting = [unit]
    while waiting:
        for one in waiting.pop().calls:
            flow = flows.get(one.flow)
            if flow is not None and flow.name not in found:
                found[flow.name] = flow
                waiting.append(flow.unit)
    return list(found.values())


def check_calls(flows: Mapping[str, WrittenFlow], place: Place) -> bool:
    """Report flows that start themselves and flows that go too deep; whether all is well."""
    depths: dict[str, int] = {}
    found = [_depth(flow, flows, depths, (), place) for flow in flows.values()]
    good = all(found)
    for name, depth in depths.items():
        if depth == DEEPEST + 1:
            message = f"flows start each other {depth} deep from here, {DEEPEST} are allowed"
            place.problem("IGR112", flows[name].span, message, "join some of them")
            good = False
    return good


def _depth(
    flow: WrittenFlow,
    flows: Mapping[str, WrittenFlow],
    depths: dict[str, int],
    above: tuple[str, ...],
    place: Place,
) -> int:
    """How many flows are inside each other from here on, 0 in a cycle, which is reported."""
    if flow.name in depths:
        return depths[flow.name]
    depths[flow.name] = 0
    above = (*above, flow.name)
    deepest, good = 0, True
    for one in flow.unit.calls:
        if one.flow in above:
            chain = " -> ".join([*above[above.index(one.flow) :], one.flow])
            help = "take one of the calls out: a flow cannot start over"
            place.problem("IGR207", one.span, f"a flow starts itself: {chain}", help)
            good = False
        elif one.flow in flows:
            below = _depth(flows[one.flow], flows, depths, above, place)
            deepest, good = max(deepest, below), good and below > 0
    depths[flow.name] = deepest + 1 if good else 0
    return depths[flow.name]
