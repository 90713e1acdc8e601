"""Actions that change what we keep of the contact: tags, fields, consent."""

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


def _plan_unset(moment: Moment, fields: Sequence[str]) -> Iterable[Planned]:
    return [Change("unset", name) for name in fields]


def _plan_increment(moment: Moment, fields: Mapping[str, int | float]) -> Iterable[Planned]:
    return [Change("increment", name, by) for name, by in fields.items()]


def _plan_opt_out(moment: Moment, options: Any) -> Iterable[Planned]:
    return [Change("opt_out")]


def _plan_opt_in(moment: Moment, options: Any) -> Iterable[Planned]:
    return [Change("opt_in")]


_BARE = Slot("map", empty=True)

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
    Action(
        "unset",
        "empty fields of the contact",
        Slot("field", many=True),
        _plan_unset,
        needs="contact",
        examples=(Example("do: {unset: language}"),),
    ),
    Action(
        "increment",
        "add to numbers of the contact, 1 unless said otherwise; an empty one counts as 0",
        Slot("map", names="field", values=Slot("number", default=1), short="*"),
        _plan_increment,
        needs="contact",
        examples=(Example("do: {increment: {pedidos: 2}}"), Example("do: {increment: pedidos}")),
    ),
    Action(
        "opt_out",
        "send this contact nothing automatic until it opts in again",
        _BARE,
        _plan_opt_out,
        answers=True,
        needs="contact",
        bare=True,
        examples=(Example("do: [{text: Combinado!}, opt_out]"),),
    ),
    Action(
        "opt_in",
        "let this contact have automatic messages again",
        _BARE,
        _plan_opt_in,
        needs="contact",
        bare=True,
        examples=(Example("do: opt_in"),),
    ),
)
