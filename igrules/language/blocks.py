"""Every list of steps of a ruleset by its path, so that a run can say where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from igrules.language.ruleset import Block, Rule


def blocks_of(rules: Iterable[Rule], flows: Iterable[Block] = ()) -> Mapping[str, Block]:
    """The lists of steps of rules and flows, and everything that stands inside their steps."""
    roots = [Block(f"{rule.id}.do", rule.steps, rule.zone) for rule in rules]
    return MappingProxyType(
        {block.path: block for root in (*roots, *flows) for block in _below(root)}
    )


def _below(root: Block) -> Iterator[Block]:
    """The block and all blocks inside it."""
    waiting = [root]
    while waiting:
        block = waiting.pop()
        yield block
        for step in block.steps:
            waiting.extend(step.blocks)
