"""The action ``wait``: for a time, until a time of day or an opening, or for the next message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from igrules import (
    Action,
    Complaint,
    Enter,
    Event,
    Example,
    Failure,
    Halt,
    Moment,
    Park,
    Planned,
    Slot,
    longest_closed,
    next_time,
    opening,
)

_SECOND = 1_000
_DAY = 86_400_000
_LONGEST = 30 * _DAY
_FORMS = ("for", "until", "reply")


def _plan(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    if "for" in options:
        unless_reply = bool(options.get("unless_reply"))
        return [Park("time", moment.now + options["for"], unless_reply=unless_reply)]
    if "reply" in options:
        return [Park("message", moment.now + options["reply"])]
    until = _until(moment, options["until"])
    if until is None:
        return [Failure("the time it waits for never comes")]
    return [Park("time", until)] if until > moment.now else []


def _until(moment: Moment, until: Mapping[str, Any]) -> int | None:
    """When to go on; now, when it is open already. ``None``: never."""
    if "clock" in until:
        return next_time(until["clock"], moment.now, moment.zone) if moment.zone else None
    hours = moment.hours.get(until["open"])
    return None if hours is None else opening(hours, moment.now)


def _resume(moment: Moment, options: Mapping[str, Any], result: Event | None) -> Iterable[Planned]:
    way = options.get("on_timeout", "stop")
    if "reply" not in options or result is not None or way == "continue":
        return []
    return [Halt("timed_out")] if way == "stop" else [Enter(way, ends="timed_out")]


def _waits(options: Mapping[str, Any], hours: Mapping[str, Any]) -> int | None:
    if "for" in options:
        return int(options["for"])
    if "reply" in options:
        return int(options["reply"]) if options.get("on_timeout") == "continue" else None
    if "clock" in options["until"]:
        return _DAY
    named = hours.get(options["until"]["open"])
    closed = None if named is None else longest_closed(named)
    return _LONGEST if closed is None else min(closed, _LONGEST)


def _check(options: Mapping[str, Any]) -> Iterable[Complaint]:
    given = [form for form in _FORMS if form in options]
    if not given:
        yield Complaint(
            (),
            "IGR102",
            "'wait' needs 'for', 'until' or 'reply'",
            'write  wait: 2h  or  wait: {until: "09:00"}',
        )
    for extra in given[1:]:
        yield Complaint(
            (extra,),
            "IGR109",
            f"'{given[0]}' and '{extra}' in one wait",
            "write two waits, one after the other",
        )
    for key, form in (("unless_reply", "for"), ("on_timeout", "reply")):
        if key in options and form not in options and given:
            help = f"leave it out, or write  wait: {{{form}: 2h, {key}: …}}"
            yield Complaint((key,), "IGR109", f"'{key}' belongs to 'wait' with '{form}'", help)
    until = options.get("until", {})
    if "clock" in until and "open" in until:
        help = "keep one of them"
        yield Complaint(("until", "open"), "IGR109", "'until' names two times", help)


ACTIONS = (
    Action(
        "wait",
        "go on later: after a time, at a time, or with the next message",
        Slot(
            "map",
            short="for",
            keys={
                "for": Slot("duration", "so long, 30d at most", low=_SECOND, high=_LONGEST),
                "unless_reply": Slot("bool", "end the run when the person writes first"),
                "until": Slot(
                    "map",
                    "the next such time of day, or when it is open",
                    short="clock",
                    keys={
                        "clock": Slot("clock", "the next such time of day"),
                        "open": Slot("hours", "when these opening hours are open"),
                    },
                ),
                "reply": Slot(
                    "duration", "the next message goes on with the run", low=_SECOND, high=_LONGEST
                ),
                "on_timeout": Slot(
                    "steps", "what happens when none came", choices=("stop", "continue")
                ),
            },
        ),
        _plan,
        check=_check,
        parks=True,
        resume=_resume,
        waits=_waits,
        examples=(
            Example("do: [{wait: 2h}, {text: Ainda por aí?}]"),
            Example("do: [{wait: {for: 20h, unless_reply: true}}, {text: Ainda por aí?}]"),
            Example("do: [{text: E aí?}, {wait: {reply: 1h}}, {text: Obrigada!}]"),
        ),
    ),
)
