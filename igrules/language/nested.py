"""Read steps and conditions that stand inside the options of a kind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from igrules.kinds import Slot
from igrules.language.conditions import bound, read_condition
from igrules.language.done import Listed
from igrules.language.nodes import Entry, Node, Scalar
from igrules.language.place import Place
from igrules.language.ruleset import Block, Hears
from igrules.language.steps import read_guards, read_steps
from igrules.language.typed import report_choice
from igrules.language.values import WRONG
from igrules.model import EMPTY

TAPS = {"quick_replies": "quick_reply", "buttons": "postback"}
"""The trigger by which somebody taps an option, by the key the option stands under."""
_OPTION = re.compile(r".*\.(\w+)\[\d+\]")


class NestedReader:
    """Reads what stands inside an option with what may be said there."""

    def read(self, slot: Slot, node: Node, label: str, place: Place) -> Any:
        """The compiled steps or condition, `WRONG` when there is none."""
        if slot.type == "condition":
            test = bound(read_condition(node, label, place))
            return WRONG if test is None else test
        return _word(slot, node, label, place) or _read_block(slot, node, label, place)

    def guarded(self, entries: Iterable[Entry], place: Place) -> tuple[Place, dict[str, Any]]:
        """The place below the conditions ``if`` and ``unless`` of a branch, and their values."""
        inside, test, unless = read_guards(tuple(entries), "this branch is skipped", place)
        values = {"if": bound(test), "unless": bound(unless)}
        found = {key: value for key, value in values.items() if value is not None}
        return inside._replace(guard=(test, unless)), found


def _word(slot: Slot, node: Node, label: str, place: Place) -> Any:
    """One of the words that may stand instead of steps."""
    if not slot.choices or not isinstance(node, Scalar):
        return None
    text = node.text.strip()
    if text in slot.choices:
        return text
    if not text or text in place.registry.actions or " " in text:
        return None  # a plain word is a step, too; all others are judged as one
    report_choice(node, text, slot.choices, label, place)
    return WRONG


def _read_block(slot: Slot, node: Node, label: str, place: Place) -> Any:
    path = f"{place.path}.{label}"
    test, unless = place.guard
    inside = place._replace(path=path, lists=None, guard=(None, None), said=False, limits="IGR112")
    if label == "then":
        inside = _after_tap(place.path, inside)
    steps = read_steps(node, inside, label)
    block = Block(path, tuple(done.step for done in steps), place.zone)
    if place.lists is not None:
        ends = bool(slot.choices)
        place.lists.append(Listed(block, steps, label, node.span, test, unless, ends))
    return block if steps else WRONG


def _after_tap(path: str, place: Place) -> Place:
    """The place of steps that a tap starts: nothing of the present run is known there."""
    option = _OPTION.fullmatch(path)
    trigger = place.registry.triggers.get(TAPS.get(option[1] if option else "", ""))
    hears = () if trigger is None else (Hears(trigger, EMPTY),)
    return place._replace(
        hears=hears, captures=frozenset(), sure=frozenset(), window_open=False, opened=frozenset()
    )
