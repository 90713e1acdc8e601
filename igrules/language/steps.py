"""Read ``do``: steps, each with one action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence as Many
from dataclasses import dataclass, replace
from typing import Any, cast

from igrules.errors import Edit, Fix, Note, Span
from igrules.kinds import Action, Slot
from igrules.language.bound import accepts, call, is_allowed
from igrules.language.calls import started_by
from igrules.language.codes import did_you_mean
from igrules.language.conditions import (
    Tree,
    bound,
    captures_of,
    heard_under,
    never_by,
    opens_window,
    read_condition,
)
from igrules.language.done import Call, Done, unread
from igrules.language.grammar import STEP
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.place import Place
from igrules.language.reach import check_reach
from igrules.language.ruleset import Block, Step
from igrules.language.shapes import report_empty, report_shape
from igrules.language.slots import GUARDS, options_of_bare, read_entries, read_slot
from igrules.language.unknown import report_unknown
from igrules.language.unless_maps import check_unless
from igrules.language.values import WRONG
from igrules.language.zones import check_zone
from igrules.model import EMPTY

_SLOT = Slot("steps", example="{text: Olá!}")
_APART = (*GUARDS, "on_error")


@dataclass(frozen=True, slots=True)
class _Around:
    """What was read of a step but its action: where it stands, ``place`` below its conditions, and
    the keys beside the action."""

    outside: Place
    place: Place
    number: int
    test: Tree | None = None
    unless: Tree | None = None
    beside: Mapping[str, Any] = EMPTY
    id_span: Span | None = None
    on_error: Entry | None = None

    @property
    def path(self) -> str:
        """How traces and marks name the step."""
        id = self.beside.get("id", "")
        return f"{self.place.stem}.{id}" if id else f"{self.place.path}[{self.number}]"


def read_steps(node: Node, place: Place, label: str = "do") -> tuple[Done, ...]:
    """The steps under ``label``; those that are wrong are reported and left out."""
    items: tuple[Node, ...] = node.items if isinstance(node, Sequence) else (node,)
    if not items or (isinstance(node, Scalar) and not node.text.strip()):
        report_empty(place, node, label)
        return ()
    found: list[Done] = []
    for number, item in enumerate(items, 1):
        here = place._replace(uses=[], lists=[])
        done = _read_step(item, number, here, label, listed=isinstance(node, Sequence))
        found.append(done or unread(item, here))
        if done is not None:
            place = _behind(done, place)
    return tuple(found)


def _behind(done: Done, place: Place) -> Place:
    """The place behind a step: where the run goes on only by a message, the window is open."""
    action = done.step.action
    if not action.parks or action.waits is None or done.test or done.unless or place.window_open:
        return place
    key = Scalar(action.name, done.key)
    longest = call(lambda options: _longest(action, options, place), done.step.options, key, place)
    return place if longest is not None else place._replace(window_open=True)


def _longest(action: Action, options: Any, place: Place) -> int | None:
    """The longest time after which it goes on without a message."""
    return action.waits(options, place.known.hours) if action.waits is not None else 0


def _read_step(node: Node, number: int, place: Place, label: str, *, listed: bool) -> Done | None:
    if isinstance(node, Scalar):
        return _read_bare(node, number, place, label)
    if isinstance(node, Sequence):
        report_shape(place, node, _SLOT, label)
        return None
    if not node.entries:
        report_empty(place, node, label)
        return None
    entry = _entry_of_action(node, place, listed)
    around = _read_around(node, number, place)
    return None if entry is None else _read_action(entry, around)


def _read_around(node: Map, number: int, place: Place) -> _Around:
    """Everything of a step but its action."""
    more = tuple(found for found in node.entries if found.key.text in STEP.keys)
    if not more:
        return _Around(place, place, number)
    inside, test, unless = read_guards(more, "this step is skipped", place)
    beside = read_entries(Map(more, node.span), STEP, "a step", place, skip=_APART)
    id = node.get("id")
    on_error = next((entry for entry in more if entry.key.text == "on_error"), None)
    span = id.span if id is not None else None
    return _Around(place, inside, number, test, unless, beside, span, on_error)


def _read_bare(node: Scalar, number: int, place: Place, label: str) -> Done | None:
    name = node.text.strip()
    if not name:
        report_empty(place, node, label)
        return None
    action = place.registry.actions.get(name)
    if action is not None and action.bare:
        if not is_allowed(node, place):
            return None
        options = options_of_bare(action.options)
        return _finish(action, Entry(node, node), options, _Around(place, place, number))
    if action is not None:
        help = f"for example  {action.examples[0].text}" if action.examples else f"write  {name}: …"
        place.problem("IGR103", node.span, f"'{name}' needs a value", help)
    elif " " in name or "{{" in name:
        help = "write  - text: …  for a message"
        place.problem("IGR103", node.span, "a step is a map with one action, not a text", help)
    else:
        report_unknown(place, node, "action", place.registry.actions, "'do'")
    return None


def _entry_of_action(node: Map, place: Place, listed: bool) -> Entry | None:
    """The entry with the action of a step; every other word in the wrong place is reported."""
    beside = [entry for entry in node.entries if entry.key.text not in STEP.keys]
    actions = [entry for entry in beside if entry.key.text in place.registry.actions]
    for entry in beside:
        if entry.key.text not in place.registry.actions:
            sort: Any = "key" if actions else "action"
            known = STEP.keys if actions else place.registry.actions
            report_unknown(place, entry.key, sort, known, "a step")
    if not beside:
        span = node.entries[0].key.span
        help = "add the action, for example  text: Olá!"
        place.problem("IGR104", span, "this step has no action", help)
    if len(actions) > 1:
        _report_two(node, actions, place, listed)
    first = actions[0] if actions else None
    return first if first is not None and is_allowed(first.key, place) else None


def _report_two(node: Map, actions: list[Entry], place: Place, listed: bool) -> None:
    first, second = actions[0].key, actions[1].key
    in_block = listed and second.span.line > first.span.line
    fix = None
    if in_block and second.span.column == node.entries[0].key.span.column > 2:
        line, column = second.span.line, second.span.column
        gap = Span(second.span.file, line, column - 2, line, column)
        fix = Fix(False, (Edit(gap, "- "),))
    place.problem(
        "IGR104",
        second.span,
        f"this step has two actions, '{first.text}' and '{second.text}'",
        f"put a '-' before '{second.text}', so that it is a step of its own",
        notes=(Note(first.span, "the first one"),),
        fix=fix,
    )


def read_guards(
    entries: Many[Entry], effect: str, place: Place
) -> tuple[Place, Tree | None, Tree | None]:
    """The place below ``if`` and ``unless``, and what these say; ``effect`` is what the second
    one does."""
    nodes = {entry.key.text: entry.value for entry in entries if entry.key.text in GUARDS}
    test, unless = read_tests(nodes, place)
    check_unless(nodes.get("unless"), effect, place)
    return below(place, test, unless), test, unless


def read_tests(nodes: Mapping[str, Node], place: Place) -> tuple[Tree | None, Tree | None]:
    """What ``if`` and ``unless`` say; the second one sees what the first one captured."""
    test = read_condition(nodes["if"], "if", place) if "if" in nodes else None
    if "unless" not in nodes:
        return test, None
    some, sure = captures_of(test)
    place = place._replace(captures=place.captures | some, sure=place.sure | sure)
    return test, read_condition(nodes["unless"], "unless", place)


def below(place: Place, test: Tree | None, unless: Tree | None) -> Place:
    """The place where ``test`` holds and ``unless`` does not."""
    if test is None and unless is None:
        return place
    some, sure = captures_of(test)
    hears = tuple(
        one for one in heard_under(test, place.hears) if not never_by(unless, one.trigger.name)
    )
    return place._replace(
        hears=hears,
        captures=place.captures | some,
        sure=place.sure | sure,
        window_open=place.window_open or opens_window(test),
        opened=place.opened.union(
            one.trigger.name for one in hears if opens_window(test, one.trigger.name)
        ),
    )


def _read_action(entry: Entry, around: _Around) -> Done | None:
    place = around.place
    action = place.registry.actions[entry.key.text]
    inside = place._replace(
        said=_is_said(action), limits="IGR303", path=around.path, guard=(None, None)
    )
    slot = _with_typing(action.options, entry.value, place)
    if isinstance(entry.value, Scalar) and entry.value.text.strip() and _stands_alone(action):
        help = f"write  - {action.name}"
        place.problem("IGR103", entry.value.span, f"'{action.name}' takes no value", help)
        return None
    known = place.findings.errors()
    options = read_slot(entry.value, slot, action.name, inside)
    on_error = _read_on_error(around.on_error, action, inside)
    if options is WRONG:
        check_reach(action, WRONG, entry.key, place)
        return None
    good = accepts(action.check, options, entry.value, slot, entry.key, inside, known=known)
    if action.parks and place.findings.errors() > known:
        good = False  # nobody knows how the run goes on from here
    done = _finish(action, entry, options, around, on_error)
    return done if good else None


def _is_said(action: Action) -> bool:
    """Whether its texts go to the contact: what hands over speaks to the team."""
    return action.answers and action.needs != "contact"


def _check_settings(action: Action, options: Any, key: Scalar, place: Place) -> None:
    """Report what tenant.yaml must say first: that the action is allowed, and a time zone."""
    if action.guarded and action.name not in place.settings.allow:
        help = f"add  allow: [{action.name}]  to tenant.yaml: it cannot be undone"
        place.problem("IGR311", key.span, f"'{action.name}' is not allowed for this tenant", help)
    check_zone(action, options, key, place)


def _read_on_error(entry: Entry | None, action: Action, place: Place) -> str | Block:
    """A word, or the steps to carry out instead of all that follow."""
    if entry is None:
        return "stop"
    slot = STEP.keys["on_error"]
    asks_outside = action.parks and (action.result or action.plugin)
    if not asks_outside and not _is_word(entry.value, slot):
        message = f"'on_error' of '{action.name}' takes one of {', '.join(slot.choices)}, not steps"
        help = "steps may stand there on 'http' and on plugin actions that wait for an answer"
        place.problem("IGR103", entry.value.span, message, help)
        return "stop"
    value = read_slot(entry.value, slot, "on_error", place)
    return "stop" if value is WRONG else cast("str | Block", value)


def _is_word(node: Node, slot: Slot) -> bool:
    """Whether it is one of the words, or meant as one."""
    if not isinstance(node, Scalar):
        return False
    text = node.text.strip()
    return not text or did_you_mean(text, slot.choices) is not None or text in slot.choices


def _stands_alone(action: Action) -> bool:
    slot = action.options
    return action.bare and slot.type == "map" and not slot.keys and slot.values is None


def _with_typing(slot: Slot, node: Node, place: Place) -> Slot:
    """The slot with the file's own default of ``typing``; a private reply shows no bubble."""
    if "typing" not in place.defaults or "typing" not in slot.keys:
        return slot
    if isinstance(node, Map) and node.get("private_reply") is not None:
        return slot
    typing = replace(slot.keys["typing"], default=place.defaults["typing"])
    return replace(slot, keys={**slot.keys, "typing": typing})


