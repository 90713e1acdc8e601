"""Actions that change what we know of the contact: ``tag``, ``untag``, ``set``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from igrules import Action, Change, Example, Moment, Planned, Slot


def _plan_tag(moment: Moment, tags: Sequence[str]) -> Iterable[Planned]:
    return [Change("tag", tag) for tag in tags]


def _plan_untag(moment: Moment, tags: Sequence[str]) -> Iterable[Planned]:
    return [Change("untag", tag) for tag in tags]


def _plan_set(moment: Moment, fields: Mapping[str, Any]) -> Iterable[Planned]:
    return [Change("set", name, moment.render(value).strip()) for name, value in fields.items()]


ACTIONS = (
    Action(
        "tag",
        "put tags on the contact",
        Slot("tag", many=True),
        _plan_tag,
        needs="contact",
        examples=(Example("do: {tag: [lead, sp]}"),),
    ),
    Action(
        "untag",
        "take tags off the contact",
        Slot("tag", many=True),
        _plan_untag,
        needs="contact",
        examples=(Example("do: {untag: lead}"),),
    ),
    Action(
        "set",
        "write fields of the contact",
        Slot("map", names="field", values=Slot("template")),
        _plan_set,
        needs="contact",
        examples=(Example('do: {set: {language: "es"}}'),),
    ),
)
