"""Check what the blanks of a text name: roots, names, filters, and whether something is there.

Only texts that go to the contact can be embarrassing when empty; texts for the team and the trace
are not asked for a default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from igrules.errors import Span
from igrules.language.codes import did_you_mean
from igrules.language.contact_fields import NAMED_IN_TEXTS, PROFILE
from igrules.language.findings import replace
from igrules.language.loading import place_in
from igrules.language.nodes import Scalar
from igrules.language.place import Place, Use
from igrules.language.reserved import refusal
from igrules.language.ruleset import Hears
from igrules.language.segments import Blank
from igrules.language.templates import Template, check_calls
from igrules.language.zones import check_zone_of_blank
from igrules.model import EMPTY

_COMMENTS = frozenset({"comment", "live_comment", "mention"})
_POSTS = frozenset({"comment", "live_comment"})
EVENT: Mapping[str, frozenset[str] | None] = MappingProxyType(
    {
        "text": None,
        "trigger": None,
        "time": None,
        "post": _POSTS,
        "permalink": frozenset(),
        "emoji": frozenset({"reaction"}),
        "payload": frozenset({"quick_reply", "postback"}),
        "ref": frozenset(),
        "attachment": frozenset(),
        "url": frozenset(),
    }
)
"""Names below ``event``, and the triggers by which they are never empty; ``None``: any."""
_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"now": ("date", "time", "weekday"), "tenant": ("name",), "account": ("username",)}
)
OF_RUN = ("answer", "result", "arg")
"""Roots whose names a run sets on its way."""
ROOTS = (
    "contact", "event", "match", *OF_RUN, "vars", "texts", "hours", "now", "tenant", "account",
)  # fmt: skip
_CAPTURE = "capture it in the conditions of this rule, or leave it out"
_CAPTURE_LATER = (
    "capture it under the  if  of the rule, and compare it under its  unless,  in a step "
    "or in a branch"
)
_HOURS = ("next_open", "next_close", "today")


def check_blanks(template: Template, scalar: Scalar, place: Place) -> None:
    """Report everything that is wrong with the blanks of a text."""
    _note_profile(template, place)
    for blank in template.paths:
        span = _span(scalar, blank.start, blank.end)
        if _is_known(blank, span, place):
            _check_presence(blank, span, place)
            check_zone_of_blank(blank.name, span, place)
    _check_allowed(template, scalar, place)
    for call, message, help in check_calls(template, place.registry.filters):
        near = None
        if call.name not in place.registry.filters:
            near = did_you_mean(call.name, place.registry.filters)
        help = f"did you mean '{near}'?" if near else help
        place.problem("IGR401", _span(scalar, call.start, call.end), message, help)


def _note_profile(template: Template, place: Place) -> None:
    """Note when the text, or one it names, says something that has to be fetched."""
    if place.unit is None or place.unit.profile:
        return
    texts = place.known.texts
    inner = [
        one
        for blank in template.paths
        if blank.path[0] == "texts"
        for one in texts.get(blank.path[-1], EMPTY).values()
    ]
    place.unit.profile = any(
        blank.path[0] == "contact" and blank.path[-1] in PROFILE
        for one in (template, *inner)
        for blank in one.paths
    )


def _check_allowed(template: Template, scalar: Scalar, place: Place) -> None:
    """Report filters of plugins the tenant may not use."""
    for blank in template.paths:
        for call in blank.calls:
            plugin, dot, _ = call.name.partition(".")
            if dot and call.name in place.registry.filters and plugin not in place.settings.plugins:
                message = f"plugin '{plugin}' is not allowed for this tenant"
                help = f"add  plugins: [{plugin}]  to tenant.yaml"
                place.problem("IGR113", _span(scalar, call.start, call.end), message, help)


def _span(scalar: Scalar, start: int, end: int) -> Span:
    offset = len(scalar.text) - len(scalar.text.lstrip())
    return place_in(scalar, start + offset, end + offset)


def _is_known(blank: Blank, span: Span, place: Place) -> bool:
    root, *rest = blank.path
    refused = refusal("root", root)
    if refused is not None:
        place.problem("IGR110", span, *refused)
        return False
    if root == "input":
        message = "'input' is known only inside a blueprint"
        help = "write the text itself, or  vars.name  for one that is used in several places"
        place.problem("IGR401", span, message, help)
        return False
    if root == "secrets":
        return _is_secret_here(blank, span, place)
    if root not in ROOTS:
        near = did_you_mean(root, ROOTS)
        help = f"did you mean '{near}'?" if near else f"a blank begins with {', '.join(ROOTS)}"
        fix = replace(span, ".".join([near, *rest])) if near else None
        place.problem("IGR401", span, f"unknown name '{root}'", help, fix=fix)
        return False
    if root == "match":
        return _is_captured(blank, span, place)
    if root in OF_RUN and rest:
        return True
    if root == "hours" and rest:
        return _are_hours(rest, span, place)
    if not rest:
        return _needs_more(root, span, place)
    known = _known_below(root, place)
    if rest[0] not in known:
        _report_name(root, rest, known, span, place)
        return False
    if len(rest) > 1:
        message = f"'{root}.{rest[0]}' holds one value, so nothing stands below it"
        place.problem("IGR401", span, message, f"write  {root}.{rest[0]}")
        return False
    return True


def _are_hours(rest: list[str], span: Span, place: Place) -> bool:
    """Whether the opening hours are there, and what is asked of them."""
    name, *more = rest
    if name not in place.known.hours:
        known = place.visible("hours", place.known.hours)
        _report_name("hours", rest, known, span, place)
        return False
    if len(more) == 1 and more[0] in _HOURS:
        return True
    near = did_you_mean(more[0], _HOURS) if more else None
    shown = f"hours.{name}.{near}" if near else ""
    help = f"did you mean '{shown}'?" if near else f"write one of {', '.join(_HOURS)} behind it"
    message = f"'{'.'.join(['hours', *rest])}' is not a value"
    place.problem("IGR401", span, message, help, fix=replace(span, shown) if near else None)
    return False


def _is_secret_here(blank: Blank, span: Span, place: Place) -> bool:
    """Whether a secret may stand here; its value is put in when the call is made, nowhere else."""
    if not place.secrets:
        message = f"'{blank.name}' would show a secret here"
        help = "secrets stand only in  headers  and  json  of  http"
        place.problem("IGR502", span, message, help)
    elif len(blank.path) != 2:
        message = f"'{blank.name}' is not the name of a secret"
        help = "write  secrets.name, as in  igrules secret set <tenant> name"
        place.problem("IGR401", span, message, help)
    elif blank.optional:
        message = f"'{blank.name}' is never empty, so it has no place in [[ ]]"
        place.problem("IGR502", span, message, "put the secret outside of  [[ ]]")
    elif blank.calls:
        message = f"'{blank.name}' takes no filter: its value is known only when the call is made"
        place.problem("IGR502", span, message, f"write  {{{{ {blank.name} }}}}")
    return False


def _needs_more(root: str, span: Span, place: Place) -> bool:
    """A root alone: only ``now`` is a value of its own."""
    if root == "now":
        return True
    known = sorted(_known_below(root, place))
    example = known[0] if known else "name"
    place.problem("IGR401", span, f"'{root}' is not a value", f"write  {root}.{example}")
    return False


def _known_below(root: str, place: Place) -> Iterable[str]:
    if root == "contact":
        return NAMED_IN_TEXTS | frozenset(place.known.fields)
    if root == "event":
        return EVENT
    if root in OF_RUN:
        return ()
    if root == "vars":
        return place.known.vars
    if root == "texts":
        return place.known.texts
    if root == "hours":
        return place.known.hours
    return _NAMES[root]


def _report_name(
    root: str, rest: list[str], known: Iterable[str], span: Span, place: Place
) -> None:
    near = did_you_mean(rest[0], known)
    fix = replace(span, ".".join([root, near, *rest[1:]])) if near else None
    if near:
        help = f"did you mean '{root}.{near}'?"
    elif root == "contact":
        help = f"declare it:  fields: {{{rest[0]}: text}}"
    elif root in ("vars", "texts"):
        help = f"add  {root}: {{{rest[0]}: …}}"
    elif root == "hours":
        help = f'add  hours: {{{rest[0]}: {{mon-fri: "09:00-18:00"}}}}'
    else:
        help = f"'{root}' has {', '.join(sorted(known))}"
    place.problem("IGR401", span, f"'{root}' has no '{rest[0]}'", help, fix=fix)


def _is_captured(blank: Blank, span: Span, place: Place) -> bool:
    """Whether the conditions of the rule set this capture; outside a rule nobody can tell."""
    name = blank.path[1] if len(blank.path) > 1 else ""
    if not place.rule or (name in place.captures and len(blank.path) == 2):
        return bool(name)
    shown = ".".join(blank.path)
    if not name:
        place.problem("IGR401", span, "'match' is not a value", "write  match.phrase")
        return False
    near = did_you_mean(name, place.captures)
    if near:
        help, fix = f"did you mean 'match.{near}'?", replace(span, f"match.{near}")
    else:
        help, fix = _CAPTURE_LATER if place.tests else _CAPTURE, None
    where = "before this condition" if place.tests else "in this rule"
    place.problem("IGR404", span, f"nothing sets '{shown}' {where}", help, fix=fix)
    return False


def _check_presence(blank: Blank, span: Span, place: Place) -> None:
    """Report a value that may be empty in a text for the contact; inside rules and flows that
    depends on the way that leads there."""
    root, *rest = blank.path
    if root == "texts":
        _check_inner(rest[0], span, place)
    if place.uses is not None:
        if root in OF_RUN or root == "texts" or needs_value(blank, place):
            place.uses.append(Use(blank, span, place))
    elif root not in OF_RUN and needs_value(blank, place) and may_be_empty(root, rest, place):
        report_empty_blank(blank.name, span, place)


def needs_value(blank: Blank, place: Place) -> bool:
    """Whether it would be seen that the blank is empty."""
    return place.said and not blank.optional and not blank.has_default


def report_empty_blank(name: str, span: Span, place: Place) -> None:
    """Report a value that may be empty."""
    help = f"write  {{{{ {name} | default('…') }}}},  or put  [[ ]]  around what belongs to it"
    place.problem("IGR402", span, f"'{name}' may be empty", help)


def may_be_empty(root: str, rest: Sequence[str], place: Place) -> bool:
    """Whether a value may be empty here, whatever a run has done on its way."""
    hears = {one.trigger.name for one in place.hears}
    if root == "contact":
        known = rest[0] == "username" and hears and hears <= _COMMENTS
        return rest[0] != "language" and not known
    if root == "match":
        return bool(place.rule) and rest[0] not in place.sure
    if root in OF_RUN:
        return True
    if root != "event" or not hears:
        return False
    if rest[0] == "text":
        return not place.captures and not all(one.trigger.text for one in place.hears)
    always = EVENT[rest[0]]
    if always is None:
        return False
    return not all(one.trigger.name in always or _is_asked_for(rest[0], one) for one in place.hears)


def _is_asked_for(name: str, one: Hears) -> bool:
    """Whether a trigger hears only events with this value, because a parameter says which."""
    return bool(one.options.get(name)) and "none" not in one.options[name]


def _check_inner(name: str, span: Span, place: Place) -> None:
    """A sentence under ``texts`` may name captures: where it is used, they must be set."""
    if not place.rule:
        return
    for template in place.known.texts[name].values():
        for blank in template.paths:
            if blank.path[0] == "match" and blank.path[-1] not in place.captures:
                place.problem(
                    "IGR404",
                    span,
                    f"nothing sets '{blank.name}' in this rule, and 'texts.{name}' uses it",
                    "capture it in the conditions of this rule, or use another text",
                )
                return
