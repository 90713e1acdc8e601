"""What has to be known of rules ahead of looking at any of them: what they wait for or look up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from igrules.language.permalinks import is_address
from igrules.language.ruleset import Block, Rule

NEXT = "next"
"""What stands under ``post`` for the next one that is published."""
_WRITTEN = b"permalink"


def may_park(blocks: Iterable[Block]) -> bool:
    """Whether a run may stop somewhere in these steps."""
    return any(step.action.parks for block in blocks for step in block.steps)


def waiting_for_next(rules: Iterable[Rule]) -> tuple[int, ...]:
    """The numbers of the rules that wait for the next post."""
    return tuple(
        rule.number
        for rule in rules
        if any(NEXT in named(hears.options, "post") for hears in rule.hears)
    )


def looks_up_posts(rules: Iterable[Rule], files: Iterable[bytes]) -> bool:
    """Whether some rule names a post by what has to be looked up, or shows its address."""
    # A word that stands nowhere in the files is in no text and no condition made of them.
    return any(_WRITTEN in data for data in files) or any(map(_names_posts, rules))


def is_looked_up(post: str) -> bool:
    """Whether a post is named by anything but its id."""
    return post == NEXT or is_address(post)


def named(options: Mapping[str, Any], key: str) -> Sequence[str]:
    """The posts under a parameter of a trigger."""
    found = options.get(key) or ()
    return found if isinstance(found, tuple) else ()


def _names_posts(rule: Rule) -> bool:
    return any(
        is_looked_up(post)
        for hears in rule.hears
        for key in ("post", "story")
        for post in named(hears.options, key)
    )
