"""Conditions about the time: open, closed, date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from igrules import Complaint, Condition, Example, Moment, Slot, Verdict, is_open, local_time


def _is_open(moment: Moment, names: Sequence[str]) -> Verdict:
    return _states(moment, names, True)


def _is_closed(moment: Moment, names: Sequence[str]) -> Verdict:
    return _states(moment, names, False)


def _states(moment: Moment, names: Sequence[str], wanted: bool) -> Verdict:
    """Whether one of the hours is open now, or closed."""
    word = "open" if wanted else "closed"
    unknown = ""
    for name in names:
        hours = moment.hours.get(name)
        if hours is None:
            unknown = name
        elif is_open(hours, moment.now) is wanted:
            return Verdict(True, f"{name} is {word}")
    if unknown:
        return Verdict(None, f"there are no hours {unknown}")
    return Verdict(False, f"{', '.join(names)} not {word}")


def _is_date(moment: Moment, spans: Sequence[Mapping[str, str]]) -> Verdict:
    if not moment.zone:
        return Verdict(None, "no time zone says what day it is")
    today = local_time(moment.now, moment.zone).date().isoformat()
    inside = any(span.get("from", today) <= today <= span.get("until", today) for span in spans)
    return Verdict(inside, f"today is {today}")


def _check_date(spans: Sequence[Mapping[str, Any]]) -> Iterable[Complaint]:
    for number, span in enumerate(spans):
        if not span:
            help = "write  date: {from: 2026-12-01, until: 2026-12-25}"
            yield Complaint((number,), "IGR102", "'date' needs 'from' or 'until'", help)
        elif "from" in span and "until" in span and span["from"] > span["until"]:
            yield Complaint(
                (number, "until"),
                "IGR204",
                f"{span['until']} is before {span['from']}, so no day lies in it",
                "exchange the two",
            )


_HOURS = Slot("hours", "names of opening hours", many=True)

CONDITIONS = (
    Condition(
        "open",
        "one of these opening hours is open now",
        _HOURS,
        _is_open,
        examples=(Example("if: {open: loja}"),),
    ),
    Condition(
        "closed",
        "one of these opening hours is closed now",
        _HOURS,
        _is_closed,
        examples=(Example("if: {closed: loja}"),),
    ),
    Condition(
        "date",
        "today lies in it, both ends included",
        Slot(
            "map",
            many=True,
            keys={
                "from": Slot("date", "the first day"),
                "until": Slot("date", "the last day"),
            },
        ),
        _is_date,
        check=_check_date,
        examples=(
            Example("if: {date: {from: 2026-12-01, until: 2026-12-25}}"),
            Example("if: {date: [{until: 2026-01-06}, {from: 2026-12-24}]}", "one of two"),
        ),
    ),
)
