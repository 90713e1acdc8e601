"""What the steps of an event's rules did and how their runs went on or ended, by its trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def course_of(trace: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    """The ``notes`` of steps, in order, and the ``runs`` that wait, went on or did not reach their
    end. A run that reached it at once is in neither."""
    ended = dict(trace.get("ended", {}))
    runs = [
        {"rule": rule, "state": state, "step": step, "why": ended.pop(rule, ("", ""))[1]}
        for rule, state, step in trace.get("runs", ())
    ]
    runs += [
        {"rule": rule, "state": state, "step": "", "why": why}
        for rule, (state, why) in ended.items()
    ]
    return {"notes": notes_of(trace), "runs": runs}


def notes_of(trace: Mapping[str, Any]) -> list[dict[str, str]]:
    """What steps noted, in order: what `log` wrote, and why one failed."""
    return [{"step": step, "text": text} for step, text in trace.get("notes", ())]


def course_lines(course: Mapping[str, list[dict[str, str]]]) -> Iterator[str]:
    """The same for people."""
    from igrules.language.frames import visible

    for note in course["notes"]:
        yield f"{note['step']:24} note: {visible(note['text'])}"
    for run in course["runs"]:
        where = f" at {run['step']}" if run["step"] else ""
        why = f": {visible(run['why'])}" if run["why"] else ""
        yield f"{run['rule']:24} run {run['state']}{where}{why}"
