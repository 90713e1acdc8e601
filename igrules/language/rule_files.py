"""Read all rules of a tenant's files, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from igrules.errors import Span
from igrules.language.calls import check_calls, flows_below
from igrules.language.defined import report_twice
from igrules.language.flows import WrittenFlow, find_flows, read_flows
from igrules.language.grammar import DEFAULTS, FILE, RULE
from igrules.language.holding import check_holding
from igrules.language.homes import Home
from igrules.language.lateness import check_lateness
from igrules.language.lint import check_contradictions, check_flow, check_rule
from igrules.language.nodes import Map, Node, Scalar, Sequence
from igrules.language.paths import check_messages
from igrules.language.place import Known, Place, Unit
from igrules.language.rules import Written, completed, read_rule
from igrules.language.ruleset import Rule
from igrules.language.shapes import report_empty
from igrules.language.slots import read_entries, read_slot
from igrules.language.split_names import check_split_names
from igrules.language.step_ids import check_step_ids
from igrules.language.sugar import Expanded, ShortForms
from igrules.language.tag_cycles import check_tag_cycles
from igrules.language.values import WRONG
from igrules.model import EMPTY

MOST_RULES = 1000
MOST_PHRASES = 20_000
MOST_PATTERNS = 100
_OWN = (
    "defaults", "vars", "texts", "words", "fields", "rules", "replies", "comments", "fallback",
    "flows", "hours", "include", "use", "blueprint",
)  # fmt: skip
_TURN = {"rules": 0, "replies": 1, "comments": 2, "fallback": 3}


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """The rules of a tenant, numbered, its flows by name, and the zone its files name."""

    rules: tuple[Written, ...]
    flows: Mapping[str, WrittenFlow] = EMPTY
    zone: str = ""

    @property
    def units(self) -> list[Unit]:
        """What was found in each rule and flow."""
        return [*(one.unit for one in self.rules), *(one.unit for one in self.flows.values())]


class _Found(NamedTuple):
    """A rule that stands in a file, or that a short form there stands for; not read yet."""

    node: Map
    place: Place
    form: Expanded | None = None

    @property
    def id(self) -> str:
        """The id of the rule as written; empty when there is none."""
        node = self.node.get("id")
        written = node.text.strip() if isinstance(node, Scalar) else ""
        return self.place.named(self.form.id if self.form is not None else written)

    def knowing(self, known: Known) -> _Found:
        """The same where these names are known."""
        return self._replace(place=self.place._replace(known=known))

    def read(self) -> Written:
        """Read the rule."""
        form = self.form
        if form is None:
            return read_rule(self.node, self.place)
        written = read_rule(self.node, self.place, id=form.id, source=form.source, span=form.span)
        return replace(written, rule=replace(written.rule, phrases=form.phrases))


def read_rule_files(homes: Iterable[Home], place: Place) -> RuleFiles:
    """Read every rule, short form and flow; homes come in the order in which rules are tried."""
    homes = [_with_defaults(home) for home in homes]
    flows, rules = find_flows(homes, place), _find_rules(homes)
    known = replace(place.known, flows=frozenset(flows), rules=frozenset(one.id for one in rules))
    read = [one.knowing(known).read() for one in _as_many_as_allowed(rules, place)]
    written_flows = read_flows(flows, known, [one.unit for one in read])
    written = [completed(one, flows_below(one.unit, written_flows)) for one in read]
    _check(written, written_flows, place)
    ordered = sorted(written, key=lambda one: _order(one.rule))
    numbered = tuple(_numbered(one, number) for number, one in enumerate(ordered))
    zone = next((home.place.zone for home in homes if home.place.zone), "")
    return RuleFiles(numbered, written_flows, zone)


def _with_defaults(home: Home) -> Home:
    """The home with the file's own defaults; what stands at its top is read here."""
    read_entries(home.node, FILE, "", home.place, skip=_OWN)
    place = home.place._replace(defaults=_defaults(home.node, home.place))
    return replace(home, place=place)


def _find_rules(homes: Iterable[Home]) -> list[_Found]:
    """The rules of files and those their short forms stand for, without included ones that the
    tenant has replaced."""
    found: list[_Found] = []
    forms = ShortForms()
    for home in homes:
        own = {one.id for one in found} if home.origin == "included" else set[str]()
        here = [_Found(rule, home.place) for rule in _rules(home.node, home.place)]
        made = forms.take(home.node, home.place, own)
        here += [_Found(form.node, home.place, form) for form in made]
        found.extend(one for one in here if not one.id or one.id not in own)
    return found