def _finish(
    action: Action,
    entry: Entry,
    options: Any,
    around: _Around,
    on_error: str | Block = "stop",
) -> Done:
    place, beside = around.place, around.beside
    lists = tuple(place.lists or ())
    check_reach(action, options, entry.key, place)
    _check_settings(action, options, entry.key, place)
    step = Step(
        action,
        options,
        around.path,
        entry.key.span,
        id=beside.get("id", ""),
        test=bound(around.test),
        unless=bound(around.unless),
        on_error=on_error,
        on_doubt=beside.get("on_doubt", ""),
        blocks=tuple(listed.block for listed in lists),
        varies=bool(action.varies) and variants(action.options, options) > 1,
    )
    calls = _calls(action, entry.key, options, place)
    if place.unit is not None:
        place.unit.calls.extend(calls)
    return Done(
        step,
        around.test,
        around.unless,
        around.outside,
        place,
        entry.key.span,
        entry.value,
        around.id_span,
        lists,
        calls,
        tuple(place.uses or ()),
    )


def _calls(action: Action, key: Scalar, options: Any, place: Place) -> tuple[Call, ...]:
    """The flows the step starts."""
    started = started_by(action, options, key, place)
    return tuple(Call(name, arguments, key.span, place) for name, arguments in started)


def variants(slot: Slot, options: Any) -> int:
    """Among how many texts the action takes turns; 0 when it has none."""
    if slot.type == "template" and slot.many:
        return len(options)
    if slot.type != "map" or slot.many or not hasattr(options, "get"):
        return 0
    return max(
        (variants(below, options[key]) for key, below in slot.keys.items() if key in options),
        default=0,
    )


def messages_of(step: Step, place: Place, key: Scalar) -> int:
    """How many message steps a step counts as."""
    count = call(step.action.messages, step.options or EMPTY, key, place)
    return count if isinstance(count, int) else 0
