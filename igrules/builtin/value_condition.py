"""The condition ``value``: what this run knows compares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from igrules import (
    Complaint,
    Condition,
    Event,
    Example,
    Moment,
    Slot,
    Verdict,
    compares,
    is_contradiction,
    local_time,
)
from igrules.builtin.contact_conditions import COMPARE

_TEXT: Mapping[str, Any] = {"type": "text"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
ROOTS = ("answer", "arg", "match", "result", "event")


def _test(moment: Moment, paths: Mapping[str, Mapping[str, Any]]) -> Verdict:
    failed = ""
    for path, comparison in paths.items():
        if path == "event.text" and not moment.facts.text_is_known:
            failed = path
        elif not compares(comparison, *_typed(path, value_at(moment, path))):
            return Verdict(False, path)
    if failed:
        return Verdict(None, "the text of the mention could not be fetched")
    return Verdict(True, ", ".join(paths))


def _typed(path: str, value: Any) -> tuple[Any, Mapping[str, Any] | None]:
    """The value with its type, where that is certain: an answer that was kept as text is text, so
    ``010`` is not 10. A day is kept as text, too, in its one form."""
    is_text = path.startswith("answer.") and isinstance(value, str) and not _DAY.fullmatch(value)
    return value, _TEXT if is_text else None


def value_at(moment: Moment, path: str) -> Any:
    """What a path names in this moment; ``None`` when there is nothing."""
    root, *rest = path.split(".")
    value: Any = {
        "answer": moment.answers,
        "arg": moment.arguments,
        "match": moment.captures,
        "result": moment.results,
    }.get(root)
    if root == "event":
        value = _about(moment.event, moment)
    for name in rest:
        value = _step(value, name)
    return value


def _step(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    if isinstance(value, (list, tuple)) and name.isdecimal():
        return value[int(name)] if int(name) < len(value) else None
    return None


def _about(event: Event, moment: Moment) -> Mapping[str, Any]:
    """What ``event.`` names; a time is the day it lies in."""
    first = event.attachments[0] if event.attachments else None
    at = event.occurred_at or event.received_at or moment.now
    return {
        "text": event.text,
        "trigger": moment.via,
        "time": local_time(at, moment.zone).date() if moment.zone else None,
        "post": event.post,
        "permalink": moment.facts.media.permalink,
        "emoji": event.emoji,
        "payload": event.payload,
        "ref": event.referral,
        "attachment": first.kind if first else "",
        "url": first.url if first else "",
    }


def _check(paths: Mapping[str, Mapping[str, Any]]) -> Iterable[Complaint]:
    for path, comparison in paths.items():
        root, *rest = path.split(".")
        if root not in ROOTS or not all(rest) or not rest:
            yield Complaint(
                (path,),
                "IGR401",
                f"'{path}' is no value of a run",
                "begin with answer., arg., match., result. or event.;  field: {…}  compares "
                "what is kept of the contact",
            )
        if is_contradiction(comparison):
            yield Complaint(
                (path,),
                "IGR204",
                f"no value of '{path}' is as high and as low as this asks for",
                "correct one of the two ends",
            )


CONDITIONS = (
    Condition(
        "value",
        "values of this run compare",
        Slot("map", names="path", values=COMPARE),
        _test,
        check=_check,
        examples=(
            Example('if: {value: {event.text: "10"}}'),
            Example("if: {value: {event.ref: {set: true}}}", "there is a value"),
        ),
    ),
)
