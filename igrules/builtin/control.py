"""Actions about the run itself: ``stop`` and ``log``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from igrules import Action, Example, Halt, Moment, Planned, Remark, Slot


def _plan_stop(moment: Moment, options: Any) -> Iterable[Planned]:
    return [Halt()]


def _plan_log(moment: Moment, template: Any) -> Iterable[Planned]:
    return [Remark(moment.render(template))]


ACTIONS = (
    Action(
        "stop",
        "end here: the steps below are not carried out",
        Slot("map", empty=True),
        _plan_stop,
        bare=True,
        examples=(Example("do: [{stop: {}, if: {tag: vip}}, {text: Olá!}]"),),
    ),
    Action(
        "log",
        "write a line into the trace",
        Slot("template"),
        _plan_log,
        examples=(Example('do: [{log: "por {{ event.trigger }}"}]'),),
    ),
)
