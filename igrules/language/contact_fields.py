"""The fields of a contact: the built-in ones, and whether a rule may write one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from igrules.language.codes import did_you_mean
from igrules.language.findings import replace
from igrules.language.nodes import Scalar
from igrules.language.place import Place

READ_ONLY = (
    "first_name", "name", "username", "followers", "follows_us", "we_follow", "verified",
)  # fmt: skip
PROFILE = frozenset(READ_ONLY) - {"username"}
"""Facts that are fetched from Instagram, which only rules that look at them cause."""
_TYPES: Mapping[str, str] = MappingProxyType(
    {"followers": "number", "follows_us": "yes_no", "we_follow": "yes_no", "verified": "yes_no"}
)
BUILT_IN: Mapping[str, Mapping[str, Any]] = MappingProxyType({"language": {"type": "text"}})
"""Fields every tenant has and may write."""
NAMED_IN_TEXTS = frozenset(
    {"first_name", "name", "username", "language", "followers", "follows_us"}
)
"""What ``{{ contact.… }}`` may name beside declared fields."""


def type_of_field(name: str, place: Place) -> Mapping[str, Any] | None:
    """What a field holds, as it was declared; ``None`` when there is no such field."""
    if name in READ_ONLY:
        return {"type": _TYPES.get(name, "text")}
    return BUILT_IN.get(name) or place.known.fields.get(name)


def _note_profile(field: str, place: Place) -> None:
    if place.unit is not None and field in PROFILE:
        place.unit.profile = True


def is_usable(name: Scalar, place: Place) -> bool:
    """Whether the field is declared and, unless a condition only looks at it, not read-only; if
    not, it is reported."""
    field = name.text.strip()
    if field in BUILT_IN or field in place.known.fields:
        return True
    if field in READ_ONLY and place.tests:
        _note_profile(field, place)
        return True
    if field in READ_ONLY:
        message = f"field '{field}' is read-only"
        help = "Instagram says what it is; declare a field of your own under  fields:"
        place.problem("IGR207", name.span, message, help)
        return False
    near = did_you_mean(field, [*BUILT_IN, *place.known.fields])
    help = f"did you mean '{near}'?" if near else f"add  fields: {{{field}: text}}"
    fix = replace(name.span, near) if near else None
    place.problem("IGR207", name.span, f"no field '{field}' is declared", help, fix=fix)
    return False
