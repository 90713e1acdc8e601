"""Check that a time zone is known wherever somebody asks for a day or a time of day."""

from __future__ import annotations

from typing import Any

from igrules.errors import Span
from igrules.kinds import Action
from igrules.language.bound import call
from igrules.language.nodes import Scalar
from igrules.language.place import Place

_HELP = "add  timezone: America/Sao_Paulo  to tenant.yaml, or to this file"


def check_zone_of_blank(name: str, span: Span, place: Place) -> None:
    """Report a blank that reads a day or a time of day while no time zone says which."""
    if place.zone or not (name.split(".")[0] == "now" or name == "event.time"):
        return
    message = f"'{name}' follows a clock, and no time zone says which"
    place.problem("IGR802", span, message, _HELP)


def check_zone(kind: Action, options: Any, key: Scalar, place: Place) -> None:
    """Report an action that asks for the day or the time while no time zone says which."""
    if place.zone or kind.zoned is None or not call(kind.zoned, options, key, place):
        return
    place.problem(
        "IGR802",
        key.span,
        f"'{key.text}' follows a clock, and no time zone says which",
        _HELP,
    )
