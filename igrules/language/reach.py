"""Check that an action can reach whom its trigger brings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from igrules.errors import Note, Span
from igrules.kinds import Action
from igrules.language.bound import call
from igrules.language.nodes import Scalar
from igrules.language.place import Place
from igrules.language.values import WRONG

_POSTED = frozenset({"comment", "live_comment"})


def need_of(action: Action, options: Any) -> str:
    """What the action must reach with these options; empty when it works everywhere."""
    return action.needs if action.needs_of is None else action.needs_of(options)


def check_reach(action: Action, options: Any, key: Scalar, place: Place) -> None:
    """Report an action that one of the triggers heard at ``place`` never allows.

    ``options`` that could not be read are `WRONG`.
    """
    if not action.needs or (options is WRONG and action.needs_of is not None):
        return
    need = call(lambda value: need_of(action, value), options, key, place)
    never = [
        hears.trigger.name for hears in place.hears if hears.trigger.reaches.get(need, "no") == "no"
    ]
    if never:
        _report_never(action, need, key, never, place)


def _report_never(
    action: Action, need: str, key: Scalar, triggers: list[str], place: Place
) -> None:
    able = [
        trigger.name
        for trigger in place.registry.triggers.values()
        if trigger.reaches.get(need, "no") != "no"
    ]
    mine = [hears.trigger.name for hears in place.hears if hears.trigger.name in able]
    if mine:
        help = f"add  if: {{trigger: {_list(mine)}}}  to this step"
    elif able:
        help = f"it works for {', '.join(sorted(able))}"
    else:
        help = "no trigger of this igrules reaches what it needs; remove the step"
    message = f"'{action.name}' has nobody or nothing to reach on {_names(triggers)}"
    place.problem("IGR301", key.span, message, help, notes=_notes(triggers, place))


def report_closed(
    action: Action, key: Span, triggers: list[str], place: Place, *, replied: bool = False
) -> None:
    """Report a message to people of whom nobody knows whether their window is open. ``replied``:
    they have got a private reply before."""
    if replied:
        message = f"'{action.name}' cannot follow a private reply before the person has written"
        help = "ask for an answer,  ask: {private_reply: …},  or put  wait: {reply: 23h}  before it"
    elif _POSTED.issuperset(triggers):
        message = f"'{action.name}' cannot reach a person who only commented"
        help = (
            "use 'private_reply' (one message per comment, within 7 days), "
            "or add  if: {window: open}"
        )
    else:
        message = f"'{action.name}' reaches people by {_names(triggers)} only inside 24 hours"
        help = "add  if: {window: open}  to this step or to the rule"
    place.problem("IGR301", key, message, help, notes=_notes(triggers, place))


def _notes(triggers: Iterable[str], place: Place) -> tuple[Note, ...]:
    """Inside a flow: who brings these triggers here."""
    wanted = set(triggers)
    for caller in place.callers:
        if any(hears.trigger.name in wanted for hears in caller.place.hears):
            sort = "flow" if caller.place.rule.startswith("flows.") else "rule"
            name = caller.place.rule.removeprefix("flows.")
            return (Note(caller.span, f"{sort} '{name}' runs this flow here"),)
    return ()


def _names(triggers: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in triggers)


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"
