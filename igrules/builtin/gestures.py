"""The small signs of a conversation: ``react``, ``typing``, ``mark_seen``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from igrules import Action, Effect, Example, Moment, Planned, Slot

TYPING = Slot("duration", "show the bubble this long first", low=1_000, high=20_000)
_HEART = "❤️"
_BUBBLE = 2_000


def show_typing(person: str, duration: int | None) -> Iterable[Effect]:
    """The bubble, ``duration`` milliseconds long; what follows waits for it. None without one."""
    if not duration:
        return ()
    return (Effect("typing", person, {"ms": duration}, counted=False, idempotent=True),)


def _plan_typing(moment: Moment, duration: int | None) -> Iterable[Planned]:
    return show_typing(moment.event.person, duration or _BUBBLE)


def _plan_seen(moment: Moment, options: Any) -> Iterable[Planned]:
    return [Effect("mark_seen", moment.event.person, {}, counted=False, idempotent=True)]


def _plan_react(moment: Moment, emoji: str | None) -> Iterable[Planned]:
    event = moment.event
    # A tap has a title, also where it is looked at as a message.
    if event.kind != "message" or event.title or not event.ref:
        return []
    payload = {"message": event.ref, "emoji": emoji or _HEART}
    return [Effect("react", event.person, payload, counted=False, idempotent=True)]


ACTIONS = (
    Action(
        "react",
        "react to the message with an emoji; skipped on a tap",
        Slot("emoji", default=_HEART),
        _plan_react,
        needs="react",
        bare=True,
        examples=(Example("do: [react, {text: Que bom!}]"), Example("do: {react: 🔥}")),
    ),
    Action(
        "typing",
        "show the bubble and delay what follows",
        Slot("duration", default=_BUBBLE, low=1_000, high=20_000),
        _plan_typing,
        needs="message",
        bare=True,
        examples=(Example("do: [{typing: 3s}, {text: Achei!}]"),),
    ),
    Action(
        "mark_seen",
        "mark the conversation as seen",
        Slot("map", empty=True),
        _plan_seen,
        needs="message",
        bare=True,
        examples=(Example("do: [mark_seen, {text: Já te respondo.}]"),),
    ),
)
