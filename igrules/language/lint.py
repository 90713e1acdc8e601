"""Remarks about a single rule that the grammar cannot make: keys without effect, too
many of something."""

from __future__ import annotations

from collections.abc import Iterable

from igrules.errors import Span
from igrules.language.codes import did_you_mean
from igrules.language.conditions import Tree, said
from igrules.language.done import Done, every, every_tree
from igrules.language.flows import WrittenFlow
from igrules.language.impossible import Contradictions
from igrules.language.place import Place
from igrules.language.rules import Written

MOST_STEPS = 100
MANY_STEPS = 15
MOST_PHRASES = 200
_POSTED = frozenset({"comment", "live_comment", "mention_comment", "mention_caption"})


def check_rule(written: Written, place: Place, flows: Iterable[WrittenFlow] = ()) -> None:
    """Report what is odd about one rule; ``flows`` are those it starts."""
    _check_sizes(written, place)
    _check_scopes(written, place)
    _check_effect(written, flows, place)
    _check_final(written, place)
    heard = [one.trigger.name for one in written.rule.hears]
    _check_named_triggers((written.test, written.unless), heard, "rule", place)
    _check_named_in_steps(written.steps, place)


def check_flow(flow: WrittenFlow, place: Place) -> None:
    """Report what is odd about one flow."""
    _check_steps(flow.steps, f"flow '{flow.name}'", flow.span, place)
    _check_named_in_steps(flow.steps, place)


def _check_sizes(written: Written, place: Place) -> None:
    rule, phrases = written.rule, written.phrases
    _check_steps(written.steps, f"rule '{rule.id}'", rule.span, place)
    if phrases > MOST_PHRASES:
        message = f"rule '{rule.id}' has {phrases} phrases, {MOST_PHRASES} are allowed"
        place.problem("IGR112", rule.span, message, "divide them over several rules")


def _check_steps(steps: Iterable[Done], what: str, span: Span, place: Place) -> None:
    """Branches and taps count as well."""
    count = sum(1 for _ in every(steps))
    if count > MOST_STEPS:
        message = f"{what} has {count} steps, {MOST_STEPS} are allowed"
        place.problem("IGR112", span, message, "divide it, or move steps into flows")
    elif count > MANY_STEPS:
        message = f"{what} has {count} steps"
        help = f"up to {MANY_STEPS} can be overlooked; move some of them into a flow"
        place.problem("IGR603", span, message, help)


def _check_scopes(written: Written, place: Place) -> None:
    """A scope of posts counts nothing when no trigger has a post."""
    rule = written.rule
    if not rule.hears or any(one.trigger.events & _POSTED for one in rule.hears):
        return
    said_by = {"cooldown": tuple(rule.cooldown), "once": (rule.once,), "limit": tuple(rule.limit)}
    for key, scopes in said_by.items():
        span = written.keys.get(key)
        for scope in scopes:
            if scope in ("post", "contact_post") and span is not None:
                heard = ", ".join(one.trigger.name for one in rule.hears)
                message = f"'{scope}' counts nothing: {heard} has no post"
                help = "use 'contact', or hear 'comment'"
                place.problem("IGR212", span, message, help)


def _check_effect(written: Written, flows: Iterable[WrittenFlow], place: Place) -> None:
    rule, keys = written.rule, written.keys
    if not written.sound:
        return
    if "interrupt" in keys and rule.interrupt != "false" and not rule.answers:
        message = "'interrupt' does nothing: this rule only listens"
        help = "remove it, or add a step that answers"
        place.problem("IGR212", keys["interrupt"], message, help)
    inside = [written.steps, *(flow.steps for flow in flows)]
    parks = any(done.step.action.parks for steps in inside for done in every(steps))
    if "if_running" in keys and not parks:
        message = "'if_running' does nothing: no step of this rule waits"
        place.problem("IGR212", keys["if_running"], message, "remove it")


def _check_final(written: Written, place: Place) -> None:
    if written.rule.final and not written.rule.answers and written.sound:
        message = "'final: true' on a rule that only listens"
        help = "remove it: listening rules always run, and end nothing"
        place.problem("IGR109", written.keys["final"], message, help)


def _check_named_in_steps(steps: Iterable[Done], place: Place) -> None:
    """Each step stands below its own conditions, so the triggers are those heard around it."""
    for done in every(steps):
        heard = [one.trigger.name for one in done.around.hears]
        _check_named_triggers((done.test, done.unless), heard, "step", place)
        for listed in done.lists:
            _check_named_triggers((listed.test, listed.unless), heard, "branch", place)


def _check_named_triggers(
    trees: Iterable[Tree | None], heard: list[str], what: str, place: Place
) -> None:
    """A condition ``trigger`` names triggers that lead there."""
    for tree in trees:
        for one in said(tree):
            if one.condition.name == "trigger" and heard:
                _check_trigger_names(one.value, one.span, heard, what, place)


def _check_trigger_names(
    names: tuple[str, ...], span: Span, heard: list[str], what: str, place: Place
) -> None:
    hears = f"this {what} hears {', '.join(heard)}"
    for name in names:
        if name not in place.registry.triggers:
            near = did_you_mean(name, place.registry.triggers)
            help = f"did you mean '{near}'?" if near else hears
            place.problem("IGR108", span, f"'{name}' is not a trigger", help)
        elif name not in heard:
            help = f"add it to 'when', or take it out; {hears}"
            place.problem("IGR204", span, f"this {what} never hears '{name}'", help)


def check_contradictions(
    rules: Iterable[Written], flows: Iterable[WrittenFlow], place: Place
) -> None:
    """Report conditions that can never hold, of rules, steps and branches."""
    contradictions = Contradictions(place)
    lists = []
    for written in rules:
        contradictions.check(written.test, written.unless, "rule")
        lists.append(written.steps)
    for done in (
        one for steps in (*lists, *(flow.steps for flow in flows)) for one in every(steps)
    ):
        contradictions.check(done.test, done.unless, "step")
        for listed in done.lists:
            contradictions.check(listed.test, listed.unless, "branch")


def check_tags(rules: list[Written], flows: Iterable[WrittenFlow], place: Place) -> None:
    """Point at a tag that is tested, that no rule sets, and that is like one some rule sets."""
    flows = tuple(flows)
    lists = [*(one.steps for one in rules), *(one.steps for one in flows)]
    given = {
        tag
        for steps in lists
        for done in every(steps)
        if done.step.action.name == "tag"
        for tag in done.step.options
    }
    trees = [tree for one in rules for tree in (one.test, one.unless)]
    trees += [tree for steps in lists for tree in every_tree(steps)]
    for tree in trees:
        for one in said(tree):
            if one.condition.name == "tag":
                _check_tested(one.value, one.span, given, place)


def _check_tested(value: object, span: Span, given: set[str], place: Place) -> None:
    tested = [tag for tags in getattr(value, "values", tuple)() for tag in tags]
    for tag in tested:
        near = None if tag in given else did_you_mean(tag, given)
        if near is not None:
            message = f"no rule sets the tag '{tag}'"
            place.problem("IGR216", span, message, f"did you mean '{near}'?")