def _check(written: list[Written], flows: Mapping[str, WrittenFlow], place: Place) -> None:
    """What can be said about rules and flows one by one, and about their ids and sizes."""
    if check_calls(flows, place):
        check_messages(written, flows, place)
        check_lateness(written, flows, place)
        check_holding(written, flows)
    for one in written:
        check_rule(one, place, flows_below(one.unit, flows))
    for flow in flows.values():
        check_flow(flow, place)
    check_contradictions(written, flows.values(), place)
    check_step_ids(written, flows, place)
    check_tag_cycles(written, flows, place)
    lists = [*(one.steps for one in written), *(flow.steps for flow in flows.values())]
    check_split_names(lists, place)
    _check_ids(written, place)
    _check_counts([*written, *flows.values()], place)


def _as_many_as_allowed(found: list[_Found], place: Place) -> list[_Found]:
    """Report more rules than a tenant may have; those beyond are not read."""
    if len(found) > MOST_RULES:
        first = found[MOST_RULES]
        span = first.form.span if first.form else first.node.entries[0].key.span
        message = f"{len(found):,} rules, {MOST_RULES:,} are allowed"
        place.problem("IGR112", span, message, "join rules that say the same")
    return found[:MOST_RULES]


def _order(rule: Rule) -> tuple[int, int]:
    """Rules by priority, then the short forms; equal ones stay as they were written."""
    return (_TURN[rule.source], -rule.priority if rule.source == "rules" else 0)


def _numbered(written: Written, number: int) -> Written:
    return replace(written, rule=replace(written.rule, number=number))


def _defaults(node: Map, place: Place) -> Mapping[str, Any]:
    below = node.get("defaults")
    value: Any = WRONG if below is None else read_slot(below, DEFAULTS, "defaults", place)
    return EMPTY if value is WRONG else dict(value)


def _rules(node: Map, place: Place) -> list[Map]:
    below = node.get("rules")
    if below is None:
        return []
    if isinstance(below, Map) and below.entries and _are_names(below):
        id = below.entries[0].key
        help = f"begin every rule with its id, as an item of a list:  - id: {id.text}"
        place.problem("IGR103", id.span, "'rules' takes a list of rules, not a map", help)
        return []
    items: tuple[Node, ...] = below.items if isinstance(below, Sequence) else (below,)
    if not items:
        report_empty(place, below, "rules")
    found = []
    for item in items:
        if isinstance(item, Map) and item.entries:
            found.append(item)
        elif isinstance(item, Map) or (isinstance(item, Scalar) and not item.text.strip()):
            report_empty(place, item, "rules")
        else:
            help = "write  - {id: preco, when: dm, if: {keywords: [preço]}, do: {text: Olá!}}"
            place.problem("IGR103", item.span, "a rule is a map of its keys", help)
    return found


def _are_names(node: Map) -> bool:
    """Whether the keys of a map are names of rules, not keys of one rule."""
    return not any(entry.key.text in RULE.keys for entry in node.entries) and all(
        isinstance(entry.value, Map) for entry in node.entries
    )


def _check_ids(written: list[Written], place: Place) -> None:
    """Ids are unique, and a former id is no id of a rule that exists."""
    seen: dict[str, Span] = {}
    for one in written:
        rule = one.rule
        if rule.id == "?":
            continue
        if rule.id in seen:
            report_twice(place, f"rule '{rule.id}'", rule.span, seen[rule.id])
        seen.setdefault(rule.id, rule.span)
    for one in written:
        for former in one.rule.was:
            if former in seen:
                span = one.keys.get("was", one.rule.span)
                message = f"'{former}' under 'was' is the id of a rule that exists"
                place.problem("IGR106", span, message, "remove it, or rename that rule")


def _check_counts(written: list[Written | WrittenFlow], place: Place) -> None:
    phrases = [(_span(one), one.phrases) for one in written]
    patterns = [(_span(one), one.patterns) for one in written]
    _check_sum(phrases, MOST_PHRASES, "phrases", place)
    _check_sum(patterns, MOST_PATTERNS, "patterns", place)


def _span(one: Written | WrittenFlow) -> Span:
    return one.rule.span if isinstance(one, Written) else one.span


def _check_sum(counts: list[tuple[Span, int]], most: int, what: str, place: Place) -> None:
    total = 0
    for span, count in counts:
        total += count
        if total > most:
            message = f"this tenant has more than {most:,} {what}"
            place.problem("IGR112", span, message, f"use fewer {what}")
            return
