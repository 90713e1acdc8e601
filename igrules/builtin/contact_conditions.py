"""Conditions about the contact: tag, field, contact, handed_off, fired.

Whoever mentions us is known by user name only, so these have failed there; but ``fired`` counts by
that name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from igrules import (
    Complaint,
    Condition,
    Contact,
    Example,
    Moment,
    Slot,
    Verdict,
    compares,
    is_contradiction,
)

_BY_NAME_ONLY = Verdict(None, "who mentioned us is known by user name only")
_PROFILE = ("follows_us", "we_follow", "verified")
_READ_FROM_PROFILE = frozenset({"first_name", "name", "followers", *_PROFILE})


def _is_known(moment: Moment) -> bool:
    """Whether we know who it is, and not only under which name."""
    return not moment.event.kind.startswith("mention_")


def _has_tag(moment: Moment, options: Mapping[str, Sequence[str]]) -> Verdict:
    if not _is_known(moment):
        return _BY_NAME_ONLY
    tags = moment.facts.contact.tags
    if "any" in options and tags.isdisjoint(options["any"]):
        return Verdict(False, "has none of the tags")
    if "all" in options and not tags.issuperset(options["all"]):
        return Verdict(False, "lacks a tag")
    if "none" in options and not tags.isdisjoint(options["none"]):
        return Verdict(False, "has a tag it must not have")
    return Verdict(True, "tags")


def _has_fields(moment: Moment, fields: Mapping[str, Mapping[str, Any]]) -> Verdict:
    if not _is_known(moment):
        return _BY_NAME_ONLY
    unknown = ""
    for name, comparison in fields.items():
        value = _field(moment.facts.contact, name)
        if value is None and name in _READ_FROM_PROFILE:
            unknown = unknown or name
        elif not compares(comparison, value, moment.fields.get(name)):
            return Verdict(False, f"the field {name}")
    if unknown:
        return Verdict(None, f"the field {unknown} is not known")
    return Verdict(True, f"the fields {', '.join(fields)}")


def _field(contact: Contact, name: str) -> Any:
    """What a field holds; ``None`` when it is not set, or for one of the profile, not known."""
    if name in contact.fields:
        return contact.fields[name]
    if name == "language":
        return contact.language or None
    if name == "username":
        return contact.username or None
    if name == "first_name" and name not in contact.profile:
        return (contact.profile.get("name") or "").partition(" ")[0] or None
    return contact.profile.get(name)


def _is_contact(moment: Moment, options: Mapping[str, Any]) -> Verdict:
    """All of the map; ``else`` stands for what cannot be known."""
    otherwise = options.get("else")
    if not _is_known(moment):
        return _BY_NAME_ONLY if otherwise is None else Verdict(otherwise, "else")
    unknown = ""
    for key, wanted in options.items():
        if key == "else":
            continue
        found = _FACTS[key](moment, key, wanted)
        if found is False:
            return Verdict(False, f"contact {key}")
        if found is None:
            unknown = unknown or key
    if not unknown:
        return Verdict(True, ", ".join(key for key in options if key != "else"))
    if otherwise is None:
        return Verdict(None, f"contact {unknown} is not known")
    return Verdict(otherwise, f"contact {unknown} is not known: else")


def _is_new(moment: Moment, key: str, wanted: bool) -> bool | None:
    return (moment.facts.contact.first_at is None) is wanted


def _is_so(moment: Moment, key: str, wanted: bool) -> bool | None:
    found = moment.facts.contact.profile.get(key)
    return None if found is None else bool(found) is wanted


def _has_followers(moment: Moment, key: str, comparison: Mapping[str, Any]) -> bool | None:
    found = moment.facts.contact.profile.get("followers")
    return None if found is None else compares(comparison, found, {"type": "number"})


def _is_named(moment: Moment, key: str, names: Sequence[str]) -> bool | None:
    name = moment.facts.contact.username or moment.event.username
    if not name:
        return None
    return name.lower() in {one.lower().removeprefix("@") for one in names}


_FACTS: Mapping[str, Callable[[Moment, str, Any], bool | None]] = {
    "new": _is_new,
    "followers": _has_followers,
    "username": _is_named,
    **dict.fromkeys(_PROFILE, _is_so),
}


def _is_handed_off(moment: Moment, wanted: bool) -> Verdict:
    if not _is_known(moment):
        return _BY_NAME_ONLY
    until = moment.facts.contact.handoff_until
    held = until is not None and until > moment.now
    return Verdict(held is wanted, "a person holds it" if held else "no person holds it")


def _has_fired(moment: Moment, options: Sequence[Mapping[str, Any]]) -> Verdict:
    for one in options:
        if _count(moment, one) >= one["times"]:
            return Verdict(True, f"{one['rule']} fired")
    return Verdict(False, f"{', '.join(one['rule'] for one in options)} did not fire so often")


def _count(moment: Moment, option: Mapping[str, Any]) -> int:
    """How often the rule fired for this contact in the time that is asked for."""
    since = moment.now - option["within"] if "within" in option else None
    return sum(
        mark.name == option["rule"] and (since is None or mark.at >= since)
        for mark in moment.facts.marks
    )


def _check_contact(options: Mapping[str, Any]) -> Iterable[Complaint]:
    if set(options) <= {"else"}:
        yield Complaint(
            (), "IGR102", "'contact' asks for nothing", "write  contact: {follows_us: true}"
        )


def _check_fields(fields: Mapping[str, Mapping[str, Any]]) -> Iterable[Complaint]:
    for name, comparison in fields.items():
        if is_contradiction(comparison):
            yield Complaint(
                (name,),
                "IGR204",
                f"no value of '{name}' is as high and as low as this asks for",
                "correct one of the two ends",
            )


_TAGS = Slot("tag", many=True)
COMPARE = Slot("compare", "a value, a list of values, or a comparison", values=Slot("text"))

CONDITIONS = (
    Condition(
        "tag",
        "the contact has one of these tags",
        Slot("map", keys={"any": _TAGS, "all": _TAGS, "none": _TAGS}, short="any"),
        _has_tag,
        examples=(
            Example("if: {tag: vip}"),
            Example("if: {tag: {all: [vip, sp], none: [atacado]}}"),
        ),
    ),
    Condition(
        "field",
        "the fields of the contact compare",
        Slot("map", names="field", values=COMPARE),
        _has_fields,
        check=_check_fields,
        facts=frozenset({"profile"}),
        facts_of=lambda fields: not _READ_FROM_PROFILE.isdisjoint(fields),
        examples=(
            Example("if: {field: {language: [pt, es]}}", "one of two values"),
            Example("if: {field: {language: {set: true}}}", "there is a value"),
        ),
    ),
    Condition(
        "contact",
        "what is known of the person",
        Slot(
            "map",
            keys={
                "new": Slot("bool", "this is the first we hear of the person"),
                "follows_us": Slot("bool", "the person follows the account"),
                "we_follow": Slot("bool", "the account follows the person"),
                "verified": Slot("bool", "Instagram has verified the person"),
                "followers": Slot("compare", "how many follow them", values=Slot("int", low=0)),
                "username": Slot("text", "one of these user names", many=True),
                "else": Slot("bool", "what counts when it cannot be known"),
            },
        ),
        _is_contact,
        check=_check_contact,
        facts=frozenset({"profile"}),
        facts_of=lambda options: not _READ_FROM_PROFILE.isdisjoint(options),
        examples=(
            Example("if: {contact: {new: true}}"),
            Example("if: {contact: {followers: {gte: 5000}, else: false}}", "known to be so"),
        ),
    ),
    Condition(
        "handed_off",
        "a person holds the conversation",
        Slot("bool"),
        _is_handed_off,
        examples=(Example("if: {handed_off: false}"),),
    ),
    Condition(
        "fired",
        "the contact fired one of these rules",
        Slot(
            "map",
            many=True,
            keys={
                "rule": Slot("rule", "the id of a rule", required=True),
                "within": Slot("duration", "in this time; ever, unless given", low=1),
                "times": Slot("int", "at least so often", default=1, low=1, high=100),
            },
        ),
        _has_fired,
        examples=(Example("unless: {fired: {rule: preco, within: 1d}}"),),
    ),
)
