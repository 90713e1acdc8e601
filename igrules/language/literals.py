"""Check literals beside fields and beside what a run knows: what is compared exists, and what it is
compared with, or what is written to it, has its type."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from igrules.errors import Span
from igrules.kinds import Slot
from igrules.language.answers import read_whole
from igrules.language.borrowed import comparison_in
from igrules.language.bound import locate
from igrules.language.codes import did_you_mean
from igrules.language.comparing import misfits
from igrules.language.contact_fields import type_of_field
from igrules.language.findings import replace
from igrules.language.nodes import Entry, Scalar
from igrules.language.place import Place
from igrules.language.segments import Blank
from igrules.language.templates import Template

NAMED_IN_EVENT = (
    "text", "trigger", "time", "post", "permalink", "emoji", "payload", "ref", "attachment", "url",
)  # fmt: skip
"""What ``event.`` may name."""
_EVENT: Mapping[str, Mapping[str, Any]] = {"time": {"type": "date"}}
PATHS = ("answer", "arg", "match", "result", "event")
_SOME_DAY = date(2000, 1, 1)
_EXAMPLES = {
    "number": "12.5",
    "date": "2026-12-25",
    "yes_no": "sim",
    "email": "ana@luz.example",
    "phone": '"+5511999990000"',
}


def check_comparison(
    entry: Entry, slot: Slot, names: str, value: Mapping[str, Any], place: Place
) -> None:
    """Report literals that do not fit what they are compared with. ``names`` is the type of the
    key: ``field`` or ``path``."""
    name = entry.key.text
    declared = type_of_field(name, place) if names == "field" else _type_at(name, place)
    if declared is None:
        return
    for path, literal in misfits(value, declared):
        span = locate(entry.value, slot, path, {}, entry.key.span)
        _report_misfit(str(literal), name, declared, span, place)


def check_written(key: Scalar, value: Any, span: Span, place: Place) -> None:
    """Report what is written to a field and does not fit it: a text without blanks, or a number
    that is added."""
    name = key.text.strip()
    declared = type_of_field(name, place)
    if declared is None:
        return
    if not isinstance(value, Template):
        if declared["type"] != "number":
            help = f"count in a field of its own:  fields: {{{name}_count: number}}"
            place.problem("IGR219", span, f"'{name}' holds {declared['type']}, no number", help)
        return
    text = value.literal.strip()
    prefix = place.settings.phone_prefix
    fits = read_whole(text, declared, today=_SOME_DAY, phone_prefix=prefix) is not None
    if not value.paths and not fits:
        _report_misfit(text, name, declared, span, place)


def _report_misfit(
    literal: str, name: str, declared: Mapping[str, Any], span: Span, place: Place
) -> None:
    kind = declared["type"]
    if kind == "choice":
        options = tuple(declared.get("options", ()))
        near = did_you_mean(literal, options)
        help = f"did you mean '{near}'?" if near else f"write one of {', '.join(options)}"
    elif kind == "number" and (compared := comparison_in(literal)):
        help = f"write  {name}: {compared}"
    else:
        help = f"write it like  {_EXAMPLES.get(kind, '…')}"
    place.problem("IGR219", span, f"'{literal}' is no {kind}, and '{name}' is one", help)


def _type_at(path: str, place: Place) -> Mapping[str, Any] | None:
    """The type of a value of the run; ``None`` when it has none that is declared."""
    root, _, rest = path.partition(".")
    if root == "answer":
        return place.known.answers.get(rest)
    return _EVENT.get(rest) if root == "event" else None


def is_path(key: Scalar, place: Place) -> bool:
    """Whether a path of a run leads to something; if not, it is reported."""
    root, _, rest = key.text.partition(".")
    if root not in PATHS or not rest or not all(rest.split(".")):
        near = did_you_mean(root, PATHS)
        message = f"'{key.text}' is no value of a run"
        help = f"did you mean '{near}.{rest}'?" if near and rest else (
            "begin with answer., arg., match., result. or event.;  "
            "field: {…}  compares what is kept of the contact"
        )  # fmt: skip
        place.problem("IGR401", key.span, message, help)
        return False
    if root == "event" and rest not in NAMED_IN_EVENT:
        near = did_you_mean(rest, NAMED_IN_EVENT)
        known = ", ".join(NAMED_IN_EVENT)
        help = f"did you mean 'event.{near}'?" if near else f"'event' has {known}"
        fix = replace(key.span, f"event.{near}") if near else None
        place.problem("IGR401", key.span, f"'event' has no '{rest}'", help, fix=fix)
        return False
    if root != "event":
        before = place.findings.errors()
        blank = Blank((root, *rest.split(".")), (), 0, len(key.text))
        named = Template(key.text, (blank,), (blank,))
        place.fill(named, key, place._replace(said=False))
        return place.findings.errors() == before
    return True
