"""What flows want to be told, ``arg.``, and what those who start them say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from igrules.language.bound import locate
from igrules.language.codes import did_you_mean
from igrules.language.done import Done, every
from igrules.language.flows import WrittenFlow
from igrules.language.place import Place, Use
from igrules.language.segments import Blank
from igrules.model import EMPTY

_KEY = "with"
"""Where arguments are written."""


class Arguments:
    """The arguments each flow names."""

    def __init__(self, flows: Mapping[str, WrittenFlow]) -> None:
        self._named = {name: list(_named(flow.steps)) for name, flow in flows.items()}

    def needed(self, flow: str) -> frozenset[str]:
        """Those a flow cannot do without."""
        found = self._named.get(flow, ())
        return frozenset(name for name, blank in found if not _is_spared(blank))

    def named(self, flow: str) -> frozenset[str]:
        """All that a flow names."""
        return frozenset(name for name, _ in self._named.get(flow, ()))


def _named(steps: Iterable[Done]) -> Iterator[tuple[str, Blank]]:
    for done in every(steps):
        for use in done.uses:
            for blank in _blanks(use):
                if blank.path[0] == "arg" and len(blank.path) > 1:
                    yield blank.path[1], blank


def _blanks(use: Use) -> Iterator[Blank]:
    """The blank itself, or those of the sentence it names."""
    if use.blank.path[0] != "texts":
        yield use.blank
        return
    for template in use.place.known.texts.get(use.blank.path[-1], EMPTY).values():
        yield from template.paths


def _is_spared(blank: Blank) -> bool:
    return blank.optional or blank.has_default


def check_arguments(
    lists: Iterable[Iterable[Done]], arguments: Arguments, flows: Mapping[str, WrittenFlow]
) -> None:
    """Report arguments that a step does not hand over, or that the flow does not use."""
    for steps in lists:
        for done in every(steps):
            for call in done.calls:
                if call.flow in flows:
                    needed, named = arguments.needed(call.flow), arguments.named(call.flow)
                    unused = call.arguments.keys() - named
                    _check_missing(done, call.flow, needed - call.arguments.keys(), unused)
                    _check_unused(done, call.flow, unused, done.place)


def _check_missing(done: Done, flow: str, names: Iterable[str], unused: Iterable[str]) -> None:
    for name in sorted(names):
        near = did_you_mean(name, unused)
        message = f"the flow '{flow}' uses 'arg.{name}', and nothing sets it here"
        help = f"write '{name}' for '{near}'" if near else f"add  with: {{{name}: …}}"
        done.place.problem("IGR404", done.key, message, help)


def _check_unused(done: Done, flow: str, names: Iterable[str], place: Place) -> None:
    for name in sorted(names):
        path, slot = (_KEY, name), done.step.action.options
        span = locate(done.node, slot, path, place.known.words, done.key)
        message = f"the flow '{flow}' does not use 'arg.{name}'"
        place.problem("IGR209", span, message, "remove it, or name it in the flow")
