"""Check that a step id is unique within a rule and the flows it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from igrules.errors import Span
from igrules.language.calls import flows_below
from igrules.language.defined import report_twice
from igrules.language.done import Done, every
from igrules.language.flows import WrittenFlow
from igrules.language.place import Place
from igrules.language.rules import Written

_Ids = list[tuple[str, Span]]


def check_step_ids(
    written: Iterable[Written], flows: Mapping[str, WrittenFlow], place: Place
) -> None:
    """Report every id that stands twice where one run could meet both."""
    told: set[Span] = set()
    by_flow = {name: _ids(flow.steps) for name, flow in flows.items()}
    for ids in by_flow.values():
        _check(ids, told, place)
    for one in written:
        ids = _ids(one.steps)
        for flow in flows_below(one.unit, flows):
            ids = [*ids, *by_flow[flow.name]]
        _check(ids, told, place)


def _ids(steps: Iterable[Done]) -> _Ids:
    return [
        (done.step.id, done.id_span)
        for done in every(steps)
        if done.step.id and done.id_span is not None
    ]


def _check(ids: _Ids, told: set[Span], place: Place) -> None:
    seen: dict[str, Span] = {}
    for id, span in ids:
        first = seen.setdefault(id, span)
        if first != span and span not in told:
            told.add(span)
            report_twice(place, f"step '{id}'", span, first)
