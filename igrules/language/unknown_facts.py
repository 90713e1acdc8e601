"""Report profile facts that a trigger does not know: they are told once the person has written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igrules.kinds import Condition
from igrules.language.nodes import Scalar
from igrules.language.place import Place

_PUBLIC = frozenset({"comment", "live_comment", "mention_comment", "mention_caption"})
_OTHERWISE = "else"


def check_known(condition: Condition, value: Any, name: Scalar, place: Place) -> None:
    """Warn of a condition that fails for everybody who has never written."""
    if place.window_open or (isinstance(value, Mapping) and _OTHERWISE in value):
        return
    unknowing = [
        hears.trigger.name
        for hears in place.hears
        if not _PUBLIC.isdisjoint(hears.trigger.events) and hears.trigger.name not in place.opened
    ]
    if not unknowing:
        return
    if _OTHERWISE in condition.options.keys:
        help = "add  else: false  so that the rule goes on without the fact"
    else:
        help = f"ask only where it is known:  if: {{trigger: dm, {name.text}: …}}"
    place.problem(
        "IGR220",
        name.span,
        f"'{name.text}' is not known of people who only wrote by '{unknowing[0]}'",
        help,
    )
