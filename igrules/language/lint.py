"""Remarks about a single rule that the grammar cannot make: keys without effect, unreachable steps,
second private replies, too many of something."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from igrules.errors import Note, Span
from igrules.language.codes import did_you_mean
from igrules.language.conditions import Tree, said, sense
from igrules.language.nodes import Scalar
from igrules.language.place import Place
from igrules.language.rules import Written
from igrules.language.steps import Done, messages_of

MOST_STEPS = 100
MANY_STEPS = 15
MOST_PHRASES = 200
MOST_MESSAGES = 5
_POSTED = frozenset({"comment", "live_comment", "mention_comment", "mention_caption"})


def check_rule(written: Written, place: Place) -> None:
    """Report what is odd about one rule."""
    _check_sizes(written, place)
    _check_scopes(written, place)
    _check_effect(written, place)
    _check_final(written, place)
    _check_private_replies(written, place)
    _check_after_stop(written, place)
    _check_named_triggers(written, place)


def _check_sizes(written: Written, place: Place) -> None:
    rule = written.rule
    steps, phrases = len(written.steps), written.phrases
    if steps > MOST_STEPS:
        message = f"rule '{rule.id}' has {steps} steps, {MOST_STEPS} are allowed"
        place.problem("IGR112", rule.span, message, "divide it into several rules")
    elif steps > MANY_STEPS:
        message = f"rule '{rule.id}' has {steps} steps"
        help = f"up to {MANY_STEPS} can be overlooked; divide it into several rules"
        place.problem("IGR603", rule.span, message, help)
    if phrases > MOST_PHRASES:
        message = f"rule '{rule.id}' has {phrases} phrases, {MOST_PHRASES} are allowed"
        place.problem("IGR112", rule.span, message, "divide them over several rules")
    _check_messages(written, place)


def _check_messages(written: Written, place: Place) -> None:
    """At most five messages answer one event, by whatever trigger it came."""
    for hears in written.rule.hears:
        count = 0
        for done in written.steps:
            if hears not in done.hears:
                continue
            count += messages_of(done.step, place, Scalar(done.step.action.name, done.key))
            if count > MOST_MESSAGES:
                message = f"more than {MOST_MESSAGES} messages answer one event"
                place.problem("IGR112", done.key, message, "put several sentences into one text")
                return


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


def _check_effect(written: Written, place: Place) -> None:
    rule, keys = written.rule, written.keys
    if not written.sound:
        return
    if "interrupt" in keys and rule.interrupt != "false" and not rule.answers:
        message = "'interrupt' does nothing: this rule only listens"
        help = "remove it, or add a step that answers"
        place.problem("IGR212", keys["interrupt"], message, help)
    if "if_running" in keys and not any(step.action.parks for step in rule.steps):
        message = "'if_running' does nothing: no step of this rule waits"
        place.problem("IGR212", keys["if_running"], message, "remove it")


def _check_final(written: Written, place: Place) -> None:
    if written.rule.final and not written.rule.answers and written.sound:
        message = "'final: true' on a rule that only listens"
        help = "remove it: listening rules always run, and end nothing"
        place.problem("IGR109", written.keys["final"], message, help)


def _check_private_replies(written: Written, place: Place) -> None:
    replies = [done for done in written.steps if done.step.action.needs == "private_reply"]
    for first, second in combinations(replies, 2):
        if _may_both_run(first, second):
            place.problem(
                "IGR305",
                second.key,
                "a comment gets one private reply, and this is the second",
                "join the two texts, or let their conditions exclude each other",
                notes=(Note(first.key, "the first one"),),
            )
            return


def _may_both_run(first: Done, second: Done) -> bool:
    if not any(hears in second.hears for hears in first.hears):
        return False
    pairs = ((first.test, second.unless), (second.test, first.unless))
    return not any(test is not None and sense(test) == sense(unless) for test, unless in pairs)


def _check_after_stop(written: Written, place: Place) -> None:
    for done, after in zip(written.steps, written.steps[1:], strict=False):
        ends = done.step.action.name == "stop" and done.test is None and done.unless is None
        if ends:
            help = "remove it, or put an  if:  on the 'stop'"
            message = "this step is never reached: 'stop' stands before it"
            place.problem("IGR205", after.key, message, help)
            return


def _trees(written: Written) -> Iterator[Tree | None]:
    yield written.test
    yield written.unless
    for done in written.steps:
        yield done.test
        yield done.unless


def _check_named_triggers(written: Written, place: Place) -> None:
    """A condition ``trigger`` names triggers the rule hears."""
    heard = [one.trigger.name for one in written.rule.hears]
    for tree in _trees(written):
        for one in said(tree):
            if one.condition.name == "trigger" and heard:
                _check_trigger_names(one.value, one.span, heard, place)


def _check_trigger_names(
    names: tuple[str, ...], span: Span, heard: list[str], place: Place
) -> None:
    for name in names:
        if name not in place.registry.triggers:
            near = did_you_mean(name, place.registry.triggers)
            help = f"did you mean '{near}'?" if near else f"this rule hears {', '.join(heard)}"
            place.problem("IGR108", span, f"'{name}' is not a trigger", help)
        elif name not in heard:
            help = f"add it to 'when', or take it out; this rule hears {', '.join(heard)}"
            message = f"this rule never hears '{name}'"
            place.problem("IGR204", span, message, help)


def check_tags(rules: list[Written], place: Place) -> None:
    """Point at a tag that is tested, that no rule sets, and that is like one some rule sets."""
    given = {
        tag
        for written in rules
        for step in written.rule.steps
        if step.action.name == "tag"
        for tag in step.options
    }
    for written in rules:
        for tree in _trees(written):
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
