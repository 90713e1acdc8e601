"""Read one scalar as the typed value of its slot."""

from __future__ import annotations

from dataclasses import replace as changed
from typing import Any

from igrules.kinds import Slot
from igrules.language.borrowed import comparison_in, list_in
from igrules.language.codes import did_you_mean
from igrules.language.findings import replace
from igrules.language.folding import fold
from igrules.language.foreign_signs import foreign_sign
from igrules.language.hosts import check_host
from igrules.language.loading import place_in
from igrules.language.nodes import Scalar
from igrules.language.place import Place
from igrules.language.segments import TemplateError
from igrules.language.shapes import report_empty
from igrules.language.templates import Template, compile_template, renamed
from igrules.language.values import READERS, WRONG, Flaw, read_url, write_duration

LONGEST_TEXT = 4000
_MAY_HOLD_BRACES = frozenset({"template", "any", "regex"})


def read_scalar(scalar: Scalar, slot: Slot, label: str, place: Place) -> Any:
    """The value of ``scalar`` in ``slot``, or `WRONG` when a problem was reported."""
    text = scalar.text.strip()
    if not text:
        report_empty(place, scalar, label)
        return WRONG
    if "{{" in text and slot.type not in _MAY_HOLD_BRACES and not slot.blanks:
        report_braces(scalar, label, place)
        return WRONG
    if slot.choices and text in slot.choices:
        return text
    if slot.choices and slot.type == "text":
        report_choice(scalar, text, slot.choices, label, place)
        return WRONG
    if not _is_short_enough(scalar, len(text), slot, label, place):
        return WRONG
    if slot.type == "template" or slot.blanks:
        return _read_template(scalar, text, slot, label, place)
    if slot.type == "emoji":
        return _read_emoji(scalar, text, label, place)
    reader = READERS.get(slot.type)
    value = text if reader is None else reader(text)
    if isinstance(value, Flaw):
        report_flaw(scalar, _remedied(value, text, slot, label), place)
        return WRONG
    if slot.type in ("date", "clock") and place.unit is not None and not place.zone:
        message = f"'{label}' follows a clock, and no time zone says which"
        help = "add  timezone: America/Sao_Paulo  to tenant.yaml, or to this file"
        place.problem("IGR802", scalar.span, message, help)
        return WRONG
    return value if _is_in_range(value, scalar, slot, label, place) else WRONG


def _remedied(flaw: Flaw, text: str, slot: Slot, label: str) -> Flaw:
    """The flaw with a better remedy, when the text holds several values or a sign."""
    read = READERS[slot.type]
    several = list_in(text, lambda part: not isinstance(read(part), Flaw)) if slot.many else None
    better = several or (comparison_in(text) if slot.type in ("int", "number") else None)
    return changed(flaw, help=f"write  {label}: {better}", better="") if better else flaw


def report_flaw(scalar: Scalar, flaw: Flaw, place: Place) -> None:
    """Give a flaw of a value its place."""
    fix = replace(scalar.span, flaw.better, safe=flaw.safe) if flaw.better else None
    place.problem(flaw.code, scalar.span, flaw.message, flaw.help, fix=fix)


def report_braces(scalar: Scalar, label: str, place: Place) -> None:
    """Report ``{{`` in a slot that takes none."""
    start = scalar.text.index("{{")
    end = scalar.text.find("}}", start)
    span = place_in(scalar, start, end + 2 if end >= 0 else len(scalar.text))
    place.problem(
        "IGR406",
        span,
        f"'{label}' takes no {{{{ }}}}",
        "write the words themselves; {{ }} is filled in only in texts that are sent or stored",
    )


def report_choice(
    scalar: Scalar, text: str, choices: tuple[str, ...], label: str, place: Place
) -> None:
    """Report a word that is none of those a slot takes."""
    near = did_you_mean(text, choices)
    place.problem(
        "IGR108",
        scalar.span,
        f"'{text}' is not a value of '{label}'",
        _choice_help(text, choices, near),
        fix=replace(scalar.span, near) if near else None,
    )


