"""Read steps and conditions that stand inside the options of a kind."""

from __future__ import annotations

from typing import Any

from igrules.language.conditions import bound, read_condition
from igrules.language.nodes import Node
from igrules.language.place import Place
from igrules.language.ruleset import Block
from igrules.language.steps import read_steps
from igrules.language.values import WRONG


def read_nested(type: str, node: Node, label: str, place: Place) -> Any:
    """The compiled steps or condition, `WRONG` when there is none."""
    if type == "steps":
        path = f"{place.path}.{label}"
        block = Block(
            path, tuple(done.step for done in read_steps(node, place._replace(path=path)))
        )
        if not block.steps:
            return WRONG
        if place.blocks is not None:
            place.blocks.append(block)
        return block
    test = bound(read_condition(node, label, place))
    return WRONG if test is None else test
