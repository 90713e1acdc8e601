"""Read names of what is defined elsewhere: flows, opening hours, channels, rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, cast

from igrules.language.codes import did_you_mean
from igrules.language.findings import replace
from igrules.language.nodes import Scalar
from igrules.language.place import Place
from igrules.language.values import WRONG

Sort = Literal["flow", "hours", "channel", "rule"]
SORTS: tuple[Sort, ...] = ("flow", "hours", "channel", "rule")
DEFAULT_CHANNEL = "default"

_PLURAL = {"flow": "flows", "hours": "hours", "channel": "channels", "rule": "rules"}
_WHAT = {"flow": "flow", "hours": "opening hours", "channel": "channel", "rule": "rule"}
_HOME = {
    "flow": "add  flows: {{{0}: [{{text: Olá!}}]}}",
    "hours": 'add  hours: {{{0}: {{mon-fri: "09:00-18:00"}}}}',
    "channel": "add  notify: {{{0}: {{email: [time@luz.example]}}}}  to tenant.yaml",
    "rule": "write the id of a rule; igrules list  shows them",
}


def read_reference(scalar: Scalar, sort: str, place: Place) -> Any:
    """The name as the ruleset keeps it; `WRONG` when there is no such thing, which is reported."""
    name = scalar.text.strip()
    known = _known(cast(Sort, sort), place)
    kept = place.resolve(_PLURAL.get(sort, sort), name)
    if kept in known and ("." not in name or sort == "rule"):
        return kept
    near = did_you_mean(name, known if sort == "rule" else place.visible(_PLURAL[sort], known))
    help = f"did you mean '{near}'?" if near else _HOME[sort].format(name)
    fix = replace(scalar.span, near) if near else None
    there = "are no" if sort == "hours" else "is no"
    message = f"there {there} {_WHAT[sort]} '{name}'"
    place.problem("IGR207", scalar.span, message, help, fix=fix)
    return WRONG


def _known(sort: Sort, place: Place) -> Iterable[str]:
    known = place.known
    if sort == "channel":
        return {DEFAULT_CHANNEL, *place.settings.notify}
    return {"flow": known.flows, "hours": known.hours, "rule": known.rules}[sort]