def _choice_help(text: str, choices: tuple[str, ...], near: str | None) -> str:
    if near:
        return f"did you mean '{near}'?"
    several = list_in(text, choices.__contains__)
    return f"write a list:  {several}" if several else f"write one of {', '.join(choices)}"


def _is_short_enough(scalar: Scalar, length: int, slot: Slot, label: str, place: Place) -> bool:
    """Whether a text keeps the cap of its slot; what is filled in later counts for nothing here."""
    own = slot.max_length if slot.type != "template" else 0
    most = own or LONGEST_TEXT
    if length <= most:
        return True
    place.problem(
        place.limits if own else "IGR112",
        scalar.span,
        f"'{label}' has {length:,} characters, {most:,} are allowed",
        f"shorten it by {length - most:,}",
    )
    return False


def _read_template(scalar: Scalar, text: str, slot: Slot, label: str, place: Place) -> Any:
    if slot.type == "url" and not _may_be_address(text):
        flaw = read_url(text)
        if isinstance(flaw, Flaw):
            report_flaw(scalar, flaw, place)
            return WRONG
    template = read_template(scalar, place._replace(secrets=slot.secrets))
    if template is None:
        return WRONG
    if slot.hosts and not check_host(scalar, text, place):
        return WRONG
    if slot.type == "url" and template.literal:
        _check_encoded(scalar, template, place)
    most = Slot("text", max_length=slot.max_length)
    if not _is_short_enough(scalar, len(template.literal), most, label, place):
        return WRONG
    return template


def read_template(scalar: Scalar, place: Place) -> Template | None:
    """The text of a scalar with its blanks, which are checked; ``None`` when it is no template."""
    text = scalar.text.strip()
    try:
        template = compile_template(text)
    except TemplateError as error:
        offset = scalar.text.index(text)
        span = place_in(scalar, error.start + offset, error.end + offset)
        place.problem("IGR405", span, error.message, error.help)
        return None
    if foreign := foreign_sign(text):
        offset = scalar.text.index(text)
        span = place_in(scalar, foreign.start + offset, foreign.end + offset)
        place.problem("IGR405", span, foreign.message, foreign.help)
        return None
    template = renamed(template, place.resolve) if place.instance else template
    if template.paths:
        place.fill(template, scalar, place)
    return template


def _check_encoded(scalar: Scalar, template: Template, place: Place) -> None:
    """What a person wrote may hold any sign: inside an address it is encoded. A secret does not
    belong there at all, and that is said elsewhere."""
    offset = len(scalar.text) - len(scalar.text.lstrip())
    for blank in template.paths:
        is_own = blank.path[0] in ("vars", "texts", "tenant", "account", "secrets")
        if is_own or any(call.name == "urlencode" for call in blank.calls):
            continue
        end = (blank.calls[-1].end if blank.calls else blank.end) + offset
        place.problem(
            "IGR504",
            place_in(scalar, blank.start + offset, blank.end + offset),
            f"'{blank.name}' stands in an address as it was typed",
            f"write  {{{{ {blank.name} | urlencode }}}}",
            fix=replace(place_in(scalar, end, end), " | urlencode"),
        )


def _may_be_address(text: str) -> bool:
    """``https://`` and a host before the first blank, or one blank and nothing else."""
    if text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1:
        return True
    before, _, _ = text.partition("{{")
    return "{{" in text and "/" in before[8:] and not isinstance(read_url(before), Flaw)


def _read_emoji(scalar: Scalar, text: str, label: str, place: Place) -> Any:
    words = fold(text).words
    if len(words) == 1 and words[0].emoji:
        return text
    place.problem("IGR105", scalar.span, f"'{text}' is not one emoji", f"write  {label}: ❤️")
    return WRONG


def _is_in_range(value: Any, scalar: Scalar, slot: Slot, label: str, place: Place) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return True
    too_low = slot.low is not None and value < slot.low
    bound = slot.low if too_low else slot.high
    if bound is None or (not too_low and value <= bound):
        return True
    limit = write_duration(bound) if slot.type == "duration" else f"{bound:g}"
    place.problem(
        "IGR105",
        scalar.span,
        f"'{label}' is {scalar.text.strip()}, {limit} is the {'least' if too_low else 'most'}",
        f"write  {label}: {limit}",
    )
    return False
