"""The actions ``hide_comment`` and ``delete_comment``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from igrules import Action, Effect, Example, Failure, Moment, Planned, Slot


def _acts(kind: str) -> Callable[[Moment, Any], Iterable[Planned]]:
    """What plans one of the two: an act on the comment the run began with."""

    def plan(moment: Moment, options: Any) -> Iterable[Planned]:
        event = moment.event
        if event.kind != "comment" or not event.ref:
            return [Failure("there is no comment here")]
        if kind == "delete_comment" and kind not in moment.settings.allow:
            return [Failure("the tenant does not allow delete_comment")]
        effect = Effect(kind, event.ref, {}, track=event.ref, counted=False, idempotent=True)
        return [effect]

    return plan


ACTIONS = (
    Action(
        "hide_comment",
        "hide the comment: its author and their friends still see it",
        Slot("map", empty=True),
        _acts("hide_comment"),
        answers=True,
        needs="moderate",
        bare=True,
        examples=(Example("do: hide_comment"),),
    ),
    Action(
        "delete_comment",
        "delete the comment for good; tenant.yaml must allow it",
        Slot("map", empty=True),
        _acts("delete_comment"),
        answers=True,
        guarded=True,
        needs="moderate",
        bare=True,
        examples=(Example("do: delete_comment"),),
    ),
)
