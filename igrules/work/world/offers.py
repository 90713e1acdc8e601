"""What a tap on a title means by the rules, when nothing has been offered yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from igrules.language.ruleset import Block, Ruleset
from igrules.work.world.world import VERSION


def payload_of(ruleset: Ruleset, title: str) -> tuple[str, bool]:
    """The payload of the first option with this title, and whether it is a button; the title itself
    when no rule offers it."""
    for path, option, is_button in _options(ruleset):
        if option.get("title") != title:
            continue
        then = option.get("then")
        if isinstance(then, Block):
            return f"igr:{VERSION}:{_rule_of(ruleset, path)}:{then.path}", is_button
        return str(option.get("payload") or title), is_button
    return title, False


def _options(ruleset: Ruleset) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Every quick reply and button of a rule: the path of its step, what it says, which it is."""
    for block in ruleset.blocks.values():
        for step in block.steps:
            if isinstance(step.options, Mapping):
                for key in ("quick_replies", "buttons"):
                    for option in step.options.get(key) or ():
                        yield step.path, option, key == "buttons"


def _rule_of(ruleset: Ruleset, path: str) -> str:
    """The rule a step belongs to; of a flow's, the first rule."""
    return next(
        (rule.id for rule in ruleset.rules if path.startswith(f"{rule.id}.")), ruleset.rules[0].id
    )
