"""Steps as they were written: what was compiled of them, and what stands around and below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from igrules.errors import Span
from igrules.kinds import Action, Moment, Slot
from igrules.language.conditions import Tree
from igrules.language.nodes import Node
from igrules.language.place import Place, Use
from igrules.language.ruleset import Block, Hears, Step
from igrules.model import EMPTY, Planned


@dataclass(frozen=True, slots=True)
class Call:
    """A flow that a step starts, with the arguments it hands over. ``place`` is where the step
    stands, below its conditions."""

    flow: str
    arguments: Mapping[str, Any]
    span: Span
    place: Place


@dataclass(frozen=True, slots=True)
class Listed:
    """Steps that stand together below a step, and what leads to them.

    ``label`` is the key they stand under (``do``, ``then``, ``on_error``, …), ``test`` and
    ``unless`` are the conditions of their branch. ``ends``: after them the run is over.
    """

    block: Block
    steps: tuple[Done, ...]
    label: str
    span: Span
    test: Tree | None = None
    unless: Tree | None = None
    ends: bool = False

    @property
    def begins(self) -> bool:
        """Whether a tap begins with these steps, instead of the run going on with them."""
        return self.label == "then"


@dataclass(frozen=True, slots=True)
class Done:
    """A step as written. ``around`` is where it stands, ``place`` the same below its own
    conditions; ``node`` is what stands under the action, ``uses`` the values it names."""

    step: Step
    test: Tree | None
    unless: Tree | None
    around: Place
    place: Place
    key: Span
    node: Node
    id_span: Span | None = None
    lists: tuple[Listed, ...] = ()
    calls: tuple[Call, ...] = ()
    uses: tuple[Use, ...] = ()

    @property
    def is_unread(self) -> bool:
        """Whether nobody knows what the step does."""
        return self.step.action is _UNREAD

    @property
    def hears(self) -> tuple[Hears, ...]:
        """The triggers that get there."""
        return self.place.hears


def _plan_nothing(moment: Moment, options: Any) -> Iterable[Planned]:
    return ()


_UNREAD = Action("?", "a step that could not be read", Slot("any"), _plan_nothing)


def unread(node: Node, place: Place) -> Done:
    """A step that could not be read: it keeps its place, so that nothing is guessed about what
    stands behind it."""
    step = Step(_UNREAD, EMPTY, place.path, node.span)
    lists, uses = tuple(place.lists or ()), tuple(place.uses or ())
    return Done(step, None, None, place, place, node.span, node, lists=lists, uses=uses)


def every(steps: Iterable[Done]) -> Iterator[Done]:
    """The steps and all steps below them, in the order they were written."""
    for done in steps:
        yield done
        for listed in done.lists:
            yield from every(listed.steps)


def every_list(steps: Iterable[Done]) -> Iterator[tuple[Done, ...]]:
    """The list of these steps and all lists below them."""
    steps = tuple(steps)
    yield steps
    for done in steps:
        for listed in done.lists:
            yield from every_list(listed.steps)


def every_tree(steps: Iterable[Done]) -> Iterator[Tree | None]:
    """The conditions of these steps and of all below them, and those of their branches."""
    for done in every(steps):
        yield done.test
        yield done.unless
        for listed in done.lists:
            yield listed.test
            yield listed.unless
