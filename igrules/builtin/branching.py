"""Actions that carry out other steps: ``choose``, ``split``, ``run``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from igrules import Action, Complaint, Enter, Example, Moment, Planned, Remark, Slot, bucket

_FEWEST, _MOST = 2, 5
"""Arms of a split."""
_PER_SHARE = 100
"""Buckets of one per cent."""


def _plan_choose(moment: Moment, branches: Sequence[Mapping[str, Any]]) -> Iterable[Planned]:
    for number, branch in enumerate(branches, 1):
        if "if" in branch and not moment.holds(branch["if"]):
            continue
        if "unless" in branch and moment.holds(branch["unless"]) is not False:
            continue
        return [Remark(f"branch {number}"), Enter(branch["do"])]
    return []


def _check_choose(branches: Sequence[Mapping[str, Any]]) -> Iterable[Complaint]:
    for place, branch in enumerate(branches[:-1]):
        if "if" not in branch and "unless" not in branch:
            yield Complaint(
                (place + 1,),
                "IGR205",
                f"branch {place + 1} always holds, so this one is never taken",
                "give the branch above it an 'if', or put it last",
                "warning",
            )
            return


def _plan_split(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    name = options["name"]
    arm = arm_of(moment, options)
    return [Remark(f"split {name}: {arm}"), Enter(options["arms"][arm]["do"])]


def arm_of(moment: Moment, options: Mapping[str, Any]) -> str:
    """The arm this contact has for ever. Arms share the buckets in the order of their names."""
    number = bucket(moment.settings.slug, f"split:{options['name']}", moment.event.person)
    names: list[str] = sorted(options["arms"])
    for name in names:
        number -= options["arms"][name]["share"] * _PER_SHARE
        if number < 0:
            return name
    return names[-1]


def _check_split(options: Mapping[str, Any]) -> Iterable[Complaint]:
    arms = options["arms"]
    if not _FEWEST <= len(arms) <= _MOST:
        yield Complaint(
            ("arms",),
            "IGR221",
            f"a split has {_FEWEST} to {_MOST} arms, this one has {len(arms)}",
            "write  arms: {a: {share: 50, do: …}, b: {share: 50, do: …}}",
        )
    total = sum(arm["share"] for arm in arms.values())
    if total != 100:
        yield Complaint(
            ("arms",), "IGR221", f"the shares add up to {total}", "let them add up to 100"
        )


def _plan_run(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    arguments = {
        name: moment.render(value).strip() for name, value in options.get("with", {}).items()
    }
    return [Enter(options["flow"], arguments)]


ACTIONS = (
    Action(
        "choose",
        "carry out the first branch whose conditions hold",
        Slot(
            "map",
            many=True,
            keys={
                "if": Slot("condition", "must be true"),
                "unless": Slot("condition", "must be false"),
                "do": Slot("steps", "what is done", required=True),
                "note": Slot("text", "a remark for people"),
            },
        ),
        _plan_choose,
        check=_check_choose,
        examples=(
            Example("do: {choose: [{if: {tag: vip}, do: {text: Oi!}}, {do: {text: Olá!}}]}"),
        ),
    ),
    Action(
        "split",
        "give each contact one of several arms, for ever",
        Slot(
            "map",
            keys={
                "name": Slot("name", "unique in the tenant", required=True),
                "arms": Slot(
                    "map",
                    "2 to 5, by name",
                    required=True,
                    values=Slot(
                        "map",
                        keys={
                            "share": Slot(
                                "int", "per cent of the contacts", required=True, low=0, high=100
                            ),
                            "do": Slot("steps", "what is done", required=True),
                        },
                    ),
                ),
            },
        ),
        _plan_split,
        check=_check_split,
        examples=(
            Example(
                "do: {split: {name: oi, arms: {a: {share: 50, do: {text: Oi!}}, "
                "b: {share: 50, do: {text: Olá!}}}}}"
            ),
        ),
    ),
    Action(
        "run",
        "carry out the steps of a flow, then go on",
        Slot(
            "map",
            short="flow",
            keys={
                "flow": Slot("flow", "the name of a flow", required=True),
                "with": Slot(
                    "map", "what {{ arg.name }} holds in it", values=Slot("template"), empty=True
                ),
            },
        ),
        _plan_run,
        flows=lambda options: [(options["flow"], options.get("with", {}))],
        examples=(Example("do: {run: precos}"),),
    ),
)
